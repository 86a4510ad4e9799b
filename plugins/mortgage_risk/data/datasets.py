"""Glue jobs that publish a dataset: files, and a manifest written last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mortgage_risk import assets, aws
from mortgage_risk.data.glue_script import GlueJobOperator
from mortgage_risk.documents import Manifest
from mortgage_risk.jobs.state import JobState
from mortgage_risk.layout import Layout, manifest
from mortgage_risk.settings import Settings

if TYPE_CHECKING:
    from airflow.sdk import Context


class GlueDatasetOperator(GlueJobOperator):
    """A Glue job that publishes a dataset: `prefix` with a manifest.

    XCom: xcoms.Dataset; by its fingerprint anyone can tell later whether the data is still the same.
    """

    def __init__(self, *, prefix: str, **kwargs: Any) -> None:
        super().__init__(result_object=manifest(prefix), **kwargs)

    def after_success(self, context: Context, state: JobState, result: Mapping[str, Any]) -> None:
        assets.announce(self, context, manifest_uri=result["manifest_uri"])

    def result(self, state: JobState) -> Mapping[str, Any]:
        s3 = self.client("s3")
        content: Manifest = aws.read_json(s3, self.result_object)
        self.log.info("%s: %s rows in %d files", content["data_prefix"], content["rows"], len(content["files"]))
        return {
            "prefix": self.result_object.removesuffix("_manifest.json"),
            "manifest_uri": self.result_object,
            "data_prefix": content["data_prefix"],
            "rows": content["rows"],
            "fingerprint": aws.fingerprint(s3, content["data_prefix"], until=self.business_date),
        }


class CleanTablesOperator(GlueDatasetOperator):
    """Reads and judges the raw files delivered by a date, once for every run that needs them. XCom:
    xcoms.Dataset."""

    def __init__(self, *, settings: Settings, source: str, delivery_date: str, **kwargs: Any) -> None:
        layout = Layout(settings.bucket, settings.model_name)
        prefix = layout.clean_tables(source, delivery_date)
        super().__init__(
            settings=settings,
            source=source,
            business_date=delivery_date,
            script="clean_raw_tables.py",
            arguments={
                "source": source,
                "raw_root": layout.raw_root,
                "delivered_by": delivery_date,
                "output_root": prefix,
                "quarantine_root": layout.quarantine_root,
            },
            inputs=[layout.raw_root],
            prefix=prefix,
            **kwargs,
        )
