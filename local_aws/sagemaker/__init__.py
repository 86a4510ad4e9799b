"""SageMaker: training, processing and transform jobs, models, registry and endpoints that really run."""

from __future__ import annotations

from local_aws.kernel.config import Caller, Config, JobView, Operation
from local_aws.kernel.errors import unsupported
from local_aws.kernel.state import Record
from local_aws.s3.store import S3Store
from local_aws.sagemaker.endpoint_configs import EndpointConfigs
from local_aws.sagemaker.endpoints import INVOCATIONS_PATH, Endpoints
from local_aws.sagemaker.models import Models
from local_aws.sagemaker.processing import ProcessingJobs
from local_aws.sagemaker.registry import ModelPackageGroups, ModelPackages
from local_aws.sagemaker.service import Service, Tags
from local_aws.sagemaker.training import TrainingJobs
from local_aws.sagemaker.transform import TransformJobs
from local_aws.sagemaker.tuning import TuningJobs
from local_aws.sagemaker.validation import service_model, validate


def install(config: Config, store: S3Store) -> None:
    """Answer SageMaker's API on this server; what is not built answers UnsupportedOperation."""
    service = Service(config, store)
    groups = ModelPackageGroups(service)
    packages = ModelPackages(service, groups)
    models = Models(service, packages)
    configs = EndpointConfigs(service, models)
    endpoints = Endpoints(service, configs, models)
    trainings = TrainingJobs(service)
    jobs = (trainings, TuningJobs(service, trainings), ProcessingJobs(service), TransformJobs(service, models))
    resources = (*jobs, groups, packages, models, configs, endpoints)
    tags = Tags(service, lambda arn: any(resource.has_arn(arn) for resource in resources))

    built: dict[str, Operation] = {}
    for resource in (*resources, tags):
        built.update(resource.operations())
    for name in service_model().operation_names:
        config.operations[f"SageMaker.{name}"] = _validated(name, built[name]) if name in built else _refused(name)
    config.http_handlers.append(("sagemaker", INVOCATIONS_PATH, endpoints.invoke))

    def views() -> list[JobView]:
        found = [view for resource in (*jobs, endpoints) for view in resource.views()]
        return sorted(found, key=lambda view: view.started, reverse=True)

    def close() -> None:
        service.closing = True
        for resource in (*jobs, endpoints):
            resource.close()

    config.jobs["sagemaker"] = views
    config.on_shutdown.append(close)
    endpoints.resume()


def _validated(name: str, operation: Operation) -> Operation:
    def call(params: Record, caller: Caller) -> Record | None:
        validate(name, params)
        return operation(params, caller)

    return call


def _refused(name: str) -> Operation:
    def call(params: Record, caller: Caller) -> Record:
        raise unsupported(f"SageMaker {name}")

    return call
