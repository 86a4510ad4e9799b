"""Judges every raw row: it goes on, typed, or to quarantine with its reason. No row is lost or counted twice.

A row has one reason, the first that applies:

  open_quote               a quote is opened and not closed on its line
  wrong_number_of_columns  the line does not have the columns of its layout
  unparseable              text where a number or a date must stand
  missing_required         a required column is blank
  not_allowed              a value outside the contract's list
  out_of_range             a number outside the contract's range (a negative balance, say)
  bad_format               text that does not match the contract's pattern
  future_date              a month or day after the business date
  duplicate_key            the key stands on an earlier good row of the extract: the first in file order stays
  no_borrower, no_property a loan without a good row in borrowers or properties
  unknown_loan             a performance row without a good row in loans

A quarantined loan takes its performance rows with it, as unknown_loan: a PD from half a loan would look like any other.
A column that the contract can dispense with costs no row: its bad value is set to missing, and the row says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from contracts import load_contract
from contracts.model import Column as ContractColumn
from contracts.values import NO_VALUE, WHOLE_AS_FRACTION, Codes
from mortgage_etl.files.lines import Lines, file_number, line_number
from mortgage_etl.files.shapes import Shape
from mortgage_etl.layouts.parsers import date_in, number, text
from mortgage_etl.layouts.raw_table import RawTable

NOT_AFTER_AS_OF = {"reporting_month", "origination_date", "appraisal_date"}
RESTORED, SET_TO_MISSING = "restored", "set_to_missing"


def judge(lines: Lines, raw: RawTable, as_of_date: date) -> DataFrame:
    """Every data line as typed canonical columns, ``source_row``, ``problem`` and ``changes``.

    ``problem`` is "reason column", null = good; ``changes`` is "what:column …" of values set to missing or restored.
    """
    contracts = contract_columns(raw)
    texts = _texts(lines, raw, contracts)
    # Texts, values and problems are three projections, so that Spark computes each value once.
    typed = texts.select(
        "*", *[entry.parse(F.col(_text(entry.name))).alias(entry.name) for entry in raw.fields]
    ).withColumns({name: derive() for name, derive in raw.derived.items()})
    problem = F.when(F.col("misshapen").isNotNull(), F.col("misshapen"))
    values, changes = [], []
    checks = _checks(raw, contracts, as_of_date)
    for name in raw.columns:
        contract = contracts.get(name)
        if contract and contract.dispensable and name not in raw.needed:
            broken = [F.coalesce(condition, F.lit(False)) for condition, _, column in checks if column == name]
            bad = reduce(Column.__or__, broken, F.lit(False))
            values.append(F.when(~bad, F.col(name)).alias(name))
            changes.append(F.when(bad, f"{SET_TO_MISSING}:{name}"))
            checks = [check for check in checks if check[2] != name]
        else:
            values.append(F.col(name))
    for condition, reason, column in checks:
        problem = problem.when(condition, _problem(reason, column))
    for entry in raw.fields:
        if entry.parse.repaired:
            changes.append(F.when(entry.parse.repaired(F.col(_text(entry.name))), f"{RESTORED}:{entry.name}"))
    said = F.concat_ws(" ", *changes) if changes else F.lit("")
    return typed.select(*values, "source_row", problem.alias("problem"), said.alias("changes"))


def _checks(raw: RawTable, contracts: dict[str, ContractColumn], as_of_date: date) -> list[tuple[Column, str, str]]:
    """(condition, reason, column) of every rule, in the order of reasons."""
    unparsed = [
        (F.col(_text(entry.name)).isNotNull() & F.col(entry.name).isNull(), "unparseable", entry.name)
        for entry in raw.fields
        if entry.parse is not text
    ]
    ruled = [
        check
        for name in raw.columns
        for check in _contract_checks(name, contracts.get(name), name in raw.key, as_of_date)
    ]
    return unparsed + ruled


def _texts(lines: Lines, raw: RawTable, contracts: dict[str, ContractColumn]) -> DataFrame:
    """Each wanted field as trimmed text, null where blank or a missing code; ``misshapen`` is the line's problem.

    Files may differ in the order of columns: one projection for each order.
    """
    orders: dict[tuple[tuple[str, int], ...], list[int]] = {}
    for index, shape in enumerate(lines.shapes):
        orders.setdefault(shape.positions, []).append(index)
    frames = []
    for order, own in orders.items():
        shapes, positions = [lines.shapes[index] for index in own], dict(order)
        frame = lines.frame
        if len(orders) > 1:
            frame = frame.where(file_number(F.col("source_row")).isin(own))
        quoted = raw.header and lines.quoted
        split = frame.select("source_row", "raw", _fields_of(raw, quoted).alias("fields"))
        selected = []
        for entry in raw.fields:
            value = F.trim(F.get("fields", F.lit(positions[entry.source])))
            if quoted:
                value = _unquoted(value)
            missing = (*NO_VALUE, *entry.missing)
            value = F.when(~_is_missing(value, missing, contracts.get(entry.name)), value)
            if entry.mapping:
                pairs = [F.lit(part) for pair in entry.mapping.items() for part in pair]
                value = F.coalesce(F.create_map(*pairs)[value], value)
            selected.append(value.alias(_text(entry.name)))
        frames.append(split.select("source_row", _misshapen(quoted, own, shapes).alias("misshapen"), *selected))
    return reduce(DataFrame.unionByName, frames)


def _is_missing(value: Column, layout_codes: tuple[str, ...], contract: ContractColumn | None) -> Column:
    """Whether trimmed text is blank or a code for unknown, compared as contracts/values.py does: 999.0 is 999."""
    kind = contract.type if contract else "string"
    codes = Codes.of(kind, (*layout_codes, *(contract.missing_codes if contract else ())))
    missing = value.isin("", *codes.texts)
    if codes.whole_texts:
        missing |= F.regexp_replace(value, WHOLE_AS_FRACTION, "$1").isin(*codes.whole_texts)
    if codes.values:
        typed = date_in("yyyy-MM-dd")(value) if kind == "date" else number(value)
        missing |= F.coalesce(typed.isin(*codes.values), F.lit(False))
    return missing


def _fields_of(raw: RawTable, quoted: bool) -> Column:
    """The line's fields as an array; a plain split, which is fastest, unless the line has quotes in it.

    A field stands in quotes where it begins and ends with one; any other quote is a letter like others.
    """
    separator = re.escape(raw.delimiter)
    plain = F.split("raw", separator, -1)
    if not quoted:
        return plain
    field = rf'{separator}("[^"]*(?:""[^"]*)*"(?={separator}|$)|[^{separator}]*)'
    in_quotes = F.regexp_extract_all(F.concat(F.lit(raw.delimiter), F.col("raw")), F.lit(field), F.lit(1))
    return F.when(F.instr("raw", '"') > 0, in_quotes).otherwise(plain)


def _unquoted(field: Column) -> Column:
    within = field.substr(F.lit(2), F.length(field) - 2)
    in_quotes = field.startswith('"') & field.endswith('"') & (F.length(field) > 1)
    return F.when(in_quotes, F.trim(F.replace(within, F.lit('""'), F.lit('"')))).otherwise(field)


def _misshapen(quoted: bool, files: list[int], shapes: list[Shape]) -> Column:
    """The problem of a line that does not have its file's columns; null for one that does."""

    def of_its_file(number: Callable[[Shape], int]) -> Column:
        numbers = [number(shape) for shape in shapes]
        if len(set(numbers)) == 1:
            return F.lit(numbers[0])
        pairs = [F.lit(part) for pair in zip(files, numbers, strict=True) for part in pair]
        return F.create_map(*pairs)[file_number(F.col("source_row"))]

    size, least, width = F.size("fields"), of_its_file(lambda s: s.least), of_its_file(lambda s: s.width)
    beyond = F.array_join(F.slice("fields", width + 1, F.greatest(size, F.lit(1))), "")
    wrong = F.lit(_problem_text("wrong_number_of_columns", ""))
    if quoted:
        quotes = F.length("raw") - F.length(F.translate("raw", '"', ""))
        wrong = F.when(quotes % 2 == 1, _problem_text("open_quote", "")).otherwise(wrong)
    return F.when(size < least, wrong).when((size > width) & (F.trim(beyond) != ""), wrong)


