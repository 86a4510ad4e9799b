"""What became of a table's rows: counts that add up, a wrong file refused by name, a person warned of the rest."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from contracts import load_contract, table_names
from contracts.requests import in_range_words
from mortgage_etl.cleaning.quarantine import contract_columns
from mortgage_etl.files.errors import SourceError
from mortgage_etl.files.lines import LINE_BITS, Lines, file_number
from mortgage_etl.layouts.raw_table import RawTable

# A file of which more is refused for what stands in it is not the file that it was taken for.
WRONG_FILE_PERCENT = 50
OF_THE_FILE = {
    "open_quote",
    "wrong_number_of_columns",
    "unparseable",
    "missing_required",
    "not_allowed",
    "out_of_range",
    "bad_format",
}
OF_OTHERS = {
    "duplicate_key": "every one repeats the key of an earlier row. Is the file there twice?",
    "no_borrower": "their loans have no good row in borrowers. Land both tables together.",
    "no_property": "their loans have no good row in properties. Land both tables together.",
    "unknown_loan": "their loans have no good row in the loan file. Land both files together.",
    "future_date": "they are dated after the business date, {as_of_date}. Choose a later one.",
}


class ReconciliationError(RuntimeError):
    """Rows in, out and quarantined do not add up: a defect of this program or of the storage, never of the data."""


def count_rows(rows: DataFrame, lines: Lines, raw: RawTable, as_of_date: date) -> tuple[dict[str, Any], dict[str, int]]:
    """Counts of a judged table, and its quarantined rows by year.

    Beside rows_in, rows_out, quarantined and by_reason there is ``changed`` (column → what → good rows) where values
    were set to missing or restored. ReconciliationError unless they add up; SourceError for a file that is wrong.
    """
    month = "reporting_month" if "reporting_month" in raw.columns else None
    year = F.coalesce(F.year(month).cast("string"), F.lit("unknown")) if month else F.lit("unknown")
    file = file_number(F.col("source_row"))
    groups = rows.groupBy("problem", "changes", file.alias("file"), year.alias("year")).count().collect()
    by_reason: Counter[str] = Counter()
    by_year: Counter[str] = Counter()
    changed: dict[str, dict[str, int]] = {}
    rows_out = 0
    for group in groups:
        if group.problem is None:
            rows_out += group["count"]
            for change in group.changes.split():
                what, _, column = change.partition(":")
                of_column = changed.setdefault(column, {})
                of_column[what] = of_column.get(what, 0) + group["count"]
        else:
            by_reason[group.problem.split(" ")[0]] += group["count"]
            by_year[group.year] += group["count"]
    rejected = by_reason.total()
    if lines.rows != rows_out + rejected:
        raise ReconciliationError(f"{raw.name}: {lines.rows} rows in, but {rows_out} out and {rejected} quarantined")
    _refuse_wrong_files(groups, rows, lines, raw, as_of_date)
    counts: dict[str, Any] = {"rows_in": lines.rows, "rows_out": rows_out, "quarantined": rejected}
    counts["by_reason"] = dict(sorted(by_reason.items()))
    if changed:
        counts["changed"] = dict(sorted(changed.items()))
    return counts, dict(by_year)


def warnings(counts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What a person should know of the tables' counts, one sentence each."""
    said = []
    for table, count in counts.items():
        limit = load_contract(table if table in table_names() else "loans").tolerated_invalid_percent
        too_many = count["quarantined"] * 100 > limit * count["rows_in"]
        if count["quarantined"]:
            reasons = ", ".join(f"{reason} {n:,}" for reason, n in count["by_reason"].items())
            said.append(
                f"{table}: {count['quarantined']:,} of {count['rows_in']:,} rows are in quarantine ({reasons})"
                + (f"; the data checks allow {limit:g} %" if too_many else "")
            )
        said += [f"{table}: {text}" for text in changed_values(count)]
    return said


def changed_values(count: Mapping[str, Any]) -> list[str]:
    """``zip3: 3 of 6 values set to missing …`` of each column that lost or got back values."""
    words = {
        "set_to_missing": "are invalid and were set to missing: no model needs them",
        "restored": "had lost their leading zero, which was restored",
    }
    return [
        f"{n:,} of {count['rows_out']:,} values of {column} {words[what]}"
        for column, changes in count.get("changed", {}).items()
        for what, n in changes.items()
    ]


def _refuse_wrong_files(groups: Iterable[Row], rows: DataFrame, lines: Lines, raw: RawTable, as_of_date: date) -> None:
    """SourceError for the first file of which no row, or too small a share, can be used."""
    for index, path in enumerate(lines.files):
        own = [group for group in groups if group.file == index]
        bad: Counter[str] = Counter()
        for group in own:
            if group.problem is not None:
                bad[group.problem] += group["count"]
        total = sum(group["count"] for group in own)
        of_file = sum(n for problem, n in bad.items() if problem.split(" ")[0] in OF_THE_FILE)
        if total and (bad.total() == total or of_file * 100 > WRONG_FILE_PERCENT * total):
            (problem, n), *_ = bad.most_common(1)
            others = OF_OTHERS.get(problem.split(" ")[0])
            why = others.format(as_of_date=as_of_date) if others else _explained(problem, index, rows, lines, raw)
            raise SourceError(
                f"{path}: {bad.total():,} of {total:,} rows cannot be used as {raw.name}. Most of them ({n:,}): {why}"
            )


def _explained(problem: str, file: int, rows: DataFrame, lines: Lines, raw: RawTable) -> str:
    """What is wrong, with the first line it is wrong in, and what to do. Personal values are not repeated."""
    reason, _, column = problem.partition(" ")
    at = rows.where((F.col("problem") == problem) & (file_number(F.col("source_row")) == file))
    row = at.agg(F.min("source_row")).first()[0]
    line = lines.frame.where(F.col("source_row") == row).first().raw
    number, shape = row & ((1 << LINE_BITS) - 1), lines.shapes[file]
    again = f"Check that it is a {raw.name} file, and export it again."
    if reason == "open_quote":
        return f"a quote is opened and not closed (line {number}): a line break in a field, or a lone quote. {again}"
    fields = next(csv.reader([line], delimiter=raw.delimiter)) if raw.header else line.split(raw.delimiter)
    if reason == "wrong_number_of_columns":
        return f"line {number} has {len(fields)} columns, not {shape.width}. {again}"
    entry = next((entry for entry in raw.fields if entry.name == column), None)
    contract = contract_columns(raw).get(column)
    name = entry.source if entry else f"{column}, which is computed,"
    if reason == "missing_required":
        return f"{name} is blank (line {number}). {again}"
    if reason == "unparseable" and entry:
        must = entry.parse.words
    elif reason == "not_allowed" and contract and contract.allowed:
        must = f"one of {', '.join(map(str, contract.allowed))}"
    elif reason == "out_of_range" and contract:
        must = in_range_words(contract)
    else:
        must = f"text of the form {contract.pattern if contract else ''}"
    found = ""
    if entry and not (contract and contract.pii != "none"):
        found = f", not {fields[dict(shape.positions)[entry.source]].strip()[:40]!r}"
    return f"{name} must be {must}{found} (line {number}). {again}"
