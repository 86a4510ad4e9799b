"""Judges every raw row: it goes on, typed, or to quarantine with its reason. No row is lost or counted twice.

A row has one reason, the first that applies:

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
"""

from __future__ import annotations

from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from contracts import load_contract
from contracts.model import Column as ContractColumn
from contracts.values import WHOLE_AS_FRACTION, Codes
from mortgage_etl.sources.fields import date_in, number, text
from mortgage_etl.sources.layouts import RawTable
from mortgage_etl.sources.lines import Lines

NOT_AFTER_AS_OF = {"reporting_month", "origination_date", "appraisal_date"}


class ReconciliationError(RuntimeError):
    """Rows in, out and quarantined do not add up: a defect of this program or of the storage, never of the data."""


def judge(lines: Lines, raw: RawTable, as_of_date: date) -> DataFrame:
    """Every data line as typed canonical columns plus ``source_row`` and ``problem`` ("reason column"; null = good)."""
    contracts = _contract_columns(raw)
    texts = _texts(lines, raw, contracts)
    # Texts, values and problems are three projections, so that Spark computes each value once.
    typed = texts.select(
        "*", *[entry.parse(F.col(_text(entry.name))).alias(entry.name) for entry in raw.fields]
    ).withColumns({name: derive() for name, derive in raw.derived.items()})
    checks = [(~F.col("width_ok"), "wrong_number_of_columns", "")]
    for entry in raw.fields:
        if entry.parse is not text:
            unparsed = F.col(_text(entry.name)).isNotNull() & F.col(entry.name).isNull()
            checks.append((unparsed, "unparseable", entry.name))
    for name in raw.columns:
        checks += _contract_checks(name, contracts.get(name), name in raw.key, as_of_date)
    problem = F
    for condition, reason, column in checks:
        problem = problem.when(condition, _problem(reason, column))
    return typed.select(*raw.columns, "source_row", problem.alias("problem"))


def _texts(lines: Lines, raw: RawTable, contracts: dict[str, ContractColumn]) -> DataFrame:
    """Each wanted field as trimmed text, null where blank or a missing code. Files may differ in column order."""
    frames = []
    shapes = list(zip(lines.positions, lines.widths, strict=True))
    for shape in dict.fromkeys((tuple(positions.items()), widths) for positions, widths in shapes):
        positions, widths = dict(shape[0]), shape[1]
        frame = lines.frame
        if len({(tuple(p.items()), w) for p, w in shapes}) > 1:
            own = [index for index, (p, w) in enumerate(shapes) if (tuple(p.items()), w) == shape]
            frame = frame.where(F.shiftright("source_row", 36).isin(own))
        frame = frame.select("source_row", _fields_of(lines, raw, widths).alias("fields"))
        selected = []
        for entry in raw.fields:
            value = F.trim(F.get("fields", F.lit(positions[entry.source])))
            value = F.when(~_is_missing(value, entry.missing, contracts.get(entry.name)), value)
            if entry.mapping:
                pairs = [F.lit(part) for pair in entry.mapping.items() for part in pair]
                value = F.coalesce(F.create_map(*pairs)[value], value)
            selected.append(value.alias(_text(entry.name)))
        frames.append(frame.select("source_row", F.size("fields").isin(*widths).alias("width_ok"), *selected))
    union = frames[0]
    for frame in frames[1:]:
        union = union.unionByName(frame)
    return union


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


def _fields_of(lines: Lines, raw: RawTable, widths: tuple[int, ...]) -> Column:
    """The line's fields as an array; a plain split, which is fastest, unless a file of the extract has quotes in it."""
    delimiter = {"|": r"\|"}.get(raw.delimiter, raw.delimiter)
    plain = F.split("raw", delimiter, -1)
    if not (raw.header and lines.quoted):
        return plain
    names = [f"c{index}" for index in range(widths[0])]
    schema = ", ".join(f"{name} string" for name in [*names, "corrupt"])
    parsed = F.from_csv("raw", schema, {"sep": raw.delimiter, "columnNameOfCorruptRecord": "corrupt", "escape": '"'})
    whole = F.array(*[F.coalesce(parsed[name], F.lit("")) for name in names])
    quoted = F.when(parsed["corrupt"].isNull(), whole).otherwise(F.array())
    return F.when(F.instr("raw", '"') > 0, quoted).otherwise(plain)


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
        F.col("source_row").bitwiseAND(F.lit((1 << 36) - 1)).alias("row_number"),
        F.split("problem", " ")[0].alias("reason"),
        F.when(column != "", column).alias("column"),
        "raw",
    )


def count_rows(rows: DataFrame, rows_in: int, raw: RawTable) -> tuple[dict, dict[str, int]]:
    """Counts of a judged table, and its quarantined rows by year. ReconciliationError unless they add up."""
    month = "reporting_month" if "reporting_month" in raw.columns else None
    year = F.coalesce(F.year(month).cast("string"), F.lit("unknown")) if month else F.lit("unknown")
    groups = rows.groupBy(F.split("problem", " ")[0].alias("reason"), year.alias("year")).count().collect()
    by_reason: dict[str, int] = {}
    by_year: dict[str, int] = {}
    rows_out = 0
    for group in groups:
        if group.reason is None:
            rows_out += group["count"]
        else:
            by_reason[group.reason] = by_reason.get(group.reason, 0) + group["count"]
            by_year[group.year] = by_year.get(group.year, 0) + group["count"]
    rejected = sum(by_reason.values())
    if rows_in != rows_out + rejected:
        raise ReconciliationError(f"{raw.name}: {rows_in} rows in, but {rows_out} out and {rejected} quarantined")
    counts = {"rows_in": rows_in, "rows_out": rows_out, "quarantined": rejected}
    return {**counts, "by_reason": dict(sorted(by_reason.items()))}, by_year


def _contract_columns(raw: RawTable) -> dict[str, ContractColumn]:
    """Canonical column → its contract; the first of the fed tables that has it."""
    return {c.name: c for table in reversed(raw.feeds) for c in load_contract(table).columns}


def _problem(reason: str, column: str) -> Column:
    return F.lit(f"{reason} {column}")


def _first_problem(condition: Column, reason: str, column: str) -> Column:
    is_new = F.col("problem").isNull() & F.coalesce(condition, F.lit(False))
    return F.when(is_new, _problem(reason, column)).otherwise(F.col("problem"))


def _text(name: str) -> str:
    return f"_text_{name}"
