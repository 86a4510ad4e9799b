"""The promise of the resumable base: whatever breaks, one effective job, and nothing left running."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred
from fake_aws import LOST_ANSWER, REFUSED, SERVER_ERROR, THROTTLED, FakeAws

from mortgage_risk import aws
from mortgage_risk.data.glue_script import GlueJobOperator
from mortgage_risk.jobs.failures import AwsJobFailed
from mortgage_risk.jobs.kinds.training import TrainingJob
from mortgage_risk.jobs.operator import AwsJobOperator
from mortgage_risk.jobs.state import job_name
from mortgage_risk.jobs.triggers import AwsJobTrigger
from mortgage_risk.settings import Settings
from mortgage_risk.training.search import TuneHyperparametersOperator
from mortgage_risk.training.train import TrainModelOperator

CODE = {"sha256": "c" * 64, "prefix": "s3://mortgage-loan-ml/code/ccc/", "git_commit": "abc"}
PANEL = {
    "data_prefix": "s3://mortgage-loan-ml/panel/attempt=1/",
    "manifest_uri": "s3://mortgage-loan-ml/panel/_manifest.json",
}
RESULT = "s3://mortgage-loan-ml/out/result.json"


def training(settings: Settings, *, wait_on_worker: bool = True, **changes: Any) -> TrainModelOperator:
    arguments = {"panel": PANEL, "code": CODE, "horizon_months": 12, "hyperparameters": {}} | changes
    task = TrainModelOperator(
        task_id="train_model",
        settings=replace(settings, deferrable=not wait_on_worker),
        source="canonical",
        business_date="2019-12-31",
        **arguments,
    )
    task.seconds_on_worker = 0  # type: ignore[misc]
    return task


def glue(settings: Settings, **changes: Any) -> GlueJobOperator:
    arguments = {
        "script": "prepare.py",
        "arguments": {"mode": "train"},
        "inputs": ["s3://mortgage-loan-ml/raw-data/"],
        "result_object": RESULT,
        "code": CODE,
    } | changes
    return GlueJobOperator(
        task_id="prepare",
        settings=replace(settings, deferrable=False),
        source="canonical",
        business_date="2019-12-31",
        **arguments,
    )


def deferred(task: Any) -> Any:
    """The task, made to wait on the triggerer from the first moment."""
    task.settings, task.seconds_on_worker = replace(task.settings, deferrable=True), 0
    return task


@pytest.fixture(autouse=True)
def world(fake_aws: FakeAws) -> FakeAws:
    fake_aws.put(
        CODE["prefix"] + "sourcedir/metric_definitions.json",
        b'[{"Name": "oot-auc", "Regex": "oot-auc=(.*);"}]',
    )
    fake_aws.put("s3://mortgage-loan-ml/raw-data/loans/ingest_date=2019-12-31/loans.csv", b"loan_id\n1\n")

    def finish(job: dict[str, Any]) -> None:
        if "job" in job:
            fake_aws.put(RESULT, b"{}")
        else:
            fake_aws.put(f"s3://mortgage-loan-ml/models/m/{job['id']}/output/model.tar.gz", b"model")

    fake_aws.on_finish = finish
    return fake_aws


BOTH = pytest.mark.parametrize(("operator", "create"), [(training, "create_training_job"), (glue, "start_job_run")])


def test_tuning_gives_the_best_hyperparameters_over_those_given(settings, context, fake_aws, monkeypatch) -> None:
    task = TuneHyperparametersOperator(
        task_id="tune",
        settings=replace(settings, deferrable=False),
        source="canonical",
        business_date="2019-12-31",
        panel=PANEL,
        code=CODE,
        horizon_months=12,
        hyperparameters='{"subsample": 0.7, "seed": 3}',
        jobs="4",
    )
    assert task.execute(context)["hyperparameters"] == {
        "subsample": 0.7,
        "seed": 3,
        "max_depth": 4,
        "learning_rate": 0.05,
    }
    ((name, job),) = fake_aws.jobs.items()
    assert len(name) <= 32
    ranges = job["request"]["HyperParameterTuningJobConfig"]["ParameterRanges"]
    assert "subsample" not in [wanted["Name"] for wanted in ranges["ContinuousParameterRanges"]]
    task.jobs = "0"
    assert task.execute(context) == {"hyperparameters": {"subsample": 0.7, "seed": 3}}
    assert fake_aws.count("create_hyper_parameter_tuning_job") == 1


@BOTH
def test_a_job_runs_once_and_gives_its_result(settings, context, fake_aws, operator, create) -> None:
    result = operator(settings).execute(context)
    assert result["job"] in fake_aws.jobs
    assert result["seconds"] >= 60
    assert fake_aws.count(create) == 1


@BOTH
def test_a_second_run_of_the_same_work_uses_the_finished_job(settings, context, fake_aws, operator, create) -> None:
    first = operator(settings).execute(context)
    assert operator(settings).execute(context) == first
    assert fake_aws.count(create) == 1


@BOTH
def test_a_finished_job_whose_result_is_gone_runs_again(settings, context, fake_aws, operator, create) -> None:
    first = operator(settings).execute(context)
    for key in [key for key in fake_aws.objects if key.startswith(("models/", "out/"))]:
        del fake_aws.objects[key]
    assert operator(settings).execute(context)["job"] != first["job"]
    assert len(fake_aws.jobs) == 2


@BOTH
def test_a_lost_answer_to_the_submit_starts_no_second_job(settings, context, fake_aws, operator, create) -> None:
    fake_aws.faults[f"after:{create}"] = [LOST_ANSWER]
    operator(settings).execute(context)
    assert len(fake_aws.jobs) == 1
    assert fake_aws.count(create) == 1


@BOTH
@pytest.mark.parametrize("fault", [REFUSED, THROTTLED, SERVER_ERROR], ids=["refused", "throttled", "server error"])
def test_a_short_outage_is_survived_at_every_step(settings, context, fake_aws, operator, create, fault) -> None:
    describe = "describe_training_job" if operator is training else "get_job_run"
    fake_aws.faults = {create: [fault, fault], describe: [fault] * 3, "list_objects_v2": [fault]}
    operator(settings).execute(context)
    assert len(fake_aws.jobs) == 1


@BOTH
def test_a_worker_that_died_while_waiting_finds_its_job(settings, context, fake_aws, operator, create) -> None:
    class WorkerDied(BaseException):
        pass

    describe = "describe_training_job" if operator is training else "get_job_run"
    fake_aws.outcome = None
    fake_aws.faults[f"after:{create}"] = [WorkerDied()]  # type: ignore[list-item]
    with pytest.raises(WorkerDied):
        operator(settings).execute(context)
    assert fake_aws.count(describe) <= 1
    fake_aws.outcome = ("Completed", "")
    operator(settings).execute(context)
    assert len(fake_aws.jobs) == 1


@BOTH
def test_a_failed_job_says_why_and_its_retry_is_a_new_attempt(settings, context, fake_aws, operator, create) -> None:
    fake_aws.outcome = ("Failed", "AlgorithmError: too few defaults")
    task = operator(settings)
    with pytest.raises(AwsJobFailed, match="too few defaults"):
        task.execute(context)
    fake_aws.outcome = ("Completed", "")
    operator(settings).execute(context)
    assert [job["status"] for job in fake_aws.jobs.values()] == ["Failed", "Completed"]


def test_a_second_attempt_at_a_training_finds_the_checkpoints_of_the_first(settings, context, fake_aws) -> None:
    fake_aws.outcome = ("Failed", "InternalServerError")
    with pytest.raises(AwsJobFailed):
        training(settings).execute(context)
    fake_aws.outcome = ("Completed", "")
    training(settings).execute(context)
    first, second = (job["request"]["CheckpointConfig"]["S3Uri"] for job in fake_aws.jobs.values())
    assert first == second
    shared = next(iter(fake_aws.jobs)).rpartition("-")[0]
    assert first.endswith(f"/checkpoints/{shared}/")


def test_a_failure_ends_with_the_log(settings, context, fake_aws) -> None:
    fake_aws.outcome = ("Failed", "AlgorithmError")
    with pytest.raises(TaskDeferred):
        training(settings, wait_on_worker=False).execute(context)
    (name,) = fake_aws.jobs
    fake_aws.logs["/aws/sagemaker/TrainingJobs", f"{name}/algo-1"] = [
        "reading panel",
        "ValueError: no defaults",
    ]
    with pytest.raises(AwsJobFailed) as failure:
        training(settings).execute_complete(context, {"job_id": name, "outcome": "ended"})
    message = str(failure.value)
    assert "ValueError: no defaults" in message
    assert f"/aws/sagemaker/TrainingJobs {name}/" in message


@pytest.mark.parametrize(
    "change",
    [
        {"panel": PANEL | {"data_prefix": "s3://mortgage-loan-ml/panel/attempt=2/"}},
        {"hyperparameters": {"max_depth": 5}},
        {"code": CODE | {"prefix": "s3://mortgage-loan-ml/code/ddd/"}},
        {"horizon_months": 24},
    ],
    ids=["data", "hyperparameters", "code", "horizon"],
)
def test_other_work_is_another_job(settings, context, fake_aws, change) -> None:
    fake_aws.put("s3://mortgage-loan-ml/code/ddd/sourcedir/metric_definitions.json", b"[]")
    training(settings).execute(context)
    training(settings, **change).execute(context)
    assert fake_aws.count("create_training_job") == 2


def test_new_raw_data_is_read_and_later_extracts_are_not_of_interest(settings, context, fake_aws) -> None:
    glue(settings).execute(context)
    fake_aws.put("s3://mortgage-loan-ml/raw-data/loans/ingest_date=2020-01-31/loans.csv", b"later")
    glue(settings).execute(context)
    assert fake_aws.count("start_job_run") == 1
    fake_aws.put("s3://mortgage-loan-ml/raw-data/loans/ingest_date=2019-12-31/loans.csv", b"corrected")
    glue(settings).execute(context)
    assert fake_aws.count("start_job_run") == 2


def test_a_result_written_by_another_run_since_is_not_taken_for_its_own(settings, context, fake_aws) -> None:
    glue(settings).execute(context)
    fake_aws.pass_time(3600)
    fake_aws.put(RESULT, b"of another run")
    glue(settings).execute(context)
    assert fake_aws.count("start_job_run") == 2


@pytest.mark.parametrize("moment", ["get_job", "put_object_if"])
def test_of_two_glue_runs_started_at_once_the_second_is_not_started_and_waits_for_the_first(
    settings, context, fake_aws, monkeypatch, moment
) -> None:
    """The other worker's run starts between our look-up and our start."""
    enter, other = fake_aws.enter, [glue(settings)]

    def meanwhile(call: str) -> None:
        if call == moment and other:
            fake_aws.outcome = None
            with pytest.raises(TaskDeferred):
                deferred(other.pop()).execute(context)
            fake_aws.outcome = ("Completed", "")
        enter(call)

    monkeypatch.setattr(fake_aws, "enter", meanwhile)
    assert glue(settings).execute(context)["job"].endswith("/jr_1")
    assert not other
    assert len(fake_aws.jobs) == 1


