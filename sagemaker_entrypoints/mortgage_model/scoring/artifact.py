"""What model.tar.gz holds: JSON and UBJ files, the same bytes for the same model; and the model they make."""

from __future__ import annotations

import json
import math
import shutil
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import pandas as pd
import xgboost as xgb

from contracts.faults import DataFault
from contracts.model import Column, Contract, DerivedFeature, Factor
from mortgage_model.documents.profile import ReferenceProfile
from mortgage_model.scoring import booster as boosting
from mortgage_model.scoring import calibration as calibrating
from mortgage_model.scoring.calibration import Calibration
from mortgage_model.scoring.challenger import Challenger
from mortgage_model.scoring.features import FeatureSpec
from mortgage_model.scoring.grades import MasterScale

# A report's document, of whatever type.
Document = TypeVar("Document", bound=Mapping[str, object])
# requirements.txt stays behind: serving reads no YAML, and so installs nothing when it starts.
CODE = ("inference.py", "mortgage_model", "contracts")


class ArtifactError(DataFault):
    """A model directory is incomplete or inconsistent. The message names the file."""


@dataclass(frozen=True)
class MortgageModel:
    """A trained model: contract rows in, PD and grade out. `contract` holds the feature columns alone; the
    `challenger`, if any, is the benchmark trained on the same rows.
    """

    contract: Contract
    spec: FeatureSpec
    booster: xgb.Booster
    calibration: Calibration
    scale: MasterScale
    metadata: Mapping[str, Any]
    challenger: Challenger | None = None

    def score(self, features: pd.DataFrame) -> np.ndarray:
        """PD of rows already transformed by `spec`, float64 (n,)."""
        return calibrating.apply(self.calibration, boosting.margin(self.booster, features))

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Columns pd (float64) and grade (str), the index of `frame`, from rows of contract columns."""
        pd_values = self.score(self.spec.transform(frame))
        return pd.DataFrame({"pd": pd_values, "grade": self.scale.assign(pd_values)}, index=frame.index)


def save_model(
    folder: str | Path, model: MortgageModel, profile: ReferenceProfile, source: str | Path | None = None
) -> None:
    """Write the model's files under `folder`, with its serving code from the source directory `source`."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model.booster.save_model(folder / "booster.ubj")
    documents = {
        "feature_spec": model.spec.to_json(),
        "calibration": model.calibration.to_json(),
        "master_scale": model.scale.to_json(),
        "contract": contract_to_json(model.contract),
        "reference_profile": profile,
        "metadata": model.metadata,
    }
    if model.challenger is not None:
        documents["challenger"] = model.challenger.to_json()
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(to_json_text(document), encoding="utf-8")
    if source is not None:
        copy_code(Path(source), folder / "code")


def load_model(folder: str | Path) -> MortgageModel:
    """Read what save_model wrote. Raises ArtifactError for a missing or unreadable file."""
    folder = Path(folder)
    names = ("feature_spec", "calibration", "master_scale", "contract", "metadata")
    spec, calibration, scale, contract, metadata = (_read_json(folder / f"{name}.json") for name in names)
    booster = xgb.Booster()
    try:
        booster.load_model(folder / "booster.ubj")
    except xgb.core.XGBoostError as error:
        raise ArtifactError(f"{folder / 'booster.ubj'} cannot be read: {str(error).splitlines()[-1]}") from error
    features = FeatureSpec.from_json(spec)
    challenger = folder / "challenger.json"
    model = MortgageModel(
        contract_from_json(contract),
        features,
        booster,
        Calibration.from_json(calibration),
        MasterScale.from_json(scale),
        metadata,
        Challenger.from_json(_read_json(challenger), features) if challenger.exists() else None,
    )
    if tuple(booster.feature_names or ()) != tuple(map(boosting.known_as, model.spec.names)):
        raise ArtifactError(f"booster.ubj and feature_spec.json under {folder} name different features")
    return model


def read_profile(folder: str | Path) -> ReferenceProfile:
    """The reference profile of a model directory."""
    profile: ReferenceProfile = _read_json(Path(folder) / "reference_profile.json")
    return profile


