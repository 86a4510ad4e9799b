"""From scored nights to jobs, index, metrics and the wish to train again."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from fake_aws import FakeAws

from mortgage_risk import assets
from mortgage_risk.layout import Layout
from mortgage_risk.monitoring import cloudwatch
from mortgage_risk.monitoring.earlier_nights import month_before, vintage_dates
from mortgage_risk.monitoring.night import FindNightsOperator, MonitorNightOperator
from mortgage_risk.monitoring.operations import operations, with_ages
from mortgage_risk.monitoring.retraining import RequestRetrainingOperator, retraining_reason

ROOT = "s3://mortgage-loan-ml/"
SCORES = f"{ROOT}inference-data/output/source=canonical/"
INDEX = "validation-results/monitoring-index/source=canonical/month=2019-12.json"
CODE = {"prefix": f"{ROOT}code/c0de/", "sha256": "c0de", "git_commit": "g"}


def shift(psi: float) -> dict[str, Any]:
    return {"psi": psi, "interval": [psi, psi]}


def document(day: str, **changes: Any) -> dict[str, Any]:
    """A night's monitoring.json, as far as this side reads it."""
    return {
        "source": "canonical",
        "score_date": day,
        "model_version": "1",
        "rows": 100,
        "verdict": "ok",
        "score": {"mean_pd": 0.02, "training": shift(0.05), "recent": None, "grades": {"M01": 60, "M02": 40}},
        "features": [{"feature": "dti", "training": shift(0.1), "recent": None, "effect": 0.01, "missing": 0.0}],
        "labels": {"channel": {"R": "retail"}},
        "segments": {"channel": {"R": {"n": 100, "mean_pd": 0.02, "grades": [60, 40]}}},
        "findings": [],
        "performance": {"panel_as_of": "2019-11-30"},
    } | changes


def scoring_input(day: str) -> dict[str, Any]:
    return {
        "data_prefix": f"{ROOT}inference-data/input/{day}/attempt=1/",
        "files": [{"key": "attempt=1/part-0.csv"}],
        "rows": 100,
        "score_date": day,
        "newest_month": "2019-11",
        "extracts": {"loans": {"ingest_date": "2019-12-10"}, "performance": {"ingest_date": "2019-12-20"}},
        "counts": {"scoring": {"loans_on_tape": 130}},
    }


@pytest.fixture
def scored(fake_aws: FakeAws) -> FakeAws:
    """Three scored nights, an approved model and a loan panel; jobs write a quiet night."""
    for day in ("2019-10-31", "2019-11-30", "2019-12-31"):
        prefix = f"{SCORES}score_date={day}/"
        scores = {
            "data_prefix": prefix,
            "files": [{"key": "scores-1.parquet"}],
            "model_package_arn": "arn:p/1",
            "model_package_version": 1,
        }
        fake_aws.put(f"{prefix}_manifest.json", json.dumps(scores).encode())
        put_json(fake_aws, f"inference-data/input/source=canonical/score_date={day}/_manifest.json", scoring_input(day))
    panel = "processed-data/loan_panel/source=canonical/as_of_date=2019-11-30/horizon_months=12/"
    put_json(fake_aws, f"{panel}_manifest.json", {"data_prefix": f"{ROOT}{panel}attempt=1/"})
    fake_aws.packages.append(
        {
            "ModelPackageArn": "arn:p/1",
            "InferenceSpecification": {"Containers": [{"ModelDataUrl": f"{ROOT}models/m.tar.gz"}]},
        }
    )

    def write(job: dict[str, Any]) -> None:
        request = job["request"]
        prefix = request["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"].removeprefix(ROOT)
        arguments = request["AppSpecification"]["ContainerArguments"]
        read = {} if "--panel_as_of" in arguments else {"performance": None}
        day = arguments[arguments.index("--score_date") + 1]
        put_json(fake_aws, f"{prefix}monitoring.json", document(day, **read))

    fake_aws.on_finish = write
    return fake_aws


def put_json(fake: FakeAws, key: str, content: Any) -> None:
    fake.put(f"{ROOT}{key}", json.dumps(content).encode())


def read(fake: FakeAws, key: str) -> Any:
    return json.loads(fake.objects[key][0])


def monitor(settings, context, day: str) -> dict[str, Any]:
    operator = MonitorNightOperator(
        task_id="monitor_night", settings=settings, source="canonical", business_date=day, code=CODE
    )
    return operator.execute(context)


def inputs_of(fake: FakeAws) -> dict[str, str]:
    request = list(fake.jobs.values())[-1]["request"]
    return {item["InputName"]: item["S3Input"]["S3Uri"] for item in request["ProcessingInputs"]}