@BOTH
def test_a_task_killed_while_its_submit_is_on_its_way_stops_the_job(
    settings, context, fake_aws, operator, create, monkeypatch
) -> None:
    task = operator(settings)
    fake_aws.outcome = None
    enter = fake_aws.enter
    monkeypatch.setattr(fake_aws, "enter", lambda call: (task.on_kill() if call == create else None, enter(call)))
    with pytest.raises(AwsJobFailed, match="killed"):
        task.execute(context)
    assert [job["status"] for job in fake_aws.jobs.values()] == ["Stopped"]


@BOTH
def test_a_task_killed_before_its_submit_submits_nothing(settings, context, fake_aws, operator, create) -> None:
    task = operator(settings)
    task.on_kill()
    with pytest.raises(AwsJobFailed, match="killed"):
        task.execute(context)
    assert fake_aws.jobs == {}


@BOTH
def test_a_cleared_task_waits_for_the_end_of_its_stopping_job_and_starts_anew(
    settings, context, fake_aws, operator, create, monkeypatch
) -> None:
    fake_aws.outcome = None
    with pytest.raises(TaskDeferred):
        deferred(operator(settings)).execute(context)
    (job,) = fake_aws.jobs.values()
    job["status"] = "Stopping"
    fake_aws.outcome = ("Completed", "")

    def sleep(seconds: float) -> None:
        fake_aws.pass_time(seconds)
        if job["status"] == "Stopping":
            job.update(status="Stopped", ended=fake_aws.now)

    monkeypatch.setattr("time.sleep", sleep)
    operator(settings).execute(context)
    assert [job["status"] for job in fake_aws.jobs.values()] == ["Stopped", "Completed"]


