"""SageMaker: training, processing and transform jobs, models, registry and endpoints that really run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local_aws.config import Caller, Config, JobView
from local_aws.errors import unsupported
from local_aws.sagemaker.processing import ProcessingJobs
from local_aws.sagemaker.service import Service, Tags
from local_aws.sagemaker.training import TrainingJobs
from local_aws.sagemaker.validation import service_model, validate

Operation = Callable[[dict[str, Any], Caller], dict[str, Any]]


def install(config: Config) -> None:
    """Answer SageMaker's API on this server; what is not built answers UnsupportedOperation."""
    service = Service(config)
    jobs = [TrainingJobs(service), ProcessingJobs(service)]
    operations: dict[str, Operation] = {}
    for resource in jobs:
        operations.update(resource.operations())
    operations.update(Tags(service, lambda arn: any(kind.has_arn(arn) for kind in jobs)).operations())
    for name in service_model().operation_names:
        operation = operations.get(name)
        config.operations[f"SageMaker.{name}"] = _validated(name, operation) if operation else _refused(name)

    def views() -> list[JobView]:
        return sorted((view for kind in jobs for view in kind.views()), key=lambda view: -view.started)

    def close() -> None:
        service.closing = True
        for kind in jobs:
            kind.close()

    config.jobs["sagemaker"] = views
    config.on_shutdown.append(close)


def _validated(name: str, operation: Operation) -> Operation:
    def call(params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        validate(name, params)
        return operation(params, caller)

    return call


def _refused(name: str) -> Operation:
    def call(params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        raise unsupported(f"SageMaker {name}")

    return call
