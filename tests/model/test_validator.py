"""The validation job on a small trained model: complete evidence, honest refusals, planted defects found."""

from __future__ import annotations

import copy
import hashlib
import importlib.util
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk
from synthetic_panel import write_panel
from validation_run import ROOT, RUN, THRESHOLDS, gather, prepare, validate, validated_once

from contracts import load_contract
from mortgage_model.development.panel_data import PanelError
from mortgage_model.documents.evaluation import METRIC_NAMES
from mortgage_model.scoring.artifact import ArtifactError, load_model
from mortgage_model.validation.checks import CHECKS, Evidence, run_checks
from mortgage_model.validation.gate import ThresholdError
from mortgage_model.validation.replicates import Replicates

RECORDS = [test for test in CHECKS if test.run.__module__.endswith("records")]


@pytest.fixture(scope="module")
def validated(trained, panel_dir, tmp_path_factory):
    return validated_once(tmp_path_factory.getbasetemp() / "validation", trained.model_dir, panel_dir)


@pytest.fixture(scope="module")
def evidence(validated, trained, panel_dir):
    """What the checks look at, for a test to alter a copy of."""
    return gather(trained.model_dir, panel_dir, validated[2]["mortgage"]["metrics"])


def verdicts(evidence: Evidence, change: Callable[[dict[str, Any]], object]) -> dict[str, dict[str, Any]]:
    """The validator's records by id, after a change to a copy of the model's metadata."""
    metadata = copy.deepcopy(dict(evidence.model.metadata))
    change(metadata)
    altered = replace(evidence, model=replace(evidence.model, metadata=metadata))
    return {check["id"]: check for check in run_checks(altered, RECORDS)}


def test_metrics_equal_scikit_learn_on_rows_read_another_way(validated, trained, panel):
    _, _, evaluation = validated
    facts = evaluation["mortgage"]["samples"]["oot"]
    rows = panel[
        panel.snapshot_month.between(facts["first_month"], facts["last_month"]) & panel.default_in_horizon.notna()
    ]
    scores = load_model(trained.model_dir).predict(rows)["pd"].to_numpy()
    found = evaluation["mortgage"]["metrics"]["oot"]
    assert (facts["n"], facts["events"], facts["loans"]) == (
        len(rows),
        rows.default_in_horizon.sum(),
        rows.loan_id.nunique(),
    )
    assert found["defaulted_loans"]["value"] == rows.loan_id[rows.default_in_horizon == 1].nunique()
    assert found["auc"]["value"] == pytest.approx(sk.roc_auc_score(rows.default_in_horizon, scores), abs=1e-9)
    assert found["brier"]["value"] == pytest.approx(sk.brier_score_loss(rows.default_in_horizon, scores), abs=1e-9)
    assert found["log_loss"]["value"] == pytest.approx(sk.log_loss(rows.default_in_horizon, scores), rel=1e-6)
    assert found["mean_pd"]["value"] == pytest.approx(scores.mean())


def test_every_metric_has_counts_and_its_interval_holds_the_value(validated):
    evidence = validated[2]["mortgage"]
    facts = {**evidence["samples"], "train_to_oot": evidence["samples"]["oot"]}
    told_without = {"average_precision", "defaulted_loans", "expected_calibration_error"}
    names = {*METRIC_NAMES} - {"auc_drop", "psi"}
    assert {sample: set(metrics) for sample, metrics in evidence["metrics"].items()} == {
        "train": names, "validation": names, "oot": names, "train_to_oot": {"auc_drop", "psi"},
    }  # fmt: skip
    for sample, metrics in evidence["metrics"].items():
        for name, metric in metrics.items():
            counts = (facts[sample]["n"], facts[sample]["events"])
            assert (metric["n"], metric["events"]) == counts, (sample, name)
            if name in told_without:
                assert metric["value"] is not None, (sample, name)
                assert metric["interval"] is None, (sample, name)
                continue
            low, high = metric["interval"]
            assert low <= metric["value"] <= high, (sample, name)
            assert low < high, (sample, name)


def test_the_models_own_records_are_confirmed(validated):
    _, result, _ = validated
    own = {
        check["id"]: check["verdict"]
        for check in result.checks
        if check["metric"] is None and not check["bounds"] and check["severity"] == "error"
    }
    assert own == dict.fromkeys(
        (
            "artifact.booster",
            "artifact.contract",
            "data.counts",
            "data.fingerprint",
            "data.embargo",
            "data.outcome_columns",
            "replication.metrics",
        ),
        "pass",
    )