def read_packed(folder: Path) -> tuple[MortgageModel, ReferenceProfile]:
    """Model and reference profile of the one model.tar.gz in `folder`. Raises ArtifactError."""
    archive = only_file(folder, "*.tar.gz", "model")
    with tempfile.TemporaryDirectory() as unpacked:
        unpack(archive, Path(unpacked))
        return load_model(unpacked), read_profile(unpacked)


def unpack(archive: Path, folder: Path) -> None:
    """Files of model.tar.gz. Raises ArtifactError for a broken one, for links, devices and names that leave `folder`.

    By hand, because tarfile's own filters come with Python 3.11.4 and Debian 12 has 3.11.2.
    """
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                inside = (folder / member.name).resolve().is_relative_to(folder.resolve())
                if not inside or not (member.isfile() or member.isdir()):
                    raise tarfile.TarError(f"{member.name} is no plain file below its folder")
                tar.extract(member, folder)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ArtifactError(f"{archive.name} cannot be unpacked: {error}") from error


def only_file(folder: Path, pattern: str, what: str) -> Path:
    """The one file of `folder` that matches. Raises ArtifactError for none or several."""
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise ArtifactError(f"expected one {what} ({pattern}) in {folder}, found {len(found)}")
    return found[0]


def feature_contract(contract: Contract) -> Contract:
    """The contract reduced to its features: what one record to score may and must hold, and what is made of it."""
    return replace(
        contract, columns=contract.with_role("feature"), rules=(), key=(), split=None, tolerated_invalid_percent=0.0
    )


def contract_to_json(contract: Contract) -> dict[str, Any]:
    return {
        "name": contract.name,
        "version": contract.version,
        "description": contract.description,
        "grain": contract.grain,
        "columns": [asdict(column) for column in contract.columns],
        "derived": [asdict(feature) for feature in contract.derived],
        "factors": [asdict(factor) for factor in contract.factors],
    }


def contract_from_json(document: Mapping[str, Any]) -> Contract:
    """Inverse of contract_to_json; fields unknown to this version of contracts are dropped."""

    def read(kind: type[Any], values: Mapping[str, Any]) -> Any:
        kept = {field.name: values[field.name] for field in fields(kind) if field.name in values}
        return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()})

    return Contract(
        name=document["name"],
        version=document["version"],
        description=document["description"],
        grain=document["grain"],
        columns=tuple(read(Column, column) for column in document["columns"]),
        derived=tuple(read(DerivedFeature, feature) for feature in document["derived"]),
        factors=tuple(read(Factor, factor) for factor in document["factors"]),
    )


def copy_code(source: Path, target: Path) -> None:
    """Copy the serving code of SageMaker's source directory, without caches."""
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
    target.mkdir(parents=True, exist_ok=True)
    for name in CODE:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, ignore=ignore, dirs_exist_ok=True)
        elif (source / name).is_file():
            shutil.copyfile(source / name, target / name)
        else:
            raise ArtifactError(f"{name} is not in the source directory {source}; serving needs it")


def to_json_text(document: Any) -> str:
    """JSON with one spelling per document. ValueError, naming the key, for a number that is not finite."""
    _, found = _finite(document)
    if found:
        raise ValueError(f"{', '.join(f'{path} is {value}' for path, value in found.items())}: not JSON compliant")
    return json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n"


def with_nulls(document: Document) -> Document:
    """A report's document with null for every number that is not finite, and the reason: "not_finite": {path: "nan"}.

    Evidence is not lost for one figure; a gate takes null for not computable.
    """
    kept, found = _finite(document)
    return cast(Document, {**kept, "not_finite": found} if found else kept)


def _finite(value: Any, path: str = "") -> tuple[Any, dict[str, str]]:
    """The value with None for numbers that are not finite, and these by path."""
    if isinstance(value, Mapping):
        entries = {key: _finite(entry, f"{path}.{key}".lstrip(".")) for key, entry in value.items()}
        kept: Any = {key: entry for key, (entry, _) in entries.items()}
        return kept, {place: text for _, found in entries.values() for place, text in found.items()}
    if isinstance(value, list | tuple):
        listed = [_finite(entry, f"{path}[{place}]") for place, entry in enumerate(value)]
        return [entry for entry, _ in listed], {place: text for _, found in listed for place, text in found.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None, {path: str(float(value))}
    return value, {}


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path} cannot be read: {error}") from error
