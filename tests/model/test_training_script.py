from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from mortgage_training_script import main, train
from synthetic_panel import SMALL_MODEL, write_panel

from contracts import load_contract
from mortgage_model.development import boosting, search
from mortgage_model.development.checkpoint import Checkpoint, request_digest
from mortgage_model.development.hyperparameters import parse_arguments
from mortgage_model.development.panel_data import open_panel, read_sample
from mortgage_model.development.sample_metrics import metric_lines, sample_metrics
from mortgage_model.development.search import Range
from mortgage_model.development.splits import SplitBounds, SplitError
from mortgage_model.development.train import open_checkpoint
from mortgage_model.scoring.artifact import load_model, read_profile
from mortgage_model.statistics.discrimination import auc

CONTRACT = load_contract("loan_panel")
FILES = {"booster.ubj", "feature_spec.json", "calibration.json", "master_scale.json", "contract.json",
         "reference_profile.json", "metadata.json", "challenger.json", "code"}  # fmt: skip


def run_script(source: Path, panel: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The script as SageMaker runs it: only its source directory on the path, folders by SM_* variables."""
    environment = {
        "PATH": os.environ["PATH"], "SM_CHANNEL_TRAIN": str(panel),
        "SM_MODEL_DIR": str(folder / "model"), "SM_OUTPUT_DATA_DIR": str(folder / "output")}  # fmt: skip
    return subprocess.run(
        [sys.executable, "mortgage_training_script.py", *arguments],
        cwd=source, env=environment, capture_output=True, text=True, timeout=120, check=False)  # fmt: skip


@pytest.fixture(scope="module")
def second_run(source_dir, panel_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("second")
    return folder, run_script(source_dir, panel_dir, folder, *SMALL_MODEL)


def test_the_script_prints_its_metrics_where_sagemaker_looks(second_run, trained, source_dir):
    _, result = second_run
    assert result.returncode == 0, result.stderr
    definitions = json.loads((source_dir / "metric_definitions.json").read_text())
    found = {d["Name"]: re.findall(d["Regex"], result.stdout) for d in definitions}
    assert set(found) == set(trained.metrics)
    for name, values in found.items():
        assert [float(value) for value in values] == [pytest.approx(trained.metrics[name]["value"], rel=1e-5)]


def test_a_second_run_writes_the_same_bytes(second_run, trained):
    folder, _ = second_run

    def hashes(root: Path) -> dict[str, str]:
        return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in sorted(root.rglob("*")) if path.is_file()}  # fmt: skip

    assert hashes(folder / "model") == hashes(trained.model_dir)
    assert hashes(folder / "output") == hashes(trained.output_dir)


def test_the_model_directory_holds_what_the_interface_says(trained):
    assert {path.name for path in trained.model_dir.iterdir()} == FILES
    code = trained.model_dir / "code"
    assert {path.name for path in code.iterdir()} == {
        "inference.py", "mortgage_model", "contracts"}  # fmt: skip
    # Exactly what serving needs: what develops, validates and monitors stays behind.
    assert {path.name for path in (code / "mortgage_model").iterdir()} == {"__init__.py", "documents", "scoring"}
    assert not [path for path in trained.model_dir.rglob("*") if path.suffix in (".pkl", ".pickle", ".pyc")]
    columns = [column["name"] for column in json.loads((trained.model_dir / "contract.json").read_text())["columns"]]
    assert columns == list(load_contract("scoring_input").column_names[1:]), "the order of the CSV to score"


def test_metadata_tells_the_whole_run(trained):
    metadata = load_model(trained.model_dir).metadata
    assert metadata["split"] == {
        "train_start": "2008-01", "train_end": "2010-12", "validation_start": "2012-01",
        "validation_end": "2012-12", "oot_start": "2014-01", "oot_end": "2014-12"}  # fmt: skip
    assert metadata["samples"]["oot"] == {
        "rows": 1920, "labelled": 1920, "events": trained.metrics["oot-auc"]["events"]}  # fmt: skip
    assert metadata["hyperparameters"]["n_estimators"] == 60
    assert metadata["libraries"]["xgboost"] == "3.2.0"
    assert metadata["metrics"] == trained.metrics == json.loads((trained.output_dir / "metrics.json").read_text())
    assert metadata["panel"] == {
        "rows": 15360,
        "files": 96,
        "first_month": "2008-01",
        "last_month": "2015-12",
    }


def test_a_search_is_recorded_and_repeated_to_the_byte(panel_dir, source_dir, tmp_path):
    arguments = parse_arguments([*SMALL_MODEL, "--search_trials", "2"])
    for name in ("one", "two"):
        train(panel_dir, arguments, tmp_path / name, tmp_path / f"{name}-output", source_dir, CONTRACT)
    model = load_model(tmp_path / "one")
    record = model.metadata["search"]
    assert (len(record["trials"]), record["ended_by"]) == (3, "trials")
    best = record["trials"][record["best"]]
    assert best["log_loss"] == min(trial["log_loss"] for trial in record["trials"])
    assert {name: model.metadata["hyperparameters"][name] for name in best["parameters"]} == best["parameters"]
    for path in (tmp_path / "one").glob("*.*"):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_an_interrupted_training_goes_on_and_gives_the_same_model(panel_dir, source_dir, tmp_path, monkeypatch):
    arguments = parse_arguments([*SMALL_MODEL, "--search_trials", "3"])
    train(panel_dir, arguments, tmp_path / "whole", tmp_path / "whole-output", source_dir, CONTRACT)
    checkpoints = tmp_path / "checkpoints"
    checkpoints.mkdir()
    fits: list[int] = []
    fit = boosting.fit

    def taken_back(*given):
        fits.append(1)
        if len(fits) == 8:
            raise KeyboardInterrupt
        return fit(*given)

    monkeypatch.setattr(boosting, "fit", taken_back)
    with pytest.raises(KeyboardInterrupt):
        train(panel_dir, arguments, tmp_path / "cut", tmp_path / "cut-output", source_dir, CONTRACT, checkpoints)
    assert not (tmp_path / "cut").exists()
    finished = json.loads((checkpoints / "trials.json").read_text())["trials"]
    folds = len(finished[0]["rounds"])
    assert 0 < len(finished) == 7 // folds < 4

    again = [tmp_path / "again", tmp_path / "again-output", source_dir, CONTRACT, checkpoints]
    train(panel_dir, arguments, *again)
    # The trials that were left, the best once more where it was an earlier one, and the model itself.
    assert len(fits) - 8 in {folds * left + 1 for left in (4 - len(finished), 5 - len(finished))}
    for path in (tmp_path / "whole").glob("*.*"):
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name

    before = len(fits)
    train(panel_dir, {**arguments, "seed": 1}, *again)
    assert len(fits) - before == 4 * folds + 1, "another request's trials are not used"


def test_the_script_keeps_its_trials_where_sagemaker_looks_for_checkpoints(source_dir, panel_dir, tmp_path):
    (tmp_path / "checkpoints").mkdir()
    done = run_script(source_dir, panel_dir, tmp_path, *SMALL_MODEL, "--search_trials", "1")
    assert done.returncode == 0, done.stderr
    assert len(json.loads((tmp_path / "checkpoints" / "trials.json").read_text())["trials"]) == 2


@pytest.mark.parametrize("text", ["", "[1]", '{"request": "d", "trials": [{"parameters": {}}]}'])
def test_a_checkpoint_that_cannot_be_read_is_none(text, tmp_path):
    (tmp_path / "trials.json").write_text(text)
    assert Checkpoint(tmp_path, "d").trials == []


def test_other_code_is_another_request(tmp_path):
    (tmp_path / "a.py").write_text("one")
    before = request_digest(tmp_path, {"data": "x"})
    assert request_digest(tmp_path, {"data": "x"}) == before
    assert request_digest(tmp_path, {"data": "y"}) != before
    (tmp_path / "a.py").write_text("two")
    assert request_digest(tmp_path, {"data": "x"}) != before


def test_another_search_space_is_another_request(tmp_path, monkeypatch):
    plan = SimpleNamespace(bounds=SplitBounds(*("2010-01",) * 6))
    prepared = SimpleNamespace(fingerprints={"train": "f"})

    def request() -> str:
        return open_checkpoint(tmp_path, tmp_path, plan, prepared, {}).request

    before = request()
    assert request() == before
    monkeypatch.setattr(search, "panel_space", lambda: {"max_depth": Range(2, 4)})
    assert request() != before


def test_the_challenger_learned_from_the_same_rows(trained):
    metadata = load_model(trained.model_dir).metadata
    assert set(metadata["challenger"]) == set(metadata["metrics"])
    assert metadata["challenger"]["train-auc"]["n"] == metadata["metrics"]["train-auc"]["n"]
    assert metadata["challenger"]["oot-auc"]["value"] > 0.6


def test_the_through_the_cycle_view_covers_development(trained):
    long_run = load_model(trained.model_dir).metadata["through_the_cycle"]
    assert long_run["years"] == ["2008", "2009", "2010", "2012"]
    rates = [grade["rate"] for grade in long_run["grades"] if grade["events"] > 20]
    assert rates == sorted(rates), "a worse grade has a higher long-run rate"


def test_it_ranks_nearly_as_well_as_the_truth(trained, panel):
    oot = panel[panel["snapshot_month"].between("2014-01", "2014-12")]
    best = auc(oot["default_in_horizon"].to_numpy(), oot["true_pd"].to_numpy())
    assert trained.metrics["oot-auc"]["value"] > best - 0.1
    assert trained.metrics["validation-calibration_slope"]["value"] == pytest.approx(1, abs=1e-6)


def test_rows_without_a_label_train_nothing(trained, panel, panel_dir, source_dir, tmp_path):
    """The immature tail, with its known defaults only, changes neither the samples nor the model."""
    mature = panel[panel["snapshot_month"] <= "2014-12"]
    tail = panel[panel["snapshot_month"] == "2015-12"].assign(default_in_horizon=np.nan)
    folder = write_panel(mature, tmp_path / "panel")
    write_panel(tail, folder)
    train(folder, parse_arguments(SMALL_MODEL), tmp_path / "model", tmp_path / "output", source_dir, CONTRACT)
    assert (tmp_path / "model/booster.ubj").read_bytes() == (trained.model_dir / "booster.ubj").read_bytes()


def test_the_reference_profile_describes_the_training_sample(trained, panel_dir):
    profile = read_profile(trained.model_dir)
    rows = read_sample(open_panel(panel_dir, CONTRACT), CONTRACT,
                       [f"{y}-{m:02d}" for y in (2008, 2009, 2010) for m in range(1, 13)]).frame  # fmt: skip
    assert set(profile["features"]) == {column.name for column in CONTRACT.with_role("feature")}
    assert profile["rows"] == len(rows)
    score = profile["features"]["credit_score"]
    assert score["type"] == "numeric"
    assert score["missing"] == pytest.approx(rows["credit_score"].isna().mean())
    assert len(score["edges"]) == 9
    assert score["shares"] == pytest.approx([0.1] * 10, abs=0.02)
    assert profile["features"]["channel"]["shares"] == pytest.approx(
        rows["channel"].astype(str).value_counts(normalize=True).to_dict()
    )
    assert sum(profile["score"]["shares"]) == pytest.approx(1)
    assert profile["features"]["product_type"]["missing"] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--max_depth", "99"),
            "HyperparameterError: hyperparameter max_depth must be a whole number from 1 to 10, not '99' "
            "(levels of a tree)",
        ),
        (
            ("--horizon_months", "6"),
            "PanelError: the panel's labels look 12 months ahead; hyperparameter horizon_months is 6",
        ),
        (
            ("--oot_months", "48"),
            "SplitError: the panel spans 96 months (2008-01 to 2015-12); a split with horizon 12, "
            "oot_months 48 and validation_months 12 needs at least 97: shorten oot_months or "
            "validation_months, or bring more history",
        ),
    ],
)
def test_a_predictable_error_is_one_line(panel_dir, tmp_path, monkeypatch, arguments, message):
    monkeypatch.setattr(sys, "argv", ["mortgage_training_script.py", *arguments])
    monkeypatch.setenv("SM_CHANNEL_TRAIN", str(panel_dir))
    monkeypatch.setenv("SM_MODEL_DIR", str(tmp_path / "model"))
    monkeypatch.setenv("SM_OUTPUT_DATA_DIR", str(tmp_path / "output"))
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == message
    assert not (tmp_path / "model").exists()


def test_a_failed_script_leaves_its_reason_alone_on_stderr(source_dir, tmp_path):
    result = run_script(source_dir, tmp_path / "nothing", tmp_path)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("PanelError: there is no Parquet file under")


def test_training_rows_of_one_class_are_refused(panel, source_dir, tmp_path):
    calm = panel.assign(default_in_horizon=panel["default_in_horizon"].where(panel["snapshot_month"] > "2010-12", 0.0))
    folder = write_panel(calm, tmp_path / "panel")
    with pytest.raises(SplitError, match=r"^train must hold both .* train 2008-01 to 2010-12: 5760 rows, 0 defaults"):
        train(folder, parse_arguments(SMALL_MODEL), tmp_path / "m", tmp_path / "o", source_dir, CONTRACT)


@pytest.mark.parametrize("calm", [("2012-01", "2012-12"), ("2014-01", "2014-12")])
def test_later_samples_without_defaults_reach_the_gate(panel, source_dir, tmp_path, calm):
    """The model is saved with an honest fallback, and what cannot be measured is null with its reason."""
    calm_panel = panel.assign(
        default_in_horizon=panel["default_in_horizon"].mask(panel["snapshot_month"].between(*calm), 0.0)
    )
    folder = write_panel(calm_panel, tmp_path / "panel")
    metrics = train(folder, parse_arguments(SMALL_MODEL), tmp_path / "m", tmp_path / "o", source_dir, CONTRACT)
    sample = "validation" if calm[0] == "2012-01" else "oot"
    assert metrics[f"{sample}-auc"]["value"] is None
    assert "default" in metrics[f"{sample}-auc"]["reason"]
    model = load_model(tmp_path / "m")
    assert model.calibration.method == ("identity" if sample == "validation" else "logistic")
    assert model.metadata["stopped_by"].startswith("n_estimators" if sample == "validation" else "validation log loss")


def test_a_gap_in_the_panel_leaves_an_empty_sample_not_a_crash(panel, source_dir, tmp_path):
    folder = write_panel(panel[~panel["snapshot_month"].between("2012-01", "2012-12")], tmp_path / "panel")
    metrics = train(folder, parse_arguments(SMALL_MODEL), tmp_path / "m", tmp_path / "o", source_dir, CONTRACT)
    assert metrics["validation-auc"] == {
        "value": None,
        "reason": metrics["validation-auc"]["reason"],
        "n": 0,
        "events": 0,
    }
    assert load_model(tmp_path / "m").calibration.method == "identity"


def test_a_metric_without_a_value_is_null_with_its_reason():
    metrics = sample_metrics("oot", np.zeros(5), np.full(5, 0.1))
    assert metrics["oot-auc"]["value"] is None
    assert metrics["oot-auc"]["reason"]
    assert metrics["oot-brier"]["value"] == pytest.approx(0.01)
    lines = metric_lines(metrics)
    assert "oot-brier=0.01;" in lines
    assert not [line for line in lines if line.startswith("oot-auc=")]
