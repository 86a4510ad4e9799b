"""Tuning jobs: many trainings, the best of which is looked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NotRequired, TypedDict

from mortgage_risk.jobs.kinds.kind import CONSOLE, Address
from mortgage_risk.jobs.kinds.sagemaker_job import Answer, SageMakerJob
from mortgage_risk.jobs.requests import Request, RunTags, stopping
from mortgage_risk.jobs.state import LogPlace
from mortgage_risk.settings import Settings


class Range(TypedDict):
    """What is tried of one hyperparameter."""

    type: Literal["integer", "number"]
    min: float
    max: float
    log: NotRequired[bool]


class TuningJob(SageMakerJob):
    name = "tuning"
    title = "HyperParameterTuning"
    name_length = 32
    console_page = CONSOLE + "/sagemaker/home?region={region}#/hyper-tuning-jobs/{name}"

    @staticmethod
    def request(
        settings: Settings,
        *,
        training: Request,
        objective: str,
        ranges: Mapping[str, Range],
        jobs: int,
        seed: int,
        tags: RunTags,
    ) -> Request:
        """`jobs` trainings like `training` (a TrainingJob's request), looking for the lowest `objective`, one of its
        metrics.
        """
        static = {name: value for name, value in training["HyperParameters"].items() if name not in ranges}
        left_out = ("TrainingJobName", "Tags", "HyperParameters", "CheckpointConfig")
        definition = {key: value for key, value in training.items() if key not in left_out}
        by_type: dict[str, list[dict[str, str]]] = {"integer": [], "number": []}
        for name, wanted in sorted(ranges.items()):
            scale = "Logarithmic" if wanted.get("log") else "Linear"
            bounds = {"MinValue": str(wanted["min"]), "MaxValue": str(wanted["max"])}
            by_type[wanted["type"]].append({"Name": name, **bounds, "ScalingType": scale})
        return {
            "HyperParameterTuningJobName": training["TrainingJobName"],
            "HyperParameterTuningJobConfig": {
                "Strategy": "Bayesian",
                "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": objective},
                "ResourceLimits": {
                    "MaxNumberOfTrainingJobs": jobs,
                    "MaxParallelTrainingJobs": min(jobs, settings.tuning_parallel_jobs),
                    **stopping(settings),
                },
                "ParameterRanges": {
                    "IntegerParameterRanges": by_type["integer"],
                    "ContinuousParameterRanges": by_type["number"],
                },
                "RandomSeed": seed,
            },
            "TrainingJobDefinition": {**definition, "StaticHyperParameters": static},
            "Tags": tags.as_list(),
        }

    def create_job(self, client: Any, request: Request) -> None:
        client.create_hyper_parameter_tuning_job(**request)

    def describe_job(self, client: Any, name: str) -> Answer:
        answer: Answer = client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        return answer

    def stop_job(self, client: Any, name: str) -> None:
        client.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)

    def list_running(self, client: Any) -> Iterable[Answer]:
        list_jobs = client.get_paginator("list_hyper_parameter_tuning_jobs")
        pages: Iterable[Answer] = list_jobs.paginate(StatusEquals="InProgress")
        return pages

    def machines(self, answer: Answer) -> Answer:
        machines: Answer = answer.get("TrainingJobDefinition", {}).get("ResourceConfig", {})
        return machines

    def billed_seconds(self, answer: Answer) -> float | None:
        seconds: float | None = answer.get("ConsumedResources", {}).get("RuntimeInSeconds")
        return seconds

    def address(self, job_id: str) -> Address:
        return {"service": "sagemaker", "kind": "hyper-parameter-tuning-job", "name": job_id}

    def log_places(self, job_id: str) -> list[LogPlace]:
        """It has no log of its own: its training jobs'."""
        return [LogPlace("/aws/sagemaker/TrainingJobs", f"{job_id}-")]
