"""What the page asks for, as JSON: an answer is a method, its address /api/<name>."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mortgage_risk import aws
from mortgage_risk.dashboard import views
from mortgage_risk.dashboard.index_store import IndexStore
from mortgage_risk.jobs import links
from mortgage_risk.monitoring.index import IndexRow
from mortgage_risk.release import registry
from mortgage_risk.settings import Settings

ALARM_PREFIX = "mortgage-"


class NotThere(LookupError):
    """What was asked for is not there; the message is for who asked."""


class Overview(views.Overview):
    sources: list[str]
    source: str


class Segments(views.Segments):
    """`labels`: what the levels' codes mean, where the dimension has such."""

    labels: dict[str, str]


@dataclass(frozen=True)
class Answers:
    """From the index of monitored nights, the model registry and CloudWatch. NotThere where nothing is to be told."""

    settings: Settings
    store: IndexStore

    def overview(self, source: str = "") -> Overview:
        """The page's first question: of one source, or of the first there is."""
        sources = self.store.sources()
        chosen = source if source in sources else next(iter(sources), "")
        nights = self._nights(chosen) if chosen else []
        return {"sources": sources, "source": chosen, **views.overview(nights)}

    def features(self, source: str) -> views.Features:
        return views.features(self._nights(source))

    def segments(self, source: str, dimension: str) -> Segments:
        nights = self._nights(source)
        labels = self.store.labels(nights).get(dimension, {})
        return {**views.segments(nights, dimension), "labels": labels}

    def night(self, source: str, date: str) -> Mapping[str, Any]:
        self._nights(source)
        document = self.store.night(source, date)
        if document is None:
            raise NotThere(f"no night {date} was monitored")
        return {**document, "report_url": self._url(self.store.report_uri(source, date), self.store.region)}

    def outcomes(self, source: str) -> Mapping[str, Any]:
        self._nights(source)
        found = self.store.outcomes(source)
        if found is None:
            raise NotThere("no loan panel has been read for outcomes yet")
        return found

    def models(self, source: str) -> list[views.Version]:
        """The source's versions in the registry, newest first, and which is in force today."""
        self._nights(source)
        client, zone = aws.client("sagemaker", self.settings.aws_conn_id), self.settings.timezone
        packages = list(registry.packages(client, self.store.layout.model_package_group(source)))
        approved = [registry.approved_model(package, zone) for package in packages if registry.was_approved(package)]
        in_force = registry.effective_model(approved, self.settings.today())
        versions, region = views.versions(packages), client.meta.region_name
        for version in versions:
            version["in_force"] = in_force is not None and in_force.version == version["version"]
            uri = version.pop("report_uri")
            version["report_url"] = self._url(str(uri), region) if uri else None
        return versions

    def alarms(self) -> list[views.Alarm]:
        client = aws.client("cloudwatch", self.settings.aws_conn_id)
        pages = client.get_paginator("describe_alarms").paginate(AlarmNamePrefix=ALARM_PREFIX)
        return views.alarms([alarm for page in pages for alarm in page["MetricAlarms"]])

    def _nights(self, source: str) -> list[IndexRow]:
        if not re.fullmatch(r"\w+", source):
            raise NotThere("no such source")
        return self.store.nights(source)

    def _url(self, uri: str, region: str) -> str:
        return links.object_url(self.settings, uri, region)
