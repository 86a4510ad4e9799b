"""Each kind of job calls AWS by names and arguments that AWS knows, and reads what AWS answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.validate import ParamValidator

from mortgage_risk.jobs import inventory
from mortgage_risk.jobs.inventory import TaggedJob
from mortgage_risk.jobs.kinds import KINDS
from mortgage_risk.jobs.kinds.endpoint import EndpointUpdate
from mortgage_risk.jobs.kinds.kind import CannotBeStopped
from mortgage_risk.jobs.kinds.sagemaker_job import SageMakerJob
from mortgage_risk.jobs.requests import RunTags, deployment

SAGEMAKER = [kind for kind in KINDS.values() if isinstance(kind, SageMakerJob)]
EVERY_SAGEMAKER_KIND = pytest.mark.parametrize("kind", SAGEMAKER, ids=lambda kind: kind.name)
START, END = datetime(2020, 1, 5, 9, tzinfo=UTC), datetime(2020, 1, 5, 10, tzinfo=UTC)


@dataclass
class StrictClient:
    """A client of boto3's own model of SageMaker: it refuses a call or an argument that the model does not know."""

    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._model = botocore.session.get_session().get_service_model("sagemaker")
        self._operations = {xform_name(name): name for name in self._model.operation_names}

    def __call__(self, service: str, *, retries: bool = True) -> StrictClient:
        assert service == "sagemaker"
        return self

    def __getattr__(self, call: str) -> Callable[..., Any]:
        operation = self._model.operation_model(self._operations[call])

        def checked(**arguments: Any) -> dict[str, Any]:
            report = ParamValidator().validate(arguments, operation.input_shape)
            assert not report.has_errors(), report.generate_report()
            self.calls.append(call)
            answer = self.answers.get(call, {})
            assert set(answer) <= set(operation.output_shape.members if operation.output_shape else ())
            return answer

        return checked

    def get_paginator(self, call: str) -> Any:
        listing = getattr(self, call)

        class Pages:
            def paginate(self, **arguments: Any) -> Iterator[dict[str, Any]]:
                yield listing(**arguments)

        return Pages()


def snake(kind: SageMakerJob) -> str:
    """As in create_<…>_job."""
    return xform_name(kind.title)


@EVERY_SAGEMAKER_KIND
def test_a_sagemaker_job_is_described_and_stopped_by_calls_that_there_are(kind: SageMakerJob) -> None:
    call = f"describe_{snake(kind)}_job"
    client = StrictClient(
        {call: {f"{kind.title}JobStatus": "Completed", "CreationTime": START, f"{kind.title}EndTime": END}}
    )
    state = kind.describe(client, "j-1")
    assert (state.phase, state.started_at, state.ended_at, state.seconds) == ("succeeded", START, END, 3600)
    kind.stop(client, "j-1")
    assert client.calls == [call, f"stop_{snake(kind)}_job"]


@EVERY_SAGEMAKER_KIND
def test_running_sagemaker_jobs_are_listed_with_their_tags(kind: SageMakerJob, settings: Any) -> None:
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:{kind.name}-job/j-1"
    summary = {f"{kind.title}JobName": "j-1", f"{kind.title}JobArn": arn, "CreationTime": START}
    client = StrictClient(
        {
            f"list_{snake(kind)}_jobs": {f"{kind.title}JobSummaries": [summary]},
            "list_tags": {"Tags": [{"Key": "platform", "Value": "p"}]},
        }
    )
    (found,) = kind.running(client, settings)
    assert (found.job_id, found.started_at, found.tags) == ("j-1", START, {"platform": "p"})


@pytest.mark.parametrize("owner", ["ours", "another deployment's", "somebody's"])
def test_only_this_deployments_jobs_are_taken_stock_of(settings: Any, monkeypatch: Any, owner: str) -> None:
    tags = RunTags("d", "t", "r", "2019-12-31", deployment(settings)).as_list()
    if owner == "another deployment's":
        tags = RunTags("d", "t", "r", "2019-12-31", "other/model").as_list()
    if owner == "somebody's":
        tags = []
    summary = {"TransformJobName": "j-1", "TransformJobArn": "arn", "CreationTime": START}
    client = StrictClient({"list_transform_jobs": {"TransformJobSummaries": [summary]}, "list_tags": {"Tags": tags}})
    monkeypatch.setattr(inventory, "KINDS", {"transform": KINDS["transform"]})
    ours = [TaggedJob("transform", "j-1", START, "d", "t", "r")]
    assert inventory.running_jobs(client, settings) == (ours if owner == "ours" else [])


def test_an_endpoints_update_cannot_be_stopped_and_is_nobodys_orphan(settings: Any) -> None:
    client = StrictClient()
    with pytest.raises(CannotBeStopped, match="deploy the former model"):
        EndpointUpdate().stop(client, "e/c")
    assert list(EndpointUpdate().running(client, settings)) == []
    assert client.calls == []


def test_a_search_for_a_call_finds_it() -> None:
    """No call to AWS is put together from parts."""
    from pathlib import Path

    source = "".join(path.read_text(encoding="utf-8") for path in Path(inventory.__file__).parent.rglob("*.py"))
    assert "getattr(client" not in source
    for kind in SAGEMAKER:
        for call in (f"create_{snake(kind)}_job(", f"describe_{snake(kind)}_job(", f"stop_{snake(kind)}_job("):
            assert source.count(f"client.{call}") == 1, call
