"""`make cases CASES=<folder>`: what the product does with inputs after public bug reports, against what is right.

A case is a folder with run.sh, which is given this checkout, and expected.md, for people. What must and must not be in
the output of those that are known is in tests/cases.yaml: by part of the output (its parts begin with "=== name" or
"--- name"; "*" is every part), regular expressions; one that begins with "!" must not be found.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from local_platform.command import CommandError, own_group
from local_platform.environments import ROOT

KNOWN = ROOT / "tests" / "cases.yaml"
LONGEST_SECONDS = 3600
TRACEBACK = "Traceback (most recent call last)"
PART = re.compile(r"^(?:===|---) (.*)$", re.MULTILINE)


def run(folder: Path) -> int:
    """Run every case of the folder and show what is right and what was seen; 1 where one is not as it should be."""
    scripts = sorted(folder.glob("*/run.sh"))
    if not scripts:
        raise CommandError(f"there is no case in {folder}: a case is a folder with a run.sh and an expected.md")
    known = yaml.safe_load(KNOWN.read_text(encoding="utf-8"))
    lines = []
    for script in scripts:
        name, started = script.parent.name, time.monotonic()
        seen, code = _seen(script)
        wrong = problems(seen, code, known.get(name, {}))
        right = "ok      " if name in known else "no judge"
        lines.append(f"{'FAILED  ' if wrong else right} {time.monotonic() - started:5.0f} s  {name}")
        print(f"##### {name}\n--- what is right\n{_text(script.with_name('expected.md'))}\n--- what was seen\n{seen}")
        lines += [f"           {problem}" for problem in wrong]
    print("\n".join(["#####", *lines]))
    return 1 if any(line.startswith("FAILED") for line in lines) else 0


def problems(seen: str, code: int, expected: Mapping[str, Sequence[str]]) -> list[str]:
    """What is not as it should be in a case's output, one line each."""
    found = [f"run.sh ended with exit code {code}"] if code else []
    if TRACEBACK in seen:
        found.append("a traceback reached the user")
    parts = parts_of(seen)
    for wanted, patterns in expected.items():
        texts = parts if wanted == "*" else {wanted: parts.get(wanted, "")}
        for name, text in texts.items():
            for pattern in patterns:
                never, pattern = pattern.startswith("!"), pattern.removeprefix("!")
                if bool(re.search(pattern, text, re.MULTILINE)) == never:
                    found.append(f"{name}: {'found' if never else 'lacks'} {pattern}")
    return found


def parts_of(seen: str) -> dict[str, str]:
    """The output by its parts; all of it under "all" where it has none."""
    _, *named = PART.split(seen)
    return dict(zip(named[::2], named[1::2], strict=True)) or {"all": seen}


def _seen(script: Path) -> tuple[str, int]:
    """What a case printed, and its exit code. It may not outlive its time."""
    command = ["bash", str(script.resolve()), str(ROOT)]
    try:
        with own_group(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace") as process:
            return process.communicate(timeout=LONGEST_SECONDS)[0], process.returncode
    except subprocess.TimeoutExpired as error:
        said = error.output or b""
        return f"{said.decode('utf-8', 'replace')}\nnot done after {LONGEST_SECONDS} s", 124


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip() if path.exists() else "(no expected.md)"
