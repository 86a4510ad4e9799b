"""What a history is made from, read from the local AWS, and what it leaves there: every night's files and the index."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import boto3

from local_platform.command import CommandError
from mortgage_model.documents.monitoring import MonitoringDocument
from mortgage_model.monitoring.page import render_report
from mortgage_model.months import month_number, month_text
from mortgage_model.scoring.artifact import unpack
from mortgage_risk import documents
from mortgage_risk.layout import Layout, split_uri
from mortgage_risk.monitoring import index
from mortgage_risk.monitoring.operations import Operations
from mortgage_risk.release import registry


@dataclass(frozen=True)
class Release:
    """An approved model on this disk: its version in the registry, its folder, its panel's and the panel's last day."""

    version: str
    model: Path
    panel: Path
    last_day: date


def download(s3: Any, layout: Layout, folder: Path) -> Release:
    """The newest approved model and the panel that it was trained on."""
    package = _newest_package(layout)
    bucket, key = split_uri(package["CustomerMetadataProperties"]["panel_manifest_uri"])
    panel = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    bucket, key = split_uri(package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"])
    s3.download_file(bucket, key, str(folder / "model.tar.gz"))
    unpack(folder / "model.tar.gz", folder / "model")
    _download_folder(s3, panel["data_prefix"], folder / "panel")
    version = str(package["ModelPackageVersion"])
    return Release(version, folder / "model", folder / "panel", _last_day(folder / "panel"))


def write(s3: Any, layout: Layout, nights: Iterable[MonitoringDocument]) -> int:
    """Write every night's monitoring.json and report.html and the index; the number of nights."""
    months: dict[str, index.MonthIndex] = {}
    row, count, started = None, 0, time.monotonic()

    def put(uri: str, body: str, kind: str) -> None:
        s3.put_object(Bucket=layout.bucket, Key=split_uri(uri)[1], Body=body.encode(), ContentType=kind)

    for document in nights:
        prefix = layout.monitoring("canonical", document["score_date"], "history")
        put(f"{prefix}monitoring.json", json.dumps(document), "application/json")
        put(f"{prefix}report.html", render_report(document), "text/html")
        as_read = cast(documents.MonitoringDocument, document)
        row = index.index_row(as_read, prefix, _without_jobs(document["rows"]), row)
        uri = index.month_file(layout.monitoring_index("canonical"), document["score_date"])
        months[uri] = index.with_row(months.get(uri), row)
        count += 1
        if document["score_date"].endswith("-01"):
            print(f"[{time.monotonic() - started:5.0f} s] {document['score_date']}: {count} nights", flush=True)
    for uri, month in months.items():
        put(uri, json.dumps(month), "application/json")
    return count


def _newest_package(layout: Layout) -> registry.ModelPackage:
    for package in registry.packages(boto3.client("sagemaker"), layout.model_package_group("canonical")):
        if package["ModelApprovalStatus"] == "Approved" and registry.approved_model(package, "UTC").in_force:
            return package
    raise CommandError("there is no approved model in force; `make demo` trains one")


def _download_folder(s3: Any, uri: str, folder: Path) -> None:
    bucket, prefix = split_uri(uri)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            target = folder / item["Key"].removeprefix(prefix)
            target.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(bucket, item["Key"], str(target))


def _last_day(panel: Path) -> date:
    last = max(path.name.partition("=")[2] for path in panel.glob("snapshot_month=*"))
    year, month = map(int, month_text(month_number(last) + 1).split("-"))
    return date(year, month, 1) - timedelta(days=1)


def _without_jobs(rows: int) -> Operations:
    """Only what a night without jobs has: nothing ran, so nothing took time or cost money."""
    return {"rows_in": rows, "rows_out": rows, "quarantined": 0, "reason": "simulated history: no job ran"}
