"""What hyperparameter tuning tries, and the request that tries it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mortgage_risk.jobs.requests import Request, RunTags
from mortgage_risk.settings import Settings

OBJECTIVE = "validation-logloss"
# What tuning may try; a hyperparameter that the form gives is left as given. Deeper trees would make reason codes slow,
# see PANEL_SPACE in sagemaker_entrypoints/mortgage_model/development/search.py.
RANGES: dict[str, dict[str, Any]] = {
    "max_depth": {"type": "integer", "min": 2, "max": 3},
    "learning_rate": {"type": "number", "min": 0.02, "max": 0.3, "log": True},
    "min_child_weight": {"type": "number", "min": 1, "max": 200, "log": True},
    "subsample": {"type": "number", "min": 0.5, "max": 1.0},
    "colsample_bytree": {"type": "number", "min": 0.4, "max": 1.0},
    "reg_lambda": {"type": "number", "min": 0.1, "max": 50, "log": True},
}


def tuning_job(
    settings: Settings,
    *,
    training: Request,
    ranges: Mapping[str, Mapping[str, Any]],
    jobs: int,
    seed: int,
    tags: RunTags,
) -> Request:
    """CreateHyperParameterTuningJob: `jobs` trainings like `training` (a training_job), looking for the lowest
    log loss on the validation sample. `ranges`: hyperparameter -> {"type": integer | number, "min", "max", "log"}.
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
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": OBJECTIVE},
            "ResourceLimits": {
                "MaxNumberOfTrainingJobs": jobs,
                "MaxParallelTrainingJobs": min(jobs, settings.tuning_parallel_jobs),
                "MaxRuntimeInSeconds": settings.max_runtime_minutes * 60,
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
