"""
### Score every performing loan, every night

**What it does.** Takes the model in force on the business date, builds the scoring input as known on that
date, checks it, scores it by SageMaker batch transform, reconciles (every loan scored exactly once) and
publishes the scores.

**Inputs.** `raw-data/<table>/ingest_date=…/` (per table the newest complete extract ingested on or before the
date) and the model registry: of the approved versions effective on or before the date, the one effective
last.

**Outputs.** `inference-data/output/source=…/score_date=…/`: one Parquet file (`loan_id`, `score_date`, `pd`,
`grade`, `reason_1` … `reason_4`, model version) and `_manifest.json`, written last: read the scores through it.
Rejected rows in `processed-data/quarantine/`, a summary in `run-summaries/`. The asset `mortgage_scores`, on which
the monitoring runs.

**Schedule.** Daily at 02:00 in the lender's time zone, by setting. The run after midnight of the 15th closes
the 14th: its score date is the 14th, the start of its data interval. By hand: *Trigger*, with a date in the
form. Past nights: `airflow backfill create --dag-id mortgage_nightly_scoring --from-date 2019-11-01 --to-date
2019-12-01 --max-active-runs 3`, or *Backfill* in the UI: score dates 1 to 30 November. A date means
its midnight in UTC, so the last one given is the day after the last night; east of Greenwich state the lender's own,
`2019-11-01T00:00+09:00`. A night on which the clock is put forward or back is a night like any other. The fields of
the dialog count only where *Override parameters on existing runs* is ticked; a date in them is refused, since it would
be every night's.

**What a re-run does.** It replaces this source's and date's scores alone; the same input, code and model
yield the same bytes. Jobs that have done exactly this work already are not run again, their results are used.

**When it is late.** Scores are due 4 hours after the run was queued, by 06:00; then people are told (settings
`scores_due_hours`, `sns_topic_arn`, `notifier`).

**When it fails (on call).** The scores of the date before stay in place; nothing half-written is ever
visible.

* `select_model`: no approved model is in force on the date. The message says which; approve one in
  `mortgage_training`. Or the one that was has another status in the registry, given past the pipeline.
* `find_delivery`: nothing was delivered by the date.
* `clean_raw_data`: a file is missing, empty or not what it should be; the message names it. Get it again, clear the
  task.
* `prepare_scoring_input`: the Spark job failed; the log ends with its last lines. Read *Job log*, clear the task.
* `check_scoring_input`: data broke a rule, or the tapes are too old for the night (settings `report_age_error_days`,
  `ingest_age_error_days`); the log names rule and figure. Get a corrected or the newer extract, clear `find_delivery`
  and after.
* `batch_transform`: the model could not read or score a row. Read *Job log*; compare the model's code
  version.
* `publish_scores`: scores do not reconcile with the input; the message has the counts. Clear
  `batch_transform` and after.
* `confirm_work`: somebody ended the run before its work was done. Clear the run to do it.
"""

from __future__ import annotations

from airflow.sdk import DAG

from mortgage_risk import assets
from mortgage_risk.dag.arguments import SCORE_DATE, SOURCE, RunArguments, dag_arguments
from mortgage_risk.dag.notifications import scores_due
from mortgage_risk.dag.params import scoring_params
from mortgage_risk.dag.prepared_data import prepared_data
from mortgage_risk.dag.run_summary import summarized
from mortgage_risk.dag.stages import scored_loans
from mortgage_risk.dag.timetable import FromNowOnTimetable
from mortgage_risk.jobs.packaging import PackageCodeOperator
from mortgage_risk.layout import Layout
from mortgage_risk.release.registration import SelectModelOperator
from mortgage_risk.settings import load_settings

settings = load_settings()
paths = Layout(settings.bucket, settings.model_name)
run = RunArguments(settings=settings, source=SOURCE, business_date=SCORE_DATE)

with DAG(
    dag_id="mortgage_nightly_scoring",
    dag_display_name="Mortgage model: nightly scoring",
    doc_md=__doc__,
    schedule=FromNowOnTimetable(settings.nightly_schedule, settings.timezone),
    max_active_runs=3,
    deadline=scores_due(settings),
    params=scoring_params(),
    tags=["mortgage-risk", "scoring"],
    **dag_arguments(settings, owner="credit-risk-operations"),
):
    code = PackageCodeOperator(task_id="package_code", **run)
    package = SelectModelOperator(task_id="select_model", **run)

    prepare, scoring_input = prepared_data(
        run,
        "scoring_input",
        horizon_months="{{ ti.xcom_pull('select_model')['horizon_months'] }}",
        prefix=paths.scoring_input(SOURCE, SCORE_DATE),
        code=code.output,
    )

    model, publish = scored_loans(
        run,
        code=code.output,
        package=package.output,
        scoring_input=scoring_input,
        outlets=[assets.scores(paths)],
    )
    package >> prepare >> model
    summarized(publish)
