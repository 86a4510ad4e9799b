"""Great Expectations on Spark: one validation, and so one pass of aggregates, per table."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contracts.expectations import Check
from data_quality.outcomes import Outcome, from_validation

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # it would call its makers' server at every run

# Counts only. Listing unexpected values would cost a Spark job per check and copy personal data into the result.
RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}
DOCS_SITE = "data_docs"


class Validator:
    """Validates tables one after the other and keeps what Data Docs need."""

    def __init__(self) -> None:
        import great_expectations as gx

        self._gx = gx
        self._context = gx.get_context(mode="ephemeral")
        self._context.variables.progress_bars = {"globally": False}
        self._source = self._context.data_sources.add_spark("spark", persist=False)

    def run(self, table: str, frame: DataFrame, checks: Sequence[Check]) -> list[Outcome]:
        """Every check of a table, in order. Checks of a column that is missing are left out: one says it is."""
        from great_expectations.expectations.registry import get_expectation_impl

        present = set(frame.columns)
        checks = [check for check in checks if _columns_of(check) <= present]
        suite = self._gx.ExpectationSuite(name=table)
        for index, check in enumerate(checks):
            severity = "critical" if check.severity == "error" else "warning"
            meta = {"check": index}
            suite.expectations.append(
                get_expectation_impl(check.type)(**check.kwargs, severity=severity, meta=meta)
            )
        batch = self._source.add_dataframe_asset(table).add_batch_definition_whole_dataframe(table)
        definition = self._context.validation_definitions.add(
            self._gx.ValidationDefinition(name=table, data=batch, suite=self._context.suites.add(suite))
        )
        validation = definition.run(batch_parameters={"dataframe": frame}, result_format=RESULT_FORMAT)
        found = {result.expectation_config.meta["check"]: result for result in validation.results}
        return [
            from_validation(table, check, found[index].success, found[index].result, _problem(found[index]))
            for index, check in enumerate(checks)
        ]

    def write_data_docs(self, folder: Path) -> None:
        """Great Expectations' own static pages of the validations so far."""
        store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)}
        site = {
            "class_name": "SiteBuilder",
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "store_backend": store,
        }
        self._context.add_data_docs_site(site_name=DOCS_SITE, site_config=site)
        self._context.build_data_docs(DOCS_SITE)


def _columns_of(check: Check) -> set[str]:
    single = {check.kwargs["column"]} if "column" in check.kwargs else set()
    return single | set(check.kwargs.get("column_list", ()))


def _problem(result: Any) -> str:
    """Why an expectation could not be computed; empty when it could."""
    raised = result.exception_info or {}
    if raised.get("raised_exception") is False:
        return ""
    infos = [raised] if "exception_message" in raised else list(raised.values())
    return "; ".join(str(info["exception_message"]).splitlines()[0] for info in infos if info)
