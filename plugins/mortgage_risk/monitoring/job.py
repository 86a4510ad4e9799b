"""The request of the job that monitors one night. A golden file tests it."""

from __future__ import annotations

from collections.abc import Mapping

from mortgage_risk.jobs.kinds.processing import Input, ProcessingJob
from mortgage_risk.jobs.requests import Request, RunTags
from mortgage_risk.settings import Settings


def monitoring_job(
    settings: Settings,
    *,
    name: str,
    code_prefix: str,
    inputs: Mapping[str, str],
    vintages_manifest: str,
    output_prefix: str,
    arguments: Mapping[str, object],
    tags: RunTags,
) -> Request:
    """model_monitoring_script.py as a processing job.

    inputs: model, input, scores and, where there are such, previous, before and panel. vintages_manifest: '' or the
    ManifestFile that lists past scores.
    """
    given = [Input(input_name, uri) for input_name, uri in inputs.items()]
    if vintages_manifest:
        given.append(Input("vintages", vintages_manifest, "ManifestFile"))
    return ProcessingJob.request(
        settings,
        name=name,
        script="model_monitoring_script.py",
        code_prefix=code_prefix,
        inputs=given,
        output_prefix=output_prefix,
        arguments=arguments,
        tags=tags,
    )
