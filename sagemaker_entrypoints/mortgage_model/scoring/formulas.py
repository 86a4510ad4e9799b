"""Evaluates the contract's formulas of derived features on whole columns."""

from __future__ import annotations

import ast
from collections.abc import Callable

import numpy as np

from contracts.formula import parse

Column = Callable[[str], np.ndarray]


def evaluate(formula: str, numbers: Column, is_missing: Column) -> np.ndarray:
    """The formula's value per row, float64; NaN where an input is missing or the result has no meaning.

    `numbers` gives a column as float64 with NaN for missing, `is_missing` its missing rows as bool. A ratio
    is missing where its denominator is not positive: an LTV on a value of 0 is unknown, not infinite.
    """

    def value(node: ast.expr) -> np.ndarray:
        if isinstance(node, ast.Constant):
            return np.asarray(node.value, dtype=np.float64)
        if isinstance(node, ast.Name):
            return numbers(node.id)
        if isinstance(node, ast.UnaryOp):
            return -value(node.operand)
        if isinstance(node, ast.BinOp):
            return OPERATIONS[type(node.op)](value(node.left), value(node.right))
        assert isinstance(node, ast.Call)
        assert isinstance(node.func, ast.Name)
        if node.func.id == "missing":
            assert isinstance(node.args[0], ast.Name)
            return is_missing(node.args[0].id).astype(np.float64)
        return FUNCTIONS[node.func.id](*map(value, node.args))

    with np.errstate(all="ignore"):
        return value(parse(formula))


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """numerator / denominator, NaN where the denominator is not positive."""
    return np.where(denominator > 0, numerator / denominator, np.nan)


def payment(balance: np.ndarray, yearly_percent: np.ndarray, months: np.ndarray) -> np.ndarray:
    """Level monthly payment of an annuity, in the balance's unit; NaN where no month is left or the rate is
    negative.
    """
    rate = yearly_percent / 1200.0
    level = np.where(rate > 0, balance * rate / -np.expm1(-months * np.log1p(rate)), balance / months)
    return np.where((months > 0) & (rate >= 0), level, np.nan)


OPERATIONS: dict[type[ast.operator], Callable[..., np.ndarray]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: ratio,
}
FUNCTIONS: dict[str, Callable[..., np.ndarray]] = {
    "log": lambda x: np.where(x > 0, np.log(x), np.nan),
    "minimum": np.minimum,
    "maximum": np.maximum,
    "payment": payment,
}
