"""Runs inside a SageMaker runtime as the container's `train` command: the toolkit around the user's script.

Without the toolkit's ``capture_error``: it cuts lines wherever a write ends, which breaks logs and metrics.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

from packaging.requirements import InvalidRequirement, Requirement
from sagemaker_training import entry_point, environment, errors, modules, process, trainer


def run_user_script() -> None:
    training = environment.Environment()
    # The toolkit cuts its pip commands at blanks and quotes, those in the interpreter's path included.
    modules.process = SimpleNamespace(
        python_executable=lambda: shlex.quote(sys.executable), check_error=process.check_error
    )
    try:
        entry_point.run(
            uri=training.module_dir,
            user_entry_point=training.user_entry_point,
            args=training.to_cmd_args(),
            env_vars=training.to_env_vars(),
        )
    except errors.InstallRequirementsError as error:
        unmet = unmet_requirements(Path(environment.code_dir) / "requirements.txt")
        raise errors.ClientError(
            f"InstallRequirementsError: requirements.txt asks for {', '.join(unmet) or 'what pip refused'},"
            f" and nothing is downloaded here: add it to the lock of the runtime {sys.prefix}"
        ) from error


def unmet_requirements(path: Path) -> list[str]:
    """The lines of a requirements.txt that this runtime does not meet."""
    unmet = []
    for line in path.read_text("utf-8").splitlines():
        line = line.split("#")[0].strip()
        try:
            requirement = Requirement(line) if line else None
            if requirement is None or (requirement.marker and not requirement.marker.evaluate()):
                continue
            if not requirement.specifier.contains(metadata.version(requirement.name), prereleases=True):
                unmet.append(line)
        except (InvalidRequirement, metadata.PackageNotFoundError):
            unmet.append(line)
    return unmet


def on_stop(number: int, frame: object) -> None:
    """A stop signals the whole group: wait for the script that uses its grace period, unless none runs yet."""
    if not has_children():
        os._exit(128 + number)


def has_children() -> bool:
    if not hasattr(os, "waitid"):  # macOS
        return subprocess.run(["pgrep", "-P", str(os.getpid())], capture_output=True, check=False).returncode == 0
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, on_stop)
    os.environ["SAGEMAKER_TRAINING_MODULE"] = "__main__:run_user_script"
    trainer.train()
