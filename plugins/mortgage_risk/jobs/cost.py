"""What a job costs: its instance-seconds times the price table. Storage and transfer are not counted.

How many seconds of what a job is billed for, its kind knows (`JobKind.cost`). The table is a JSON file (setting
price_table) with its source and date.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

from mortgage_risk.jobs.state import JobState


class Prices(TypedDict):
    """The price table: instance type → price of an hour, price of a Glue DPU's hour, Glue worker type → its DPUs."""

    source: str
    date: str
    currency: str
    instance_hour: dict[str, float]
    glue_dpu_hour: float
    glue_worker_dpus: dict[str, float]


class CostEntry(TypedDict):
    """A Cost in the ledger."""

    instance: str
    instances: float
    seconds: float
    usd: float | None
    reason: str


@dataclass(frozen=True)
class Cost:
    """`usd` is None, with the reason, where the table has no price for what ran."""

    instance: str
    instances: float
    seconds: float
    usd: float | None
    reason: str = ""

    def as_dict(self) -> CostEntry:
        return {
            "instance": self.instance,
            "instances": self.instances,
            "seconds": self.seconds,
            "usd": self.usd,
            "reason": self.reason,
        }


def load_prices(path: Path) -> Prices:
    """ValueError naming the file where an entry is missing."""
    prices: Prices = json.loads(path.read_text(encoding="utf-8"))
    if missing := sorted(Prices.__required_keys__ - set(prices)):
        raise ValueError(f"price table {path}: no {', '.join(missing)}")
    return prices


def instance_cost(instance: str, count: float, seconds: float, prices: Prices) -> Cost:
    price = prices["instance_hour"].get(instance)
    if price is None:
        return Cost(instance, count, seconds, None, f"no price for instance type {instance!r}")
    return Cost(instance, count, seconds, round(seconds * count / 3600 * price, 6))


def clock_seconds(state: JobState, now: datetime | None = None) -> float:
    """From the job's start to its end, or to `now` where it still runs."""
    if state.started_at is None:
        return 0.0
    return max(0.0, ((state.ended_at or now or datetime.now(UTC)) - state.started_at).total_seconds())
