"""What may be given for a run, and the door at which it is refused."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.definitions.param import ParamsDict

from mortgage_risk.dag import door, form
from mortgage_risk.dag.params import scoring_params, training_params, withdrawal_params
from mortgage_risk.training.train import as_dict


@pytest.fixture
def training(settings) -> dict[str, Any]:
    return {name: param.schema for name, param in training_params(settings).items()}


def test_what_the_form_sends_as_it_opens_is_taken(settings) -> None:
    for params in (training_params(settings), scoring_params(), withdrawal_params()):
        values = {name: param.value for name, param in params.items()}
        assert form.problems(values, {name: param.schema for name, param in params.items()}, backfill=True) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"as_of_dat": "2019-12-31"}, "There is no parameter as_of_dat. Did you mean as_of_date? There are "),
        ({"xyz": 1}, "There is no parameter xyz. There are as_of_date, "),
        ({"horizon_months": 999}, "horizon_months: 999 is greater than the maximum of 60."),
        ({"horizon_months": 1.5}, "horizon_months: 1.5 is not of type 'integer'."),
        ({"horizon_months": None}, "horizon_months must not be empty."),
        ({"source": "Fannie"}, "source: 'Fannie' is not one of ['canonical', "),
        ({"as_of_date": "31.12.2019"}, "as_of_date: '31.12.2019' is not a date of the calendar (YYYY-MM-DD)."),
        ({"as_of_date": "2019-02-30"}, "as_of_date: '2019-02-30' is not a date of the calendar (YYYY-MM-DD)."),
        ({"hyperparameters": {"max_depth": 40}}, "hyperparameters.max_depth: 40 is greater than the maximum of 10."),
        ({"hyperparameters": {"depth": 4}}, "There is no parameter hyperparameters.depth. Did you mean max_depth?"),
        ({"hyperparameters": "max_depth = 40"}, "hyperparameters.max_depth: 40 is greater than the maximum of 10."),
        ({"hyperparameters": "max_depth 4"}, "hyperparameters: 'max_depth 4' does not say name = value."),
        ({"hyperparameters": "gamma = NaN"}, "hyperparameters.gamma: 'NaN' is not of type 'number'."),
        ({"hyperparameters": '{"max_depth": 4'}, "hyperparameters: this is not JSON: "),
        ({"override_by": "Ann"}, "override_by is given without override_reason"),
        ({"override_reason": "Pilot", "override_by": " "}, "override_reason is given without override_by"),
    ],
)
def test_each_problem_is_one_sentence_that_names_the_parameter(training, given, words) -> None:
    (problem,) = form.problems(given, training, backfill=False)
    assert problem.startswith(words)


@pytest.mark.parametrize(
    "text",
    ["max_depth = 4\nsubsample=0.7\n", " max_depth: 4, subsample :0.7 ,", '{"max_depth": 4, "subsample": 0.7}'],
)
def test_an_object_may_be_typed(training, text) -> None:
    assert form.problems({"hyperparameters": text}, training, backfill=False) == []
    assert form.as_values(text) == as_dict(json.dumps(text)) == {"max_depth": 4, "subsample": 0.7}


def test_an_object_that_is_left_empty_has_no_parts() -> None:
    assert as_dict("null") == as_dict('""') == as_dict("{}") == {}


def test_all_problems_are_told_at_once(training) -> None:
    given = {"as_of_dat": "x", "horizon_months": 0, "override_by": "Ann"}
    assert len(form.problems(given, training, backfill=False)) == 3


def test_a_backfill_takes_neither_dates_nor_an_override(training) -> None:
    given = {"as_of_date": "2019-12-31", "effective_from": "2020-01-01"}
    given |= {"override_by": "Ann", "override_reason": "Pilot"}
    assert form.problems(given, training, backfill=False) == []
    dates, others = form.problems(given, training, backfill=True)[:2], form.problems(given, training, backfill=True)[2:]
    assert [text.partition(":")[0] for text in dates] == ["as_of_date", "effective_from"]
    assert others == ["An override releases one model, not a backfill's: start that run by itself."]
    assert form.problems({"source": "fannie_mae", "horizon_months": 24}, training, backfill=True) == []


def run_context(conf: dict[str, Any] | None, run_type: str = "manual", *, teardown: bool = False) -> dict[str, Any]:
    return {
        "task": SimpleNamespace(is_teardown=teardown),
        "dag_run": SimpleNamespace(conf=conf, run_type=run_type),
        "dag": SimpleNamespace(params=ParamsDict(scoring_params())),
    }


def test_a_run_that_came_in_another_way_is_refused_before_its_tasks_do_anything() -> None:
    for conf in (None, {}, {"score_date": "2019-12-31"}):
        form.refuse(run_context(conf))
    with pytest.raises(form.FormRefused, match=r"Nothing was started\. There is no parameter score_dat\."):
        form.refuse(run_context({"score_dat": "2019-12-31"}))
    with pytest.raises(form.FormRefused, match="2019-12-31 would be the date of all of them"):
        form.refuse(run_context({"score_date": "2019-12-31"}, "backfill"))
    form.refuse(run_context({"score_dat": "2019-12-31"}, teardown=True))


# --- the door ---


def knock(monkeypatch, path: str, body: Any, found: list[str], method: str = "POST") -> tuple[Any, Any]:
    """What a request becomes: (the door's own answer, what the application behind it received)."""
    asked: list[Any] = []

    async def problems(scope: Any, dag_id: str, values: Any, backfill: bool) -> list[str]:
        asked.append((dag_id, values, backfill))
        return found

    monkeypatch.setattr(door, "_problems", problems)
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    size = max(1, len(content) // 3)
    parts = [content[n : n + size] for n in range(0, len(content), size)] or [b""]
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    messages[-1]["more_body"] = False
    received, sent = [], []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        while True:
            received.append(await receive())
            if not received[-1].get("more_body"):
                return

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": []}
    asyncio.run(door.FormDoor(application)(scope, receive, send))
    behind = b"".join(message["body"] for message in received)
    assert not received or behind == content, "what goes through goes through whole"
    answer = (sent[0]["status"], json.loads(sent[1]["body"])["detail"]) if sent else None
    return answer, asked


RUNS, BACKFILLS = "/api/v2/dags/mortgage_training/dagRuns", "/api/v2/backfills"


def test_a_run_and_a_backfill_are_refused_with_every_problem(monkeypatch) -> None:
    answer, asked = knock(monkeypatch, RUNS, {"conf": {"x": 1}}, ["One.", "Two."])
    assert answer == (400, "One. Two.")
    assert asked == [("mortgage_training", {"x": 1}, False)]
    for path in (BACKFILLS, f"{BACKFILLS}/dry_run", f"/airflow{BACKFILLS}"):
        answer, asked = knock(monkeypatch, path, {"dag_id": "d", "dag_run_conf": {"x": 1}}, ["One."])
        assert answer == (400, "One.")
        assert asked == [("d", {"x": 1}, True)]


@pytest.mark.parametrize(
    ("path", "body", "method"),
    [
        (RUNS, {"conf": {"as_of_date": "2019-12-31"}}, "POST"),
        (RUNS, {"conf": None}, "POST"),
        (RUNS, {}, "POST"),
        (RUNS, b"{", "POST"),
        (RUNS, b"", "POST"),
        (RUNS, b"[1]", "POST"),
        (RUNS, {"conf": "text"}, "POST"),
        (BACKFILLS, {"dag_run_conf": {"x": 1}}, "POST"),
        (f"{RUNS}/list", {"conf": {"x": 1}}, "POST"),
        (RUNS, b"", "GET"),
    ],
)
def test_everything_else_goes_to_airflow_whole(monkeypatch, path, body, method) -> None:
    answer, _ = knock(monkeypatch, path, body, [], method)
    assert answer is None