def test_sagemakers_layout(validated):
    _, _, evaluation = validated
    quality = evaluation["binary_classification_metrics"]
    counts = quality["confusion_matrix"]
    assert sum(counts[a][b] for a in "01" for b in "01") == evaluation["mortgage"]["samples"]["oot"]["n"]
    assert quality["recall"]["value"] == pytest.approx(counts["1"]["1"] / (counts["1"]["0"] + counts["1"]["1"]))
    for name in (
        "auc",
        "accuracy",
        "precision",
        "recall",
        "f1",
        "true_positive_rate",
        "accuracy_best_constant_classifier",
    ):
        assert set(quality[name]) == {"value", "standard_deviation"}
    curve = quality["receiver_operating_characteristic_curve"]
    assert len(curve["false_positive_rates"]) == len(curve["true_positive_rates"]) <= 200
    assert quality["auc"]["value"] == evaluation["mortgage"]["metrics"]["oot"]["auc"]["value"]


def test_tables_add_up(validated):
    _, _, evaluation = validated
    detail = evaluation["mortgage"]
    for name, facts in detail["samples"].items():
        for table in ("deciles", "grades"):
            assert sum(row["n"] for row in detail[table][name]) == facts["n"]
            assert sum(row["events"] for row in detail[table][name]) == facts["events"]
        assert sum(row["n"] for row in detail["by_month"] if row["sample"] == name) == facts["n"]
    assert sum(row["train"] for row in detail["psi"]) == pytest.approx(1)
    assert sum(row["contribution"] for row in detail["psi"]) == pytest.approx(
        detail["metrics"]["train_to_oot"]["psi"]["value"]
    )
    assert {row["feature"] for row in detail["csi"]} == {
        column.name for column in load_contract("loan_panel").with_role("feature")
    }
    assert all(sum(b["oot"] for b in row["bins"]) == pytest.approx(1) for row in detail["csi"])


def test_gate_json_names_what_it_judged(validated):
    root, result, _ = validated
    gate = json.loads((root / "output" / "gate.json").read_text())
    pack = {file.name for file in (root / "output").iterdir()} - {"gate.json"}
    assert set(gate["evidence"]) == pack == {"card.json", "evaluation.json", "explainability.json", "report.html"}
    for name, sha256 in gate["evidence"].items():
        assert sha256 == hashlib.sha256((root / "output" / name).read_bytes()).hexdigest()
    for name, file in {
        "thresholds_sha256": THRESHOLDS,
        "model_sha256": root / "model" / "model.tar.gz",
    }.items():
        assert gate[name] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert gate["passed"] == result.passed
    assert (gate["format"], gate["training_job"], len(gate["checks"])) == (1, "train-1", len(result.checks))


def test_airflow_reads_the_verdict_that_the_job_writes(validated):
    spec = importlib.util.spec_from_file_location(
        "plugin_gate", ROOT / "plugins" / "mortgage_risk" / "release" / "verdict.py"
    )
    plugin = importlib.util.module_from_spec(spec)
    sys.modules["plugin_gate"] = plugin
    spec.loader.exec_module(plugin)
    root, result, _ = validated
    gate = json.loads((root / "output" / "gate.json").read_text())
    verdict = plugin.read_verdict(gate, gate["thresholds_sha256"])
    assert (verdict.passed, list(verdict.reasons)) == (result.passed, result.reasons)


