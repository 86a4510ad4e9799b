"""The one definition of every table: ``load_contract("loan_panel")``. The other modules derive from it."""

from __future__ import annotations

from contracts.loader import load_contract, table_names
from contracts.model import Column, Contract, ContractError, Rule

__all__ = ["Column", "Contract", "ContractError", "Rule", "load_contract", "table_names"]
