"""
### Put the model in force behind the real-time endpoint

**What it does.** Takes the model in force today, makes the endpoint serve it (creates the endpoint where there is
none, without a gap where there is one), and asks it for one loan of the newest scored night: the PD must be the
batch's.

**Inputs.** The model registry; the newest scores with their input. The setting `endpoint_name`: empty, the default,
means that there is no endpoint, and the run ends skipped.

**Outputs.** The SageMaker endpoint `<endpoint_name>-<source>`, one endpoint configuration for each deployment.

**Schedule.** Whenever a model is approved or withdrawn, and nightly with the scoring, because a model may come into
force on a later day than that of its approval. By hand: *Trigger*, with a source in the form.

**What a re-run does.** An endpoint that serves the model in force already is not touched, only asked.

**When it fails (on call).** Batch scoring is not touched by it.

* `find_endpoint`: skipped where `endpoint_name` is empty.
* `select_model`: no approved model is in force today. The message says which; approve one in `mortgage_training`. Until
  then the endpoint goes on serving what it serves: after a withdrawal keep its callers away.
* `create_model`: SageMaker refused; the message says why. Mostly the role or the image.
* `update_endpoint`: the new model did not come up; the message has SageMaker's reason and the log's end. The old one
  goes on serving. Clear the task when the cause is gone. Killing it stops nothing: AWS ends an update by itself.
* `check_endpoint`: the endpoint gave another PD than the batch, or an error. Keep its callers away.

To go back to the model before: withdraw the new one by `mortgage_model_withdrawal`. This DAG follows by itself.
"""

from __future__ import annotations

from airflow.sdk import DAG
from airflow.timetables.assets import AssetOrTimeSchedule

from mortgage_risk import assets
from mortgage_risk.dag.arguments import SOURCE, TODAY, RunArguments, dag_arguments
from mortgage_risk.dag.params import deployment_params
from mortgage_risk.dag.timetable import FromNowOnTimetable
from mortgage_risk.layout import Layout
from mortgage_risk.release.deployment import (
    CheckEndpointOperator,
    CreateModelOperator,
    DeployModelOperator,
    FindEndpointOperator,
)
from mortgage_risk.release.registration import SelectModelOperator
from mortgage_risk.settings import load_settings

settings = load_settings()
paths = Layout(settings.bucket, settings.model_name)
run = RunArguments(settings=settings, source=SOURCE, business_date=TODAY)

with DAG(
    dag_id="mortgage_deployment",
    dag_display_name="Mortgage model: deploy to the endpoint",
    doc_md=__doc__,
    schedule=AssetOrTimeSchedule(
        timetable=FromNowOnTimetable(settings.nightly_schedule, settings.timezone),
        assets=[assets.approved_model(paths)],
    ),
    max_active_runs=1,
    params=deployment_params(),
    tags=["mortgage-risk", "deployment"],
    **dag_arguments(settings, owner="credit-risk-operations"),
):
    endpoint = FindEndpointOperator(task_id="find_endpoint", **run)
    package = SelectModelOperator(task_id="select_model", **run)
    model = CreateModelOperator(task_id="create_model", package=package.output, **run)
    update = DeployModelOperator(
        task_id="update_endpoint",
        settings=settings,
        source=SOURCE,
        # The day the model came into force, not today: the same deployment keeps its name.
        business_date="{{ ti.xcom_pull('select_model')['effective_from'] }}",
        endpoint=endpoint.output,
        model=model.output,
        package=package.output,
    )
    check = CheckEndpointOperator(task_id="check_endpoint", endpoint=endpoint.output, package=package.output, **run)
    endpoint >> package
    update >> check
