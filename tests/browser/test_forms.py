"""The forms that start the DAGs, as a person meets them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.people import DAG_IDS, SCORING, TRAINING, days_ago, sync_api

if TYPE_CHECKING:
    from tests.browser.people import Person, Site

# How a run of the form as it opens ends; the training waits for its approver.
ENDS = dict.fromkeys(DAG_IDS, "success")
del ENDS[TRAINING]


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_every_form_opens_ready_to_start(admin: Person, dag_id: str) -> None:
    form = admin.open_form(dag_id)
    sync_api.expect(form.button("Trigger")).to_be_enabled()
    assert form.dialog.locator("[data-part=error-text]").count() == 0
    assert "None" not in form.text


@pytest.mark.parametrize("dag_id", ENDS)
def test_every_form_starts_a_run_by_a_click(site: Site, started: dict[str, str], dag_id: str) -> None:
    site.ends(dag_id, started[dag_id], ENDS[dag_id])


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_a_viewer_starts_nothing(site: Site, viewer: Person, dag_id: str) -> None:
    before = len(site.api.runs(dag_id))
    form = viewer.open_form(dag_id)
    assert form.press("Trigger").status == 403
    sync_api.expect(form.dialog.get_by_text("403 Forbidden")).to_be_visible()
    assert len(site.api.runs(dag_id)) == before


def test_a_number_out_of_range_is_refused_and_not_changed(site: Site, admin: Person) -> None:
    before = len(site.api.runs(TRAINING))
    form = admin.open_form(TRAINING)
    form.fill("horizon_months", "999")
    form.refused("Trigger", "horizon_months: 999 is greater than the maximum of 60.")
    assert form.field("horizon_months").input_value() == "999"
    form.fill("horizon_months", "")
    sync_api.expect(form.dialog.get_by_text("This field is required")).to_be_visible()
    sync_api.expect(form.button("Trigger")).to_be_disabled()
    assert len(site.api.runs(TRAINING)) == before


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("max_depth = 40", "hyperparameters.max_depth: 40 is greater than the maximum of 10."),
        ("max_dept = 4", "There is no parameter hyperparameters.max_dept. Did you mean max_depth?"),
        ("seed = 1.5\nsubsample = 2", "hyperparameters.subsample: 2 is greater than the maximum of 1.0."),
        ("max_depth 4", "hyperparameters: 'max_depth 4' does not say name = value."),
    ],
)
def test_a_wrong_hyperparameter_is_named(admin: Person, typed: str, words: str) -> None:
    form = admin.open_form(TRAINING)
    form.type("hyperparameters", typed)
    form.refused("Trigger", words)
    assert form.field("hyperparameters").input_value() == typed


@pytest.mark.parametrize(("field", "other"), [("override_by", "override_reason"), ("override_reason", "override_by")])
def test_an_override_is_out_of_sight_and_takes_name_and_reason(admin: Person, field: str, other: str) -> None:
    form = admin.open_form(TRAINING)
    sync_api.expect(form.field(field)).to_be_hidden()
    form.button("Override of the gate").click()
    form.fill(field, "Ann")
    form.refused("Trigger", f"{field} is given without {other}")


@pytest.mark.parametrize(
    ("dag_id", "wrong", "words"),
    [
        (TRAINING, {"as_of_dat": "2019-12-31"}, "There is no parameter as_of_dat. Did you mean as_of_date?"),
        (SCORING, {"scoredate": "2019-12-31"}, "There is no parameter scoredate. Did you mean score_date?"),
        (SCORING, {"score_date": "2019-02-30"}, "score_date: '2019-02-30' is not a date of the calendar"),
        (SCORING, {"source": None}, "source must not be empty."),
    ],
)
def test_wrong_parameters_by_rest_are_refused(site: Site, dag_id: str, wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(RuntimeError, match="answered 400") as refusal:
        site.trigger(dag_id, **wrong)
    assert words in str(refusal.value)


def test_a_wrong_parameter_on_the_command_line_fails_the_run_before_it_does_anything(site: Site) -> None:
    run_id = site.on_the_command_line(SCORING, '{"scoredate": "2019-12-31"}')
    site.ends(SCORING, run_id, "failed")
    assert set(site.states(SCORING, run_id).values()) == {"failed", "upstream_failed", "success"}
    for task_id in ("package_code", "select_model"):
        words = site.log(SCORING, run_id, task_id)
        assert "Nothing was started. There is no parameter scoredate. Did you mean score_date?" in words
    assert site.api.tasks(SCORING, run_id)[0]["try_number"] == 1, "trying again cannot help"


def test_who_may_not_start_a_run_is_not_told_its_parameters(as_viewer: Any) -> None:
    with pytest.raises(RuntimeError, match="answered 403") as refusal:
        as_viewer.request("POST", f"/api/v2/dags/{TRAINING}/dagRuns", json={"conf": {"x": 1}, "logical_date": None})
    assert "as_of_date" not in str(refusal.value)


def test_a_backfill_of_two_nights_is_made_in_the_dialog_each_of_its_own_date(site: Site, analyst: Person) -> None:
    form = analyst.open_form(SCORING)
    form.as_backfill(days_ago(7), days_ago(5))
    sync_api.expect(form.dialog.get_by_text("2 runs will be triggered.")).to_be_visible()
    form.dialog.get_by_text("Override parameters on existing runs").click()
    form.fill("score_date", days_ago(7))
    form.refused("Run Backfill", "score_date: a backfill's runs have dates of their own")
    form.fill("score_date", "")
    form.dialog.locator("input[name=max_active_runs]").fill("2")
    answer = form.press("Run Backfill")
    assert answer.ok, answer.text()
    nights = site.until(
        lambda: found if len(found := site.api.runs(SCORING, run_id_pattern="backfill%")) == 2 else None,
        lambda: site.api.runs(SCORING),
    )
    assert {night["triggering_user_name"] for night in nights} == {"analyst"}
    for night in nights:
        site.ends(SCORING, night["dag_run_id"], "success")
    for day in (days_ago(7), days_ago(6)):
        assert site.objects(f"inference-data/output/source=canonical/score_date={day}/"), day


def test_a_queued_training_that_is_marked_failed_ends_failed(site: Site, admin: Person) -> None:
    """Two of a backfill, made while the DAG is paused."""
    site.api.pause(TRAINING)
    form = admin.open_form(TRAINING)
    last = date.fromisoformat(days_ago(40)).replace(day=1)
    form.as_backfill((last - timedelta(days=45)).replace(day=1).isoformat(), last.isoformat())
    sync_api.expect(form.dialog.get_by_text("2 runs will be triggered.")).to_be_visible()
    form.dialog.get_by_text("Unpause").click()
    answer = form.press("Run Backfill")
    assert answer.ok, answer.text()
    trainings = site.api.runs(TRAINING, run_id_pattern="backfill%")
    assert [training["state"] for training in trainings] == ["queued", "queued"]
    for training in trainings:
        path = f"/api/v2/dags/{TRAINING}/dagRuns/{training['dag_run_id']}"
        site.api.request("PATCH", path, json={"state": "failed"})
    site.api.unpause(TRAINING)
    for training in trainings:
        run_id = training["dag_run_id"]
        site.ends(TRAINING, run_id, "failed")
        assert site.states(TRAINING, run_id)["package_code"] == "skipped"
        assert "ended before release.record_decision was done" in site.log(TRAINING, run_id, "confirm_work")
