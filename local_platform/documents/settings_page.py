"""Writes docs/settings.md from the fields of `mortgage_risk.settings.Settings` and the comments beside them.

`python -m local_platform.documents.settings_page`. The file is read, not imported: comments are not there once it is.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from local_platform.environments import ROOT

SOURCE = ROOT / "plugins/mortgage_risk/settings.py"
TARGET = ROOT / "docs/settings.md"
INTRODUCTION = """\
# Settings

Generated from `plugins/mortgage_risk/settings.py` by `python -m local_platform.documents.settings_page`; a test fails
when they differ. Change the class, not this page.

Each is an option of Airflow's section `[mortgage_risk]`: on MWAA the configuration option `mortgage_risk.<setting>`,
elsewhere the environment variable `AIRFLOW__MORTGAGE_RISK__<SETTING IN CAPITALS>`. An unknown setting, a missing one,
or a value that cannot be used is refused when the DAG files are read, by a message that names it. Nothing else tells a
laptop from AWS. Lists are separated by commas; `inf` stands for no limit. What a laptop needs to run the platform at
all is in [laptop.md](laptop.md).
"""


@dataclass(frozen=True)
class Row:
    name: str
    type: str
    default: str
    meaning: str


@dataclass(frozen=True)
class Group:
    """Settings that stand together, and the comment above them."""

    comment: str
    rows: tuple[Row, ...]


def read(source: str) -> list[Group]:
    """The fields of class Settings. A comment above a field opens a group, an empty line ends it."""
    settings = next(n for n in ast.parse(source).body if isinstance(n, ast.ClassDef) and n.name == "Settings")
    fields = [node for node in settings.body if isinstance(node, ast.AnnAssign)]
    lines = source.splitlines()
    groups: list[Group] = []
    for node in fields:
        above = _comment_above(lines, node.lineno - 1)
        ends = not lines[node.lineno - 2].strip() and groups and groups[-1].comment
        if above or ends or not groups:
            groups.append(Group(above, ()))
        groups[-1] = Group(groups[-1].comment, (*groups[-1].rows, _row(node, lines)))
    return groups


def _comment_above(lines: list[str], index: int) -> str:
    """The lines of nothing but comment right above line `index`, as one text."""
    found: list[str] = []
    while lines[index - 1].strip().startswith("#"):
        index -= 1
        found.insert(0, lines[index].strip().removeprefix("#").strip())
    return " ".join(found)


def _row(node: ast.AnnAssign, lines: list[str]) -> Row:
    assert isinstance(node.target, ast.Name)
    end = lines[(node.end_lineno or node.lineno) - 1][node.end_col_offset :]
    return Row(
        name=node.target.id,
        type=_TYPES.get(ast.unparse(node.annotation), ast.unparse(node.annotation)),
        default="**required**" if node.value is None else _default(node.value),
        meaning=end.partition("#")[2].strip(),
    )


_TYPES = {
    "str": "text",
    "int": "whole number above 0",
    "float": "number",
    "bool": "true or false",
    "Path": "path",
    "tuple[str, ...]": "list",
}
_DEFAULTS = {
    "math.inf": "inf",
    "()": "",
    "PLUGIN / 'prices.json'": "beside the plugin",
    "PLUGIN.parents[1]": "two folders above the plugin",
}


def _default(value: ast.expr) -> str:
    text = _DEFAULTS.get(ast.unparse(value))
    if text is None:
        literal = ast.literal_eval(value)
        text = str(literal).lower() if isinstance(literal, bool) else str(literal)
    return f"`{text}`" if text and " the plugin" not in text else text


def render() -> str:
    parts = [INTRODUCTION]
    for group in read(SOURCE.read_text(encoding="utf-8")):
        lines = [f"{group.comment}\n"] if group.comment else []
        lines += ["| setting | value | default | meaning |", "| --- | --- | --- | --- |"]
        lines += [f"| `{row.name}` | {row.type} | {row.default} | {_cell(row.meaning)} |" for row in group.rows]
        parts.append("\n".join([*lines, ""]))
    return "\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
