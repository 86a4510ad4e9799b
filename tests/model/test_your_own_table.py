"""docs/your-own-table.md: every block of it works as written, and every error that it lists is the one that comes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import any_table
import mortgage_table_script as script
import numpy as np
import pandas as pd
import pytest
from any_table import BAD, FOLDS, IN_TIME, X, contract

from contracts.faults import DataFault
from contracts.formula import FUNCTIONS
from contracts.loader import load_contract_file, parse_contract
from contracts.model import ROLES, TYPES, Contract
from mortgage_model.table.periods import read_periods
from mortgage_model.table.read import read_table

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs" / "your-own-table.md").read_text(encoding="utf-8")
# (YAML, the CSV that follows it or "")
BLOCKS = re.findall(r"```yaml\n(.*?)```\n(?:\n```csv\n(.*?)```\n)?", PAGE, re.DOTALL)
WHOLE = [(yaml, csv) for yaml, csv in BLOCKS if yaml.startswith("apiVersion")]
COLUMNS = [(yaml, csv) for yaml, csv in BLOCKS if yaml.startswith("- name")]
TABLE_PROPERTIES = [yaml for yaml, _ in BLOCKS if yaml.startswith("- property")]
LABEL = "- {name: bad, logicalType: integer, description: B., customProperties: [{property: role, value: label}]}\n"
FEATURE = "- {name: '%s', logicalType: %s, description: F., customProperties: [{property: role, value: feature}]}\n"


def indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in text.splitlines())


def wrapped(columns: str = "", properties: str = "") -> Contract:
    """A contract around columns, or properties of the table, of the page."""
    head = any_table.HEAD % "X"
    head = head.replace("customProperties: [{property: split, value: X}]\n    properties:\n", "")
    text = head.rstrip() + "\n"
    if properties:
        text += "    customProperties:\n" + indented(properties, 6)
    return parse_contract(text + "    properties:\n" + indented(columns, 6), "page.yaml")


def test_the_page_has_its_blocks():
    assert (len(WHOLE), len(COLUMNS), len(TABLE_PROPERTIES)) == (2, 5, 3)
    assert "docs/your-own-table.md" in (REPOSITORY / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("yaml", "csv"), WHOLE)
def test_a_whole_contract_trains_on_a_table_like_the_one_beside_it(tmp_path, yaml, csv):
    """The page's rows are read as they are; for the model the same values are drawn at random, over some years."""
    (tmp_path / "page.odcs.yaml").write_text(yaml, encoding="utf-8")
    (tmp_path / "page.csv").write_text(csv, encoding="utf-8")
    table = load_contract_file(tmp_path / "page.odcs.yaml")
    rows = pd.read_csv(tmp_path / "page.csv", dtype=str, keep_default_na=False)
    assert len(read_table(tmp_path / "page.csv", table)[0]) == len(rows)
    random = np.random.default_rng(1)
    many = pd.DataFrame({name: random.choice(rows[name], 900) for name in rows})
    if "quarter" in many:
        many["loan"] = np.repeat(np.arange(300), 3).astype(str)
        begun = np.repeat(random.integers(0, 30, 300), 3) + np.tile(np.arange(3), 300)
        many["quarter"] = [f"{2010 + quarter // 4}Q{quarter % 4 + 1}" for quarter in begun]
        many["bad"] = np.where(many.index % 6 == 2, "true", "false")  # every other loan, on its last row
    many.to_csv(tmp_path / "many.csv", index=False)
    figures = script.run(table, tmp_path / "many.csv", tmp_path / "out", trials=0)
    assert set(figures) == {"auc", "ks", "brier", "slope", "n", "events", "report"}
    assert 0 <= figures["auc"] <= 1


