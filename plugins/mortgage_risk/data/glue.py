"""Glue jobs: a script of the packaged code, run once per request."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from mortgage_risk import aws
from mortgage_risk.dag import assets
from mortgage_risk.jobs import requests
from mortgage_risk.jobs.operator import AwsJobOperator
from mortgage_risk.jobs.requests import RunTags
from mortgage_risk.jobs.state import NAME, JobState
from mortgage_risk.layout import Layout, manifest
from mortgage_risk.settings import Settings

if TYPE_CHECKING:
    from airflow.sdk import Context


class GlueJobOperator(AwsJobOperator):
    """Runs `script` with `arguments`; its result is the object `result_object`, which it writes last.

    code:    XCom of PackageCodeOperator
    inputs:  S3 prefixes the script reads; the same request on unchanged inputs is not run again
    """

    kind = "glue"
    template_fields = (
        *AwsJobOperator.template_fields,
        "script",
        "arguments",
        "inputs",
        "result_object",
        "code",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"arguments": "json", "code": "json"}

    def __init__(
        self,
        *,
        script: str,
        arguments: Mapping[str, Any],
        inputs: list[str],
        result_object: str,
        code: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.script = script
        self.arguments = dict(arguments)
        self.inputs = inputs
        self.result_object = result_object
        self.code = code

    def build_request(self, tags: RunTags) -> dict[str, Any]:
        arguments = {**self.arguments, "code_sha256": self.code["sha256"]}
        return {
            "CreateJob": requests.glue_job_definition(
                self.settings, name=NAME, script=self.script, code_prefix=self.code["prefix"], tags=tags
            ),
            "StartJobRun": requests.glue_job_run(job_name=NAME, arguments=arguments),
        }

    def input_fingerprints(self) -> dict[str, str]:
        s3 = self.client("s3")
        return {uri: aws.fingerprint(s3, uri, until=self.business_date) for uri in self.inputs}

    def reads(self) -> list[str]:
        return self.inputs

    def lineage_facts(self) -> dict[str, Any]:
        return {"script": self.script, "code_sha256": self.code["sha256"], "arguments": self.arguments}

    def result_is_there(self, state: JobState) -> bool:
        """Another run may have written the same object since: it must date from this run."""
        s3 = self.client("s3")
        if not (state.started_at and state.ended_at and aws.exists(s3, self.result_object)):
            return False
        written = aws.last_modified(s3, self.result_object)
        margin = timedelta(minutes=1)
        return state.started_at - margin <= written <= state.ended_at + margin

    def result_uri(self, state: JobState) -> str:
        return self.result_object

    def result(self, state: JobState) -> dict[str, Any]:
        return {"result_uri": self.result_object}


class GlueDatasetOperator(GlueJobOperator):
    """A Glue job that publishes a dataset: `prefix` with a manifest.

    XCom adds {"prefix", "manifest_uri", "data_prefix", "rows", "fingerprint"}; the fingerprint is
    `aws.fingerprint` of the data prefix, so that anyone can tell later whether the data is still the same.
    """

    def __init__(self, *, prefix: str, **kwargs: Any) -> None:
        super().__init__(result_object=manifest(prefix), **kwargs)

    def _finish(self, context: Context, state: JobState) -> dict[str, Any]:
        result = super()._finish(context, state)
        assets.announce(self, context, manifest_uri=result["manifest_uri"])
        return result

    def result(self, state: JobState) -> dict[str, Any]:
        s3 = self.client("s3")
        content = aws.read_json(s3, self.result_object)
        self.log.info("%s: %s rows in %d files", content["data_prefix"], content["rows"], len(content["files"]))
        return {
            "prefix": self.result_object.removesuffix("_manifest.json"),
            "manifest_uri": self.result_object,
            "data_prefix": content["data_prefix"],
            "rows": content["rows"],
            "fingerprint": aws.fingerprint(s3, content["data_prefix"], until=self.business_date),
        }


class CleanTablesOperator(GlueDatasetOperator):
    """Reads and judges the raw files delivered by a date, once for every run that needs them. XCom: a dataset's."""

    def __init__(self, *, settings: Settings, source: str, delivered_by: str, **kwargs: Any) -> None:
        layout = Layout(settings.bucket, settings.model_name)
        prefix = layout.clean_tables(source, delivered_by)
        super().__init__(
            settings=settings,
            source=source,
            business_date=delivered_by,
            script="clean_raw_tables.py",
            arguments={
                "source": source,
                "raw_root": layout.raw_root,
                "delivered_by": delivered_by,
                "output_root": prefix,
                "quarantine_root": layout.quarantine_root,
            },
            inputs=[layout.raw_root],
            prefix=prefix,
            **kwargs,
        )
