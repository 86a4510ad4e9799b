"""Hyperparameter tuning: training jobs, one after the other, with hyperparameters drawn at random from the ranges.

The strategies Bayesian and Random are accepted and both draw at random, from a seed: on a laptop a handful of trainings
is what there is time for, and what matters is that the job behaves as on AWS.
"""

from __future__ import annotations

import math
import random
import time
import uuid
from functools import partial
from typing import Any

from local_aws.kernel import disk
from local_aws.kernel.config import Caller
from local_aws.kernel.state import Record
from local_aws.sagemaker.containers import Sandbox
from local_aws.sagemaker.jobs import TERMINAL, Execution, JobFailed, Jobs
from local_aws.sagemaker.service import Service, now
from local_aws.sagemaker.training import TrainingJobs
from local_aws.sagemaker.validation import invalid, refuse

POLL_SECONDS = 0.2
SUPPORTED: dict[str, set[Any]] = {
    "HyperParameterTuningJobConfig.Strategy": {"Bayesian", "Random"},
    "HyperParameterTuningJobConfig.TrainingJobEarlyStoppingType": {"Off"},
    "HyperParameterTuningJobConfig.StrategyConfig": set(),
    "HyperParameterTuningJobConfig.TuningJobCompletionCriteria": set(),
    "HyperParameterTuningJobConfig.ParameterRanges.AutoParameters": set(),
    "TrainingJobDefinition.HyperParameterTuningResourceConfig": set(),
    "TrainingJobDefinition.HyperParameterRanges": set(),
    "TrainingJobDefinitions": set(),
    "WarmStartConfig": set(),
    "Autotune": set(),
}


