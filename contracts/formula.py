"""Formulas of derived features: arithmetic on one row's columns, checked when the contract is read.

`100 * current_upb / (appraised_value * house_price_index_ratio)`: names are columns, operators + - * / and
unary -, functions those of FUNCTIONS. A column that is no plain name stands in backticks: `` `ltv [%]` / 100 ``.
Parsed with Python's own grammar and nothing is ever executed: the model's code walks the tree
(mortgage_model/scoring/formulas.py).
"""

from __future__ import annotations

import ast
import re
from typing import cast

# Function -> number of arguments.
FUNCTIONS = {
    "missing": 1,  # 1 where the column has no value, else 0
    "log": 1,  # natural logarithm, missing where the argument is not positive
    "minimum": 2,
    "maximum": 2,
    "payment": 3,  # level monthly payment of balance, yearly rate in percent, months left
}
QUOTED = re.compile("`([^`]+)`")
OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div)


class FormulaError(ValueError):
    """A formula uses something it may not. The message names it."""


def parse(formula: str) -> ast.expr:
    """The formula's syntax tree. Raises FormulaError, naming the first part that is not allowed."""
    quoted: dict[str, str] = {}

    def stand_in(match: re.Match[str]) -> str:
        name = f"_quoted_{len(quoted)}_"
        quoted[name] = match[1]
        return name

    try:
        tree = ast.parse(QUOTED.sub(stand_in, formula).strip(), mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise FormulaError(
            f"{formula!r} is not a formula; a column whose name is no plain word stands in backticks"
        ) from error
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = quoted.get(node.id, node.id)
    _check(tree, formula)
    return tree


def columns_of(formula: str) -> tuple[str, ...]:
    """The columns a formula reads, in order of appearance."""
    return _names(parse(formula), left_out=())


def numbers_of(formula: str) -> tuple[str, ...]:
    """Of them, those that it calculates with: all but the ones that it only asks missing() of."""
    return _names(parse(formula), left_out=("missing",))


def _names(tree: ast.expr, left_out: tuple[str, ...]) -> tuple[str, ...]:
    """The columns of a checked tree, in order, but for arguments of the functions `left_out`."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    skipped = {id(call.func) for call in calls}
    skipped |= {id(argument) for call in calls if cast(ast.Name, call.func).id in left_out for argument in call.args}
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in skipped]
    return tuple(dict.fromkeys(node.id for node in sorted(names, key=lambda node: node.col_offset)))


def _check(node: ast.expr, formula: str) -> None:
    if isinstance(node, ast.Name):
        return
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _check(node.operand, formula)
    if isinstance(node, ast.BinOp) and isinstance(node.op, OPERATORS):
        _check(node.left, formula)
        return _check(node.right, formula)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        return _check_call(node, node.func.id, formula)
    raise FormulaError(f"{formula!r}: {ast.unparse(node)!r} may not be used; formulas take columns, numbers, + - * /")


def _check_call(node: ast.Call, name: str, formula: str) -> None:
    if name not in FUNCTIONS:
        raise FormulaError(f"{formula!r}: there is no function {name!r}; there are {', '.join(FUNCTIONS)}")
    if len(node.args) != FUNCTIONS[name]:
        raise FormulaError(f"{formula!r}: {name} takes {FUNCTIONS[name]} values, not {len(node.args)}")
    if name == "missing" and not isinstance(node.args[0], ast.Name):
        raise FormulaError(f"{formula!r}: missing() takes a column")
    for argument in node.args:
        _check(argument, formula)
