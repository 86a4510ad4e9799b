"""What a job read and wrote, told as OpenLineage; and the way back from a score to the training data."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from fake_aws import FakeAws

from mortgage_risk.aws import fingerprint
from mortgage_risk.data.datasets import GlueDatasetOperator
from mortgage_risk.jobs import lineage
from mortgage_risk.layout import Layout
from mortgage_risk.release import trail

B = "s3://mortgage-loan-ml/"
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/mortgage-default-risk-canonical/1"


def publish(settings: Any, context: Any, fake: FakeAws) -> dict[str, Any]:
    manifest = {"data_prefix": f"{B}out/attempt=1/", "rows": 1, "files": [{"key": "x", "bytes": 1}]}
    fake.on_finish = lambda job: fake.put(f"{B}out/_manifest.json", json.dumps(manifest).encode())
    return GlueDatasetOperator(
        task_id="publish_scores",
        settings=replace(settings, deferrable=False),
        source="canonical",
        business_date="2019-12-31",
        script="publish_scores.py",
        arguments={"model_package_arn": ARN},
        inputs=[f"{B}in/_manifest.json"],
        prefix=f"{B}out/",
        code={"sha256": "c" * 64, "prefix": f"{B}code/ccc/", "git_commit": "abc"},
    ).execute(context)


def test_a_job_appends_its_event_to_the_file(settings, context, fake_aws, tmp_path) -> None:
    path = tmp_path / "lineage" / "events.ndjson"
    told = replace(settings, lineage_url=f"file://{path}")
    publish(told, context, fake_aws)
    publish(told, context, fake_aws)  # uses the finished job: the same event again, under the same run
    first, second = map(json.loads, path.read_text().splitlines())
    assert first == second
    assert first["eventType"] == "COMPLETE"
    assert first["job"]["name"].endswith(".publish_scores")
    assert first["inputs"] == [{"namespace": "s3://mortgage-loan-ml", "name": "in/_manifest.json"}]
    assert first["outputs"] == [{"namespace": "s3://mortgage-loan-ml", "name": "out/_manifest.json"}]
    facts = first["run"]["facets"]["mortgageRisk"]
    assert facts["arguments"]["model_package_arn"] == ARN
    assert facts["job"] in fake_aws.jobs


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that an event was sent to, whether or not it arrived."""
    urls: list[str] = []
    emit = lineage.emit

    def spy(url: str, event: Any) -> None:
        urls.append(url)
        emit(url, event)

    monkeypatch.setattr(lineage, "emit", spy)
    return urls


def test_without_the_setting_nothing_is_told(settings, context, fake_aws, tried) -> None:
    assert publish(settings, context, fake_aws)["rows"] == 1
    assert tried == []


def test_a_deaf_receiver_harms_nothing(settings, context, fake_aws, tried) -> None:
    deaf = "http://127.0.0.1:9/"
    assert publish(replace(settings, lineage_url=deaf), context, fake_aws)["rows"] == 1
    assert tried == [deaf]
    with pytest.raises(OSError, match="refused"):
        lineage.emit(deaf, {})


def test_events_are_posted() -> None:
    received: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return None

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.handle_request, daemon=True).start()
    event = lineage.run_event(
        dag_id="d",
        task_id="t",
        run_id="r",
        try_key="j",
        ended_at=datetime(2020, 1, 1, tzinfo=UTC),
        inputs=[ARN],
        outputs=[],
        facts={},
    )
    lineage.emit(f"http://127.0.0.1:{server.server_port}/api/v1/lineage", event)
    server.server_close()
    assert received == [event]
    assert event["inputs"][0]["name"] == "model-package/mortgage-default-risk-canonical/1"


@pytest.fixture
def history(fake_aws: FakeAws) -> FakeAws:
    """A night's scores, the model that made them and the panel it was trained on."""
    panel = {"data_prefix": f"{B}panel/attempt=1/", "rows": 9, "files": [{"key": "attempt=1/snapshot_month=2019-11/0"}]}
    fake_aws.put(f"{B}panel/_manifest.json", json.dumps(panel).encode())
    fake_aws.put(f"{B}panel/attempt=1/snapshot_month=2019-11/0", b"rows")
    scores = {"data_prefix": f"{B}s/attempt=1/", "rows": 3, "files": [], "model_package_arn": ARN, "input_prefix": "i"}
    prefix = Layout("mortgage-loan-ml", "mortgage-default-risk").scores("canonical", "2019-12-31")
    fake_aws.put(f"{prefix}_manifest.json", json.dumps(scores).encode())
    metadata = {
        "panel_manifest_uri": f"{B}panel/_manifest.json",
        "panel_fingerprint": fingerprint(fake_aws.client("s3"), f"{B}panel/attempt=1/", until="2019-12-31"),
        "training_job": "train-1",
        "as_of_date": "2019-12-31",
    }
    fake_aws.client("sagemaker").create_model_package(
        ModelPackageGroupName="mortgage-default-risk-canonical",
        InferenceSpecification={"Containers": [{"ModelDataUrl": f"{B}m.tar.gz"}]},
        CustomerMetadataProperties=metadata,
    )
    return fake_aws


def follow(fake: FakeAws, **changes: Any) -> dict[str, Any]:
    layout = Layout("mortgage-loan-ml", "mortgage-default-risk")
    asked = {"source": "canonical", "score_date": "2019-12-31", "loan_id": None} | changes
    return trail.follow(fake.client("s3"), fake.client("sagemaker"), layout, **asked)


def test_a_score_leads_to_its_model_and_to_the_partitions_it_was_trained_on(history: FakeAws) -> None:
    found = follow(history)
    assert (found["model"]["version"], found["model"]["training_job"]) == (1, "train-1")
    assert found["training_data"]["partitions"] == ["attempt=1/snapshot_month=2019-11"]
    assert found["training_data"]["unchanged_since_training"] is True
    history.put(f"{B}panel/attempt=1/snapshot_month=2019-11/0", b"other rows")
    assert follow(history)["training_data"]["unchanged_since_training"] is False


def test_a_lost_trail_says_where(history: FakeAws) -> None:
    with pytest.raises(trail.TrailLost, match="No scores of canonical loans for 2019-12-30"):
        follow(history, score_date="2019-12-30")
    del history.objects["panel/_manifest.json"]
    with pytest.raises(trail.TrailLost, match="panel of arn"):
        follow(history)
