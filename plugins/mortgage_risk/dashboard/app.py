"""The web application that Airflow's API server mounts: the page, its files, and JSON from precomputed aggregates.

Every address asks Airflow who is there: whoever may see the monitoring DAG may read; nobody else. FastAPI is imported
when the first request comes, since schedulers and workers load this plugin too.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Awaitable, Callable
from typing import Any

from mortgage_risk import aws
from mortgage_risk.dashboard.answers import Answers, NotThere
from mortgage_risk.dashboard.index_store import IndexStore
from mortgage_risk.layout import Layout
from mortgage_risk.settings import Settings, load_settings

URL_PREFIX = "/mortgage-risk"
MONITORING_DAG = "mortgage_model_monitoring"
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
    from airflow.api_fastapi.core_api.security import requires_access_dag
    from fastapi import Depends, FastAPI, Request
    from fastapi.middleware.gzip import GZipMiddleware
    from fastapi.responses import JSONResponse, Response

    store = IndexStore(Layout(settings.bucket, settings.model_name), lambda: aws.client("s3", settings.aws_conn_id))
    answers = Answers(settings, store)
    app = FastAPI(title="Mortgage model monitoring", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)

    @app.middleware("http")
    async def guarded(request: Any, call_next: Callable[[Any], Awaitable[Any]]) -> Any:
        """Figures are for who asked, and JSON is nothing that a browser may take for a page."""
        answer = await call_next(request)
        for name, value in GUARDS.items():
            answer.headers.setdefault(name, value)
        return answer

    @app.exception_handler(NotThere)
    def not_there(_: Request, what: NotThere) -> Response:
        return JSONResponse({"detail": str(what)}, 404)

    # A plain route: FastAPI would look up the annotation Request among this module's names, where it is not.
    app.add_route("/", _page)
    may_read: dict[str, Any] = {"dependencies": [Depends(requires_access_dag("GET", param_dag_id=MONITORING_DAG))]}
    app.get("/static/{name}", response_class=Response, **may_read)(_file)
    for answer in (
        answers.overview,
        answers.features,
        answers.segments,
        answers.night,
        answers.outcomes,
        answers.models,
        answers.alarms,
    ):
        app.get(f"/api/{answer.__name__}", response_model=None, **may_read)(answer)
    return app


async def _page(request: Any) -> Any:
    """The page, or the way to Airflow's login and back."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.core_api.security import get_user, requires_access_dag
    from airflow.configuration import conf
    from fastapi import HTTPException
    from fastapi.responses import RedirectResponse

    try:
        user = await get_user(request, None, None)
    except HTTPException:
        # Airflow's own address: a request's is whatever its sender says, and plain http behind a proxy.
        here = f"{conf.get('api', 'base_url', fallback='').rstrip('/')}{URL_PREFIX}/"
        return RedirectResponse(get_auth_manager().get_url_login(next_url=here))
    requires_access_dag("GET", param_dag_id=MONITORING_DAG)(request, user)
    return _file("index.html")


def _file(name: str) -> Any:
    """A file of the page; from a folder or a zip alike."""
    from fastapi.responses import Response

    if name not in FILES:
        raise NotThere("no such file")
    body = pkgutil.get_data("mortgage_risk.dashboard", f"static/{name}")
    return Response(body, media_type=FILES[name])
