"""Registers links, the timetable, the monitoring page, the door of the forms and who may ask of `mortgage_risk`."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin
from airflow.sdk import BaseOperatorLink

from mortgage_risk.dag.door import FormDoor
from mortgage_risk.dag.timetable import FromNowOnTimetable
from mortgage_risk.dashboard.app import URL_PREFIX, LazyApp
from mortgage_risk.dashboard.own_hosts import OwnHosts
from mortgage_risk.jobs.links import ALL_LINKS


class MortgageRiskPlugin(AirflowPlugin):
    name = "mortgage_risk"
    operator_extra_links: ClassVar[list[BaseOperatorLink]] = [link() for link in ALL_LINKS]
    timetables: ClassVar[list[type[FromNowOnTimetable]]] = [FromNowOnTimetable]
    fastapi_apps: ClassVar[list[dict[str, Any]]] = [
        {"app": LazyApp(), "url_prefix": URL_PREFIX, "name": "Mortgage model monitoring"}
    ]
    fastapi_root_middlewares: ClassVar[list[dict[str, Any]]] = [
        {"middleware": OwnHosts, "name": "own hosts"},
        {"middleware": FormDoor, "name": "Mortgage forms"},
    ]
    external_views: ClassVar[list[dict[str, Any]]] = [
        {
            "name": "Mortgage model",
            "href": f"{URL_PREFIX}/",
            "destination": "nav",
            "category": "browse",
            "url_route": "mortgage-model",
        }
    ]
