"""Registers the operator links of `mortgage_risk` with Airflow."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from mortgage_risk.links import ALL_LINKS


class MortgageRiskPlugin(AirflowPlugin):
    name = "mortgage_risk"
    operator_extra_links = [link() for link in ALL_LINKS]
