"""What people decide about models, in the browser: approve, reject, say nothing, withdraw; and once more, and too late.

Version 1 is in force since 2015. Version 2 is the training that the analyst started from the form as it opens, version
3 one of another seed. The tests follow each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.people import ASK, SCORING, TODAY, TRAINING, WITHDRAWAL, days_ago

if TYPE_CHECKING:
    from tests.browser.people import Person, Site

NOBODY = "nobody - the time was up"


@pytest.fixture(scope="module")
def approved(site: Site, analyst: Person, viewer: Person, started: dict[str, str]) -> str:
    """The training of version 2, approved."""
    run_id = started[TRAINING]
    assert site.asked(run_id) == 2
    assert viewer.answer(run_id, "Approve") == 403
    assert site.states(TRAINING, run_id)[ASK] == "awaiting_input"
    assert analyst.answer(run_id, "Approve", "sound") == 200
    site.ends(TRAINING, run_id, "success")
    return run_id


@pytest.fixture(scope="module")
def trained_again(site: Site, approved: str) -> str:
    return site.trigger(TRAINING)


@pytest.fixture(scope="module")
def third(analyst: Person, trained_again: str) -> str:
    """The training of version 3, to be in force from ten days ago on."""
    return analyst.start(TRAINING, hyperparameters="seed = 3", effective_from=days_ago(10))


def test_an_approval_is_recorded_with_the_approvers_name(site: Site, approved: str) -> None:
    found = site.version(2)
    assert found["ModelApprovalStatus"] == "Approved"
    assert found["CustomerMetadataProperties"]["approved_by"] == "analyst"
    assert found["CustomerMetadataProperties"]["effective_from"] == TODAY.isoformat()
    assert found["ApprovalDescription"] == "Approved by analyst: sound"


def test_a_version_in_force_is_not_asked_about_again(site: Site, approved: str, trained_again: str) -> None:
    before = site.version(2)
    site.ends(TRAINING, trained_again, "success")
    assert site.states(TRAINING, trained_again)[ASK] == "skipped"
    assert site.version(2) == before | {"ResponseMetadata": site.version(2)["ResponseMetadata"]}


def test_nobodys_answer_in_time_is_a_rejection(site: Site, third: str) -> None:
    assert site.asked(third) == 3
    site.let_the_time_pass(third)
    site.ends(TRAINING, third, "failed")
    assert site.version(3)["ModelApprovalStatus"] == "Rejected"
    assert site.metadata(3)["rejected_by"] == NOBODY
    assert site.version(2)["ModelApprovalStatus"] == "Approved"


def test_a_persons_rejection_is_recorded_and_silence_does_not_replace_it(site: Site, admin: Person, third: str) -> None:
    site.ask_again(third)
    site.asked(third)
    assert admin.answer(third, "Reject", "too few loans") == 200
    site.ends(TRAINING, third, "failed")
    assert site.metadata(3)["rejected_by"] == "admin"
    site.ask_again(third)
    site.asked(third)
    site.let_the_time_pass(third)
    site.ends(TRAINING, third, "failed")
    assert site.metadata(3)["rejected_by"] == "admin"
    assert "too few loans" in site.metadata(3)["rejected_reason"]


def test_an_approval_after_a_rejection_leaves_nothing_of_it(site: Site, admin: Person, third: str) -> None:
    site.ask_again(third)
    site.asked(third)
    assert admin.answer(third, "Approve") == 200
    site.ends(TRAINING, third, "success")
    assert site.version(3)["ModelApprovalStatus"] == "Approved"
    assert {key: value for key, value in site.metadata(3).items() if "reject" in key or key == "approved_by"} == {
        "approved_by": "admin"
    }
    assert site.metadata(3)["effective_from"] == days_ago(10)


def test_a_question_that_is_cleared_after_the_approval_is_not_asked(site: Site, third: str) -> None:
    before = site.metadata(3)
    site.ask_again(third)
    site.until(lambda: site.api.run_state(TRAINING, third) != "success", lambda: site.states(TRAINING, third))
    site.ends(TRAINING, third, "success")
    assert site.states(TRAINING, third)[ASK] == "skipped"
    assert site.metadata(3) == before


@pytest.mark.parametrize(
    ("fields", "state", "words"),
    [
        ({}, "success", "version 3: in force from"),
        ({"reason": "it drifts"}, "failed", "the form lacks the version"),
        ({"version": "3"}, "failed", "the form lacks the reason"),
        ({"version": "77", "reason": "it drifts"}, "failed", "version 77 of canonical loans was never approved"),
    ],
    ids=["an empty form shows", "no version", "no reason", "no such version"],
)
def test_a_withdrawal_wants_version_and_reason(
    site: Site, analyst: Person, third: str, fields: dict[str, str], state: str, words: str
) -> None:
    run_id = analyst.start(WITHDRAWAL, **fields)
    site.ends(WITHDRAWAL, run_id, state)
    assert words in site.log(WITHDRAWAL, run_id, "withdraw_model")
    assert "withdrawn_from" not in site.metadata(3)


def test_a_withdrawn_version_keeps_its_nights_and_hands_over_the_others(
    site: Site, analyst: Person, third: str
) -> None:
    reason = "its drift is out of bounds"
    run_id = analyst.start(WITHDRAWAL, version="3", reason=reason, withdrawn_from=days_ago(3))
    site.ends(WITHDRAWAL, run_id, "success")
    found = site.metadata(3)
    kept = {key: value for key, value in found.items() if key.startswith("withdrawn") and key != "withdrawn_at"}
    assert kept == {"withdrawn_by": "analyst", "withdrawn_from": days_ago(3), "withdrawn_reason": reason}
    assert found["approved_by"] == "admin"
    assert site.api.xcom(WITHDRAWAL, run_id, "withdraw_model")["in_force"] == 2
    nights = {day: site.trigger(SCORING, score_date=day) for day in (days_ago(4), days_ago(3))}
    assert {site.wait(SCORING, run_id) for run_id in nights.values()} == {"success"}
    scored = {day: site.api.xcom(SCORING, run_id, "select_model")["version"] for day, run_id in nights.items()}
    assert scored == {days_ago(4): 3, days_ago(3): 1}


def test_a_withdrawn_version_is_asked_about_again_and_silence_leaves_it_withdrawn(site: Site, third: str) -> None:
    before = site.metadata(3)
    site.ask_again(third)
    site.asked(third)
    assert "**This version was in force**" in site.log(TRAINING, third, ASK)
    site.let_the_time_pass(third)
    site.ends(TRAINING, third, "failed")
    assert site.metadata(3) == before
