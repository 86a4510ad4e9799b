"""What a job costs: its instance-seconds times the price table. Storage and transfer are not counted.

The table is a JSON file (setting price_table) with its source and date: {"source", "date", "currency",
"instance_hour": {instance type: price}, "glue_dpu_hour", "glue_worker_dpus": {worker type: DPUs}}.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mortgage_risk.jobs.state import JobState

GLUE_MINIMUM_SECONDS = 60  # what Glue bills at least


@dataclass(frozen=True)
class Cost:
    """`usd` is None, with the reason, where the table has no price for what ran."""

    instance: str
    instances: float
    seconds: float
    usd: float | None
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def load_prices(path: Path) -> dict[str, Any]:
    """ValueError naming the file where an entry is missing."""
    prices = json.loads(path.read_text(encoding="utf-8"))
    wanted = {"source", "date", "currency", "instance_hour", "glue_dpu_hour", "glue_worker_dpus"}
    if missing := sorted(wanted - set(prices)):
        raise ValueError(f"price table {path}: no {', '.join(missing)}")
    return prices


def job_cost(kind: str, state: JobState, prices: Mapping[str, Any], now: datetime | None = None) -> Cost:
    """The cost of a job that has ended, or so far of one that runs."""
    rule = {"glue": _glue, "endpoint": _endpoint}.get(kind, _sagemaker)
    return rule(kind, state, prices, now or datetime.now(UTC))


def _glue(kind: str, state: JobState, prices: Mapping[str, Any], now: datetime) -> Cost:
    """DPUSeconds where Glue states them (Flex, auto scaling), else workers × their DPUs × execution time."""
    run = state.response
    worker = str(run.get("WorkerType", ""))
    seconds = float(max(run.get("ExecutionTime") or _clock_seconds(state, now), GLUE_MINIMUM_SECONDS))
    dpus = prices["glue_worker_dpus"].get(worker)
    dpu_seconds = run.get("DPUSeconds") or (dpus and seconds * run["NumberOfWorkers"] * dpus)
    if not dpu_seconds:
        return Cost(worker, run.get("NumberOfWorkers", 0), seconds, None, f"no DPUs for worker type {worker!r}")
    return Cost(worker, run.get("NumberOfWorkers", 0), seconds, round(dpu_seconds / 3600 * prices["glue_dpu_hour"], 6))


def _sagemaker(kind: str, state: JobState, prices: Mapping[str, Any], now: datetime) -> Cost:
    """Instances × billable seconds, which for spot training are fewer than those on the clock."""
    answer = state.response
    resources = {
        "training": answer.get("ResourceConfig", {}),
        "tuning": answer.get("TrainingJobDefinition", {}).get("ResourceConfig", {}),
        "processing": answer.get("ProcessingResources", {}).get("ClusterConfig", {}),
        "transform": answer.get("TransformResources", {}),
    }[kind]
    instance, count = str(resources.get("InstanceType", "")), resources.get("InstanceCount", 1)
    seconds = answer.get("BillableTimeInSeconds")
    if kind == "tuning":
        seconds = answer.get("ConsumedResources", {}).get("RuntimeInSeconds")
    seconds = float(_clock_seconds(state, now) if seconds is None else seconds)
    price = prices["instance_hour"].get(instance)
    if price is None:
        return Cost(instance, count, seconds, None, f"no price for instance type {instance!r}")
    return Cost(instance, count, seconds, round(seconds * count / 3600 * price, 6))


def _endpoint(kind: str, state: JobState, prices: Mapping[str, Any], now: datetime) -> Cost:
    """The update itself costs nothing; how long its endpoint will serve nobody knows yet."""
    (variant,) = state.response["ProductionVariants"]
    instance, count, seconds = variant["InstanceType"], variant["InitialInstanceCount"], _clock_seconds(state, now)
    return Cost(instance, count, seconds, None, "an endpoint is paid by the hour, for as long as it serves")


def _clock_seconds(state: JobState, now: datetime) -> float:
    if state.started_at is None:
        return 0.0
    return max(0.0, ((state.ended_at or now) - state.started_at).total_seconds())
