"""The cost ledger: one object per job, under the day of its start, written when it is submitted and when it ends.

A job belongs to the run that submitted it: a run that only uses its result pays nothing. A job whose task died in
between has no end in the ledger yet; whoever adds up asks AWS and completes it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NotRequired, TypedDict

from mortgage_risk import aws
from mortgage_risk.documents import RunCost
from mortgage_risk.jobs.cost import Prices, load_prices
from mortgage_risk.jobs.kinds import KINDS
from mortgage_risk.jobs.kinds.kind import JobKind
from mortgage_risk.jobs.requests import RunTags
from mortgage_risk.jobs.state import JobState
from mortgage_risk.layout import Layout
from mortgage_risk.settings import Settings


class Entry(TypedDict):
    """A job: who submitted it, and what it cost once that is known. `usd` is null, with the reason, without a price."""

    kind: str
    job: str
    status: str
    dag_id: NotRequired[str]
    task_id: NotRequired[str]
    run_id: NotRequired[str]
    started_at: NotRequired[datetime | str | None]
    instance: NotRequired[str]
    instances: NotRequired[float]
    seconds: NotRequired[float]
    usd: NotRequired[float | None]
    reason: NotRequired[str]


class BudgetExceeded(RuntimeError):
    """A limit is reached; the message says which, what was spent, and how to go on."""


@dataclass
class Ledger:
    settings: Settings
    clients: aws.Clients

    def submitted(self, kind: JobKind, state: JobState, tags: RunTags) -> None:
        """Enter a job as running, unless it is there: then it is another run's."""
        uri = self._uri(state)
        if not aws.exists(self.clients("s3"), uri):
            entry: Entry = {"kind": kind.name, "job": state.job_id, "status": "running"}
            self._write(uri, {**entry, "dag_id": tags.dag_id, "task_id": tags.task_id, "run_id": tags.run_id})

    def ended(self, kind: JobKind, state: JobState) -> Entry:
        """Complete a job's entry with what it cost."""
        s3, uri = self.clients("s3"), self._uri(state)
        submitted: Entry = {"kind": kind.name, "job": state.job_id, "status": "running"}
        entry: Entry = aws.read_json(s3, uri) if aws.exists(s3, uri) else submitted
        cost = kind.cost(state, load_prices(self.settings.price_table))
        entry = {**entry, "status": state.phase, "started_at": state.started_at, **cost.as_dict()}
        self._write(uri, entry)
        return entry

    def of_run(self, dag_id: str, run_id: str, since: datetime) -> list[Entry]:
        """The jobs that a run submitted from `since` on."""
        first = since.astimezone(UTC).date()
        days = [first + timedelta(days=more) for more in range((datetime.now(UTC).date() - first).days + 1)]
        found = [entry for day in days for entry in self.of_day(day)]
        return [entry for entry in found if (entry.get("dag_id"), entry.get("run_id")) == (dag_id, run_id)]

    def of_day(self, day: date) -> Iterator[Entry]:
        """The jobs started on a day (UTC), those still running with what they have cost so far."""
        s3 = self.clients("s3")
        for uri in aws.list_uris(s3, self._folder(day)):
            entry = aws.read_json(s3, uri)
            yield self._now(entry) if entry["status"] == "running" else entry

    def refuse_beyond_budget(self, tags: RunTags, run_start: datetime) -> None:
        """Raise BudgetExceeded where the run or the day has spent its limit."""
        settings, today = self.settings, datetime.now(UTC).date()
        if math.isfinite(settings.run_budget_usd):
            spent = total(self.of_run(tags.dag_id, tags.run_id, run_start))
            self._refuse(f"Run {tags.run_id}", "run_budget_usd", spent, settings.run_budget_usd)
        if math.isfinite(settings.day_budget_usd):
            self._refuse(f"{today} (UTC)", "day_budget_usd", total(list(self.of_day(today))), settings.day_budget_usd)

    @staticmethod
    def _refuse(who: str, setting: str, spent: float, limit: float) -> None:
        if spent >= limit:
            raise BudgetExceeded(
                f"{who} has spent {spent:.2f} USD of the {limit:.2f} USD that the setting {setting} allows: no job "
                "is submitted. Raise the limit, or wait for the next day, and clear this task; finished jobs are used "
                "again."
            )

    def _now(self, entry: Entry) -> Entry:
        kind = KINDS[entry["kind"]]
        try:
            state = kind.describe(self.clients, entry["job"])
        except Exception as error:
            if not aws.is_not_found(error):
                raise
            return {**entry, "usd": None, "reason": "AWS does not know this job any more"}
        if state.phase != "running":
            return self.ended(kind, state)
        return {**entry, **kind.cost(state, load_prices(self.settings.price_table)).as_dict()}

    def _uri(self, state: JobState) -> str:
        day = (state.started_at or datetime.now(UTC)).astimezone(UTC).date()
        name = hashlib.sha256(state.job_id.encode()).hexdigest()[:20]
        return f"{self._folder(day)}{name}.json"

    def _folder(self, day: date) -> str:
        return Layout(self.settings.bucket, self.settings.model_name).cost_ledger(day.isoformat())

    def _write(self, uri: str, entry: Entry) -> None:
        aws.write_json(self.clients("s3"), uri, entry, self.settings.kms_key_id)


def total(entries: list[Entry]) -> float:
    """USD of the entries that have a price."""
    return round(sum(entry.get("usd") or 0.0 for entry in entries), 4)


def summary(entries: list[Entry], prices: Prices) -> RunCost:
    """What a run's jobs cost together."""
    unpriced = [entry for entry in entries if entry.get("usd") is None]
    return {
        "usd": None if unpriced else total(entries),
        "reason": "; ".join(sorted({entry.get("reason") or "still running" for entry in unpriced})),
        "jobs": {entry["job"]: entry.get("usd") for entry in entries},
        "prices": {"source": prices["source"], "date": prices["date"], "currency": prices["currency"]},
    }