def test_the_execution_timeout_holds_for_a_deferred_task_too(settings, context, fake_aws) -> None:
    """Airflow applies it on the worker only."""
    fake_aws.outcome = None
    task = deferred(training(settings))
    task.execution_timeout = timedelta(minutes=5)
    with pytest.raises(TaskDeferred) as deferral:
        task.execute(context)
    watch = deferral.value.trigger.watch
    assert watch["deadline"] - time.time() < 301
    with pytest.raises(AwsJobFailed, match="within 5 minutes"):
        task.execute_complete(context, {"job_id": watch["job_id"], "outcome": "overdue"})
    assert [job["status"] for job in fake_aws.jobs.values()] == ["Stopped"]


def test_starting_a_glue_run_is_never_repeated_by_the_client(settings, context, fake_aws, monkeypatch) -> None:
    """StartJobRun has no client token: botocore's own retry would start a second run."""
    seen: list[bool] = []
    start = type(fake_aws.client("glue")).start_job_run
    original_client = fake_aws.client

    def client(service: str, conn: str = "", *, retries: bool = True) -> Any:
        found = original_client(service, conn, retries=retries)
        if service == "glue":
            found.start_job_run = lambda **request: (seen.append(retries), start(found, **request))[1]
        return found

    monkeypatch.setattr(aws, "client", client)
    glue(settings).execute(context)
    assert seen == [False]


