from __future__ import annotations

import pytest
from fake_aws import REQUIRED

from mortgage_risk.settings import PREFIX, Settings, SettingsError, load_settings


@pytest.fixture(autouse=True)
def required_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in REQUIRED.items():
        monkeypatch.setenv(PREFIX + name.upper(), value)


def test_defaults_and_types_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + "POLL_SECONDS", "7")
    monkeypatch.setenv(PREFIX + "DEFERRABLE", "False")
    monkeypatch.setenv(PREFIX + "APPROVERS", "ann, bob")
    settings = load_settings()
    assert (settings.poll_seconds, settings.deferrable, settings.approvers) == (7, False, ("ann", "bob"))
    assert settings.bucket == "mortgage-loan-ml"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POLL_SECONDS", "soon"),
        ("POLL_SECONDS", "0"),
        ("DEFERRABLE", "maybe"),
        ("APPROVAL_MODE", "sometimes"),
        ("TIMEZONE", "Mars/Olympus"),
        ("BUCKET", "My Bucket"),
        ("EXECUTION_ROLE_ARN", "admin"),
        ("SUBNETS", "subnet-1"),
        ("MODEL_NAME", "a--" + "b" * 50),
        ("BUKCET", "typo"),
        ("REPORT_AGE_ERROR_DAYS", "44"),  # less than the warning's
        ("INGEST_AGE_ERROR_DAYS", "1"),
    ],
)
def test_a_bad_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SettingsError, match=PREFIX + name):
        load_settings()


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_a_missing_required_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(PREFIX + name.upper())
    with pytest.raises(SettingsError, match=f"{PREFIX}{name.upper()} is required"):
        load_settings()


def test_settings_cannot_change() -> None:
    with pytest.raises(AttributeError):
        Settings(**REQUIRED).bucket = "other"  # type: ignore[misc]