@pytest.mark.parametrize(("yaml", "csv"), COLUMNS)
def test_columns_are_read_as_written(tmp_path, yaml, csv):
    label = "" if "role, value: label" in yaml else LABEL
    table = wrapped(yaml + label + FEATURE % ("also", "number"))
    if not csv:
        return
    (tmp_path / "page.csv").write_text(csv, encoding="utf-8")
    rows = pd.read_csv(tmp_path / "page.csv", dtype=str, keep_default_na=False)
    rows.assign(bad=[str(i % 2) for i in rows.index], also="1").to_csv(tmp_path / "page.csv", index=False)
    frame, _ = read_table(tmp_path / "page.csv", table)
    if "utilisation" in frame:
        assert frame["utilisation"].fillna(-1).tolist() == [83.7, -1, -1, 41]
    else:
        assert frame.iloc[0].tolist()[:4] == [1.0, 700.0, "941", 1.0]
        assert frame["score"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("name", "values", "labels"),
    [
        ("loan_status", ["Charged Off", "Default", "Fully Paid", "Current", "In Grace Period", ""], [1, 1, 0]),
        ("outcome", ["2", "1", "2.0", ""], [1, 0, 1]),
    ],
)
def test_labels_are_mapped_as_the_page_says(tmp_path, name, values, labels):
    (yaml,) = (yaml for yaml, _ in COLUMNS if f"name: {name}\n" in yaml)
    pd.DataFrame({name: values, "x": "1"}).to_csv(tmp_path / "t.csv", index=False)
    assert read_table(tmp_path / "t.csv", wrapped(yaml + FEATURE % ("x", "number")))[1].tolist() == labels


def test_table_properties_are_read_as_written():
    columns = "".join(FEATURE % (name, "number") for name in ("monthly debt", "income", "age")) + LABEL
    columns += FEATURE % ("purpose", "string")
    derived, factors, split = TABLE_PROPERTIES
    table = wrapped(columns, derived + factors + split)
    assert [feature.name for feature in table.derived] == ["burden", "log_income", "no_income"]
    assert table.derived[0].inputs == ("monthly debt", "income")
    assert table.factors[0].features == ("burden", "income")
    assert table.split is not None
    assert table.split.near_duplicates is not None


def test_the_page_names_every_role_type_function_and_property():
    for word in (*ROLES, *TYPES, *FUNCTIONS):
        assert re.search(rf"`[^`]*\b{word}\b[^`]*`", PAGE), word
    for form in ("2015-03", "201503", "Mar-2015", "2015-03-31", "20150331", "2015Q1", "Q1 2015", "2015"):
        assert f"`{form}`" in PAGE
        assert not read_periods(pd.Series([form])).unread.any()


def of_contract(
    *columns: tuple[str, ...], split: str = FOLDS, change: tuple[str, str] = ("", "")
) -> Callable[[Path], object]:
    """Reads a contract of the columns, or of one feature, its text changed."""

    def read(folder: Path) -> object:
        if change == ("", ""):
            return contract(*columns, split=split)
        text = any_table.HEAD % split + any_table.COLUMN % ("x", "number", "", "feature", "")
        assert change[0] in text
        return parse_contract(text.replace(*change), "t.yaml")

    return read


def of_rows(rows: str, *columns: tuple[str, ...], split: str = FOLDS) -> Callable[[Path], object]:
    """Trains on the rows."""

    def train(folder: Path) -> object:
        (folder / "t.csv").write_text(rows, encoding="utf-8")
        return script.run(contract(*columns, split=split), folder / "t.csv", folder / "out", trials=0)

    return train


def without_split(folder: Path) -> object:
    (folder / "t.csv").write_text("x,bad\n1,0\n2,1\n", encoding="utf-8")
    return script.run(wrapped(FEATURE % ("x", "number") + LABEL), folder / "t.csv", folder / "out", trials=0)


