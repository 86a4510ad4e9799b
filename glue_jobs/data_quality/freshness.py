"""How old is what a run knows: its newest reporting month and its deliveries, on the run's own date."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from data_quality.outcomes import Outcome
from mortgage_etl.files.extracts import Extract


@dataclass(frozen=True)
class AgeLimit:
    """Days from which on an age is a warning, and from which on an error: more than `warning`, more than `error`."""

    setting: str
    warning: int
    error: int

    @classmethod
    def of(cls, setting: str, args: Mapping[str, str]) -> AgeLimit:
        """The limit that the job's arguments `<setting>_warning_days` and `<setting>_error_days` state."""
        return cls(setting, int(args[f"{setting}_warning_days"]), int(args[f"{setting}_error_days"]))

    def outcome(self, table: str, expectation: str, what: str, days: int, advice: str) -> Outcome:
        """A check that passes up to the warning; its message says which settings bound it."""
        severity = "error" if days > self.error else "warning"
        said = (
            f"{table}: {what}, {days:,} days before the run's date (a warning from {self.warning + 1} days on, "
            f"an error from {self.error + 1} days on: settings {self.setting}_…_days)."
        )
        fresh = days <= self.warning
        return Outcome(table, None, expectation, severity, fresh, said if fresh else f"{said} {advice}", days)


def report_age(table: str, newest_month: str | None, run_date: date, limit: AgeLimit) -> list[Outcome]:
    """The newest reporting month (YYYY-MM) counts from its last day; none, where there is no row at all."""
    if newest_month is None:
        return []
    ended = _last_day(newest_month)
    what = f"the newest reporting month is {newest_month}, which ended on {ended}"
    advice = "Land the newer tapes and clear find_delivery and after; or choose a date on which these were new."
    days = max(0, (run_date - ended).days)
    return [limit.outcome(table, "expect_reporting_month_to_be_recent", what, days, advice)]


def ingest_ages(
    suite: str, extracts: Mapping[str, Extract], loan_tables: Collection[str], run_date: date, limit: AgeLimit
) -> list[Outcome]:
    """The loan tapes are as old as the newest of them; a table that was long not delivered is a warning of its own."""
    dated = {name: extract.ingest_date for name, extract in extracts.items() if extract.ingest_date is not None}
    newest = max((dated[name] for name in loan_tables if name in dated), default=None)
    kind, advice = "expect_extract_to_be_recent", "Ask for the delivery, land it and clear find_delivery and after."
    outcomes = []
    if newest is not None:
        what = f"the newest of the loan tapes was delivered on {newest}"
        outcomes.append(limit.outcome(suite, kind, what, (run_date - newest).days, advice))
    for name, day in dated.items():
        days = (run_date - day).days
        said = f"{name}: the newest extract was delivered on {day}, {days:,} days before the run's date."
        outcomes.append(Outcome(name, None, kind, "warning", days <= limit.warning, said, days))
    return outcomes


def _last_day(month: str) -> date:
    first = date.fromisoformat(f"{month}-01")
    return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
