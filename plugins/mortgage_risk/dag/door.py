"""At the API server's door: a run or a backfill that `form` refuses is refused before it exists.

The answer is a 400 with every problem in words, which Airflow's dialogs show. What comes from somebody who may not
start the DAG anyway, or is no request that we know, goes to Airflow, which says so itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from mortgage_risk.dag import form
from mortgage_risk.jobs.requests import PLATFORM

ASGI = Callable[[Any, Any, Any], Awaitable[None]]
RUN = re.compile(r"/api/v2/dags/([^/]+)/dagRuns$")
BACKFILL = re.compile(r"/api/v2/backfills(/dry_run)?$")


class FormDoor:
    """ASGI middleware around Airflow's API server."""

    def __init__(self, app: ASGI) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        run, backfill = (way.search(scope.get("path", "")) for way in (RUN, BACKFILL))
        if scope["type"] != "http" or scope["method"] != "POST" or not (run or backfill):
            await self._app(scope, receive, send)
            return
        messages = [await receive()]
        while messages[-1].get("more_body"):
            messages.append(await receive())
        try:
            asked = json.loads(b"".join(message.get("body", b"") for message in messages))
            dag_id, values = (run[1], asked.get("conf")) if run else (asked["dag_id"], asked.get("dag_run_conf"))
        except (ValueError, KeyError, AttributeError):
            dag_id = values = None
        if values and isinstance(values, dict):
            from starlette.responses import JSONResponse

            if found := await _problems(scope, str(dag_id), values, bool(backfill)):
                await JSONResponse({"detail": " ".join(found)}, 400)(scope, receive, send)
                return
        again = iter(messages)

        async def replay() -> Any:
            return next(again, None) or await receive()

        await self._app(scope, replay, send)


async def _problems(scope: Any, dag_id: str, values: dict[str, Any], backfill: bool) -> list[str]:
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
    from airflow.api_fastapi.core_api import security
    from fastapi import HTTPException, Request
    from starlette.concurrency import run_in_threadpool

    request = Request(scope)
    try:
        credentials = await security.oauth2_scheme(request), await security.bearer_scheme(request)
        user = await security.get_user(request, *credentials)
        may_start = security.requires_access_dag("POST", DagAccessEntity.RUN, param_dag_id=dag_id)
        await run_in_threadpool(may_start, request, user)
    except HTTPException:
        return []
    schemas = await run_in_threadpool(_schemas, scope["app"].state.dag_bag, dag_id)
    return form.problems(values, schemas, backfill=backfill) if schemas else []


def _schemas(dag_bag: Any, dag_id: str) -> dict[str, dict[str, Any]]:
    """The JSON schema of each parameter; none for a DAG that is not of this platform."""
    from airflow.utils.session import create_session

    with create_session() as session:
        dag = dag_bag.get_latest_version_of_dag(dag_id, session=session)
    if not dag or PLATFORM not in dag.tags:
        return {}
    return {name: dag.params.get_param(name).schema for name in dag.params}
