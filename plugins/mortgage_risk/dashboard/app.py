"""The web application that Airflow's API server mounts: the page, its files, and JSON from precomputed aggregates.

Every address asks Airflow who is there: whoever may see the monitoring DAG may read; nobody else. FastAPI is imported
when the first request comes, since schedulers and workers load this plugin too.
"""

from __future__ import annotations

import pkgutil
import re
from typing import Any

from mortgage_risk import aws
from mortgage_risk.dag.business_date import today
from mortgage_risk.dashboard import views
from mortgage_risk.dashboard.index_store import IndexStore
from mortgage_risk.jobs import links
from mortgage_risk.layout import Layout
from mortgage_risk.release import registry
from mortgage_risk.settings import Settings, load_settings

URL_PREFIX = "/mortgage-risk"
MONITORING_DAG = "mortgage_model_monitoring"
ALARM_PREFIX = "mortgage-"
FILES = {
    "index.html": "text/html; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "charts.js": "text/javascript; charset=utf-8",
    "dashboard.js": "text/javascript; charset=utf-8",
}
# Nothing from another host, nothing inline; Airflow's own pages may frame it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


GUARDS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "private, no-cache",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class LazyApp:
    """An ASGI application that is made by `create_app` when first called."""

    def __init__(self) -> None:
        self._app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._app is None:
            self._app = create_app(load_settings())
        await self._app(scope, receive, send)


def create_app(settings: Settings) -> Any:
    """The FastAPI application; reads through the Airflow connection of the settings."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.core_api.security import get_user, requires_access_dag
    from airflow.configuration import conf
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.middleware.gzip import GZipMiddleware
    from fastapi.responses import RedirectResponse, Response

    layout = Layout(settings.bucket, settings.model_name)
    store = IndexStore(layout, lambda: aws.client("s3", settings.aws_conn_id))
    may_read = Depends(requires_access_dag("GET", param_dag_id=MONITORING_DAG))
    app = FastAPI(title="Mortgage model monitoring", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)

    @app.middleware("http")
    async def guarded(request: Any, call_next: Any) -> Response:
        """Figures are for who asked, and JSON is nothing that a browser may take for a page."""
        answer = await call_next(request)
        for name, value in GUARDS.items():
            answer.headers.setdefault(name, value)
        return answer

    def rows(source: str) -> list[dict[str, Any]]:
        if not re.fullmatch(r"\w+", source):
            raise HTTPException(404, "no such source")
        return store.nights(source)

    def found(answer: Any, what: str) -> Any:
        if answer is None:
            raise HTTPException(404, what)
        return answer

    async def page(request: Any) -> Response:
        try:
            user = await get_user(request, None, None)
        except HTTPException:
            # Airflow's own address: a request's is whatever its sender says, and plain http behind a proxy.
            here = f"{conf.get('api', 'base_url', fallback='').rstrip('/')}{URL_PREFIX}/"
            return RedirectResponse(get_auth_manager().get_url_login(next_url=here))
        requires_access_dag("GET", param_dag_id=MONITORING_DAG)(request, user)
        return _file("index.html", Response)

    # A plain route: FastAPI would look up the annotation Request among this module's names, where it is not.
    app.add_route("/", page)

    @app.get("/static/{name}", dependencies=[may_read])
    def static(name: str) -> Response:
        if name not in FILES:
            raise HTTPException(404, "no such file")
        return _file(name, Response)

    @app.get("/api/overview", dependencies=[may_read])
    def overview(source: str = "") -> dict[str, Any]:
        """The page's first question: of one source, or of the first there is."""
        sources = store.sources()
        chosen = source if source in sources else next(iter(sources), "")
        nights = rows(chosen) if chosen else []
        return {"sources": sources, "source": chosen, **views.overview(nights)}

    @app.get("/api/features", dependencies=[may_read])
    def features(source: str) -> dict[str, Any]:
        return views.features(rows(source))

    @app.get("/api/segments", dependencies=[may_read])
    def segments(source: str, dimension: str) -> dict[str, Any]:
        nights = rows(source)
        return views.segments(nights, dimension) | {"labels": store.labels(nights).get(dimension, {})}

    @app.get("/api/night", dependencies=[may_read])
    def night(source: str, date: str) -> dict[str, Any]:
        rows(source)
        document = found(store.night(source, date), f"no night {date} was monitored")
        return document | {"report_url": links.object_url(settings, store.report_uri(source, date), store.region)}

    @app.get("/api/outcomes", dependencies=[may_read])
    def outcomes(source: str) -> dict[str, Any]:
        rows(source)
        return found(store.outcomes(source), "no loan panel has been read for outcomes yet")

    @app.get("/api/models", dependencies=[may_read])
    def models(source: str) -> list[dict[str, Any]]:
        rows(source)
        client = aws.client("sagemaker", settings.aws_conn_id)
        group = layout.model_package_group(source)
        packages, zone = list(registry.packages(client, group)), settings.timezone
        approved = [registry.approved_model(package, zone) for package in packages if registry.was_approved(package)]
        in_force = registry.effective_model(approved, today(zone))
        versions, region = views.versions(packages), client.meta.region_name
        for version in versions:
            version["in_force"] = in_force is not None and in_force.version == version["version"]
            uri = version.pop("report_uri")
            version["report_url"] = links.object_url(settings, uri, region) if uri else None
        return versions

    @app.get("/api/alarms", dependencies=[may_read])
    def alarms() -> list[dict[str, Any]]:
        client = aws.client("cloudwatch", settings.aws_conn_id)
        pages = client.get_paginator("describe_alarms").paginate(AlarmNamePrefix=ALARM_PREFIX)
        return views.alarms([alarm for page in pages for alarm in page["MetricAlarms"]])

    return app


def _file(name: str, response: Any) -> Any:
    """A file of the page; from a folder or a zip alike."""
    body = pkgutil.get_data("mortgage_risk.dashboard", f"static/{name}")
    return response(body, media_type=FILES[name])
