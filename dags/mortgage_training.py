"""
### Train, validate and release a mortgage default-risk model

**What it does.** Packs the job code, cleans the raw loan tapes (bad rows go to quarantine) and checks them, builds the
loan panel (one row per loan and month-end, with label and point-in-time features), checks it, trains the model on it,
validates the model out of time, holds the result against the thresholds, registers the model with its evidence, and
approves it, by a person or by setting.

**Inputs.** `raw-data/<table>/ingest_date=…/`: per table the newest complete extract ingested on or before the
as-of date.

**Outputs.** Clean tables (`processed-data/clean_tables/`), rejected rows (`processed-data/quarantine/`), the panel
(`processed-data/loan_panel/`), check results, the validation report (`validation-results/`), a version in the model
registry, a summary (`run-summaries/`).

**Schedule.** Monthly, in the lender's time zone; the as-of date is the last month-end. Also when
`mortgage_model_monitoring` asks for it: its asset event says why, and for which source and date (of several events the
last). On demand: *Trigger* and fill in the form. `airflow backfill create --dag-id mortgage_training` trains for past
months.

**What a re-run does.** Every AWS job is named by what it does: the same code on the same data with the same
parameters is not run again, its result is used. What changed is run anew, and replaces exactly this source's
and date's outputs. A training job is registered once. A version in force is not asked about again, and stays in
force whatever the run says of it, from the date it had: `mortgage_model_withdrawal` alone takes it out of force.

**When it fails (on call).**

* `find_delivery`: nothing was delivered by the as-of date. Land files or choose a later date.
* `clean_raw_data`: a file is missing, empty or not what it should be; the message names it. Get it again, clear the
  task.
* `check_raw_data`, `check_loan_panel`: data broke a rule; the log names rule and figure. Get a corrected
  extract, clear the task.
* `prepare_loan_panel`: the Spark job failed; the log ends with its last lines. Read *Job log*; clear the task
  when fixed.
* `tune_hyperparameters`: none of its trainings succeeded, or it is over its time. *Job log* is the last training's.
* `train_model`, `validate_model`: the job failed: at once where its data or settings are at fault (too little history,
  too few defaults, a bad value), else after retries. The message says why, and which entries of the form would help.
* `ask_for_approval`: the question could not be asked. Nobody answering in time is a rejection. Clear the task: it
  asks again, in the words of the first time; today's are in its log, or in the question of a new run. Scoring is not
  affected.
* `record_decision`: the model was rejected by the gate or a person. Read *Report*. Scoring goes on with
  the model in force. Or the decision is not one that may change what was decided before; the message says what stands.
* `confirm_work`: somebody ended the run before its work was done. Clear the run to do it.

No night's scoring waits for this DAG. Nothing in it needs to be undone before a re-run.
"""

from __future__ import annotations

from airflow.sdk import DAG
from airflow.timetables.assets import AssetOrTimeSchedule

from mortgage_risk import assets
from mortgage_risk.dag.arguments import AS_OF_DATE, SOURCE, RunArguments, dag_arguments
from mortgage_risk.dag.params import training_params
from mortgage_risk.dag.prepared_data import prepared_data
from mortgage_risk.dag.run_summary import summarized
from mortgage_risk.dag.stages import Development, built_model, released_model
from mortgage_risk.dag.timetable import FromNowOnTimetable
from mortgage_risk.jobs.packaging import PackageCodeOperator
from mortgage_risk.layout import Layout
from mortgage_risk.settings import load_settings

settings = load_settings()
paths = Layout(settings.bucket, settings.model_name)
run = RunArguments(settings=settings, source=SOURCE, business_date=AS_OF_DATE)

HORIZON = "{{ params.horizon_months }}"

with DAG(
    dag_id="mortgage_training",
    dag_display_name="Mortgage model: train and release",
    doc_md=__doc__,
    schedule=AssetOrTimeSchedule(
        timetable=FromNowOnTimetable(settings.training_schedule, settings.timezone), assets=[assets.retraining(paths)]
    ),
    max_active_runs=1,
    params=training_params(settings),
    tags=["mortgage-risk", "training"],
    **dag_arguments(settings, owner="credit-risk-modelling"),
):
    code = PackageCodeOperator(task_id="package_code", **run)
    prepare, panel = prepared_data(
        run,
        "loan_panel",
        horizon_months=HORIZON,
        prefix=paths.loan_panel(SOURCE, AS_OF_DATE, HORIZON),
        code=code.output,
        outlets=[assets.loan_panel(paths)],
    )
    made_of = Development(code.output, panel.output, HORIZON)
    tuning, training, validation = built_model(run, made_of)
    decision = released_model(
        run,
        made_of,
        training=training.output,
        validation=validation.output,
        outlets=[assets.approved_model(paths)],
    )
    prepare >> tuning
    summarized(decision)
