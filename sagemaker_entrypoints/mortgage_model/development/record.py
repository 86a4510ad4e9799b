"""What metadata.json says of a training: features, through-the-cycle rates, fingerprints, libraries."""

from __future__ import annotations

import hashlib
import platform

import numpy
import pandas
import pyarrow
import scipy
import sklearn
import xgboost

from contracts.model import Contract
from mortgage_model.documents.training import FeatureDescription, LongRunRate, ThroughTheCycle
from mortgage_model.scoring.features import FeatureSpec
from mortgage_model.scoring.grades import MasterScale

VERSIONS = {"python": platform.python_version()} | {
    module.__name__: module.__version__ for module in (xgboost, numpy, pandas, pyarrow, scipy, sklearn)
}


def describe_features(spec: FeatureSpec, contract: Contract) -> dict[str, FeatureDescription]:
    """Every model feature, for the report and the model card."""
    derived = {feature.name: feature for feature in spec.engineered}
    described: dict[str, FeatureDescription] = {}
    for name, monotone in zip(spec.names, spec.constraints, strict=True):
        declared = derived.get(name) or contract.column(name)
        described[name] = {
            "inputs": list(derived[name].inputs) if name in derived else [name],
            "unit": declared.unit,
            "label": declared.label,
            "description": declared.description,
            "monotone": monotone,
        }
    return described


def long_run_rates(
    scale: MasterScale, probabilities: numpy.ndarray, months: numpy.ndarray, labels: numpy.ndarray
) -> ThroughTheCycle:
    """The through-the-cycle view: per grade, and for all, the long-run average default rate.

    It is the plain average over calendar years of the year's default rate, so that every year of the cycle counts the
    same however many loans it has (EBA/GL/2017/16, paragraphs 78-81). `months` are 'YYYY-MM'. A grade's PD is its
    point-in-time reading; this is where loans of the grade stood on average.
    """
    years = months.astype("U4")
    grades = scale.assign(probabilities)

    def average(rows: numpy.ndarray) -> LongRunRate:
        rates = [float(labels[rows & (years == year)].mean()) for year in numpy.unique(years[rows])]
        rate = float(numpy.mean(rates)) if rates else None
        return {"n": int(rows.sum()), "events": int(labels[rows].sum()), "years": len(rates), "rate": rate}

    return {
        "years": numpy.unique(years).tolist(),
        "portfolio": average(numpy.ones(len(labels), dtype=bool)),
        "grades": [{"grade": grade, **average(grades == grade)} for grade in scale.grades],
    }


def matrix_fingerprint(matrix: pandas.DataFrame, labels: numpy.ndarray) -> str:
    """SHA-256 of the rows as the booster saw them, whatever their files were called."""
    digest = hashlib.sha256(numpy.ascontiguousarray(matrix.to_numpy(copy=False)).data)
    digest.update(numpy.ascontiguousarray(labels).data)
    return digest.hexdigest()
