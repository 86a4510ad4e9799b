"""The types of what Glue and SageMaker jobs write.

Real documents are held against them where they are written (tests of glue_jobs, model, e2e, by tests/documents.py);
here, that this can fail, and that the tests of this side read no other.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
from test_monitoring import document, scoring_input

from tests.documents import misfits

GATE: dict[str, Any] = {
    "format": 1,
    "passed": False,
    "reasons": ["no value"],
    "warnings": [],
    "checks": [
        {
            "id": "oot.auc",
            "question": None,
            "metric": "auc",
            "sample": "oot",
            "value": None,
            "bounds": {"min": 1},
            "severity": "error",
            "verdict": "not_computable",
            "reason": "no value",
        }
    ],
    "thresholds_sha256": "t",
    "evidence": {"card.json": "c"},
}


def test_a_document_fits_and_may_hold_more() -> None:
    assert misfits(GATE | {"model_sha256": "m"}, "GateDocument") == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda gate: gate.pop("evidence"), "GateDocument has no 'evidence'"),
        (lambda gate: gate.update(passed="yes"), "GateDocument['passed'] is 'yes', not bool"),
        (lambda gate: gate.update(format=True), "GateDocument['format'] is True, not int"),
        (lambda gate: gate.update(evidence={"card.json": None}), "['evidence']['card.json'] is None, not str"),
        (lambda gate: gate["checks"][0].pop("bounds"), "GateDocument['checks'][0] has no 'bounds'"),
        (lambda gate: gate["checks"][0].update(value="0.7"), "['checks'][0]['value'] is '0.7', not float"),
        (lambda gate: gate["checks"][0].update(verdict="maybe"), "['verdict'] is 'maybe', not one of pass, warn"),
        (lambda gate: gate.update(checks={}), "GateDocument['checks'] is {}, not a list"),
        (lambda gate: gate.update(checks=["x"]), "GateDocument['checks'][0] is 'x', not an object"),
    ],
)
def test_what_does_not_fit_is_named(change: Any, said: str) -> None:
    gate = copy.deepcopy(GATE)
    change(gate)
    (found,) = misfits(gate, "GateDocument")
    assert said in found


def test_what_may_be_absent_must_fit_where_it_is_there() -> None:
    tuned: dict[str, Any] = {"hyperparameters": {"max_depth": 4}}
    assert misfits(tuned, "xcoms.TunedHyperparameters") == []
    (found,) = misfits(tuned | {"objective": "0.8"}, "xcoms.TunedHyperparameters")
    assert "['objective'] is '0.8', not float" in found
    assert misfits({"counts": {"scoring": 1}}, "DataSummary") == [], "a scoring input counts no tables"


def test_the_tests_of_monitoring_read_documents_as_they_are_written() -> None:
    assert misfits(document("2019-12-31"), "MonitoringDocument") == []
    assert misfits(scoring_input("2019-12-31"), "ScoringInputManifest") == []
