"""`make history`: two years of monitored nights from the demo's own model and loan panel, in minutes.

Every night goes through the monitoring job's code (mortgage_model/monitoring) and the operator's (mortgage_risk/
monitoring.py); only SageMaker, Airflow and the files between them are left out. A servicer's report on a loan comes on
the loan's own day of the month, so the portfolio changes a little every night. Runs in the SageMaker runtime, on a
local AWS that holds an approved model and its panel (`make demo`).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pandas as pd
import pyarrow.dataset as ds

from local_platform.command import CommandError, Parser, a_number, ended
from local_platform.environments import ROOT

sys.path[:0] = [str(ROOT / "sagemaker_entrypoints"), str(ROOT / "plugins")]

from contracts import load_contract  # noqa: E402
from mortgage_model.development.panel_data import KEY, MONTH, open_panel  # noqa: E402
from mortgage_model.documents.monitoring import MonitoringDocument, Performance  # noqa: E402
from mortgage_model.documents.profile import ReferenceProfile  # noqa: E402
from mortgage_model.monitoring import performance  # noqa: E402
from mortgage_model.monitoring.effects import contributions, named  # noqa: E402
from mortgage_model.monitoring.inputs import panel_outcomes  # noqa: E402
from mortgage_model.monitoring.night import Night, monitor  # noqa: E402
from mortgage_model.monitoring.page import render_report  # noqa: E402
from mortgage_model.months import month_number, month_text  # noqa: E402
from mortgage_model.scoring.artifact import MortgageModel, load_model, read_profile, unpack  # noqa: E402
from mortgage_risk.layout import Layout, split_uri  # noqa: E402
from mortgage_risk.monitoring import index  # noqa: E402
from mortgage_risk.release import registry  # noqa: E402
from simulator.faults import KINDS, Fault, plant  # noqa: E402

LAST_REPORTING_DAY = 28  # a month that has ended is on the tape in full
PANEL_DAYS = 5  # the day of the month on which the panel of the month before is built
NIGHTS = 730


@dataclass(frozen=True)
class Scored:
    """n loans: contract features, ids, PD and contributions (n, inputs). Kept by month, as they change by month."""

    frame: pd.DataFrame
    loan_id: np.ndarray
    pd_: np.ndarray
    effects: np.ndarray

    @classmethod
    def by(cls, model: MortgageModel, frame: pd.DataFrame, loan_id: np.ndarray) -> Scored:
        features = model.spec.transform(frame)
        return cls(frame, loan_id, model.score(features), contributions(model, features))


@dataclass(frozen=True)
class Month:
    """The n loans of a month-end: on which day of the month each is reported, and what is scored."""

    day: np.ndarray
    loans: Scored


@dataclass(frozen=True)
class Book:
    """A model and the months it scores. outcomes: as `performance.outcomes` wants them."""

    version: str
    model: MortgageModel
    profile: ReferenceProfile
    months: Mapping[str, Month]
    outcomes: Mapping[str, pd.DataFrame]


def read_book(version: str, model_folder: Path, panel_folder: Path, first: date, last: date) -> Book:
    """The model, and the panel's months that nights from `first` to `last` look at."""
    model = load_model(model_folder)
    dataset = open_panel(panel_folder, load_contract("loan_panel"))
    numbers = range(month_number(_month(first)) - 1, month_number(_month(last)) + 1)
    months = {}
    for month in map(month_text, numbers):
        table = dataset.to_table(columns=[KEY, *model.spec.inputs], filter=ds.field(MONTH) == month).to_pandas()
        if not len(table):
            raise ValueError(f"the loan panel has no rows of {month}: nights from {first} need it")
        day = pd.util.hash_array(table[KEY].to_numpy()) % LAST_REPORTING_DAY + 1
        loans = Scored.by(model, table[list(model.spec.inputs)], table[KEY].to_numpy())
        months[month] = Month(day.astype(int), loans)
    return Book(version, model, read_profile(model_folder), months, panel_outcomes(dataset, list(months)))


def portfolio(book: Book, night: date) -> Scored:
    """The loans as reported by the end of `night`: by this month's report, else by the last one's."""
    now = book.months[_month(night)]
    before = book.months[month_text(month_number(_month(night)) - 1)]
    new, old = now.day <= night.day, before.day > night.day
    return Scored(
        pd.concat([now.loans.frame[new], before.loans.frame[old]], ignore_index=True),
        np.concatenate((now.loans.loan_id[new], before.loans.loan_id[old])),
        np.concatenate((now.loans.pd_[new], before.loans.pd_[old])),
        np.concatenate((now.loans.effects[new], before.loans.effects[old])),
    )


def nights(
    book: Book, first: date, last: date, faults: tuple[Fault, ...] = (), seed: int = 1
) -> Iterator[MonitoringDocument]:
    """The monitoring documents of the nights, oldest first."""
    model, order = book.model, list(book.model.scale.grades)
    scored: dict[str, pd.DataFrame] = {}
    last_scores: dict[str, pd.DataFrame] = {}
    previous: MonitoringDocument | None = None
    for night in (first + timedelta(days=n) for n in range((last - first).days + 1)):
        loans = portfolio(book, night)
        if tonight := tuple(fault for fault in faults if fault.on(night)):
            loans = Scored.by(model, *plant(loans.frame, loans.loan_id, night, tonight, seed))
        grades = model.scale.assign(loans.pd_)
        scores = pd.DataFrame({KEY: loans.loan_id, "pd": loans.pd_, "grade": grades})
        read = _outcomes(book, scored, night) if night.day == PANEL_DAYS and scored else None
        before = last_scores.get(index.month_before(night.isoformat(), list(last_scores)) or "")
        effects = named(model, loans.effects)
        about = ("canonical", night.isoformat(), book.version)
        document = monitor(
            Night(*about, loans.frame, loans.pd_, grades, effects, loans.loan_id, before),
            book.profile,
            model.contract,
            order,
            previous,
            read,
        )
        last_scores[night.isoformat()] = scores[[KEY, "grade"]]
        last_scores = dict(list(last_scores.items())[-46:])
        if _month(night + timedelta(days=1)) != _month(night):
            scored[_month(night)] = scores
        previous = document
        yield document


