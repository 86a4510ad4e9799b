"""The jobs' real documents against their types (mortgage_model/documents), and the reports against the documents."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest
from validation_run import THRESHOLDS, validated_once

from mortgage_model.documents import battery, card, clarify, evaluation, gate, profile
from mortgage_model.report.page import render_report
from tests.documents import misfits as fits_not

misfits = functools.partial(fits_not, exact=True)

# What the details of the battery's tests hold: test, key -> type.
DETAILS: dict[tuple[str, str], Any] = {
    ("benchmark.challenger", "criteria"): list[battery.Criterion],
    ("benchmark.challenger", "swap_set"): list[battery.Swap],
    ("calibration.grades", "grades"): list[battery.GradeTest],
    ("calibration.traffic_light", "years"): list[battery.YearLight],
    ("data.single_feature", "features"): list[battery.FeatureAuc],
    ("discrimination.segments", "segments"): list[battery.Segment],
    ("explanation.importance", "features"): list[battery.TwoSamples],
    ("explanation.monotone_trees", "violations"): list[battery.Violation],
    ("explanation.profiles", "profiles"): list[battery.Profile],
    ("explanation.shap_ranks", "features"): list[battery.TwoSamples],
    ("robustness.missing_block", "sources"): list[battery.SourceLoss],
    ("stability.features", "features"): list[battery.FeatureStability],
    ("stability.representativeness", "features"): list[battery.PortfolioShift],
    ("stability.score_bands", "bands"): list[battery.BandChange],
    ("stress.direction", "scenarios"): list[battery.Scenario],
}


@pytest.fixture(scope="module")
def output(trained, panel_dir, tmp_path_factory) -> Path:
    run = validated_once(tmp_path_factory.getbasetemp() / "validation", trained.model_dir, panel_dir)
    return run[0] / "output"


def read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("evaluation", evaluation.Evaluation),
        ("gate", gate.Gate),
        ("card", card.Card),
        ("explainability", clarify.Explainability),
    ],
)
def test_the_validations_documents_are_what_their_types_say(output, name, kind):
    document = read(output / f"{name}.json")
    assert misfits(document, kind) == []
    key = next(iter(document))
    assert misfits(document | {"more": 1}, kind), "a key that the type does not know is found"
    assert misfits({k: v for k, v in document.items() if k != key}, kind), "a key that is missing is found"
    assert misfits(document | {key: object()}, kind), "a value of another type is found"


def test_what_the_tests_of_the_battery_say_in_detail_is_what_the_types_say(output):
    checks = {check["id"]: check for check in read(output / "evaluation.json")["mortgage"]["checks"]}
    for (test, key), kind in DETAILS.items():
        found = checks[test]["detail"][key]
        assert found or key == "violations", test
        assert misfits(found, kind, f"{test} {key}") == []


def test_the_settings_and_the_reference_profile_are_what_their_types_say(trained):
    assert misfits(read(THRESHOLDS), list[gate.Threshold]) == []
    assert misfits(read(THRESHOLDS.with_name("model_card.json")), card.CardSettings) == []
    assert misfits(read(trained.model_dir / "reference_profile.json"), profile.ReferenceProfile) == []


def test_the_report_is_made_of_the_three_documents_and_nothing_else(output):
    """Read back from their files, they give the same page byte for byte."""
    verdict = read(output / "gate.json")
    judged = gate.GateResult(*(verdict[part] for part in ("passed", "reasons", "warnings", "checks", "not_run")))
    page = render_report(read(output / "evaluation.json"), judged, read(output / "card.json"))
    assert page == (output / "report.html").read_text(encoding="utf-8")
