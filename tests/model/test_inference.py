from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import time
from http import HTTPStatus

import inference
import numpy as np
import pandas as pd
import pytest
from sagemaker_inference.default_handler_service import DefaultHandlerService
from synthetic_panel import INTEGER_COLUMNS

from contracts import load_contract
from mortgage_model.development.panel_data import open_panel, read_sample

CONTRACT = load_contract("loan_panel")
MONTH = "2014-06"
COLUMNS = ["pd", "grade", "reason_1", "reason_2", "reason_3", "reason_4"]


@pytest.fixture(scope="module")
def model_dir(trained, tmp_path_factory):
    """A copy, as a container unpacks it: running its code leaves caches behind."""
    return shutil.copytree(trained.model_dir, tmp_path_factory.mktemp("served") / "model")


@pytest.fixture(scope="module")
def model(model_dir):
    return inference.model_fn(str(model_dir))


@pytest.fixture(scope="module")
def rows(panel, model):
    """Raw rows of one month by loan, whole numbers as Int64 so that they are written as such."""
    chosen = panel[panel["snapshot_month"] == MONTH].sort_values("loan_id").reset_index(drop=True)
    chosen = chosen.astype(dict.fromkeys(INTEGER_COLUMNS, "Int64"))
    return chosen[list(model.contract.column_names)]


def csv_text(rows: pd.DataFrame) -> str:
    return rows.to_csv(header=False, index=False, lineterminator="\n")


def records(rows: pd.DataFrame) -> list[dict]:
    return json.loads(rows.to_json(orient="records", double_precision=15))


class Context:
    """The part of the model server's context that the toolkit uses."""

    def __init__(self, model_dir: str, content_type: str, accept: str) -> None:
        self.system_properties = {"model_dir": model_dir}
        self.request_processor = [self]
        self.properties = {"Content-Type": content_type, "Accept": accept}
        self.status, self.response_type = HTTPStatus.OK.value, None

    def get_request_properties(self) -> dict[str, str]:
        return self.properties

    def set_response_content_type(self, index: int, value: str) -> None:
        self.response_type = value

    def set_response_status(self, code: int, phrase: str) -> None:
        self.status = code


@pytest.fixture(scope="module")
def invoke(model_dir):
    """Sends a request through the genuine toolkit's handler service; gives context and body."""
    patch = pytest.MonkeyPatch()
    patch.setenv("SAGEMAKER_PROGRAM", "inference.py")
    patch.syspath_prepend(str(model_dir / "code"))
    service = DefaultHandlerService()
    context = Context(str(model_dir), "", "")
    service.initialize(context)

    def send(body: str, content_type: str = "text/csv", accept: str = "text/csv"):
        context = Context(str(model_dir), content_type, accept)
        (answer,) = service.handle([{"body": body.encode()}], context)
        return context, answer

    yield send
    patch.undo()


def test_the_same_row_gets_the_same_pd_everywhere(panel_dir, model, rows, invoke):
    """Training's matrix, the model in Python, CSV and JSON over the toolkit: not one bit differs."""
    sample = read_sample(open_panel(panel_dir, CONTRACT), CONTRACT, [MONTH])
    training = model.score(model.spec.transform(sample.frame))
    np.testing.assert_array_equal(model.predict(rows)["pd"], training)

    _, answer = invoke(csv_text(rows))
    batch = pd.read_csv(io.StringIO(answer), header=None, names=COLUMNS, float_precision="round_trip")
    np.testing.assert_array_equal(batch["pd"], training)

    context, answer = invoke(json.dumps({"records": records(rows)}), "application/json", "application/json")
    endpoint = pd.DataFrame(json.loads(answer)["predictions"])
    np.testing.assert_array_equal(endpoint["pd"], training)
    assert context.response_type == "application/json"
    coded = batch[COLUMNS[2:]].astype(object).where(batch[COLUMNS[2:]].notna(), None)
    assert [[reason["code"] for reason in reasons] for reasons in endpoint["reasons"]] == [
        [code for code in codes if code] for codes in coded.to_numpy().tolist()
    ]
    assert endpoint["grade"].tolist() == batch["grade"].tolist() == model.scale.assign(training).tolist()


def test_a_row_alone_scores_as_in_a_batch(model, rows, invoke):
    _, whole = invoke(csv_text(rows))
    single = [invoke(csv_text(rows.iloc[[i]]))[1].strip() for i in (0, 50, 159)]
    lines = whole.strip().split("\n")
    assert len(lines) == len(rows)
    assert single == [lines[i] for i in (0, 50, 159)]


def test_sparks_spellings_are_read(model, rows, invoke):
    plain = rows.head(1).assign(current_upb=12500000.0, dti=pd.NA, first_time_homebuyer=None)
    text = csv_text(plain).replace("12500000.0", "1.25E7").replace(",SF,", ',"SF",').replace("\n", "\r\n")
    assert invoke(text)[1] == invoke(csv_text(plain))[1]


@pytest.mark.parametrize("accept", ["*/*", ""])
def test_without_a_wish_the_toolkit_asks_for_json(rows, invoke, accept):
    context, answer = invoke(csv_text(rows.head(1)), accept=accept)
    assert context.response_type == "application/json"
    (prediction,) = json.loads(answer)["predictions"]
    assert set(prediction) == {"pd", "grade", "reasons"}
    assert all(set(reason) == {"code", "text"} for reason in prediction["reasons"])


