"""
### Withdraw a model

**What it does.** Takes one approved version out of force from a date on. Nights before that date keep it, also when
they are run again; from then on the model that was in force before it scores again, or none, which the run says.

**Inputs.** The form: the version (its number in the registry, on the monitoring page and beside the scores), the
reason, the first business date that it must not score any more. An empty form withdraws nothing: the task's log says
which versions are in force.

**Outputs.** In the registry entry `withdrawn_from`, `withdrawn_by` (the Airflow user who started the run),
`withdrawn_at`, `withdrawn_reason`. SageMaker's status stays Approved: it deploys no other, and past nights may need the
version again. People are told. The asset `mortgage_approved_model`, on which `mortgage_deployment` puts the model in
force behind the endpoint.

**Schedule.** None: *Trigger*, and fill in the form. A night's score date is the day before the night: withdrawn from
the 15th, a model does not score the run after midnight of the 16th.

**What a re-run does.** Nothing: what is withdrawn stays so, by whom and why it was first. An earlier date is taken; a
later one is refused, since it would give nights back.

**When it fails (on call).**

* `withdraw_model`: the message says what the form lacks, or why the version is not to be withdrawn. Nothing was
  changed.

To bring a version back, start `mortgage_training` for its as-of date with `approval_mode` manual: the approver is asked
anew. Scores that were published stay; run their nights again to replace them.
"""

from __future__ import annotations

from airflow.sdk import DAG

from mortgage_risk import assets
from mortgage_risk.dag.arguments import SOURCE, TODAY, RunArguments, dag_arguments
from mortgage_risk.dag.params import withdrawal_params
from mortgage_risk.layout import Layout
from mortgage_risk.release.withdrawal import WithdrawModelOperator
from mortgage_risk.settings import load_settings

settings = load_settings()
paths = Layout(settings.bucket, settings.model_name)
run = RunArguments(settings=settings, source=SOURCE, business_date=TODAY)

with DAG(
    dag_id="mortgage_model_withdrawal",
    dag_display_name="Mortgage model: withdraw",
    doc_md=__doc__,
    schedule=None,
    max_active_runs=1,
    params=withdrawal_params(),
    tags=["mortgage-risk", "operations"],
    **dag_arguments(settings, owner="credit-risk-modelling"),
):
    WithdrawModelOperator(
        task_id="withdraw_model",
        version="{{ params.version or '' }}",
        reason="{{ params.reason or '' }}",
        withdrawn_from="{{ params.withdrawn_from or '' }}",
        outlets=[assets.approved_model(paths)],
        **run,
    )
