"""Great Expectations on Spark: one validation, and so one pass of aggregates, per table."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contracts.expectations import Check
from data_quality.outcomes import MEASURED, Outcome, from_validation

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult
    from pyspark.sql import DataFrame

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # it would call its makers' server at every run

# Two passes. The first computes every check in one Spark aggregation and says yes or no; asked for details, Great
# Expectations would start one more Spark job per check. The second gives the figures of what failed or is a measure.
# Neither lists values: results hold no personal data.
YES_OR_NO = {"result_format": "BOOLEAN_ONLY"}
FIGURES = {"result_format": "BASIC", "partial_unexpected_count": 0}
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
        """Every check of a table, in order. Checks of a missing column are left out: one says it is missing."""
        present = set(frame.columns)
        checks = [check for check in checks if _columns_of(check) <= present]
        passed = [result.success for result in self._validate(table, frame, checks, YES_OR_NO)]
        look_again = [n for n, check in enumerate(checks) if not passed[n] or check.type in MEASURED]
        again = [checks[n] for n in look_again]
        figures = dict(zip(look_again, self._validate(f"{table}, figures", frame, again, FIGURES), strict=True))
        outcomes = []
        for n, check in enumerate(checks):
            result = figures[n].result if n in figures else {}
            problem = _problem(figures[n]) if n in figures else ""
            outcomes.append(from_validation(table, check, passed[n], result, problem))
        return outcomes

    def _validate(
        self, name: str, frame: DataFrame, checks: Sequence[Check], result_format: dict[str, Any]
    ) -> list[ExpectationValidationResult]:
        """Great Expectations' results in the order of ``checks``."""
        from great_expectations.expectations.registry import get_expectation_impl

        suite = self._gx.ExpectationSuite(name=name)
        for n, check in enumerate(checks):
            severity = "critical" if check.severity == "error" else "warning"
            expectation = get_expectation_impl(check.type)
            suite.expectations.append(expectation(**check.kwargs, severity=severity, meta={"check": n}))
        batch = self._source.add_dataframe_asset(name).add_batch_definition_whole_dataframe(name)
        definition = self._gx.ValidationDefinition(name=name, data=batch, suite=self._context.suites.add(suite))
        definition = self._context.validation_definitions.add(definition)
        validation = definition.run(batch_parameters={"dataframe": frame}, result_format=result_format)
        return sorted(validation.results, key=lambda result: result.expectation_config.meta["check"])

    def write_data_docs(self, folder: Path) -> None:
        """Great Expectations' own static pages of the validations so far."""
        store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)}
        site = {
            "class_name": "SiteBuilder",
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            # No guided tour in front of the results; it would be there each time where pages may store nothing
            "show_how_to_buttons": False,
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
