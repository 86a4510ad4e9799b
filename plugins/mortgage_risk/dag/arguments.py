"""What all DAGs of the platform have in common."""

from __future__ import annotations

from typing import Any, TypedDict

import pendulum

from mortgage_risk.dag import form
from mortgage_risk.dag.business_date import as_of_date, score_date, source_of
from mortgage_risk.dag.notifications import TaskFailed, TriesLost, TriesUsedUp
from mortgage_risk.jobs.retries import retry_arguments
from mortgage_risk.settings import Settings

# Templates: whose loans a run is for, and its business date; the macros that they use are below.
SOURCE = "{{ source_of(params, triggering_asset_events) }}"
AS_OF_DATE = "{{ as_of_date(params, dag_run, timezone, triggering_asset_events) }}"
SCORE_DATE = "{{ score_date(params, dag_run, timezone, triggering_asset_events) }}"
TODAY = "{{ today() }}"


class RunArguments(TypedDict):
    """What every operator of a run is told. `business_date`: its as-of date, or its score date."""

    settings: Settings
    source: str
    business_date: str


def dag_arguments(settings: Settings, *, owner: str) -> dict[str, Any]:
    """Arguments of DAG(…): no catching up, retries, failures and outages told, business dates as macros."""
    return {
        "start_date": pendulum.datetime(2000, 1, 1, tz=settings.timezone),
        "catchup": False,
        "on_failure_callback": [TriesUsedUp()],
        "user_defined_macros": {
            "as_of_date": as_of_date,
            "score_date": score_date,
            "source_of": source_of,
            "today": settings.today,
            "timezone": settings.timezone,
        },
        "default_args": {
            "owner": owner,
            **retry_arguments(),
            "on_failure_callback": [TaskFailed()],
            "on_retry_callback": [TriesLost()],
            "pre_execute": form.refuse,
        },
    }
