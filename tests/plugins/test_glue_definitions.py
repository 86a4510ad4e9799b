"""Few Glue jobs (definitions) for many requests: which there are, whose they are, which may go, what runs of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from fake_aws import FakeAws

from mortgage_risk.jobs import inventory
from mortgage_risk.jobs.kinds import GLUE
from mortgage_risk.jobs.kinds.glue import DefinitionError
from mortgage_risk.jobs.requests import RunTags, deployment
from mortgage_risk.jobs.state import BeingStarted
from mortgage_risk.settings import Settings

CODE = "s3://mortgage-loan-ml/code/c0de/"
SCRIPTS = ("clean_raw_tables.py", "prepare_loan_panel.py", "check_data_quality.py", "publish_scores.py")


def tags(settings: Settings, day: str = "2019-12-31") -> RunTags:
    return RunTags("mortgage_nightly_scoring", "prepare", f"scheduled__{day}", day, deployment(settings))


def submit(
    fake: FakeAws, settings: Settings, script: str = SCRIPTS[0], day: str = "2019-12-31", code: str = CODE
) -> str:
    request = GLUE.request(
        settings, script=script, code_prefix=code, arguments={"score_date": day}, tags=tags(settings, day)
    )
    return GLUE.submit(fake.client, request, f"{script.removesuffix('.py')}-{day}-{code[-5:-1]}", None)


def test_two_years_of_nights_need_a_definition_for_each_script(fake_aws: FakeAws, settings: Settings) -> None:
    jobs = set()
    for night in range(730):
        day = (date(2018, 1, 1) + timedelta(days=night)).isoformat()
        for script in SCRIPTS:
            job_id = submit(fake_aws, settings, script, day)
            fake_aws.jobs[job_id].update(status="Completed", ended=fake_aws.now)
            jobs.add(job_id)
    assert submit(fake_aws, settings, day="2018-01-01") in jobs, "found again among 2,920"
    assert len(jobs) == len(fake_aws.jobs) == 730 * 4
    assert len(fake_aws.glue_jobs) == fake_aws.count("create_job") == 4


def test_other_code_and_other_settings_are_other_definitions(fake_aws: FakeAws, settings: Settings) -> None:
    """None is changed under a run; the old ones go when they have not run for long."""
    submit(fake_aws, settings)
    submit(fake_aws, settings, code=CODE.replace("c0de", "c0d2"))
    submit(fake_aws, replace(settings, glue_workers=9), day="2020-01-01")
    assert len(fake_aws.glue_jobs) == 3
    assert all(name.startswith("mortgage-default-risk-clean-raw-tables-") for name in fake_aws.glue_jobs)


def test_a_definition_of_the_same_name_but_other_code_is_not_run(fake_aws: FakeAws, settings: Settings) -> None:
    given = replace(settings, glue_job_definitions="given")
    submit(fake_aws, settings)
    (made,) = fake_aws.glue_jobs.values()
    name = "mortgage-default-risk-clean-raw-tables"
    fake_aws.glue_jobs[name] = {**made, "Name": name}
    assert submit(fake_aws, given, day="2020-01-01").startswith(f"{name}/jr_")
    with pytest.raises(DefinitionError, match=r"runs s3://.*/c0de/clean_raw_tables.py .* this version .*/c0d2/"):
        submit(fake_aws, given, day="2020-01-02", code=CODE.replace("c0de", "c0d2"))
    with pytest.raises(DefinitionError, match=r"There is no Glue job mortgage-default-risk-publish-scores.*given"):
        submit(fake_aws, given, "publish_scores.py")
    assert fake_aws.count("create_job") == 1
    fake_aws.pass_time(400 * 86400)
    assert GLUE.unused_definitions(fake_aws.client, given, fake_aws.now) == []


def test_a_definition_goes_when_it_has_not_run_for_long(fake_aws: FakeAws, settings: Settings) -> None:
    submit(fake_aws, settings)
    submit(fake_aws, settings, "publish_scores.py")
    fake_aws.pass_time(100 * 86400)
    submit(fake_aws, settings, day="2020-04-01")
    unused = GLUE.unused_definitions(fake_aws.client, settings, fake_aws.now - timedelta(days=90))
    assert [name.rpartition("-")[0] for name in unused] == ["mortgage-default-risk-publish-scores"]


def test_the_inventory_knows_who_asked_for_each_run_and_which_nobody_can_find(
    fake_aws: FakeAws, settings: Settings
) -> None:
    fake_aws.now = datetime.now(UTC)
    job_id = submit(fake_aws, settings)
    definition = job_id.partition("/")[0]
    fake_aws.client("glue").start_job_run(JobName=definition, Arguments={"--airflow_request": "never-claimed-1"})
    fake_aws.client("glue").start_job_run(JobName=definition, Arguments={})
    ended = submit(fake_aws, settings, day="2020-01-01")
    fake_aws.jobs[ended].update(status="Completed", ended=fake_aws.now)
    found = {job.job_id: job for job in inventory.running_jobs(only_glue(fake_aws), settings)}
    assert sorted(found) == [job_id, f"{definition}/jr_2", f"{definition}/jr_3"]
    owner = (found[job_id].dag_id, found[job_id].task_id, found[job_id].run_id)
    assert owner == ("mortgage_nightly_scoring", "prepare", "scheduled__2019-12-31")
    assert {found[f"{definition}/jr_{n}"].dag_id for n in (2, 3)} == {""}
    other = replace(settings, model_name="another")
    assert inventory.running_jobs(only_glue(fake_aws), other) == []


def only_glue(fake: FakeAws) -> Any:
    """Clients of an account without SageMaker jobs."""

    class Nothing:
        def __getattr__(self, name: str) -> Any:
            return lambda *_, **__: Nothing()

        def paginate(self, **_: Any) -> list[Any]:
            return []

    return lambda service, *, retries=True: Nothing() if service == "sagemaker" else fake.client(service)


def test_a_run_that_glue_has_forgotten_gives_way_to_the_next_attempt(fake_aws: FakeAws, settings: Settings) -> None:
    job_id = submit(fake_aws, settings)
    del fake_aws.jobs[job_id]
    with pytest.raises(BeingStarted):  # a moment after its start that may be Glue's lists, which lag behind
        submit(fake_aws, settings)
    fake_aws.pass_time(61)
    submit(fake_aws, settings)
    (job,) = fake_aws.jobs.values()
    assert job["request"]["--airflow_request"].endswith("-2")
