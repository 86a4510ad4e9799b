"""A small HTML console at /_console/: jobs with their logs, log streams, objects. No scripts, nothing from outside.

Links that operators can build: /_console/glue/<job>/<run id>, /_console/sagemaker/<kind>/<job>,
/_console/logs/<group>/<stream> (the group percent-encoded), /_console/s3/<bucket>/<prefix>.
"""

from __future__ import annotations

import datetime as dt
import json
import urllib.parse
from html import escape
from typing import Any

from moto.logs.models import logs_backends
from werkzeug.wrappers import Request, Response

from local_aws.kernel import logs
from local_aws.kernel.config import ACCOUNT_ID, Config, JobView
from local_aws.kernel.errors import AwsError
from local_aws.s3.listing import list_objects
from local_aws.s3.store import S3Store

_LOG_LINES = 2000
_STYLE = """
body{font:14px/1.45 system-ui,sans-serif;margin:0;color:#1b1f24;background:#fff}
header{background:#1b2a3a;padding:.7rem 1.5rem}header a{color:#fff;margin-right:1.5rem;text-decoration:none}
main{padding:1rem 1.5rem;max-width:1500px;overflow-x:auto}h1{font-size:1.25rem;overflow-wrap:anywhere}
h2{font-size:1.05rem;margin-top:1.6rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .7rem;border-bottom:1px solid #dde3e9;
vertical-align:top}td{overflow-wrap:anywhere}th{color:#57606a;font-weight:600;white-space:nowrap}
.w{white-space:nowrap;overflow-wrap:normal}.n{text-align:right}
pre{background:#f6f8fa;padding:.8rem;overflow:auto;max-height:70vh;font-size:12.5px}
.s{padding:.05rem .5rem;border-radius:.6rem;background:#e7ebef;white-space:nowrap}
.ok{background:#d3f2d9}.bad{background:#ffdcd9}.run{background:#d8e9ff}a{color:#0b5cad}
"""
# Nothing is loaded and nothing runs; no other page shows this one in a frame.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_STYLES = {"Status": "w", "Started": "w", "Took": "w n", "Bytes": "w n", "Modified": "w"}  # of a table's columns
_GOOD = {"SUCCEEDED", "COMPLETED", "INSERVICE", "APPROVED"}
_BAD = {"FAILED", "TIMEOUT", "ERROR", "REJECTED"}


