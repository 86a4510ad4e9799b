"""Looks for better hyperparameters before the model is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mortgage_risk.jobs.requests import RunTags
from mortgage_risk.jobs.state import JobState
from mortgage_risk.training import tuning_request
from mortgage_risk.training.train import DEFAULT_SEED, TrainModelOperator, as_dict

if TYPE_CHECKING:
    from airflow.sdk import Context


class TuneHyperparametersOperator(TrainModelOperator):
    """Looks for hyperparameters by `jobs` trainings on the panel; with 0 it hands on those it was given.

    XCom: {"hyperparameters": those given and, over them, the best found}, and with a tuning job {"job", "seconds",
    "training_job", "objective"}.
    """

    kind = "tuning"
    template_fields = (*TrainModelOperator.template_fields, "jobs")

    def __init__(self, *, jobs: str | int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.jobs = jobs

    def execute(self, context: Context) -> dict[str, Any] | None:
        if int(self.jobs) == 0:
            return {"hyperparameters": as_dict(self.hyperparameters)}
        return super().execute(context)

    def build_request(self, tags: RunTags) -> dict[str, Any]:
        given = as_dict(self.hyperparameters)
        return tuning_request.tuning_job(
            self.settings,
            training=super().build_request(tags),
            ranges={name: bounds for name, bounds in tuning_request.RANGES.items() if name not in given},
            jobs=int(self.jobs),
            seed=int(given.get("seed", DEFAULT_SEED)),
            tags=tags,
        )

    def result_is_there(self, state: JobState) -> bool:
        return "BestTrainingJob" in state.response

    def result_uri(self, state: JobState) -> str:
        return f"{self.layout.models}{state.response['BestTrainingJob']['TrainingJobName']}/output/model.tar.gz"

    def result(self, state: JobState) -> dict[str, Any]:
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
