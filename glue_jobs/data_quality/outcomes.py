"""The result of one check as it stands in result.json: a sentence with the observed figure, no row's content."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from contracts.documents import CheckOutcome, CheckResult
from contracts.expectations import AT_LEAST_ONE, Check

ROW_COUNT = "expect_table_row_count_to_be_between"
# Checks whose figure is told even when all is well.
MEASURED = {
    ROW_COUNT,
    "expect_table_row_count_to_equal",
    "expect_column_max_to_be_between",
    "expect_column_mean_to_be_between",
    "expect_column_sum_to_be_between",
}
NAMED = 8  # column names or values listed in a sentence


@dataclass(frozen=True)
class Outcome:
    table: str
    column: str | None
    expectation: str
    severity: str
    success: bool
    message: str
    observed: Any = None

    def to_json(self) -> CheckOutcome:
        return {
            "table": self.table,
            "column": self.column,
            "expectation": self.expectation,
            "severity": self.severity,
            "success": self.success,
            "message": self.message,
            "observed": self.observed,
        }


def failure(table: str, expectation: str, message: str, observed: Any = None) -> Outcome:
    """An error that no suite could have found, because the table could not even be read."""
    return Outcome(table, None, expectation, "error", False, message, observed)


def summarize(suite: str, outcomes: Iterable[Outcome]) -> CheckResult:
    """result.json: failed checks first, errors before warnings. Every contract has a rule that counts rows."""
    ordered = sorted(outcomes, key=lambda outcome: (outcome.success, outcome.severity, outcome.table))
    failed = [outcome for outcome in ordered if not outcome.success]
    errors = [outcome for outcome in failed if outcome.severity == "error"]
    return {
        "suite": suite,
        "success": not errors,
        "statistics": {
            "evaluated": len(ordered),
            "passed": len(ordered) - len(failed),
            "failed": len(errors),
            "warnings": len(failed) - len(errors),
        },
        "row_counts": {o.table: o.observed for o in reversed(ordered) if o.expectation == ROW_COUNT},
        "expectations": [outcome.to_json() for outcome in ordered],
    }


def from_validation(table: str, check: Check, success: bool, result: Mapping[str, Any], problem: str) -> Outcome:
    """An outcome from Great Expectations' ``result``, which is empty for a check that holds in every row.

    ``problem`` is why the check could not be computed, empty if it could.
    """
    if problem:
        sentence, observed = f"could not check that {check.claim}: {problem}", None
    elif check.type == "expect_table_columns_to_match_set":
        sentence, observed = _columns(check, success, result)
    elif check.type not in MEASURED:
        sentence, observed = (check.claim, None) if success else _rows(check, result)
    else:
        observed = _plain(result.get("observed_value"))
        found = f"{100 * observed:,.3g} %" if check.percent and observed is not None else _figure(observed)
        sentence = f"{check.claim}: {'' if success else 'not so, '}found {found}"
    return Outcome(table, check.column, check.type, check.severity, success, f"{table}: {sentence}.", observed)


def _columns(check: Check, success: bool, result: Mapping[str, Any]) -> tuple[str, Any]:
    if success:
        return f"{check.claim} ({len(check.kwargs['column_set'])})", None
    mismatched = result.get("details", {}).get("mismatched", {})
    lacks, extra = mismatched.get("missing", []), mismatched.get("unexpected", [])
    parts = []
    if lacks:
        parts.append(f"the columns {_listed(lacks)} are missing; write the table again with all of its contract's")
    if extra:
        parts.append(f"the columns {_listed(extra)} are not in its contract")
    return " and ".join(parts), [*lacks, *extra]


def _rows(check: Check, result: Mapping[str, Any]) -> tuple[str, Any]:
    if "unexpected_count" not in result:
        return f"not so: {check.claim}; found {_figure(result.get('observed_value'))}", result.get("observed_value")
    bad, rows = result["unexpected_count"], result["element_count"]
    if check.kwargs.get("mostly") == AT_LEAST_ONE:
        return f"{check.column} is null in all {rows:,} rows; check that the extract carries it", bad
    judged = rows - (result.get("missing_count") or 0)
    return f"{bad:,} of {judged:,} rows ({100 * bad / judged:.2g} %) break the rule that {check.claim}", bad


def _plain(value: Any) -> Any:
    """As JSON can hold it: a mean over no rows is no value."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.isoformat() if isinstance(value, date) else value


def _figure(value: Any) -> str:
    if value is None:
        return "no value at all"
    return f"{value:,.6g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