def _contract_checks(
    name: str, contract: ContractColumn | None, is_key: bool, as_of_date: date
) -> list[tuple[Column, str, str]]:
    """(condition, reason, column) of each rule of a column, in the order of reasons."""
    value = F.col(name)
    checks = []
    if is_key or (contract and contract.required):
        checks.append((value.isNull(), "missing_required", name))
    if contract and contract.allowed:
        checks.append((~value.isin(*contract.allowed), "not_allowed", name))
    if contract and contract.minimum is not None:
        checks.append((value < F.lit(contract.minimum), "out_of_range", name))
    if contract and contract.maximum is not None:
        checks.append((value > F.lit(contract.maximum), "out_of_range", name))
    if contract and contract.pattern:
        checks.append((~value.rlike(contract.pattern), "bad_format", name))
    if name in NOT_AFTER_AS_OF:
        checks.append((value > F.lit(as_of_date), "future_date", name))
    return checks


def reject_duplicates(rows: DataFrame, key: tuple[str, ...], partitions: int) -> DataFrame:
    """Give every good row but the first of its key, in file order, the problem duplicate_key.

    The result is partitioned by key[0], so that windows over a loan's months need no second shuffle.
    """
    order = [*key[1:], F.col("problem").isNotNull(), "source_row"]
    over = Window.partitionBy(key[0]).orderBy(*order)
    same_key = F.lit(True)
    for name in key[1:]:
        same_key &= F.lag(name).over(over) == F.col(name)
    repeats = same_key & F.lag(F.col("problem").isNull()).over(over)
    return rows.repartition(partitions, key[0]).withColumn("problem", _first_problem(repeats, "duplicate_key", ""))


