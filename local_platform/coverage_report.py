"""`make coverage`: what the tests run of each package, and which lines none of them runs.

Counts what runs inside the tests' own processes. What a test starts as a process of its own (jobs, the local AWS,
Airflow) is not counted: that is what tests/e2e, tests/faults and tests/truth are for, and they are left out here.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from local_platform.checks import Check, checks, run
from local_platform.command import CommandError, ended
from local_platform.environments import ROOT

STARTS_PROCESSES = {"e2e", "browser", "truth", "faults"}


def measured(check: Check, folder: Path) -> Check:
    """`check` under coverage. Its runtime need not have coverage: every runtime is the same Python, so the one of
    tooling stands alone in a folder on the path."""
    python, *test = check.argv
    argv = [python, "-m", "coverage", "run", f"--data-file={folder / check.name}", *test]
    return replace(check, argv=argv, path=(*check.path, str(folder / "library")))


def by_package(report: str) -> list[str]:
    """One line a package of coverage's table: statements, those that no test runs, per cent."""
    counts: dict[str, list[int]] = {}
    for path, statements, missed in re.findall(r"^(\S+)\.py +(\d+) +(\d+) ", report, flags=re.MULTILINE):
        total = counts.setdefault(package_of(path), [0, 0])
        total[0] += int(statements)
        total[1] += int(missed)
    return [
        f"{package:44} {statements:6} {missed:6} {100 * (statements - missed) / statements:5.0f} %"
        for package, (statements, missed) in sorted(counts.items())
        if statements
    ]


def package_of(path: str) -> str:
    """The room of a file: plugins/mortgage_risk/jobs of plugins/mortgage_risk/jobs/cost."""
    return str(Path(path).parent)


def main(names: list[str]) -> None:
    table = [check for check in checks() if "pytest" in check.argv and check.name not in STARTS_PROCESSES]
    chosen = [check for check in table if not names or check.name in names]
    if unknown := set(names) - {check.name for check in table}:
        raise CommandError(f"not measured: {', '.join(sorted(unknown))}; there are {', '.join(c.name for c in table)}")
    spec = find_spec("coverage")
    if spec is None or spec.origin is None:
        raise CommandError("coverage is not installed here; run `make coverage`")
    with tempfile.TemporaryDirectory(prefix="coverage.") as name:
        folder = Path(name)
        (folder / "library").mkdir()
        (folder / "library" / "coverage").symlink_to(Path(spec.origin).parent)
        with ThreadPoolExecutor(max_workers=2) as pool:
            outcomes = list(pool.map(lambda check: run(measured(check, folder)), chosen))
        failed = [outcome for outcome in outcomes if outcome.returncode]
        for outcome in failed:
            print(outcome.output, flush=True)
        print(_report(folder))
    if failed:
        raise CommandError(f"failed: {', '.join(outcome.check.name for outcome in failed)}")


def _report(folder: Path) -> str:
    combined = f"--data-file={folder / 'all'}"
    steps = [
        ["combine", combined, *map(str, sorted(path for path in folder.iterdir() if path.is_file()))],
        ["report", combined, "--show-missing"],
    ]
    for step in steps:
        command = [sys.executable, "-m", "coverage", *step]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise CommandError(f"coverage {step[0]} failed:\n{done.stdout}{done.stderr}")
    return "\n".join([done.stdout, *by_package(done.stdout)])


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(ended(lambda: main(sys.argv[1:])))