def test_on_kill_stops_the_job(settings, context, fake_aws, monkeypatch) -> None:
    class Killed(BaseException):
        pass

    fake_aws.outcome = None
    task = training(settings)

    def sigterm(seconds: float) -> None:
        task.on_kill()
        raise Killed

    monkeypatch.setattr("time.sleep", sigterm)
    with pytest.raises(Killed):
        task.execute(context)
    assert [job["status"] for job in fake_aws.jobs.values()] == ["Stopped"]


def test_a_job_over_its_limit_is_stopped(settings, context, fake_aws, monkeypatch) -> None:
    fake_aws.outcome = None
    start = time.time()
    monkeypatch.setattr("time.sleep", lambda s: None)
    clock = iter(range(0, 10**9, 3600))
    monkeypatch.setattr("time.time", lambda: start + next(clock))
    with pytest.raises(AwsJobFailed, match="did not end within 270 minutes"):
        training(settings).execute(context)
    assert fake_aws.count("stop_training_job") == 1


def test_a_clock_that_jumps_back_ends_no_wait(settings, context, fake_aws, monkeypatch) -> None:
    """The silence of AWS is measured by the monotonic clock; an hour back gives the job an hour more, no error."""
    clock = iter([time.time(), time.time() - 3600, *[time.time() - 3600] * 100])
    monkeypatch.setattr("time.time", lambda: next(clock))
    fake_aws.faults["describe_training_job"] = [REFUSED]
    assert training(settings).execute(context)["job"] in fake_aws.jobs
    assert fake_aws.count("stop_training_job") == 0


