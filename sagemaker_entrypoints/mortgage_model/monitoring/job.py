"""The monitoring job: one scored night read, measured, and written as four documents and a report."""

from __future__ import annotations

from pathlib import Path

from mortgage_model.documents.monitoring import MonitoringDocument
from mortgage_model.monitoring import model_monitor
from mortgage_model.monitoring.inputs import MonitoringRun, read_night, read_outcomes, read_previous
from mortgage_model.monitoring.night import monitor
from mortgage_model.monitoring.page import render_report
from mortgage_model.progress import say
from mortgage_model.scoring.artifact import read_packed, to_json_text, with_nulls


def monitor_night(root: Path, run: MonitoringRun) -> MonitoringDocument:
    """Write the five files under root/output; return the content of monitoring.json.

    Raises a DataFault for a model or data that cannot be used.
    """
    model, profile = read_packed(root / "model")
    night, grades = read_night(root, run, model), model.scale.grades
    say(f"{len(night.frame):,} loans of {run.score_date}, model version {run.model_version}")
    previous, outcomes = read_previous(root / "previous"), read_outcomes(root, run, grades)
    document = with_nulls(monitor(night, profile, model.contract, grades, previous, outcomes))
    output = root / "output"
    output.mkdir(parents=True, exist_ok=True)
    files = {
        "statistics.json": model_monitor.statistics(night.frame, model.contract),
        "constraints.json": model_monitor.constraints(profile, model.contract),
        "constraint_violations.json": model_monitor.violations(document),
        "monitoring.json": document,
    }
    for name, content in files.items():
        (output / name).write_text(to_json_text(content), encoding="utf-8")
    (output / "report.html").write_text(render_report(document), encoding="utf-8")
    return document