def test_a_night_is_monitored_entered_and_measured(settings, context, scored) -> None:
    result = monitor(settings, context, "2019-12-31")
    assert result["verdict"] == "ok"
    assert result["retrain"] is None
    assert len(json.dumps(result)) < 1000
    (row,) = read(scored, INDEX)["nights"]
    assert (row["date"], row["rows"], row["mean_pd"]) == ("2019-12-31", 100, 0.02)
    assert row["ops"]["rows_in"] == 130
    assert row["ops"]["days_since_ingest"] == 21
    assert (row["ops"]["newest_month"], row["ops"]["days_since_report"]) == ("2019-11", 31)
    assert "no summary" in row["ops"]["reason"]
    names = {metric["MetricName"] for metric in scored.metrics}
    assert {"MeanPD", "Breaches", "ScorePSITraining", "DaysSinceReport", "DaysSinceIngest"} <= names
    assert "RunSeconds" not in names, "what is not known is not a metric"
    assert scored.count("put_metric_alarm") == 6
    assert scored.count("put_dashboard") == 1


def test_the_job_gets_the_night_its_model_and_the_vintages(settings, context, scored) -> None:
    monitor(settings, context, "2019-12-31")
    inputs = inputs_of(scored)
    assert inputs["model"] == f"{ROOT}models/m.tar.gz"
    assert inputs["before"] == f"{SCORES}score_date=2019-11-30/"
    assert inputs["panel"].endswith("attempt=1/")
    listing = read(scored, inputs["vintages"].removeprefix(ROOT))
    assert listing[0] == {"prefix": SCORES}
    assert listing[1:] == [f"score_date={d}/scores-1.parquet" for d in ("2019-10-31", "2019-11-30", "2019-12-31")]
    assert "previous" not in inputs


def test_the_next_night_builds_on_the_one_before_and_reads_a_panel_once(settings, context, scored) -> None:
    monitor(settings, context, "2019-11-30")
    monitor(settings, context, "2019-12-31")
    inputs = inputs_of(scored)
    assert "date=2019-11-30" in inputs["previous"]
    assert "panel" not in inputs
    assert "vintages" not in inputs
    assert "date=2019-11-30" in read(scored, INDEX)["nights"][-1]["outcomes"]["prefix"]


def test_a_night_without_scores_is_entered_as_missing(settings, context, scored) -> None:
    assert monitor(settings, context, "2019-12-15")["verdict"] == "breach"
    (row,) = read(scored, INDEX)["nights"]
    assert row["findings"][0][1] == "night_missing"
    assert [m["MetricName"] for m in scored.metrics] == ["NightMissing"]
    monitor(settings, context, "2019-12-31")
    assert [row["date"] for row in read(scored, INDEX)["nights"]] == ["2019-12-15", "2019-12-31"]


def test_a_night_whose_tapes_are_old_says_so_on_the_page_and_rings(settings, context, scored) -> None:
    old = {**scoring_input("2019-12-31"), "newest_month": "2019-10"}
    put_json(scored, "inference-data/input/source=canonical/score_date=2019-12-31/_manifest.json", old)
    assert monitor(settings, context, "2019-12-31")["verdict"] == "attention"
    (row,) = read(scored, INDEX)["nights"]
    assert row["findings"] == [
        [
            "attention",
            "stale_report",
            "",
            "the newest reporting month, 2019-10, ended 61 days before the score date",
        ]
    ]
    values = {metric["MetricName"]: metric["Value"] for metric in scored.metrics}
    assert (values["DaysSinceReport"], values["Attention"]) == (61, 1)
    thresholds = {alarm["MetricName"]: alarm["Threshold"] for alarm in cloudwatch.alarm_requests(settings, "canonical")}
    assert thresholds["DaysSinceReport"] == thresholds["DaysSinceIngest"] == 46


@pytest.mark.parametrize(
    ("month", "ingested", "verdict", "kinds"),
    [
        ("2019-11", "2019-12-10", "ok", []),
        ("2019-12", None, "ok", []),  # delivered before the month was over, in a folder without a date
        ("2019-11", "2019-06-30", "attention", ["stale_ingest"]),
        ("2019-09", "2019-06-30", "breach", ["stale_report", "stale_ingest"]),
        (None, None, "ok", []),  # a night of before the tapes' age was kept
    ],
)
def test_ages_are_held_against_the_settings(settings, month, ingested, verdict, kinds) -> None:
    tapes = {"score_date": "2019-12-31", "newest_month": month, "extracts": {"loans": {"ingest_date": ingested}}}
    ops = operations({**scoring_input("2019-12-31"), **tapes}, None)
    found = with_ages(document("2019-12-31"), ops, settings)
    assert (found["verdict"], [finding["kind"] for finding in found["findings"]]) == (verdict, kinds)


