"""`make test`: lint, types and every test directory in the runtime its code runs in, two at a time.

`python -m local_platform.checks [name ...]` runs those named only. Ends with one line `N passed, N failed, N skipped`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from local_platform.environments import ROOT, runtime_python

# The folders that packages stand in, as in mypy's `mypy_path` and pytest's `pythonpath`.
SOURCES = tuple(str(ROOT / folder) for folder in (".", "plugins", "glue_jobs", "sagemaker_entrypoints"))


@dataclass(frozen=True)
class Check:
    name: str
    argv: list[str]
    path: tuple[str, ...] = (str(ROOT),)  # what Python finds packages on


@dataclass(frozen=True)
class Outcome:
    check: Check
    returncode: int
    output: str
    seconds: float

    def count(self, word: str) -> int:
        found = re.findall(rf"(\d+) {word}", self.output.splitlines()[-1] if self.output.strip() else "")
        return int(found[-1]) if found else 0


def checks() -> list[Check]:
    """Longest first, so that two at a time finish together."""
    tooling = str(runtime_python("tooling"))
    import_linter = runtime_python("tooling").with_name("lint-imports")

    def tests(folder: str, runtime: str, *options: str) -> Check:
        return Check(
            folder,
            [str(runtime_python(runtime)), "-m", "pytest", f"tests/{folder}", "-p", "no:cacheprovider", *options],
        )

    return [
        tests("e2e", "tooling"),
        tests("browser", "tooling"),
        tests("truth", "tooling"),
        tests("glue_jobs", "glue-5.1"),
        tests("local_aws", "local-aws"),
        tests("model", "sagemaker-xgboost-3.2-0"),
        # Late in the list: one Airflow at a time is enough for two cores.
        tests("faults", "tooling", "-m", "not slow"),
        tests("plugins", "airflow"),
        tests("dags", "airflow"),
        tests("simulator", "tooling"),
        tests("contracts", "tooling"),
        tests("platform", "tooling"),
        Check("types", [tooling, "-m", "mypy"]),
        Check("imports", [tooling, str(import_linter), "--no-cache", "--no-logo"], SOURCES),
        Check("ruff", [tooling, "-m", "ruff", "check", "."]),
        Check("format", [tooling, "-m", "ruff", "format", "--check", "."]),
    ]


def run(check: Check) -> Outcome:
    started, path = time.monotonic(), os.pathsep.join(check.path)
    done = subprocess.run(
        check.argv,
        cwd=ROOT,
        # Two checks share the cores: XGBoost's threads must not spin while the other's work.
        env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0", "OMP_WAIT_POLICY": "PASSIVE"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    return Outcome(check, done.returncode, done.stdout, time.monotonic() - started)


def main(names: list[str]) -> int:
    table = checks()
    unknown = set(names) - {check.name for check in table}
    if unknown:
        sys.exit(f"unknown check {', '.join(sorted(unknown))}; there are {', '.join(c.name for c in table)}")
    chosen = [check for check in table if not names or check.name in names]
    started, outcomes = time.monotonic(), []
    with ThreadPoolExecutor(max_workers=2) as pool:
        for future in as_completed([pool.submit(run, check) for check in chosen]):
            outcome = future.result()
            outcomes.append(outcome)
            last = outcome.output.strip().splitlines()[-1] if outcome.output.strip() else ""
            mark = "ok    " if outcome.returncode == 0 else "FAILED"
            print(f"[{time.monotonic() - started:5.0f} s] {mark} {outcome.check.name}: {last}", flush=True)
            if outcome.returncode:
                print(outcome.output, flush=True)
    crashed = sum(1 for o in outcomes if o.returncode and not o.count("failed") and not o.count("error"))
    passed = sum(o.count("passed") for o in outcomes)
    failed = sum(o.count("failed") + o.count("error") for o in outcomes) + crashed
    print(f"{passed} passed, {failed} failed, {sum(o.count('skipped') for o in outcomes)} skipped")
    return 1 if any(o.returncode for o in outcomes) else 0


if __name__ == "__main__":
    os.chdir(Path(ROOT))
    sys.exit(main(sys.argv[1:]))