def test_a_long_silence_of_aws_ends_the_wait_but_not_the_job(settings, context, fake_aws, monkeypatch) -> None:
    fake_aws.outcome = None
    moments = iter(range(0, 10**6, 10))
    with pytest.raises(TaskDeferred) as deferred:
        training(settings, wait_on_worker=False).execute(context)
    fake_aws.faults["describe_training_job"] = [REFUSED] * 100
    monkeypatch.setattr("time.monotonic", lambda: next(moments))
    monkeypatch.setattr("asyncio.sleep", _no_sleep)
    event = asyncio.run(_first_event(deferred.value.trigger))
    assert event["outcome"] == "unreachable"
    with pytest.raises(AwsJobFailed, match="the next try looks for it first"):
        training(settings).execute_complete(context, event)
    assert fake_aws.count("stop_training_job") == 0


def test_deferred_and_resumed_gives_the_same_as_waiting_on_the_worker(settings, context, fake_aws, monkeypatch) -> None:
    monkeypatch.setattr("asyncio.sleep", _no_sleep)
    with pytest.raises(TaskDeferred) as deferred:
        training(settings, wait_on_worker=False).execute(context)
    path, arguments = deferred.value.trigger.serialize()
    assert path == "mortgage_risk.jobs.triggers.AwsJobTrigger"
    fake_aws.faults["describe_training_job"] = [THROTTLED, REFUSED]
    event = asyncio.run(_first_event(AwsJobTrigger(**arguments)))
    result = training(settings).execute_complete(context, event)
    assert result == training(settings).execute(context)


def test_a_short_job_is_not_deferred(settings, context, fake_aws) -> None:
    task = training(settings, wait_on_worker=False)
    del task.seconds_on_worker
    assert task.execute(context)["job"] in fake_aws.jobs


def test_a_user_who_clears_a_deferred_task_stops_its_job(settings, context, fake_aws) -> None:
    fake_aws.outcome = None
    with pytest.raises(TaskDeferred) as deferred:
        training(settings, wait_on_worker=False).execute(context)
    asyncio.run(deferred.value.trigger.on_kill())
    assert fake_aws.count("stop_training_job") == 1


def test_links_are_there_while_the_job_runs(settings, context, fake_aws) -> None:
    with pytest.raises(TaskDeferred):
        training(replace(settings, job_link="http://aws/{service}/{kind}/{name}"), wait_on_worker=False).execute(
            context
        )
    (name,) = fake_aws.jobs
    assert context["ti"].pushed["_link_JobLink"] == f"http://aws/sagemaker/training-job/{name}"
    assert name in str(context["ti"].pushed["_link_LogLink"])


@pytest.mark.parametrize("hook", ["kind", "build_request", "result_is_there", "result"])
def test_an_operator_that_lacks_a_hook_fails_where_its_dag_is_read(settings, hook) -> None:
    hooks = {"kind": TrainingJob(), **dict.fromkeys(("build_request", "result_is_there", "result"), lambda *_: {})}
    given = {"settings": settings, "source": "canonical", "business_date": "2019-12-31"}
    assert type("Whole", (AwsJobOperator,), hooks)(task_id="whole", **given).kind.name == "training"
    del hooks[hook]
    with pytest.raises(TypeError, match=f"abstract.* '?{hook}'?"):
        type("Half", (AwsJobOperator,), hooks)(task_id="half", **given)


def test_xcom_stays_small(settings, context) -> None:
    import json

    assert len(json.dumps(training(settings).execute(context))) < 1024


@pytest.mark.parametrize("readable", ["train_model-canonical-20191231", "a" * 200, "x" * 48 + "--y", "Ünïcode.task"])
def test_job_names_fit_sagemaker(readable: str) -> None:
    import re

    name = f"{job_name(readable, 'f' * 64)}-99"
    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", name)


async def _no_sleep(seconds: float) -> None:
    return None


async def _first_event(trigger: AwsJobTrigger) -> dict[str, Any]:
    async for event in trigger.run():
        return event.payload
    raise AssertionError("no event")
