"""Small contracts of any table, for the tests of `make table`."""

from __future__ import annotations

from contracts.loader import parse_contract
from contracts.model import Contract

HEAD = """
apiVersion: v3.2.0
kind: DataContract
id: t
version: 1.0.0
status: active
schema:
  - name: t
    customProperties: [{property: split, value: %s}]
    properties:
"""
COLUMN = """
      - name: '%s'
        logicalType: %s
        description: A column.
        %s
        customProperties: [{property: role, value: %s}%s]"""
FOLDS = "{method: grouped_k_fold, folds: 3}"
IN_TIME = "{method: out_of_time, horizonMonths: 1, ootMonths: 1}"


def contract(*columns: tuple[str, ...], split: str = FOLDS) -> Contract:
    """`columns`: name, type, role, and, if need be, what else stands in the column and in its custom properties."""
    texts = []
    for name, kind, role, *more in columns:
        standard, custom = (*more, "", "")[:2]
        texts.append(COLUMN % (name.replace("'", "''"), kind, standard, role, f", {custom}" if custom else ""))
    return parse_contract(HEAD % split + "\n".join(texts), "t.yaml")


X, BAD = ("x", "number", "feature"), ("bad", "integer", "label")
