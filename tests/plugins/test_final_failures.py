"""A failure that lies in data or settings is not tried again: from the script's last words to the task."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from fake_aws import FakeAws
from test_aws_job import BOTH, glue, training, world  # noqa: F401  (the fixture of the world they run in)

from mortgage_risk.jobs.failures import AwsJobFailed
from mortgage_risk.jobs.kinds import KINDS
from mortgage_risk.jobs.state import FINAL_FAILURES, is_final

ROOT = Path(__file__).resolve().parents[2]
SHORT = "SplitError: the panel spans 30 months (2008-01 to 2010-06); shorten oot_months or validation_months"
# As AWS and the toolkit give them.
SAGEMAKER = f'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "{SHORT}"\nCommand "python x.py"'
GLUE = "mortgage_etl.files.errors.SourceError: s3://b/raw-data/loans.csv is empty (0 bytes). Land it again."


def final_names() -> set[str]:
    """Every class below DataFault in what runs as a job, from the sources: its libraries are not installed here."""
    bases: dict[str, set[str]] = {}
    for folder in ("contracts", "glue_jobs", "sagemaker_entrypoints"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    parents = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
                    bases.setdefault(node.name, set()).update(parents)
    found = {"DataFault"}
    while more := {name for name, parents in bases.items() if parents & found} - found:
        found |= more
    return found - {"DataFault"}


def test_the_operators_know_every_final_failure_by_its_name():
    assert set(FINAL_FAILURES) == final_names()
    assert list(FINAL_FAILURES) == sorted(FINAL_FAILURES)


@pytest.mark.parametrize("reason", [SHORT, SAGEMAKER, GLUE, f"An error occurred: {SHORT}", f"'{SHORT}'"])
def test_a_final_failure_is_known_in_what_aws_makes_of_it(reason):
    assert is_final(reason)


@pytest.mark.parametrize(
    "reason",
    [
        *("", "InternalServerError: try again", "ClientError: no data", "OSError: disk full", "SplitError"),
        *("AlgorithmError: exit code: 137", "my_SplitError: no", "ReconciliationError: 3 rows in, but 2 out"),
    ],
)
def test_other_failures_are_tried_again(reason):
    assert not is_final(reason)


@BOTH
def test_a_final_failure_ends_the_task_at_once_and_says_what_to_do(
    settings: Any, context: Any, fake_aws: FakeAws, operator: Any, create: str
) -> None:
    fake_aws.outcome = ("Failed", SAGEMAKER if operator is training else GLUE)
    with pytest.raises(AirflowFailException, match="would fail the same way: mend") as failure:
        operator(settings).execute(context)
    assert isinstance(failure.value, AwsJobFailed)
    if operator is training:
        assert '{"oot_months": 6, "validation_months": 6}' in str(failure.value)
        assert "OOT_MONTHS" in str(failure.value)
    # A person clears the task: it runs again, changed or not.
    fake_aws.outcome = ("Completed", "")
    operator(settings).execute(context)
    assert fake_aws.count(create) == 2


def test_the_log_speaks_where_awss_reason_does_not(settings: Any, context: Any, fake_aws: FakeAws) -> None:
    fake_aws.outcome = ("Failed", "AlgorithmError: See job logs for more information, exit code: 1")
    task = training(settings, wait_on_worker=False)
    with pytest.raises(TaskDeferred):
        task.execute(context)
    (name,) = fake_aws.jobs
    fake_aws.logs["/aws/sagemaker/TrainingJobs", f"{name}/algo-1"] = ["reading", SHORT]
    with pytest.raises(AirflowFailException):
        task.execute_complete(context, {"job_id": name, "outcome": "ended"})


def test_a_processing_jobs_own_words_come_first() -> None:
    class Client:
        def describe_processing_job(self, **_: Any) -> dict[str, Any]:
            return {
                "ProcessingJobStatus": "Failed",
                "ExitMessage": "ThresholdError: thresholds.json: threshold 1 lacks why",
                "FailureReason": "AlgorithmError: See job logs for more information, exit code: 1",
            }

    reason = KINDS["processing"].describe(lambda service, **_: Client(), "p-1").reason
    assert reason.startswith("ThresholdError: ")
    assert reason.endswith("exit code: 1")
    assert is_final(reason)


def test_a_script_leaves_one_line_and_the_exit_message(tmp_path: Path) -> None:
    (tmp_path / "output").mkdir()
    code = (
        "import sys; from pathlib import Path; from contracts.faults import SettingError, exit_with\n"
        "error = SettingError('a' * 2000); error.advice = 'try b'\n"
        "exit_with(error, Path(sys.argv[1]) / 'output' / 'message')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "try b\n")
    assert done.stderr == f"SettingError: {'a' * 2000}\n"
    message = (tmp_path / "output" / "message").read_text()
    assert len(message) < 1024
    assert is_final(message)