def test_the_same_seed_gives_the_same_intervals(evidence):
    first, again, other = (Replicates(evidence.samples, 3, seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.of("oot", "auc"), again.of("oot", "auc"))
    np.testing.assert_array_equal(first.psi, again.psi)
    assert not np.array_equal(first.of("oot", "auc"), other.of("oot", "auc"))


def test_the_script_runs_as_sagemaker_runs_it(trained, panel_dir, source_dir, tmp_path):
    root = prepare(tmp_path, trained.model_dir, panel_dir)
    given = asdict(RUN) | {"seed": "3", "root": str(root), "retrain": "true"}
    arguments = [text for name, value in given.items() for text in (f"--{name}", value)]
    done = subprocess.run(
        [sys.executable, "model_validation_script.py", *arguments],
        cwd=source_dir,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "gate: " in done.stdout
    checks = {check["id"]: check for check in json.loads((root / "output" / "gate.json").read_text())["checks"]}
    assert checks["replication.retrain"]["verdict"] == "pass", checks["replication.retrain"]["reason"]
    assert sorted(p.name for p in (root / "output").iterdir()) == [
        "card.json",
        "evaluation.json",
        "explainability.json",
        "gate.json",
        "report.html",
    ]


def test_another_booster_is_noticed(evidence):
    checks = verdicts(evidence, lambda metadata: metadata.update(booster_sha256="0" * 64))
    wrong = [id for id, check in checks.items() if check["verdict"] != "pass" and not check["missing"]]
    assert wrong == ["artifact.booster"]


def test_training_again_to_another_model_is_noticed(evidence):
    def again():
        return evidence.model.metadata | {"booster_sha256": "0" * 64}

    found = {check["id"]: check for check in run_checks(replace(evidence, retrain=again), RECORDS)}
    assert found["replication.retrain"]["reason"] == "Training again gave another booster_sha256 than recorded."


def test_another_contract_is_noticed(evidence):
    checks = verdicts(evidence, lambda metadata: metadata["contract"].update(version="0.9"))
    assert "training used loan_panel 0.9" in checks["artifact.contract"]["reason"]


def test_metadata_that_lacks_a_record_is_not_computable(evidence):
    checks = verdicts(evidence, lambda metadata: metadata.pop("matrix_sha256"))
    assert checks["data.fingerprint"]["verdict"] == "not_computable"
    assert checks["data.fingerprint"]["reason"] == "The model's metadata does not record 'matrix_sha256'."


def test_a_metric_that_training_embellished_is_noticed(evidence):
    checks = verdicts(evidence, lambda metadata: metadata["metrics"]["oot-auc"].update(value=0.99))
    assert checks["replication.metrics"]["verdict"] == "fail"
    assert "oot auc: training 0.99" in checks["replication.metrics"]["reason"]


def test_an_embargo_that_is_too_short_is_noticed(evidence):
    checks = verdicts(evidence, lambda metadata: metadata["hyperparameters"].update(horizon_months=24))
    assert checks["data.embargo"]["verdict"] == "fail"


def test_training_on_a_part_of_its_rows_is_not_mistaken_for_other_rows(evidence):
    def sampled(metadata):
        metadata["hyperparameters"]["max_train_rows"] = 100
        metadata["matrix_sha256"]["train"] = "0" * 64
        metadata["metrics"]["train-auc"]["value"] = 0.1

    checks = verdicts(evidence, sampled)
    assert {check["verdict"] for check in checks.values() if not check["missing"]} == {"pass"}
    assert "training drew a part of its own rows" in checks["data.fingerprint"]["reason"]


def test_thin_evidence_runs_to_the_end_and_fails_in_words(trained, panel, tmp_path):
    """Out of time nothing defaults, and validation has a handful: what has no value says so and blocks."""
    facts = json.loads((trained.model_dir / "metadata.json").read_text())["split"]
    thin = panel.copy()
    late = thin.snapshot_month >= facts["oot_start"]
    thin.loc[late & (thin.default_in_horizon == 1), "default_in_horizon"] = 0.0
    root = prepare(tmp_path / "run", trained.model_dir, write_panel(thin, tmp_path / "panel"))
    result, evaluation = validate(root, 20)
    assert not result.passed
    auc = evaluation["mortgage"]["metrics"]["oot"]["auc"]
    assert auc["value"] is None
    assert "none of the" in auc["reason"]
    assert evaluation["mortgage"]["metrics"]["oot"]["brier"]["value"] > 0
    assert any("number of loans that default is 0" in reason for reason in result.reasons)
    assert any(reason.startswith("Out-of-time AUC could not be computed: none of the") for reason in result.reasons)
    report = (root / "output" / "report.html").read_text()
    assert "The model does not pass the gate." in report
    assert "cannot be shown: none of the" in report


@pytest.mark.parametrize(("sample", "loans"), [("oot", 3), ("validation", 1)])
def test_few_defaulting_loans_give_a_verdict_with_finite_figures(trained, panel, tmp_path, sample, loans):
    """Some bootstrap draws then hold no default, and their Brier skill is minus infinity: no figure, and no crash."""
    facts = json.loads((trained.model_dir / "metadata.json").read_text())["split"]
    inside = panel.snapshot_month.between(facts[f"{sample}_start"], facts[f"{sample}_end"])
    kept = panel.loan_id[inside & (panel.default_in_horizon == 1)].drop_duplicates().head(loans)
    thin = panel.copy()
    thin.loc[inside & (panel.default_in_horizon == 1) & ~panel.loan_id.isin(kept), "default_in_horizon"] = 0.0
    root = prepare(tmp_path / "run", trained.model_dir, write_panel(thin, tmp_path / "panel"))
    result, evaluation = validate(root, 60)
    assert not result.passed
    assert "not_finite" not in evaluation
    metrics = evaluation["mortgage"]["metrics"][sample]
    assert metrics["defaulted_loans"]["value"] == loans
    for metric in metrics.values():
        assert ("reason" in metric) == (metric["value"] is None)
    deviation = metrics["brier_skill"]["standard_deviation"]
    assert deviation is None or 0 <= deviation < 100
    if sample == "oot":
        wanted = f"Out-of-time number of loans that default is {loans}"
        assert any(reason.startswith(wanted) and "at least 100" in reason for reason in result.reasons)
    json.loads((root / "output" / "evaluation.json").read_text(), parse_constant=lambda text: pytest.fail(text))


def test_other_rows_and_an_inverted_model_are_noticed(trained, panel, tmp_path):
    """Out of time the labels are turned round and three rows are lost: each test meant for it says so."""
    facts = json.loads((trained.model_dir / "metadata.json").read_text())["split"]
    wrong = panel.copy()
    late = (wrong.snapshot_month >= facts["oot_start"]) & wrong.default_in_horizon.notna()
    wrong.loc[late, "default_in_horizon"] = 1 - wrong.loc[late, "default_in_horizon"]
    wrong = wrong.drop(wrong.index[late][:3])
    root = prepare(tmp_path / "run", trained.model_dir, write_panel(wrong, tmp_path / "panel"))
    result, evaluation = validate(root, 20)
    assert evaluation["mortgage"]["metrics"]["oot"]["auc"]["value"] < 0.5
    failed = {(c["sample"], c["metric"]) for c in result.checks if c["verdict"] == "fail"}
    assert failed >= {
        ("oot", "auc"),
        ("oot", "calibration_slope"),
        ("oot", "brier_skill"),
        ("train_to_oot", "auc_drop"),
    }
    checks = {check["id"]: check for check in result.checks}
    assert "training counted" in checks["data.counts"]["reason"]
    assert checks["data.fingerprint"]["reason"] == "The values of oot differ from those that training saw."


def test_an_archive_that_climbs_out_of_its_folder_is_refused(panel_dir, tmp_path):
    root = prepare(tmp_path / "run", ROOT / "contracts" / "tables", panel_dir)
    with tarfile.open(root / "model" / "model.tar.gz", "w:gz") as tar:
        member = tarfile.TarInfo("../../escaped.json")
        member.size = 2
        tar.addfile(member, io.BytesIO(b"{}"))
    with pytest.raises(ArtifactError, match="cannot be unpacked"):
        validate(root)
    assert not (tmp_path / "escaped.json").exists()


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (lambda root: (root / "model" / "model.tar.gz").unlink(), ArtifactError, "expected one model"),
        (
            lambda root: (root / "model" / "model.tar.gz").write_bytes(b"\x1f\x8bxx"),
            ArtifactError,
            "cannot be unpacked",
        ),
        (
            lambda root: (root / "settings" / "thresholds.json").write_text("[{"),
            ThresholdError,
            "thresholds.json: ",
        ),
        (
            lambda root: (root / "settings" / "thresholds.json").write_text("[]"),
            ThresholdError,
            "at least one",
        ),
        (lambda root: ((root / "panel").unlink(), (root / "panel").mkdir()), PanelError, "no Parquet file"),
    ],
)
def test_unusable_inputs_are_named(trained, panel_dir, tmp_path, spoil, error, words):
    root = prepare(tmp_path, trained.model_dir, panel_dir)
    spoil(root)
    with pytest.raises(error, match=words):
        validate(root)
