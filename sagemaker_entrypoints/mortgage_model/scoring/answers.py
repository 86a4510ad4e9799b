"""Scores with their reasons as bodies of answers."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pv

from contracts.model import Contract
from mortgage_model.scoring.reasons import explain


@dataclass(frozen=True)
class Answer:
    """Columns pd, grade, reason_1 … per row of the request, and the contract that explains the reasons."""

    prediction: pd.DataFrame
    contract: Contract


def write_csv(prediction: pd.DataFrame) -> str:
    """`pd,grade,reason_1,…` rows, PD with as many digits as give the same double back."""
    table = pa.table(
        {
            name: values.to_numpy() if name == "pd" else pa.array(values.to_numpy(dtype=object), pa.string())
            for name, values in prediction.items()
        }
    )
    sink = io.BytesIO()
    try:
        pv.write_csv(table, sink, pv.WriteOptions(include_header=False, quoting_style="none"))
    except pa.ArrowInvalid:  # a name has a comma or a quote in it; Arrow would else quote every text
        return prediction.to_csv(index=False, header=False)
    return sink.getvalue().decode("utf-8")


def write_json(answer: Answer) -> str:
    """The predictions as objects, each reason with its words."""
    texts: dict[str, str] = {}
    predictions = []
    for pd_value, grade, *codes in answer.prediction.itertuples(index=False):
        reasons = []
        for code in filter(None, codes):
            if code not in texts:
                texts[code] = explain(answer.contract, code)
            reasons.append({"code": code, "text": texts[code]})
        predictions.append({"pd": pd_value, "grade": grade, "reasons": reasons})
    return json.dumps({"predictions": predictions})