def _outcomes(book: Book, scored: dict[str, pd.DataFrame], night: date) -> Performance:
    """As the panel built tonight shows them: nothing later than the last month that has ended."""
    until = month_text(month_number(_month(night)) - 1)
    known = {month: frame for month, frame in book.outcomes.items() if month <= until}
    grades = list(book.model.scale.grades)
    return performance.performance(scored, known, grades, night.isoformat())


def operational_facts(document: Mapping[str, Any]) -> dict[str, Any]:
    """Only what a night without jobs has: nothing ran, so nothing took time or cost money."""
    rows = document["rows"]
    return {"rows_in": rows, "rows_out": rows, "quarantined": 0, "reason": "simulated history: no job ran"}


def _month(day: date) -> str:
    return day.isoformat()[:7]


# --- reading from and writing to the installation ---


def _download(s3: Any, uri: str, folder: Path) -> None:
    bucket, prefix = split_uri(uri)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            target = folder / item["Key"].removeprefix(prefix)
            target.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(bucket, item["Key"], str(target))


def _newest_package(layout: Layout) -> dict[str, Any]:
    for package in registry.packages(boto3.client("sagemaker"), layout.model_package_group("canonical")):
        if package["ModelApprovalStatus"] == "Approved" and registry.approved_model(package, "UTC").in_force:
            return package
    raise CommandError("there is no approved model in force; `make demo` trains one")


def write(s3: Any, layout: Layout, documents: Iterator[MonitoringDocument]) -> int:
    """Write every night's monitoring.json and report.html and the index; the number of nights."""
    bucket = layout.bucket
    months: dict[str, dict[str, Any]] = {}
    row, count, started = None, 0, datetime.now(UTC)

    def put(uri: str, body: str, kind: str) -> None:
        s3.put_object(Bucket=bucket, Key=split_uri(uri)[1], Body=body.encode(), ContentType=kind)

    for document in documents:
        prefix = layout.monitoring("canonical", document["score_date"], "history")
        put(f"{prefix}monitoring.json", json.dumps(document), "application/json")
        put(f"{prefix}report.html", render_report(document), "text/html")
        row = index.index_row(document, prefix, operational_facts(document), row)
        uri = index.month_file(layout.monitoring_index("canonical"), document["score_date"])
        months[uri] = index.with_row(months.get(uri), row)
        count += 1
        if document["score_date"].endswith("-01"):
            seconds = (datetime.now(UTC) - started).total_seconds()
            print(f"[{seconds:5.0f} s] {document['score_date']}: {count} nights", flush=True)
    for uri, month in months.items():
        put(uri, json.dumps(month), "application/json")
    return count


def main(arguments: list[str] | None = None) -> None:
    parser = Parser(prog="python -m local_platform.history", description=__doc__.splitlines()[0])
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--model_name", default="mortgage-default-risk")
    parser.add_argument("--nights", type=a_number, default=NIGHTS)
    parser.add_argument(
        "--plant",
        type=_fault,
        action="append",
        default=[],
        help="a fault: kind@first[..last], kind one of unit_change, broken_feed, population; repeatable",
    )
    options = parser.parse_args(arguments)
    layout, s3 = Layout(options.bucket, options.model_name), boto3.client("s3")
    package = _newest_package(layout)
    bucket, key = split_uri(package["CustomerMetadataProperties"]["panel_manifest_uri"])
    panel = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bucket, key = split_uri(package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"])
        s3.download_file(bucket, key, str(folder / "model.tar.gz"))
        unpack(folder / "model.tar.gz", folder / "model")
        _download(s3, panel["data_prefix"], folder / "panel")
        last = _last_day(folder / "panel")
        first = last - timedelta(days=options.nights - 1)
        print(f"{options.nights} nights from {first} to {last}", flush=True)
        book = read_book(str(package["ModelPackageVersion"]), folder / "model", folder / "panel", first, last)
        count = write(s3, layout, nights(book, first, last, tuple(options.plant)))
    print(f"{count} nights in {layout.monitoring_index('canonical')}")


def _last_day(panel: Path) -> date:
    last = max(path.name.partition("=")[2] for path in panel.glob("snapshot_month=*"))
    year, month = map(int, month_text(month_number(last) + 1).split("-"))
    return date(year, month, 1) - timedelta(days=1)


def _fault(text: str) -> Fault:
    try:
        return Fault.parse(text)
    except ValueError:
        form = f"<kind>@YYYY-MM-DD or <kind>@YYYY-MM-DD..YYYY-MM-DD, kind one of {', '.join(KINDS)}"
        raise argparse.ArgumentTypeError(f"{text!r} is no fault: {form}") from None


if __name__ == "__main__":
    sys.exit(ended(main))