MANY = "x,bad\n" + "".join(f"{i},{int(i % 3 == 0)}\n" for i in range(60))
DERIVED = f"[{{name: d, formula: %s, label: L, description: D.}}]}}, {{property: split, value: {FOLDS}"
KEY, WHEN = ("id", "string", "key"), ("when", "integer", "time")
# Message of the page's table, without what varies -> what brings it about.
ERRORS: dict[str, Callable[[Path], object]] = {
    "is not an Open Data Contract Standard document": of_contract(change=("kind: DataContract", "kind: [1]")),
    "the standard has no field": of_contract(change=("description: A", "descriptoin: A")),
    "unknown custom property": of_contract(change=("property: role", "property: rolle")),
    "role is": of_contract(("x", "number", "king")),
    "has no description": of_contract(change=("description: A column.", "description: ''")),
    "is not a whole number": of_contract(("x", "integer", "feature", "enum: [{value: 0o17}]")),
    "missingCodes must be a list": of_contract(("x", "number", "feature", "", "{property: missingCodes, value: -999}")),
    "is in enum and in missingCodes": of_contract(
        ("x", "integer", "feature", "enum: [{value: 9}]", "{property: missingCodes, value: [9]}")
    ),
    "monotone is 1, but text has no order": of_contract(
        ("x", "string", "feature", "", "{property: monotone, value: 1}")
    ),
    "a date cannot be a feature": of_contract(("x", "date", "feature")),
    "would not be checked": of_contract(("x", "number", "feature", "unique: true")),
    "say which values are which with labelMapping": of_contract(X, ("bad", "string", "label")),
    "needs feature columns of the table": of_contract(
        change=(f"split, value: {FOLDS}", f"derivedFeatures, value: {DERIVED % 'z + 1'}")
    ),
    "may not be used": of_contract(
        change=(f"split, value: {FOLDS}", f"derivedFeatures, value: {DERIVED % 'x ** 2'}")
    ),
    "declares no split": without_split,
    "split needs a method": of_contract(X, BAD, split="{method: random}"),
    "nearDuplicates names columns that are not there": of_contract(
        X, BAD, split="{method: grouped_k_fold, nearDuplicates: {equal: [z]}}"
    ),
    "must declare one label": of_rows(MANY, X),
    "gives no column the role feature": of_rows(MANY, BAD),
    "cannot be read": lambda folder: load_contract_file(folder / "none.yaml"),
    "lacks of contract": of_rows("y,bad\n1,0\n", X, BAD),
    "rows do not have the header's fields": of_rows("x,bad\n1,0,3\n", X, BAD),
    "breaks contract in ways": of_rows("x,bad\na,7\n", X, BAD),
    "must hold both values of": of_rows("x,bad\n1,0\n2,0\n", X, BAD),
    "no feature can tell one row from another": of_rows(
        "x,bad\n" + "".join(f"1,{i % 2}\n" for i in range(60)), X, BAD
    ),
    "are too few for figures that mean anything": of_rows(MANY[: MANY.index("20,")], X, BAD),
    "independent groups": of_rows(
        "x,bad,id\n" + "".join(f"{i},{i % 2},a{i % 12}\n" for i in range(60)), X, BAD, KEY,
        split="{method: grouped_k_fold, folds: 2, nearDuplicates: {absolute: {x: 5}}}",
    ),
    "is too short for a fold": of_rows(
        "x,bad,when\n" + "".join(f"{i},{i % 2},{i // 30 * 2 + 1}\n" for i in range(60)), X, BAD, WHEN, split=IN_TIME
    ),
}  # fmt: skip


def listed_errors() -> list[str]:
    rows = re.findall(r"^\| `(.+?)` \| .+ \|$", PAGE[PAGE.index("## Errors") :], re.MULTILINE)
    return rows


def test_every_error_of_the_page_is_shown_here():
    assert [" ".join(row.replace("…", " ").split()) for row in listed_errors()] == list(ERRORS)


@pytest.mark.parametrize("row", listed_errors())
def test_an_error_says_what_the_page_says(tmp_path, row):
    parts = [part.strip() for part in row.split("…")]
    with pytest.raises(DataFault) as error:
        ERRORS[" ".join(filter(None, parts))](tmp_path)
    assert re.search(".*".join(map(re.escape, filter(None, parts))), str(error.value), re.DOTALL), error.value
