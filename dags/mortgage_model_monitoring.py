"""
### Monitor every scored night

**What it does.** Compares a night's scoring input and scores with the model's training sample and with the nights
before, reads the outcomes of earlier scores as far as they have matured, and says what it finds: drift, a broken feed,
grades whose PD is too low, a night without scores.

**Inputs.** The scoring input, the published scores, the model that made them, the newest loan panel, the night before.

**Outputs.** `validation-results/monitoring/source=…/date=…/`: `monitoring.json`, `report.html` and SageMaker Model
Monitor's three files; a row in `validation-results/monitoring-index/`, which the dashboard reads; CloudWatch metrics
in `MortgageRisk/Monitoring`.

**Schedule.** Whenever scores are published, and daily when they are due by setting: a night that has none by then is
entered as missing. By hand: *Trigger*, with a date in the form. Past nights: `airflow backfill create --dag-id
mortgage_model_monitoring --from-date 2019-11-01 --to-date 2019-12-01`, oldest first.

**What a re-run does.** It replaces the night's row and nothing else. A job that has done exactly this work already is
not run again.

**When it fails (on call).** Scoring is not touched by it; the dashboard shows a gap.

* `find_nights`: the asset event or the form has no date.
* `monitor_night`: the scores do not fit the scoring input, or the model cannot be read; the message has the counts.
  A finding is no failure: read *Report*.
* `request_retraining`: skipped unless outcomes have changed or the portfolio has left training's for weeks, and no
  more often than every 90 days. What it asked for, and why, stands in the event that starts `mortgage_training`.
"""

from __future__ import annotations

from airflow.sdk import DAG
from airflow.timetables.assets import AssetOrTimeSchedule

from mortgage_risk import assets
from mortgage_risk.dag.arguments import SCORE_DATE, SOURCE, RunArguments, dag_arguments
from mortgage_risk.dag.params import monitoring_params
from mortgage_risk.dag.timetable import FromNowOnTimetable
from mortgage_risk.jobs.packaging import PackageCodeOperator
from mortgage_risk.layout import Layout
from mortgage_risk.monitoring.night import FindNightsOperator, MonitorNightOperator
from mortgage_risk.monitoring.retraining import RequestRetrainingOperator
from mortgage_risk.settings import load_settings

settings = load_settings()
paths = Layout(settings.bucket, settings.model_name)
run = RunArguments(settings=settings, source=SOURCE, business_date=SCORE_DATE)

with DAG(
    dag_id="mortgage_model_monitoring",
    dag_display_name="Mortgage model: monitoring",
    doc_md=__doc__,
    schedule=AssetOrTimeSchedule(
        timetable=FromNowOnTimetable(settings.monitoring_schedule, settings.timezone), assets=[assets.scores(paths)]
    ),
    max_active_runs=1,  # each night is held against the one before
    params=monitoring_params(),
    tags=["mortgage-risk", "monitoring"],
    **dag_arguments(settings, owner="credit-risk-operations"),
):
    code = PackageCodeOperator(task_id="package_code", **run)
    nights = FindNightsOperator(task_id="find_nights", **run)
    monitored = MonitorNightOperator.partial(
        task_id="monitor_night", settings=settings, code=code.output, max_active_tis_per_dag=1
    ).expand_kwargs(nights.output)
    RequestRetrainingOperator(
        task_id="request_retraining", nights=monitored.output, outlets=[assets.retraining(paths)], **run
    )
