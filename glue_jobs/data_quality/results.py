"""Results as they are kept: result.json and Data Docs of each suite and date."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from contracts.documents import CheckResult
from mortgage_etl.publishing import objects

RUN_DATE = re.compile(r"/run_date=(\d{4}-\d{2}-\d{2})/result\.json$")


def result_root(root: str, as_of_date: date) -> str:
    """Where a suite's result of a date lives, below the suite's own ``root``."""
    return f"{root}/run_date={as_of_date}"


def previous_result(root: str, before: date) -> CheckResult | None:
    """The newest result.json below ``root`` of a date earlier than ``before``; None if there is none."""
    dated = [(match.group(1), uri) for uri, _ in objects.list_objects(f"{root}/") if (match := RUN_DATE.search(uri))]
    earlier = [found for found in dated if found[0] < before.isoformat()]
    if not earlier:
        return None
    result: CheckResult = objects.read_json(max(earlier)[1])
    return result


def upload_folder(folder: Path, uri: str) -> None:
    """Every file under ``folder`` to ``uri``/…"""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        objects.write_bytes(f"{uri}/{path.relative_to(folder).as_posix()}", path.read_bytes())