def test_a_night_that_a_check_stopped_is_missing_for_that_reason(settings, context, scored) -> None:
    said = {"expectations": [{"severity": "error", "success": False, "message": "scoring_input: too old."}]}
    result = "validation-results/data_quality/scoring_input/source=canonical/run_date=2019-12-15/result.json"
    put_json(scored, result, said)
    monitor(settings, context, "2019-12-15")
    (row,) = read(scored, INDEX)["nights"]
    assert row["findings"][0][3] == "no scores were published for 2019-12-15: scoring_input: too old."


def test_a_night_monitored_again_replaces_its_row_and_runs_no_second_job(settings, context, scored) -> None:
    monitor(settings, context, "2019-12-31")
    monitor(settings, context, "2019-12-31")
    assert len(read(scored, INDEX)["nights"]) == 1
    assert scored.count("create_processing_job") == 1


def test_an_old_night_rings_no_alarm(settings, context, scored) -> None:
    monitor(settings, context, "2019-12-31")
    before = len(scored.metrics)
    monitor(settings, context, "2019-11-30")
    assert len(scored.metrics) == before


def test_all_nights_whose_scores_started_the_run_are_monitored(settings, context) -> None:
    operator = FindNightsOperator(
        task_id="find_nights", settings=settings, source="canonical", business_date="2019-12-31"
    )
    assert operator.execute(context) == [{"source": "canonical", "business_date": "2019-12-31"}]
    events = [SimpleNamespace(extra={"source": "canonical", "score_date": d}) for d in ("2020-01-02", "2020-01-01")]
    found = operator.execute(context | {"triggering_asset_events": {"mortgage_scores": events}})
    assert [night["business_date"] for night in found] == ["2020-01-01", "2020-01-02"]


def nights_of(kind: str, count: int, of: int = 30) -> list[dict[str, Any]]:
    finding = [["attention" if kind == "score_training" else "breach", kind, "", "what happened"]]
    return [
        {"date": f"2019-11-{i + 1:02d}", "psi_training": 0.3, "findings": finding if i >= of - count else []}
        for i in range(of)
    ]


def test_changed_outcomes_and_a_long_shift_are_reasons_to_train_again() -> None:
    assert "what happened" in retraining_reason(nights_of("outcome", 1), None)
    assert "20 of the last 30" in retraining_reason(nights_of("score_training", 20), None)
    assert retraining_reason(nights_of("score_training", 19), None) is None
    assert retraining_reason(nights_of("step", 30), None) is None, "a broken feed is mended, not learnt"


def test_a_request_is_followed_by_a_cool_down() -> None:
    rows = nights_of("outcome", 1)
    assert retraining_reason(rows, {"score_date": "2019-10-01"}) is None
    assert retraining_reason(rows, {"score_date": "2019-01-01"})


def test_the_request_says_why_and_is_skipped_without_a_reason(settings, context, fake_aws) -> None:
    asset = assets.retraining(Layout(settings.bucket, settings.model_name))
    night = {"settings": settings, "source": "canonical", "business_date": "2019-12-31"}

    def request(nights: list[dict[str, Any]]) -> RequestRetrainingOperator:
        return RequestRetrainingOperator(task_id="r", outlets=[asset], nights=nights, **night)

    with pytest.raises(AirflowSkipException):
        request([{"retrain": None}]).execute(context)
    context["outlet_events"] = {asset: SimpleNamespace(extra={})}
    asking = {"source": "freddie_mac", "score_date": "2019-11-30", "retrain": "Outcomes have changed."}
    assert request([asking, {"retrain": None}]).execute(context) == {"reason": "Outcomes have changed."}
    assert context["outlet_events"][asset].extra == {
        "source": "freddie_mac",
        "as_of_date": "2019-11-30",
        "reason": "Outcomes have changed.",
    }
    key = "validation-results/monitoring-index/retraining/source=freddie_mac.json"
    assert read(fake_aws, key)["score_date"] == "2019-11-30"


def test_the_runs_summary_adds_time_cost_quarantine_and_checks() -> None:
    summary = {
        "run_id": "r",
        "tasks": {"a": {"seconds": 10.5}, "b": {"seconds": None}},
        "data": {
            "clean": {"counts": {"tables": {"loans": {"quarantined": 2}, "borrowers": {"quarantined": 1}}}},
            "check": {"statistics": {"failed": 1}},
        },
        "cost": {"usd": 0.42},
    }
    facts = operations(scoring_input("2019-12-31"), summary)
    found = {name: facts[name] for name in ("quarantined", "seconds", "cost", "checks_failed", "run_id")}
    assert found == {"quarantined": 3, "seconds": 10.5, "cost": 0.42, "checks_failed": 1, "run_id": "r"}


def test_vintages_are_the_last_nights_of_months() -> None:
    days = ["2019-01-30", "2019-01-31", "2019-02-27", "2019-03-31"]
    assert vintage_dates(days, "2019-03-01") == ["2019-01-31", "2019-02-27"]
    assert month_before("2019-03-31", days) == "2019-02-27"
    assert month_before("2019-02-20", days) is None
