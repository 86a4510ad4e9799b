"""What becomes of a checked dataset: of a loan panel a model that may score, of a scoring input a night's scores."""

from __future__ import annotations

from dataclasses import dataclass

from airflow.sdk import Asset, TaskGroup, TriggerRule, XComArg

from mortgage_risk.dag.arguments import RunArguments
from mortgage_risk.data.datasets import GlueDatasetOperator
from mortgage_risk.jobs.retries import CountedRetries
from mortgage_risk.layout import Layout
from mortgage_risk.release.approval import AskForApprovalOperator, ChooseApprovalOperator, RecordDecisionOperator
from mortgage_risk.release.deployment import CreateModelOperator
from mortgage_risk.release.gate import GateOperator
from mortgage_risk.release.registration import RegisterModelOperator
from mortgage_risk.release.validation import ValidateModelOperator
from mortgage_risk.scoring.batch import BatchTransformOperator
from mortgage_risk.training.search import TuneHyperparametersOperator
from mortgage_risk.training.train import TrainModelOperator

ONCE = CountedRetries(failures=0)  # a verdict and a question; an outage still is none
TUNED = "{{ ti.xcom_pull('build_model.tune_hyperparameters')['hyperparameters'] | tojson }}"
APPROVAL_MODE = "{{ params.approval_mode }}"
EFFECTIVE_FROM = "{{ params.effective_from or '' }}"


@dataclass(frozen=True)
class Development:
    """What a model is made of: the XComs of code and panel, and the horizon."""

    code: XComArg
    panel: XComArg
    horizon_months: str


def built_model(
    run: RunArguments, made_of: Development
) -> tuple[TuneHyperparametersOperator, TrainModelOperator, ValidateModelOperator]:
    """Task group `build_model`: its tasks, of which the first waits for the panel."""
    code, panel, horizon_months = made_of.code, made_of.panel, made_of.horizon_months
    with TaskGroup("build_model", tooltip="Train, then validate out of time"):
        tuning = TuneHyperparametersOperator(
            task_id="tune_hyperparameters",
            hyperparameters="{{ params.hyperparameters | tojson }}",
            jobs="{{ params.tuning_jobs }}",
            horizon_months=horizon_months,
            code=code,
            panel=panel,
            **run,
        )
        training = TrainModelOperator(
            task_id="train_model",
            hyperparameters=TUNED,
            horizon_months=horizon_months,
            code=code,
            panel=panel,
            **run,
        )
        validation = ValidateModelOperator(
            task_id="validate_model",
            hyperparameters=TUNED,
            training=training.output,
            code=code,
            panel=panel,
            **run,
        )
        tuning >> training
    return tuning, training, validation


def released_model(
    run: RunArguments, made_of: Development, *, training: XComArg, validation: XComArg, outlets: list[Asset]
) -> RecordDecisionOperator:
    """Task group `release`: the verdict, the registry, a person where one is wanted. Its last task is returned."""
    with TaskGroup("release", tooltip="Verdict, registry, approval"):
        gate = GateOperator(task_id="gate", retry_policy=ONCE, validation=validation, code=made_of.code, **run)
        package = RegisterModelOperator(
            task_id="register_model",
            horizon_months=made_of.horizon_months,
            code=made_of.code,
            panel=made_of.panel,
            training=training,
            validation=validation,
            gate=gate.output,
            **run,
        )
        choose = ChooseApprovalOperator(
            task_id="choose_approval",
            gate=gate.output,
            approval_mode=APPROVAL_MODE,
            ask_task_id="release.ask_for_approval",
            record_task_id="release.record_decision",
            **run,
        )
        ask = AskForApprovalOperator(
            task_id="ask_for_approval",
            retry_policy=ONCE,
            validation=validation,
            gate=gate.output,
            package=package.output,
            effective_from=EFFECTIVE_FROM,
            **run,
        )
        decision = RecordDecisionOperator(
            task_id="record_decision",
            trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
            answer_task_id="release.ask_for_approval",
            approval_mode=APPROVAL_MODE,
            override_by="{{ params.override_by or '' }}",
            override_reason="{{ params.override_reason or '' }}",
            gate=gate.output,
            package=package.output,
            effective_from=EFFECTIVE_FROM,
            outlets=outlets,
            **run,
        )
        package >> choose >> [ask, decision]
        ask >> decision
    return decision


def scored_loans(
    run: RunArguments, *, code: XComArg, package: XComArg, scoring_input: GlueDatasetOperator, outlets: list[Asset]
) -> tuple[CreateModelOperator, GlueDatasetOperator]:
    """Task group `score`: its first task and its last, which publishes the scores that reconcile with the input."""
    paths = Layout(run["settings"].bucket, run["settings"].model_name)
    source, score_date = run["source"], run["business_date"]
    scores = paths.scores(source, score_date)
    with TaskGroup("score", tooltip="Batch transform, reconcile, publish"):
        model = CreateModelOperator(task_id="create_model", package=package, **run)
        transform = BatchTransformOperator(
            task_id="batch_transform", model=model.output, dataset=scoring_input.output, **run
        )
        publish = GlueDatasetOperator(
            task_id="publish_scores",
            script="publish_scores.py",
            arguments={
                "source": source,
                "score_date": score_date,
                "input_root": paths.scoring_input(source, score_date),
                "transform_uri": "{{ ti.xcom_pull('score.batch_transform')['transform_uri'] }}",
                "model_package_arn": "{{ ti.xcom_pull('select_model')['model_package_arn'] }}",
                "model_package_version": "{{ ti.xcom_pull('select_model')['version'] }}",
                "output_root": scores,
            },
            inputs=["{{ ti.xcom_pull('prepare_data.prepare_scoring_input')['manifest_uri'] }}"],
            prefix=scores,
            code=code,
            outlets=outlets,
            **run,
        )
        transform >> publish
    return model, publish