def reject_without(rows: DataFrame, others: DataFrame, reason: str) -> DataFrame:
    """Give every good row whose loan_id is not among ``others`` (good rows) the problem ``reason``."""
    known = others.select("loan_id", F.lit(True).alias("known")).hint("shuffle_hash")
    joined = rows.join(known, "loan_id", "left")  # a hash join keeps the order of rows, a merge join would not
    return joined.withColumn("problem", _first_problem(F.col("known").isNull(), reason, "loan_id")).drop("known")


def good(rows: DataFrame) -> DataFrame:
    return rows.where(F.col("problem").isNull())


def quarantined(rows: DataFrame, raw: RawTable, lines: Lines) -> DataFrame:
    """The rejected rows: table, file, row_number, reason, column, raw (the line as it stands in the file)."""
    rejected = rows.where(F.col("problem").isNotNull()).select("source_row", "problem")
    column = F.split("problem", " ")[1]
    return rejected.join(lines.frame, "source_row").select(
        F.lit(raw.name).alias("table"),
        lines.file_of(F.col("source_row")).alias("file"),
        line_number(F.col("source_row")).alias("row_number"),
        F.split("problem", " ")[0].alias("reason"),
        F.when(column != "", column).alias("column"),
        "raw",
    )


def contract_columns(raw: RawTable) -> dict[str, ContractColumn]:
    """Canonical column → its contract; the first of the fed tables that has it."""
    return {c.name: c for table in reversed(raw.feeds) for c in load_contract(table).columns}


def _problem(reason: str, column: str) -> Column:
    return F.lit(_problem_text(reason, column))


def _problem_text(reason: str, column: str) -> str:
    return f"{reason} {column}"


def _first_problem(condition: Column, reason: str, column: str) -> Column:
    is_new = F.col("problem").isNull() & F.coalesce(condition, F.lit(False))
    return F.when(is_new, _problem(reason, column)).otherwise(F.col("problem"))


def _text(name: str) -> str:
    return f"_text_{name}"
