"""What became of every loan-month and every loan: counts that add up."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Row, Window
from pyspark.sql import functions as F

from contracts.documents import PanelCounts, ScoringCounts, YearCounts
from contracts.sources import PERFORMANCE, fed_tables
from mortgage_etl.cleaning.source_tables import SourceTables
from mortgage_etl.errors import ReconciliationError
from mortgage_etl.panel.labels import OBSERVATION, STATES

NOT_OBSERVED = STATES[1:]


def panel_counts(rows: DataFrame, source: SourceTables) -> PanelCounts:
    """The accounting of every performance row (``make reconcile``), in all and by calendar year.

    ``rows``: loan-months as panel/observations.py makes them. not_observed has STATES but the first, and
    not_known_yet. ReconciliationError if the counts do not add up.
    """
    groups = _by_year(rows)
    raw = next(name for name in source.counts if PERFORMANCE in fed_tables(name))
    totals = source.counts[raw]
    not_observed = {state: sum(group[state] for group in groups) for state in NOT_OBSERVED}
    not_observed["not_known_yet"] = totals["rows_out"] - sum(group.rows_in for group in groups)
    by_year = {str(group.year): _year(group) for group in groups}
    for name, rejected in sorted(source.quarantined_by_year.items()):
        entry = by_year.setdefault(name, _no_rows())
        entry["rows_in"] += rejected
        entry["quarantined"] += rejected
    counts: PanelCounts = {
        "rows_in": totals["rows_in"],
        "loans": sum(group.loans_in_all for group in groups),
        "observations": sum(group.observations for group in groups),
        "defaults": sum(group.defaults for group in groups),
        "non_defaults": sum(group.non_defaults for group in groups),
        "immature": sum(group.immature for group in groups),
        "prepaid": sum(group.prepaid for group in groups),
        "quarantined": totals["quarantined"],
        "loans_on_tape": loans_on_tape(source),
        "not_observed": not_observed,
        "by_year": dict(sorted(by_year.items())),
    }
    accounted = counts["observations"] + sum(not_observed.values()) + counts["quarantined"]
    labelled = counts["defaults"] + counts["non_defaults"] + counts["immature"]
    if counts["rows_in"] != accounted or counts["observations"] != labelled:
        outcomes = {name: counts[name] for name in ("observations", "defaults", "non_defaults", "immature", "prepaid")}
        raise ReconciliationError(f"{counts['rows_in']} rows in, {accounted} accounted for; {outcomes}")
    return counts


def _by_year(rows: DataFrame) -> list[Row]:
    """Known loan-months by calendar year, in order: counts of YearCounts, of each state, and of loans' first rows."""
    year = F.year("reporting_month")
    over = Window.partitionBy("loan_id").orderBy("t")
    first = F.lag("t").over(over).isNull()
    first_of_year = first | (F.lag(year).over(over) != year)
    observed = F.col("state") == OBSERVATION
    label = F.col("default_label")
    groups: list[Row] = (
        rows.select("*", first.alias("first"), first_of_year.alias("first_of_year"), year.alias("year"))
        .groupBy("year")
        .agg(
            F.count("*").alias("rows_in"),
            _count(F.col("first")).alias("loans_in_all"),
            _count(F.col("first_of_year")).alias("loans"),
            _count(observed).alias("observations"),
            _count(label == 1).alias("defaults"),
            _count(label == 0).alias("non_defaults"),
            _count(observed & label.isNull()).alias("immature"),
            _count(F.col("prepaid_label") == 1).alias("prepaid"),
            *[_count(F.col("state") == state).alias(state) for state in NOT_OBSERVED],
        )
        .orderBy("year")
        .collect()
    )
    return groups


def _count(condition: Column) -> Column:
    return F.sum(F.when(condition, 1).otherwise(0))


def _year(group: Row) -> YearCounts:
    return {
        "rows_in": group.rows_in,
        "loans": group.loans,
        "observations": group.observations,
        "defaults": group.defaults,
        "non_defaults": group.non_defaults,
        "immature": group.immature,
        "prepaid": group.prepaid,
        "quarantined": 0,
    }


def _no_rows() -> YearCounts:
    return {
        "rows_in": 0,
        "loans": 0,
        "observations": 0,
        "defaults": 0,
        "non_defaults": 0,
        "immature": 0,
        "prepaid": 0,
        "quarantined": 0,
    }


def scoring_counts(latest: DataFrame, source: SourceTables) -> tuple[ScoringCounts, str | None]:
    """What became of every loan on the tape, and the newest month (YYYY-MM) that any of them reports on.

    ``latest``: each loan's latest row, with ``state`` and ``t``.
    """
    groups = latest.groupBy("state", "t").count().collect()
    newest = max((group.t for group in groups), default=0)
    states = dict.fromkeys(STATES, 0)
    for group in groups:
        states[group.state] += group["count"]
    on_tape = loans_on_tape(source)
    counts: ScoringCounts = {
        "loans_on_tape": on_tape,
        "scored": states[OBSERVATION],
        "stale": sum(group["count"] for group in groups if group.state == OBSERVATION and group.t < newest),
        "excluded": {
            **{state: states[state] for state in NOT_OBSERVED},
            "no_performance": on_tape - sum(states.values()),
        },
    }
    return counts, f"{newest // 12:04d}-{newest % 12 + 1:02d}" if newest else None


def loans_on_tape(source: SourceTables) -> int:
    """Good rows of the loans table."""
    for name, counts in source.counts.items():
        if "loans" in fed_tables(name) and PERFORMANCE not in fed_tables(name):
            return counts["rows_out"]
    return int(source.tables["loans"].count())
