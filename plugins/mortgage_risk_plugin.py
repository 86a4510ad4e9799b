"""Registers the operator links and the timetable of `mortgage_risk` with Airflow."""

from __future__ import annotations

from typing import ClassVar

from airflow.plugins_manager import AirflowPlugin
from airflow.sdk import BaseOperatorLink

from mortgage_risk.links import ALL_LINKS
from mortgage_risk.timetable import FromNowOnTimetable


class MortgageRiskPlugin(AirflowPlugin):
    name = "mortgage_risk"
    operator_extra_links: ClassVar[list[BaseOperatorLink]] = [link() for link in ALL_LINKS]
    timetables: ClassVar[list[type[FromNowOnTimetable]]] = [FromNowOnTimetable]
