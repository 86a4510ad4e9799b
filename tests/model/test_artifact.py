from __future__ import annotations

import json
import shutil

import pytest

from contracts import load_contract
from mortgage_model.scoring.artifact import ArtifactError, copy_code, feature_contract, load_model, to_json_text
from mortgage_model.scoring.features import FeatureError


@pytest.fixture
def copy(trained, tmp_path):
    return shutil.copytree(trained.model_dir, tmp_path / "model")


def test_what_is_loaded_is_what_was_saved(trained, panel):
    model = load_model(trained.model_dir)
    assert model.contract == feature_contract(load_contract("loan_panel"))
    result = model.predict(panel.head(20).set_index("loan_id"))
    assert list(result.columns) == ["pd", "grade"]
    assert list(result.index) == panel["loan_id"].head(20).tolist()
    assert result["pd"].between(0, 1, inclusive="neither").all()


def test_a_missing_or_damaged_file_is_named(copy):
    (copy / "calibration.json").unlink()
    with pytest.raises(ArtifactError, match=r"calibration\.json cannot be read"):
        load_model(copy)


def test_a_damaged_booster_is_named(copy):
    (copy / "booster.ubj").write_bytes((copy / "booster.ubj").read_bytes()[:500])
    with pytest.raises(ArtifactError, match=r"booster\.ubj cannot be read"):
        load_model(copy)


def test_a_spec_of_another_model_is_refused(copy):
    spec = json.loads((copy / "feature_spec.json").read_text())
    spec["names"], spec["constraints"] = spec["names"][1:], spec["constraints"][1:]
    (copy / "feature_spec.json").write_text(json.dumps(spec))
    with pytest.raises(ArtifactError, match="name different features"):
        load_model(copy)


def test_rows_that_lack_a_column_are_refused(trained, panel):
    with pytest.raises(FeatureError, match="column credit_score is missing"):
        load_model(trained.model_dir).predict(panel.head(2).drop(columns="credit_score"))


def test_code_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ArtifactError, match=r"inference\.py is not in the source directory"):
        copy_code(tmp_path / "nothing", tmp_path / "code")


def test_json_never_holds_nan():
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json_text({"a": float("nan")})