@pytest.mark.parametrize("accept", ["text/csv; charset=utf-8", "image/png, text/csv"])
def test_csv_is_among_the_answers(rows, invoke, accept):
    context, answer = invoke(csv_text(rows.head(1)), accept=accept)
    assert (context.status, context.response_type) == (HTTPStatus.OK, "text/csv")
    assert answer.count(",") == len(COLUMNS) - 1


def broken_csv(rows: pd.DataFrame, change) -> str:
    lines = csv_text(rows.head(3)).strip("\n").split("\n")
    fields = lines[1].split(",")
    change(fields)
    return "\n".join([lines[0], ",".join(fields), lines[2]])


@pytest.mark.parametrize(("change", "message"), [
    (lambda f: f.pop(), "row 2 has 39 columns; the model takes 40: credit_score, dti, ltv"),
    (lambda f: f.insert(0, "L1"), "row 2 has 41 columns; the model takes 40"),
    (lambda f: f.__setitem__(1, "secret"), "row 2, dti must be a number or empty"),
    (lambda f: f.__setitem__(2, "inf"), "row 2, ltv must be a finite number or empty"),
])  # fmt: skip
def test_a_bad_csv_row_is_named_without_its_value(rows, invoke, change, message):
    context, answer = invoke(broken_csv(rows, change))
    assert context.status == HTTPStatus.BAD_REQUEST
    assert answer.startswith(message)
    assert "secret" not in answer


def test_bytes_that_are_no_text_are_refused(model):
    with pytest.raises(inference.RequestError, match="cannot be read as CSV in UTF-8"):
        inference.read_csv(b"\xff\xfe," * 39 + b"\xff\n", model.contract)


@pytest.mark.parametrize("body", ["", "\n", " "])
def test_an_empty_csv_body_is_refused(invoke, body):
    context, answer = invoke(body)
    assert context.status == HTTPStatus.BAD_REQUEST
    assert answer.startswith("the request has no rows")


@pytest.mark.parametrize(("change", "message"), [
    ({"credit_score": 900}, "row 2, credit_score must be between 300 and 850"),
    ({"ltv": "high"}, "row 2, ltv must be a number"),
    ({"delinquency_status": None}, "row 2, delinquency_status is null; it is required"),
    ({"colour": "red"}, "row 2, 'colour' is not a field"),
    ({"default_in_horizon": 1}, "row 2, 'default_in_horizon' is not a field"),
])  # fmt: skip
def test_a_bad_record_is_named(rows, invoke, change, message):
    body = records(rows.head(2))
    body[1].update(change)
    context, answer = invoke(json.dumps(body), "application/json")
    assert context.status == HTTPStatus.BAD_REQUEST
    assert answer.startswith(message)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "the body is not JSON"),
        ("[]", "the request has no rows"),
        ("[1]", 'the body must be {"records"'),
        ('{"rows": []}', 'the body must be {"records"'),
    ],
)
def test_a_body_of_another_shape_is_refused(invoke, body, message):
    context, answer = invoke(body, "application/json")
    assert context.status == HTTPStatus.BAD_REQUEST
    assert answer.startswith(message)


def test_only_the_first_problems_are_told(rows, invoke):
    body = [record | {"ltv": -1} for record in records(rows.head(30))]
    _, answer = invoke(json.dumps(body), "application/json")
    assert "row 10, ltv" in answer
    assert "(and 20 more)" in answer


def test_unsupported_types_have_their_own_status(rows, invoke):
    assert invoke("x", content_type="text/libsvm")[0].status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    assert invoke(csv_text(rows.head(1)), accept="image/png")[0].status == HTTPStatus.NOT_ACCEPTABLE


def test_reading_and_writing_keep_up_with_the_nightly_portfolio(model, rows):
    """The bar is 100,000 rows/s beside the booster; a third of it here, in CPU seconds: others use the cores too."""
    many = pd.concat([rows] * 100, ignore_index=True)
    body = csv_text(many).encode()

    def seconds() -> float:
        start = time.process_time()
        features = model.spec.transform(inference.read_csv(body, model.contract))
        columns = {"pd": features["ltv"].astype(float), "grade": "M01", **dict.fromkeys(COLUMNS[2:], "ltv:high")}
        inference.write_csv(pd.DataFrame(columns))
        return time.process_time() - start

    assert len(many) / min(seconds() for _ in range(5)) > 33_000


def test_serving_needs_nothing_beside_the_model_directory(model_dir):
    """The code in the artifact imports itself, not this checkout."""
    code = model_dir / "code"
    # The serving container has neither the contracts' YAML model nor a network to fetch it from; scikit-learn fits,
    # and does not serve.
    program = (
        "import sys; sys.modules['open_data_contract_standard'] = sys.modules['yaml'] = None\n"
        "sys.modules['sklearn'] = None\n"
        "import inference, mortgage_model; inference.model_fn('..'); print(mortgage_model.__file__)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=code, env={}, capture_output=True, text=True, check=True
    )
    assert result.stdout.startswith(str(code))