class Console:
    """Answers every path below /_console."""

    def __init__(self, config: Config, store: S3Store):
        self.config = config
        self.store = store

    def __call__(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return self._not_found("The console only shows.")
        raw = request.environ.get("RAW_URI", request.path).partition("?")[0]
        parts = [urllib.parse.unquote(part) for part in raw.removeprefix("/_console").lstrip("/").split("/")]
        area, rest = parts[0], parts[1:]
        if not area:
            return page("Jobs", self._jobs([job for service in self.config.jobs for job in self._views(service)]))
        if area == "s3":
            return self._s3(rest[0] if rest else "", "/".join(rest[1:]), request.args.get("after", ""))
        if area == "logs":
            return self._logs(rest)
        if area in self.config.jobs:
            return self._service(area, [part for part in rest if part])
        return self._not_found(f"There is nothing at {request.path}")

    def _not_found(self, why: str) -> Response:
        return page("Not found", f"<p>{escape(why)}</p>", 404)

    # jobs

    def _views(self, service: str) -> list[JobView]:
        return sorted(self.config.jobs[service](), key=lambda job: job.started, reverse=True)

    def _service(self, service: str, path: list[str]) -> Response:
        views = self._views(service)
        if len(path) < 2:
            found = [job for job in views if not path or job.kind == path[0]]
            return page(" / ".join([service, *path]), self._jobs(found))
        job = next((job for job in views if [job.kind, job.name] == path[:2]), None)
        if job is None:
            return self._not_found(f"There is no {service} job {'/'.join(path)}")
        return page(f"{job.kind} / {job.name}", self._job(job))

    def _jobs(self, jobs: list[JobView]) -> str:
        if not jobs:
            return "<p>No job has run yet.</p>"
        rows = [
            [
                link(f"/_console/{job.service}/{quote(job.kind)}/{quote(job.name)}", shortened(job.name)),
                escape(f"{job.service} {job.kind}"),
                status(job.status),
                when(job.started),
                duration(job.seconds),
                escape(job.reason[:300]),
            ]
            for job in sorted(jobs, key=lambda job: job.started, reverse=True)[:500]
        ]
        return table(["Job", "Kind", "Status", "Started", "Took", "Reason"], rows)

    def _job(self, job: JobView) -> str:
        parts = [f"<p>{status(job.status)} &nbsp; started {when(job.started)}, {duration(job.seconds)}</p>"]
        if job.reason:
            parts.append(f"<pre>{escape(job.reason)}</pre>")
        for group, stream in job.logs:
            if lines := logs.tail(group, stream, _LOG_LINES):
                heading = link(log_path(group, stream), f"{group} {stream}")
                parts.append(f"<h2>{heading}</h2><pre>{escape(chr(10).join(lines))}</pre>")
        described = json.dumps(readable(job.description), indent=2, default=str, ensure_ascii=False)
        parts.append(f"<h2>Description</h2><pre>{escape(described)}</pre>")
        return "".join(parts)

    # logs

    def _logs(self, path: list[str]) -> Response:
        groups = logs_backends[ACCOUNT_ID][self.config.region].groups
        if not path or not path[0]:
            return page("Log groups", table(["Group"], [[link(log_path(name), name)] for name in sorted(groups)]))
        group = groups.get(path[0])
        if group is None:
            return self._not_found(f"There is no log group {path[0]}")
        if len(path) < 2 or not path[1]:
            streams = sorted(group.streams)
            return page(path[0], table(["Stream"], [[link(log_path(path[0], name), name)] for name in streams]))
        stream = "/".join(path[1:])
        if stream not in group.streams:
            return self._not_found(f"There is no log stream {stream} in {path[0]}")
        events = group.streams[stream].events[-_LOG_LINES:]
        text = "\n".join(event.message for event in events)
        return page(f"{path[0]} {stream}", f"<pre>{escape(text)}</pre>")

    # objects

    def _s3(self, bucket: str, prefix: str, after: str) -> Response:
        store = self.store
        if not bucket:
            return page("Buckets", table(["Bucket"], [[link(f"/_console/s3/{b}/", b)] for b in store.buckets()]))
        try:
            found = list_objects(store, bucket, {"prefix": prefix, "delimiter": "/", "continuation-token": after}, 2)
        except AwsError as error:
            return self._not_found(error.message)
        rows = [
            [link(f"/_console/s3/{quote(bucket)}/{quote(f['Prefix'], '/')}", f["Prefix"][len(prefix) :]), "", ""]
            for f in found["CommonPrefixes"]
        ]
        rows += [
            [
                link(f"/{quote(bucket)}/{quote(item['Key'], '/')}", item["Key"][len(prefix) :] or item["Key"]),
                f"{item['Size']:,}",
                when(dt.datetime.fromisoformat(item["LastModified"]).timestamp()),
            ]
            for item in found["Contents"]
        ]
        more = ""
        if token := found["NextContinuationToken"]:
            more = f"<p>{link(f'?after={quote(token)}', 'more')}</p>"
        up = f"/_console/s3/{quote(bucket)}/" + quote("".join(p + "/" for p in prefix.split("/")[:-2]), "/")
        back = f"<p>{link(up if prefix else '/_console/s3/', 'up')}</p>"
        return page(f"s3://{bucket}/{prefix}", back + table(["Name", "Bytes", "Modified"], rows) + more)


def quote(text: str, safe: str = "") -> str:
    return urllib.parse.quote(text, safe=safe)


def log_path(group: str, stream: str = "") -> str:
    return f"/_console/logs/{quote(group)}/{quote(stream)}"


def link(href: str, text: str) -> str:
    return f'<a href="{escape(href)}">{escape(text)}</a>'


def status(text: str) -> str:
    upper = text.upper()
    kind = "ok" if upper in _GOOD else "bad" if upper in _BAD else "run" if upper.endswith("ING") else ""
    kind = "run" if upper == "INPROGRESS" else kind
    return f'<span class="s {kind}">{escape(text)}</span>'


def when(epoch: float) -> str:
    return dt.datetime.fromtimestamp(epoch, dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def shortened(name: str) -> str:
    """A Glue run's id of 67 characters by its beginning; names that people give, of at most 63, as they are."""
    return name if len(name) <= 63 else f"{name[:12]}…{name[67:]}"


def duration(seconds: float | None) -> str:
    """`7 s`, `3 min 05 s`, `2 h 05 min`."""
    if seconds is None:
        return ""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def readable(value: Any, name: str = "") -> Any:
    """A description with its moments, which the protocols write as epoch seconds, as dates."""
    if isinstance(value, dict):
        return {key: readable(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [readable(item) for item in value]
    is_moment = isinstance(value, float) and name.endswith(("Time", "On", "Timestamp"))
    return when(value) if is_moment else value


def table(head: list[str], rows: list[list[str]]) -> str:
    """Cells are HTML already."""
    styles = [_STYLES.get(name, "") for name in head]
    heads = "".join(f'<th class="{style}">{escape(cell)}</th>' for cell, style in zip(head, styles, strict=True))
    body = "".join(
        "<tr>" + "".join(f'<td class="{style}">{cell}</td>' for cell, style in zip(row, styles, strict=True)) + "</tr>"
        for row in rows
    )
    return f"<table><tr>{heads}</tr>{body}</table>"


def page(title: str, body: str, code: int = 200) -> Response:
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)} - local AWS</title>'
        '<link rel="icon" href="data:,">'
        f"<style>{_STYLE}</style><header>{link('/_console/', 'Jobs')}{link('/_console/logs/', 'Logs')}"
        f"{link('/_console/s3/', 'Objects')}</header><main><h1>{escape(title)}</h1>{body}</main></html>"
    )
    return Response(
        text,
        status=code,
        content_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": _POLICY},
    )
