"""The tasks that training and scoring begin with: raw loan tapes to a checked dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from airflow.sdk import Asset, TaskGroup, XComArg, chain

from mortgage_risk.dag.arguments import RunArguments
from mortgage_risk.data.datasets import CleanTablesOperator, GlueDatasetOperator
from mortgage_risk.data.delivery import FindDeliveryOperator
from mortgage_risk.data.quality import DataQualityOperator
from mortgage_risk.layout import Layout, manifest

DELIVERY_DATE = "{{ ti.xcom_pull('prepare_data.find_delivery')['delivered_by'] }}"


def prepared_data(
    run: RunArguments,
    dataset: Literal["loan_panel", "scoring_input"],
    *,
    horizon_months: str,
    prefix: str,
    code: XComArg,
    outlets: Sequence[Asset] = (),
) -> tuple[TaskGroup, GlueDatasetOperator]:
    """Task group `prepare_data`, and its task that publishes the dataset to `prefix`. It fails where a check fails.

    The loan panel is to train on: before it is built, the delivery itself is checked.
    """
    to_train = dataset == "loan_panel"
    settings, source = run["settings"], run["source"]
    tables = Layout(settings.bucket, settings.model_name).clean_tables(source, DELIVERY_DATE)

    def check(suite: str, data_root: str) -> DataQualityOperator:
        task_id = "check_raw_data" if suite == "raw" else f"check_{suite}"
        return DataQualityOperator(
            task_id=task_id, suite=suite, data_root=data_root, horizon_months=horizon_months, code=code, **run
        )

    with TaskGroup("prepare_data", tooltip=f"Raw loan tapes to a checked {dataset.replace('_', ' ')}") as group:
        published = GlueDatasetOperator(
            task_id=f"prepare_{dataset}",
            script="prepare_loan_panel.py",
            arguments={
                "mode": "train" if to_train else "score",
                "source": source,
                "tables_root": tables,
                "as_of_date": run["business_date"],
                "horizon_months": horizon_months,
                "output_root": prefix,
                "catalog_database": settings.glue_database if to_train else "",
            },
            inputs=[manifest(tables)],
            prefix=prefix,
            code=code,
            outlets=list(outlets),
            **run,
        )
        chain(
            FindDeliveryOperator(task_id="find_delivery", **run),
            CleanTablesOperator(
                task_id="clean_raw_data", settings=settings, source=source, delivery_date=DELIVERY_DATE, code=code
            ),
            *([check("raw", tables)] if to_train else []),
            published,
            check(dataset, prefix),
        )
    return group, published
