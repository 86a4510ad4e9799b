"""
### Find jobs in AWS that no task waits for

**What it does.** Lists the running Glue and SageMaker jobs that carry this deployment's tags, asks Airflow whether
any task that could be waiting for them is live, and reports those that belong to nobody. With *Dry run* off it
stops them. It also deletes the Glue jobs (definitions) that have not run for the setting `glue_job_days`.

**Inputs.** Tags of the jobs in AWS; states of the tasks in Airflow.

**Outputs.** A report, `run-summaries/mortgage_orphan_sweeper/`, with a link on the task.

**Schedule.** Nightly at the setting `sweeper_schedule`, as a dry run while the setting `sweeper_dry_run` is true.

**What a re-run does.** It looks again.

**When it fails (on call).** Nothing depends on it.

* `sweep_orphans`: AWS could not be asked, or the role may not list or stop. Read the log, clear the task.

A job becomes an orphan if its task was marked failed while the triggerer or the worker was down, so that nobody
could stop it. It costs money until it ends or reaches its time limit; it does no harm to the data.
"""

from __future__ import annotations

from airflow.sdk import DAG

from mortgage_risk.dag.arguments import SCORE_DATE, dag_arguments
from mortgage_risk.dag.params import sweeper_params
from mortgage_risk.dag.timetable import FromNowOnTimetable
from mortgage_risk.jobs.sweeper import SweepOrphansOperator
from mortgage_risk.settings import load_settings

settings = load_settings()

with DAG(
    dag_id="mortgage_orphan_sweeper",
    dag_display_name="Mortgage platform: orphan sweeper",
    doc_md=__doc__,
    schedule=FromNowOnTimetable(settings.sweeper_schedule, settings.timezone),
    max_active_runs=1,
    params=sweeper_params(settings),
    tags=["mortgage-risk", "operations"],
    **dag_arguments(settings, owner="credit-risk-operations"),
):
    SweepOrphansOperator(
        task_id="sweep_orphans",
        settings=settings,
        source="all",
        business_date=SCORE_DATE,
        report_only="{{ params.dry_run }}",
        dag_ids=["mortgage_training", "mortgage_nightly_scoring"],  # they share the jobs that clean a delivery
    )