class TuningJobs(Jobs):
    kind = "HyperParameterTuningJob"
    label = "Tuning job"
    arn_kind = "hyper-parameter-tuning-job"
    log_group = "/aws/sagemaker/TrainingJobs"
    summary_fields = (
        "HyperParameterTuningJobName",
        "HyperParameterTuningJobArn",
        "HyperParameterTuningJobStatus",
        "CreationTime",
        "HyperParameterTuningEndTime",
        "LastModifiedTime",
        "TrainingJobStatusCounters",
        "ObjectiveStatusCounters",
    )

    def __init__(self, service: Service, trainings: TrainingJobs) -> None:
        super().__init__(service)
        self._trainings = trainings

    def image(self, record: Record) -> str:
        return self._trainings.image(record["TrainingJobDefinition"])

    def validate(self, params: Record) -> None:
        refuse("CreateHyperParameterTuningJob", params, SUPPORTED)
        definition = params.get("TrainingJobDefinition")
        if not definition:
            raise invalid("TrainingJobDefinition is required")
        config = params["HyperParameterTuningJobConfig"]
        objective = config.get("HyperParameterTuningJobObjective", {}).get("MetricName")
        metrics = {metric["Name"] for metric in definition["AlgorithmSpecification"].get("MetricDefinitions", [])}
        if objective not in metrics:
            raise invalid(f"The objective metric {objective} is not among the metric definitions of the training job")
        if not any(_ranges(config).values()):
            raise invalid("ParameterRanges names no hyperparameter")
        self._trainings.validate(self._training(params, "check", {}))

    def initial(self, params: Record) -> Record:
        return {
            "TrainingJobStatusCounters": dict.fromkeys(
                ("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped"), 0
            ),
            "ObjectiveStatusCounters": {"Succeeded": 0, "Pending": 0, "Failed": 0},
            "ConsumedResources": {"RuntimeInSeconds": 0},
        }

    def execute(self, execution: Execution, sandbox: Sandbox) -> Record:
        record = self.require(execution.name)
        config = record["HyperParameterTuningJobConfig"]
        draw = random.Random(config.get("RandomSeed", execution.name))  # noqa: S311 - not a secret
        for number in range(1, config["ResourceLimits"]["MaxNumberOfTrainingJobs"] + 1):
            execution.check()
            values = _sample(config, draw)
            name = f"{execution.name}-{number:03}-{uuid.UUID(int=draw.getrandbits(128)).hex[:8]}"
            training = self._training(record, name, values)
            caller = Caller(self.service.config.region)
            disk.when_there_is_room(partial(self._trainings.create, training, caller), check=execution.check)
            self._count(execution.name, self._wait(execution, name), values)
        if not self.require(execution.name).get("BestTrainingJob"):
            raise JobFailed("All training jobs failed. Please look at the training jobs' failure reasons.")
        return {}

    def _training(self, record: Record, name: str, values: dict[str, str]) -> Record:
        definition = dict(record["TrainingJobDefinition"])
        definition.pop("DefinitionName", None)
        static = definition.pop("StaticHyperParameters", {})
        objective = record["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["MetricName"]
        hyperparameters = {**static, **values, "_tuning_objective_metric": objective}
        return {**definition, "TrainingJobName": name, "HyperParameters": hyperparameters}

    def _wait(self, execution: Execution, name: str) -> Record:
        """The ended training job; JobStopped, with it stopped, when the tuning job is to stop."""
        while (training := self._trainings.require(name))["TrainingJobStatus"] not in TERMINAL:
            if execution.stopping.is_set() and training["TrainingJobStatus"] == "InProgress":
                self._trainings.stop({"TrainingJobName": name}, Caller(self.service.config.region))
            time.sleep(POLL_SECONDS)
        execution.check()
        return training

    def _count(self, tuning: str, training: Record, values: dict[str, str]) -> None:
        """Enter an ended training job; the best one is that with the best value of the objective."""

        def count(record: Record) -> None:
            objective = record["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
            metrics = {m["MetricName"]: m["Value"] for m in training.get("FinalMetricDataList", [])}
            value = metrics.get(objective["MetricName"])
            completed = training["TrainingJobStatus"] == "Completed"
            record["TrainingJobStatusCounters"]["Completed" if completed else "NonRetryableError"] += 1
            record["ConsumedResources"]["RuntimeInSeconds"] += training["TrainingTimeInSeconds"]
            record["LastModifiedTime"] = now()
            if not completed or value is None or math.isnan(value):
                record["ObjectiveStatusCounters"]["Failed"] += 1
                return
            record["ObjectiveStatusCounters"]["Succeeded"] += 1
            best = record.get("BestTrainingJob", {}).get("FinalHyperParameterTuningJobObjectiveMetric", {}).get("Value")
            if best is None or (value > best if objective["Type"] == "Maximize" else value < best):
                shown = ("TrainingJobName", "TrainingJobArn", "CreationTime", "TrainingEndTime", "TrainingJobStatus")
                record["BestTrainingJob"] = {
                    **{field: training[field] for field in shown},
                    "TunedHyperParameters": values,
                    "FinalHyperParameterTuningJobObjectiveMetric": {**objective, "Value": value},
                    "ObjectiveStatus": "Succeeded",
                }

        self.records.settle(tuning, count)


def _ranges(config: Record) -> dict[str, list[Record]]:
    ranges = config.get("ParameterRanges") or {}
    return {kind: ranges.get(f"{kind}ParameterRanges", []) for kind in ("Integer", "Continuous", "Categorical")}


def _sample(config: Record, draw: random.Random) -> dict[str, str]:
    values = {}
    ranges = _ranges(config)
    for wanted in ranges["Integer"]:
        low, high = float(wanted["MinValue"]), float(wanted["MaxValue"])
        values[wanted["Name"]] = str(round(_between(low, high, wanted, draw)))
    for wanted in ranges["Continuous"]:
        low, high = float(wanted["MinValue"]), float(wanted["MaxValue"])
        values[wanted["Name"]] = repr(_between(low, high, wanted, draw))
    for wanted in ranges["Categorical"]:
        values[wanted["Name"]] = draw.choice(wanted["Values"])
    return values


def _between(low: float, high: float, wanted: Record, draw: random.Random) -> float:
    if wanted.get("ScalingType") == "Logarithmic":
        return math.exp(draw.uniform(math.log(low), math.log(high)))
    return draw.uniform(low, high)
