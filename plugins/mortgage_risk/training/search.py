"""Looks for better hyperparameters before the model is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mortgage_risk import aws
from mortgage_risk.jobs.hyperparameters import DEFAULT_SEED, as_dict
from mortgage_risk.jobs.kinds.tuning import Range, TuningJob
from mortgage_risk.jobs.requests import Request, RunTags
from mortgage_risk.jobs.state import JobState
from mortgage_risk.training.train import PanelJobOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

OBJECTIVE = "validation-logloss"


class TuneHyperparametersOperator(PanelJobOperator):
    """Looks for hyperparameters by `jobs` trainings on the panel; with 0 it hands on those it was given.

    XCom: xcoms.TunedHyperparameters: those given and, over them, the best found.
    """

    kind = TuningJob()
    template_fields = (*PanelJobOperator.template_fields, "jobs")

    def __init__(self, *, jobs: str | int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.jobs = jobs

    def execute(self, context: Context) -> Mapping[str, Any] | None:
        if int(self.jobs) == 0:
            return {"hyperparameters": as_dict(self.hyperparameters)}
        return super().execute(context)

    def build_request(self, tags: RunTags) -> Request:
        given = as_dict(self.hyperparameters)
        return self.kind.request(
            self.settings,
            training=self.training_request(tags),
            objective=OBJECTIVE,
            ranges={name: limits for name, limits in self.space().items() if name not in given},
            jobs=int(self.jobs),
            seed=int(given.get("seed", DEFAULT_SEED)),
            tags=tags,
        )

    def space(self) -> dict[str, Range]:
        """What may be tried, by the code that is tuned; a hyperparameter that the form gives is left as given."""
        space: dict[str, Range] = aws.read_json(self.client("s3"), f"{self.code['prefix']}sourcedir/search_space.json")
        return space

    def result_is_there(self, state: JobState) -> bool:
        return "BestTrainingJob" in state.response

    def result_uri(self, state: JobState) -> str:
        return f"{self.layout.models}{state.response['BestTrainingJob']['TrainingJobName']}/output/model.tar.gz"

    def result(self, state: JobState) -> Mapping[str, Any]:
        best = state.response["BestTrainingJob"]
        tuned = {name: _number(value) for name, value in best["TunedHyperParameters"].items()}
        objective = best["FinalHyperParameterTuningJobObjectiveMetric"]
        self.log.info("Best of %s: %s = %s with %s", self.jobs, objective["MetricName"], objective["Value"], tuned)
        return {
            "training_job": best["TrainingJobName"],
            "objective": objective["Value"],
            "hyperparameters": {**as_dict(self.hyperparameters), **tuned},
        }


def _number(text: str) -> int | float:
    return int(text) if text.lstrip("-").isdigit() else float(text)
