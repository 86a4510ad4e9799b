"""The tasks that training and scoring begin with: raw loan tapes to a checked dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from airflow.sdk import Asset, TaskGroup, chain

from mortgage_risk.dag.arguments import SOURCE
from mortgage_risk.data.delivery import FindDeliveryOperator
from mortgage_risk.data.glue import CleanTablesOperator, GlueDatasetOperator
from mortgage_risk.data.quality import DataQualityOperator
from mortgage_risk.layout import Layout, manifest
from mortgage_risk.settings import Settings

DELIVERED_BY = "{{ ti.xcom_pull('prepare_data.find_delivery')['delivered_by'] }}"


def prepared_data(
    settings: Settings,
    dataset: Literal["loan_panel", "scoring_input"],
    *,
    business_date: str,
    horizon_months: str,
    prefix: str,
    code: Any,
    outlets: Sequence[Asset] = (),
) -> tuple[TaskGroup, GlueDatasetOperator]:
    """Task group `prepare_data`, and its task that publishes the dataset to `prefix`. It fails where a check fails.

    The loan panel is to train on: before it is built, the delivery itself is checked.
    """
    to_train = dataset == "loan_panel"
    tables = Layout(settings.bucket, settings.model_name).clean_tables(SOURCE, DELIVERED_BY)
    loans: dict[str, Any] = {"settings": settings, "source": SOURCE}
    dated: dict[str, Any] = {**loans, "business_date": business_date}

    def check(suite: str, data_root: str) -> DataQualityOperator:
        task_id = "check_raw_data" if suite == "raw" else f"check_{suite}"
        return DataQualityOperator(
            task_id=task_id, suite=suite, data_root=data_root, horizon_months=horizon_months, code=code, **dated
        )

    with TaskGroup("prepare_data", tooltip=f"Raw loan tapes to a checked {dataset.replace('_', ' ')}") as group:
        published = GlueDatasetOperator(
            task_id=f"prepare_{dataset}",
            script="prepare_loan_panel.py",
            arguments={
                "mode": "train" if to_train else "score",
                "source": SOURCE,
                "tables_root": tables,
                "as_of_date": business_date,
                "horizon_months": horizon_months,
                "output_root": prefix,
                "catalog_database": settings.glue_database if to_train else "",
            },
            inputs=[manifest(tables)],
            prefix=prefix,
            code=code,
            outlets=list(outlets),
            **dated,
        )
        chain(
            FindDeliveryOperator(task_id="find_delivery", **dated),
            CleanTablesOperator(task_id="clean_raw_data", delivered_by=DELIVERED_BY, code=code, **loans),
            *([check("raw", tables)] if to_train else []),
            published,
            check(dataset, prefix),
        )
    return group, published
