"""Serves the model of model.tar.gz for batch transform and endpoints (SageMaker inference toolkit).

text/csv           header-less rows of the contract's feature columns in contract.json's order, empty for missing
application/json   {"records": [{column: value, ...}, ...]}, or the bare list

Answer: text/csv rows `pd,grade,reason_1,reason_2,reason_3,reason_4`, codes empty where there are fewer reasons, or
{"predictions": [{"pd": ..., "grade": ..., "reasons": [{"code": ..., "text": ...}, ...]}, ...]}. Codes: see
mortgage_model/scoring/reasons.py. A request that breaks the contract is answered 400 with the row and field at fault;
values are not repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from mortgage_model.scoring.answers import Answer, write_csv, write_json
from mortgage_model.scoring.artifact import MortgageModel, load_model
from mortgage_model.scoring.reasons import reason_codes
from mortgage_model.scoring.requests import RequestError, read_csv, read_json

CSV, JSON, ANY = "text/csv", "application/json", "*/*"


@dataclass(frozen=True)
class Request:
    """A request body of a supported type, not yet read: which columns it must have only the model knows."""

    kind: str
    body: bytes


def model_fn(model_dir: str) -> MortgageModel:
    """Load the model from the directory model.tar.gz was unpacked to."""
    return load_model(model_dir)


def input_fn(body: str | bytes, content_type: str) -> Request:
    """Accept a body by its content type. Raises RequestError for one that is not supported."""
    kind = (content_type or "").split(";")[0].strip().lower()
    if kind not in (CSV, JSON):
        raise RequestError(
            f"content type {content_type!r} is not supported; send {CSV} or {JSON}",
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        )
    return Request(kind, body.encode("utf-8") if isinstance(body, str) else bytes(body))


def predict_fn(request: Request, model: MortgageModel) -> Answer:
    """PD, grade and reasons, a row per row of the request. Raises RequestError for a broken contract."""
    read = read_csv if request.kind == CSV else read_json
    frame = read(request.body, model.contract)
    return Answer(model.predict(frame).join(reason_codes(model, frame)), model.contract)


def output_fn(answer: Answer, accept: str) -> tuple[str, str]:
    """The answer's body and content type: the first type of `accept` that is supported."""
    for kind in (part.split(";")[0].strip().lower() for part in (accept or ANY).split(",")):
        if kind in (CSV, ANY):
            return write_csv(answer.prediction), CSV
        if kind == JSON:
            return write_json(answer), JSON
    raise RequestError(f"cannot answer as {accept!r}; accept {CSV} or {JSON}", HTTPStatus.NOT_ACCEPTABLE)
