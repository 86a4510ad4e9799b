"""Links on a task in the Airflow UI: to its AWS job, the job's log, and what it produced.

An operator stores a link as soon as it is known (`store`), so it can be followed while the job still runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import attrs
from airflow.sdk import BaseOperatorLink

from mortgage_risk.jobs.kinds.kind import CONSOLE, JobKind
from mortgage_risk.layout import split_uri
from mortgage_risk.settings import Settings

_LOG_PAGE = (
    CONSOLE + "/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{group}$3FlogStreamNameFilter$3D{stream}"
)
_OBJECT_PAGE = CONSOLE + "/s3/object/{bucket}?region={region}&prefix={key}"
_FOLDER_PAGE = CONSOLE + "/s3/buckets/{bucket}?region={region}&prefix={key}"


@attrs.define()
class _StoredLink(BaseOperatorLink):
    """The UI reads the stored XCom; Airflow also asks `get_link` when the task ends and stores the answer."""

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        return str(getattr(operator, "stored_links", {}).get(self.name, ""))


@attrs.define()
class JobLink(_StoredLink):
    name = "Job"


@attrs.define()
class LogLink(_StoredLink):
    name = "Job log"


@attrs.define()
class ResultLink(_StoredLink):
    name = "Result"


@attrs.define()
class ReportLink(_StoredLink):
    name = "Report"


ALL_LINKS: tuple[type[_StoredLink], ...] = (JobLink, LogLink, ResultLink, ReportLink)


def store(operator: Any, context: Mapping[str, Any], links: Mapping[type[_StoredLink], str]) -> None:
    """Show `links` on the running task at once."""
    operator.stored_links = {
        **getattr(operator, "stored_links", {}),
        **{cls().name: url for cls, url in links.items()},
    }
    for cls, url in links.items():
        context["ti"].xcom_push(key=cls().xcom_key, value=url)


def job_url(settings: Settings, kind: JobKind, job_id: str, region: str) -> str:
    return (settings.job_link or kind.console_page).format(**kind.address(job_id), region=region)


def log_url(settings: Settings, kind: JobKind, job_id: str, region: str) -> str:
    """Of the most telling of the job's log streams."""
    place = kind.log_places(job_id)[0]
    if settings.log_link:
        quoted = {"group": quote(place.group, safe=""), "stream": quote(place.stream, safe="")}
        return settings.log_link.format(**kind.address(job_id), **quoted, region=region)
    return _LOG_PAGE.format(group=_console_quote(place.group), stream=_console_quote(place.stream), region=region)


def object_url(settings: Settings, uri: str, region: str) -> str:
    """The page of an object or, for a URI that ends with '/', of what lies below it."""
    bucket, key = split_uri(uri)
    if key.endswith("/") or not key:
        page = settings.s3_folder_link or _FOLDER_PAGE
    else:
        page = settings.s3_object_link or _OBJECT_PAGE
    return page.format(bucket=bucket, key=quote(key, safe="/=._-"), region=region)


def _console_quote(text: str) -> str:
    """The CloudWatch console percent-encodes twice, with '$' for '%'."""
    return quote(quote(text, safe=""), safe="").replace("%", "$")
