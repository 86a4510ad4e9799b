"""Decisions on models that come twice, late, from a machine after a person, or past the pipeline: what stands.

The registry is the fake of AWS; the operators are those of the DAGs; the clock is the fake's.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import structlog
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from fake_aws import FakeAws

from mortgage_risk.release import decisions, question, registry
from mortgage_risk.release.approval import AskForApprovalOperator, DecisionRefused, ModelRejected
from mortgage_risk.release.approval import RecordDecisionOperator as Record
from mortgage_risk.release.registration import NoApprovedModel, SelectModelOperator
from mortgage_risk.release.registry import APPROVAL, REJECTION, WITHDRAWAL
from mortgage_risk.release.withdrawal import WithdrawalRefused, WithdrawModelOperator

NEW_YORK = "America/New_York"
GROUP = "mortgage-default-risk-canonical"
PASSED = {"passed": True, "reasons": "", "gate_uri": "s3://b/gate.json", "thresholds_sha256": "t"}
FAILED = PASSED | {"passed": False, "reasons": "Out-of-time AUC is 0.58; at least 0.65 is required."}
YES = {"option": decisions.APPROVE, "by": "ann", "at": "", "comment": ""}
NO = {"option": decisions.REJECT, "by": "bob", "at": "", "comment": "too few loans"}
SILENCE = {"option": decisions.REJECT, "by": decisions.NOBODY, "at": "", "comment": ""}


@dataclass
class Desk:
    """Where decisions are taken: each by the operator that takes it in the pipeline."""

    fake: FakeAws
    context: dict[str, Any]
    common: dict[str, Any]

    @property
    def today(self) -> str:
        return self.fake.now.astimezone(ZoneInfo(NEW_YORK)).date().isoformat()

    def on(self, day: str) -> None:
        """It is the evening of that day in New York."""
        self.fake.now = datetime.fromisoformat(f"{day}T23:00:00+00:00")

    def register(self, status: str = "PendingManualApproval", **metadata: str) -> int:
        self.fake.groups.add(GROUP)
        self.fake.client("sagemaker").create_model_package(
            ModelPackageGroupName=GROUP,
            ModelApprovalStatus=status,
            CustomerMetadataProperties=metadata,
            InferenceSpecification={"Containers": [{"ModelDataUrl": "s3://b/model.tar.gz"}]},
        )
        return len(self.fake.packages)

    def package(self, version: int) -> dict[str, Any]:
        return self.fake.packages[version - 1]

    def metadata(self, version: int) -> dict[str, str]:
        return self.package(version)["CustomerMetadataProperties"]

    def decide(self, version: int, answer: dict[str, str] | None = None, gate: Any = PASSED, **form: str) -> Any:
        fields = {"approval_mode": "manual" if answer else "auto", "effective_from": ""}
        fields |= {"override_by": "", "override_reason": ""} | form
        self.context["ti"].xcoms["ask"] = answer
        package = {"model_package_arn": self.package(version)["ModelPackageArn"], "version": version}
        operator = Record(task_id="record", gate=gate, package=package, answer_task_id="ask", **fields, **self.common)
        return operator.execute(self.context)

    def withdraw(self, version: Any, since: str = "", reason: str = "it drifts", by: str | None = "eve") -> Any:
        self.context["dag_run"].triggering_user_name = by
        fields = {"version": str(version), "reason": reason, "withdrawn_from": since, "business_date": self.today}
        return WithdrawModelOperator(task_id="withdraw", **self.common | fields).execute(self.context)

    def put_outside(self, version: int, status: str) -> None:
        """What `aws sagemaker update-model-package` does."""
        self.package(version).update(ModelApprovalStatus=status, LastModifiedTime=self.fake.now)

    def select(self, day: str) -> dict[str, Any]:
        return SelectModelOperator(task_id="select", **self.common | {"business_date": day}).execute(self.context)

    def scores(self, *days: str) -> list[int | None]:
        """Version that scores each night; None where the run says that none does."""
        found = []
        for day in days:
            try:
                found.append(self.select(day)["version"])
            except NoApprovedModel:
                found.append(None)
        return found


@pytest.fixture
def desk(fake_aws: FakeAws, context: dict, settings, monkeypatch) -> Desk:
    clock = SimpleNamespace(now=lambda zone: fake_aws.now.astimezone(zone))
    for module in ("approval", "withdrawal"):
        monkeypatch.setattr(f"mortgage_risk.release.{module}.datetime", clock)
    context["ti"].log_url = "http://airflow/log"
    common = {"settings": replace(settings, deferrable=False), "source": "canonical", "business_date": "2019-12-31"}
    found = Desk(fake_aws, context, common)
    found.on("2020-03-02")
    return found


@pytest.fixture
def two(desk: Desk) -> Desk:
    """Version 1 in force since January, version 2 since 1 March; it is 2 March."""
    desk.decide(desk.register(), YES, effective_from="2020-01-01")
    desk.decide(desk.register(), YES, effective_from="2020-03-01")
    return desk


# --- a version in force ---


@pytest.mark.parametrize(
    ("answer", "gate"), [(NO, PASSED), (SILENCE, PASSED), (None, FAILED)], ids=["a late no", "silence", "the gate"]
)
def test_nothing_but_a_withdrawal_takes_a_version_out_of_force(two: Desk, answer, gate) -> None:
    before = dict(two.package(2))
    with pytest.raises(DecisionRefused, match=r"from 2020-03-01.*withdraws nothing.*mortgage_model_withdrawal"):
        two.decide(2, answer, gate)
    assert two.package(2) == before


def test_a_version_in_force_is_not_asked_about(two: Desk) -> None:
    package = {"model_package_arn": two.package(2)["ModelPackageArn"], "version": 2}
    question = {"gate": PASSED, "package": package, "validation": {}, "effective_from": ""}
    ask = AskForApprovalOperator(task_id="ask", **question, **two.common)
    with pytest.raises(AirflowSkipException, match="Version 2 is approved, in force from 2020-03-01"):
        ask.execute(two.context)
    before = dict(two.package(2))
    result = two.decide(2, None, approval_mode="manual")  # the question was skipped
    assert result == {"status": "Approved", "by": "ann", "effective_from": "2020-03-01"}
    assert two.package(2) == before


def test_approving_again_moves_no_date(two: Desk) -> None:
    before = dict(two.package(2))
    two.on("2020-04-01")
    for answer in (YES, None):
        assert two.decide(2, answer)["effective_from"] == "2020-03-01"
        assert two.decide(2, answer, effective_from="2020-03-01")["effective_from"] == "2020-03-01"
    with pytest.raises(DecisionRefused, match=r"in force from 2020-03-01, approved by ann.*cannot begin on 2020-03-15"):
        two.decide(2, YES, effective_from="2020-03-15")
    with pytest.raises(DecisionRefused, match="Between 2020-02-01 and then version 1 is in force"):
        two.decide(2, YES, effective_from="2020-02-01")
    assert two.package(2) == before


def test_a_date_may_be_moved_back_over_nights_that_no_model_scores(two: Desk) -> None:
    before = dict(two.metadata(1))
    assert two.scores("2019-12-01") == [None]
    two.context["dag_run"].triggering_user_name = "eve"
    assert two.decide(1, YES, effective_from="2019-12-01")["effective_from"] == "2019-12-01"
    assert "In force from 2019-12-01 instead of 2020-01-01" in two.package(1)["ApprovalDescription"]
    assert "by eve. Approved by ann" in two.package(1)["ApprovalDescription"]
    assert two.metadata(1) == before | {"effective_from": "2019-12-01"}
    assert two.scores("2019-12-01", "2020-01-01", "2020-03-01") == [1, 1, 2]


# --- one decision after another ---


def test_fields_of_one_decision_do_not_stay_beside_those_of_another(desk: Desk) -> None:
    version = desk.register()

    def fields() -> set[str]:
        return set(desk.metadata(version)) & {*APPROVAL, *REJECTION, *WITHDRAWAL}

    with pytest.raises(ModelRejected):
        desk.decide(version, gate=FAILED)
    assert fields() == set(REJECTION)
    desk.decide(version, gate=FAILED, override_by="Cat", override_reason="Pilot")
    assert fields() == set(APPROVAL)
    desk.withdraw(version)
    assert fields() == {*APPROVAL, *WITHDRAWAL}, "of the approval past nights live"
    desk.decide(version, YES)
    assert fields() == {"approved_by", "approved_at", "effective_from"}


@pytest.mark.parametrize(("first", "kept"), [(NO, "bob"), (SILENCE, decisions.NOBODY)])
def test_silence_and_the_gate_replace_no_rejection(desk: Desk, first, kept) -> None:
    version = desk.register()
    for answer, gate in ((first, PASSED), (SILENCE, PASSED), (None, FAILED)):
        with pytest.raises(ModelRejected):
            desk.decide(version, answer, gate)
        assert desk.metadata(version)["rejected_by"] == kept


def test_a_person_may_reject_what_only_time_has_rejected(desk: Desk) -> None:
    version = desk.register()
    for answer in (SILENCE, NO):
        with pytest.raises(ModelRejected):
            desk.decide(version, answer)
    assert desk.metadata(version)["rejected_by"] == "bob"


def test_what_a_person_refused_no_machine_brings_back(desk: Desk) -> None:
    rejected, withdrawn, outside = (desk.register() for _ in range(3))
    with pytest.raises(ModelRejected):
        desk.decide(rejected, NO)
    desk.decide(withdrawn, YES)
    desk.withdraw(withdrawn)
    desk.put_outside(outside, "Rejected")
    for version in (rejected, withdrawn, outside):
        before = dict(desk.package(version))
        with pytest.raises(DecisionRefused, match=r"Only a person brings it back.*approval_mode manual"):
            desk.decide(version)
        assert desk.package(version) == before
        assert desk.decide(version, YES)["status"] == "Approved"


def test_what_time_or_the_gate_rejected_a_machine_may_release(desk: Desk) -> None:
    version = desk.register()
    with pytest.raises(ModelRejected):
        desk.decide(version, SILENCE)
    assert desk.decide(version)["by"] == "gate - auto"


@pytest.mark.parametrize(("by", "reason"), [("Cat", ""), ("", "Pilot"), ("Cat", "  ")])
def test_an_override_takes_a_name_and_a_reason(desk: Desk, by: str, reason: str) -> None:
    version = desk.register()
    with pytest.raises(AirflowFailException, match="is given without override_"):
        desk.decide(version, gate=FAILED, override_by=by, override_reason=reason)
    assert desk.package(version)["ModelApprovalStatus"] == "PendingManualApproval"


# --- withdrawing ---


def test_a_withdrawn_version_hands_over_its_nights_from_that_date_on(two: Desk) -> None:
    two.on("2020-03-10")
    result = two.withdraw(2, "2020-03-08")
    assert result == {"version": 2, "by": "eve", "withdrawn_from": "2020-03-08", "in_force": 1}
    assert two.scores("2020-02-29", "2020-03-01", "2020-03-07", "2020-03-08", "2020-03-10") == [1, 2, 2, 1, 1]
    found = two.package(2)
    assert found["ModelApprovalStatus"] == "Approved", "SageMaker deploys no other, and its nights may be run again"
    assert found["ApprovalDescription"] == "Withdrawn from 2020-03-08 by eve: it drifts"
    assert two.metadata(2)["withdrawn_reason"] == "it drifts"


def test_the_default_is_today_and_tonight_may_have_no_model(two: Desk) -> None:
    assert two.withdraw(1)["withdrawn_from"] == "2020-03-02"
    assert two.withdraw(2)["in_force"] is None
    assert two.scores("2020-03-01", "2020-03-02") == [2, None]
    with pytest.raises(NoApprovedModel, match=r"Version \d was withdrawn from 2020-03-02 by eve"):
        two.select("2020-03-02")


def test_withdrawing_again_changes_nothing_but_to_an_earlier_date(two: Desk) -> None:
    two.withdraw(2, "2020-03-20", reason="first")
    before = dict(two.metadata(2))
    two.withdraw(2, "2020-03-20", reason="second", by="joe")
    assert two.metadata(2) == before
    with pytest.raises(WithdrawalRefused, match=r"withdrawn from 2020-03-20 already, by eve.*give it nights back"):
        two.withdraw(2, "2020-03-21")
    two.withdraw(2, "2020-03-05", reason="at once", by="joe")
    assert (two.metadata(2)["withdrawn_by"], two.metadata(2)["withdrawn_from"]) == ("joe", "2020-03-05")


def test_a_version_that_comes_back_keeps_the_nights_it_had_and_leaves_the_others_theirs(two: Desk) -> None:
    two.on("2020-03-10")
    two.withdraw(2)
    two.on("2020-03-20")
    two.decide(2, YES)
    nights = ("2020-02-29", "2020-03-09", "2020-03-10", "2020-03-19", "2020-03-20")
    assert two.scores(*nights) == [1, 2, 1, 1, 2]
    assert two.select("2020-03-09")["effective_from"] == "2020-03-01"
    assert two.select("2020-03-20")["effective_from"] == "2020-03-20"
    two.on("2020-04-01")
    two.withdraw(2)
    assert two.scores(*nights, "2020-04-01") == [1, 2, 1, 1, 2, 1]


def test_the_approver_of_a_version_that_was_withdrawn_is_told_why(two: Desk) -> None:
    two.withdraw(2, "2020-03-20")
    text = question.approval_text(
        source="canonical",
        as_of_date="2019-12-31",
        package={"version": 2, "model_package_arn": "arn"},
        verdict="The gate passes.",
        checks=[],
        report_url="http://report",
        effective_from="2020-04-01",
        champion=registry.approved_model(two.package(1), NEW_YORK),
        before=registry.approved_model(two.package(2), NEW_YORK),
    )
    assert "**In force** since 2020-01-01: version 1" in text
    assert "**This version was in force** from 2020-03-01 until before 2020-03-20" in text
    assert "withdrawn by eve: it drifts. Approve brings it back." in text
    assert "Approve: this model scores the nights from 2020-04-01 on" in text


def test_a_withdrawal_that_is_taken_back_the_same_day_loses_no_night(two: Desk) -> None:
    two.withdraw(2)
    two.decide(2, YES)
    assert two.scores("2020-02-29", "2020-03-01", "2020-03-02", "2020-03-03") == [1, 2, 2, 2]


def test_the_registry_has_room_for_five_periods_and_says_so(two: Desk) -> None:
    for month in range(4, 9):
        two.on(f"2020-0{month}-01")
        two.withdraw(2)
        two.decide(2, YES)
    assert two.scores("2020-03-01", "2020-06-01", "2020-09-01") == [2, 2, 2]
    two.on("2020-09-01")
    two.withdraw(2)
    before = dict(two.metadata(2))
    with pytest.raises(DecisionRefused, match="no room for more periods"):
        two.decide(2, YES)
    assert two.metadata(2) == before


@pytest.mark.parametrize(
    ("version", "reason", "by", "words"),
    [
        ("2", " ", "eve", "the form lacks the reason"),
        ("", "it drifts", "eve", "the form lacks the version"),
        ("9", "it drifts", "eve", "version 9 of canonical loans was never approved"),
        ("2", "it drifts", None, "Airflow does not know who started this run"),
    ],
)
def test_a_withdrawal_names_version_reason_and_person(two: Desk, version, reason, by, words) -> None:
    before = dict(two.package(2))
    with pytest.raises(WithdrawalRefused, match=rf"Nothing is withdrawn: .*{words}"):
        two.withdraw(version, reason=reason, by=by)
    assert two.package(2) == before


def test_an_empty_form_shows_what_is_in_force(two: Desk) -> None:
    with pytest.raises(AirflowSkipException) as shown:
        two.withdraw("", reason="")
    assert "version 1: in force from 2020-01-01, approved by ann" in str(shown.value)
    assert "Version 2 scores 2020-03-02." in str(shown.value)


def test_people_are_told_and_the_endpoint_is_brought_up_to_date(two: Desk, monkeypatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr("mortgage_risk.dag.notifications.send", lambda settings, message: told.append(message))
    two.withdraw(2)
    two.withdraw(2)
    (message,) = told
    assert message.subject == "Model withdrawn: Version 2 of canonical loans"
    assert "from 2020-03-02 by eve: it drifts. Version 1 is in force." in message.happened


# --- past the pipeline ---


def test_a_version_approved_outside_keeps_its_date_when_it_is_withdrawn_or_approved_here(desk: Desk) -> None:
    withdrawn, approved = desk.register(), desk.register()
    desk.on("2020-01-15")
    desk.put_outside(withdrawn, "Approved")
    desk.on("2020-02-15")
    desk.put_outside(approved, "Approved")
    desk.on("2020-03-02")
    desk.withdraw(withdrawn)
    assert desk.decide(approved, YES)["effective_from"] == "2020-02-15"
    assert desk.scores("2020-01-14", "2020-01-15", "2020-02-15", "2020-03-02") == [None, 1, 2, 2]
    assert desk.metadata(approved)["approved_by"] == "ann"


def test_a_version_rejected_outside_does_not_hand_its_nights_over_unsaid(two: Desk) -> None:
    two.on("2020-03-10")
    two.put_outside(2, "Rejected")
    with structlog.testing.capture_logs() as lines:
        assert two.scores("2020-03-10") == [1]
    assert "Version 2 was approved here and is Rejected in the registry since 2020-03-10" in str(lines)
    assert two.scores("2020-02-29") == [1]
    with pytest.raises(NoApprovedModel, match=r"was in force on 2020-03-05, but is Rejected .* since 2020-03-10"):
        two.select("2020-03-05")
    with pytest.raises(WithdrawalRefused, match=r"set to Rejected outside this pipeline.*Set it to Approved again"):
        two.withdraw(2, "2020-03-10")
    two.put_outside(2, "Approved")
    two.withdraw(2, "2020-03-10")
    assert two.scores("2020-02-29", "2020-03-05", "2020-03-10") == [1, 2, 1]


# --- whatever comes, in any order ---


@pytest.mark.parametrize("seed", range(40))
def test_a_past_night_keeps_its_model_whatever_is_decided(desk: Desk, seed: int) -> None:
    """No decision taken today, and dated today, changes who scores a night before; none but a withdrawal takes a
    version out of force; and a package never holds fields of a rejection beside those of an approval.
    """
    chance = random.Random(seed)
    versions = [desk.register() for _ in range(3)]
    first, history = date(2020, 3, 2), []
    for _ in range(25):
        desk.fake.pass_time(chance.choice([0, 3600, 86_400, 5 * 86_400]))
        nights = [(first + timedelta(days=n)).isoformat() for n in range((date.fromisoformat(desk.today) - first).days)]
        before, in_force = desk.scores(*nights), _in_force(desk)
        version = chance.choice(versions)
        act = chance.choice(["yes", "no", "silence", "auto", "gate", "override", "withdraw"])
        history.append((desk.today, act, version))
        try:
            if act == "withdraw":
                desk.withdraw(version)
            elif act in ("auto", "gate", "override"):
                form = {"override_by": "Cat", "override_reason": "Pilot"} if act == "override" else {}
                desk.decide(version, gate=PASSED if act == "auto" else FAILED, **form)
            else:
                desk.decide(version, {"yes": YES, "no": NO, "silence": SILENCE}[act])
        except AirflowFailException:
            pass
        assert desk.scores(*nights) == before, history
        assert act == "withdraw" or _in_force(desk) >= in_force, history
        for package in desk.fake.packages:
            fields = set(package["CustomerMetadataProperties"])
            assert not (fields & set(REJECTION) and fields & {*APPROVAL, *WITHDRAWAL}), history


def _in_force(desk: Desk) -> set[int]:
    models = [registry.approved_model(p, NEW_YORK) for p in desk.fake.packages if registry.was_approved(p)]
    return {model.version for model in models if model.in_force}


def test_utc_is_not_the_lenders_day(desk: Desk) -> None:
    desk.fake.now = datetime(2020, 3, 3, 2, tzinfo=UTC)
    assert desk.decide(desk.register(), YES)["effective_from"] == "2020-03-02"
