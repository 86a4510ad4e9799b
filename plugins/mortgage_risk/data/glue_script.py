"""Glue jobs: a script of the packaged code, run once per request."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from mortgage_risk import aws
from mortgage_risk.jobs.kinds import GLUE
from mortgage_risk.jobs.operator import AwsJobOperator
from mortgage_risk.jobs.requests import Request, RunTags
from mortgage_risk.jobs.state import JobState
from mortgage_risk.xcoms import PackagedCode, rendered

if TYPE_CHECKING:
    from airflow.sdk import XComArg


class GlueJobOperator(AwsJobOperator):
    """Runs `script` with `arguments`; its result is the object `result_object`, which it writes last.

    code:    XCom of PackageCodeOperator
    inputs:  S3 prefixes the script reads; the same request on unchanged inputs is not run again
    """

    kind = GLUE
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
        code: XComArg | PackagedCode,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.script = script
        self.arguments = dict(arguments)
        self.inputs = inputs
        self.result_object = result_object
        self.code = rendered(code)

    def build_request(self, tags: RunTags) -> Request:
        arguments = {**self.arguments, "code_sha256": self.code["sha256"]}
        return self.kind.request(
            self.settings, script=self.script, code_prefix=self.code["prefix"], arguments=arguments, tags=tags
        )

    def input_fingerprints(self) -> dict[str, str]:
        s3 = self.client("s3")
        return {uri: aws.fingerprint(s3, uri, until=self.business_date) for uri in self.inputs}

    def reads(self) -> list[str]:
        return self.inputs

    def lineage_facts(self) -> Mapping[str, object]:
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

    def result(self, state: JobState) -> Mapping[str, Any]:
        return {"result_uri": self.result_object}
