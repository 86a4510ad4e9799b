"""Monitors one scored night: drift, scores, outcomes of earlier nights, findings and report (SageMaker Processing).

Reads, under /opt/ml/processing: model/model.tar.gz, input/ (the night's scoring input, CSV), scores/ (its published
scores, Parquet), and where given: previous/monitoring.json (the night before), before/ (the scores of a month
earlier, for the migration), panel/ (the newest loan panel) and vintages/…/score_date=…/ (past scores to read outcomes
for). Writes to output/: statistics.json, constraints.json and constraint_violations.json (SageMaker Model Monitor's
schemas), monitoring.json (our detail, aggregates only) and report.html.

The job succeeds when the night could be measured, whatever it finds: the pipeline acts on monitoring.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.dataset as ds
from inference import read_csv

from contracts import load_contract
from contracts.faults import DataFault, exit_with
from contracts.model import Column, Contract
from mortgage_model.development.panel_data import MONTH, PanelError, open_panel
from mortgage_model.development.splits import month_number, month_text
from mortgage_model.monitoring import model_monitor, performance
from mortgage_model.monitoring.effects import mean_contributions
from mortgage_model.monitoring.night import Night, monitor
from mortgage_model.monitoring.report import render_report
from mortgage_model.scoring.artifact import MortgageModel, read_packed, to_json_text, with_nulls

KEY = "loan_id"
SCORE_COLUMNS = [KEY, "pd", "grade"]


class MonitoringError(DataFault):
    """The night's files do not fit together. The message has counts and no loan."""


@dataclass(frozen=True)
class MonitoringRun:
    """What the pipeline says about the night; recorded as given."""

    source: str
    score_date: str
    model_version: str
    panel_as_of: str | None = None


def monitor_night(root: Path, run: MonitoringRun) -> dict[str, Any]:
    """Write the five files under root/output; return the content of monitoring.json.

    Raises a DataFault for a model or data that cannot be used.
    """
    model, profile = read_packed(root / "model")
    night = _read_night(root, run, model)
    print(f"{len(night.frame):,} loans of {run.score_date}, model version {run.model_version}", flush=True)
    previous = _read_json(root / "previous")
    outcomes = _outcomes(root, run, list(model.scale.grades))
    findings = performance.outcome_findings(outcomes["vintages"]) if outcomes else []
    document = monitor(night, profile, model.contract, list(model.scale.grades), previous, findings)
    document = with_nulls({**document, "performance": outcomes})
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


def _read_night(root: Path, run: MonitoringRun, model: MortgageModel) -> Night:
    """The scoring input with its scores beside it: the same loans in both, or MonitoringError."""
    loans = _read_input(root / "input", model.contract)
    scores = _read_scores(root / "scores")
    joined = loans[[KEY]].merge(scores, on=KEY, how="inner")
    if not len(joined) == len(loans) == len(scores):
        raise MonitoringError(
            f"the scoring input has {len(loans):,} loans, the scores {len(scores):,}, both {len(joined):,}"
        )
    frame = loans.drop(columns=KEY)
    before = _read_scores(root / "before") if (root / "before").exists() else None
    return Night(
        source=run.source,
        score_date=run.score_date,
        model_version=run.model_version,
        frame=frame,
        pd_=joined["pd"].to_numpy(float),
        grades=joined["grade"].to_numpy(str),
        effects=mean_contributions(model, model.spec.transform(frame)),
        loan_ids=loans[KEY].to_numpy(),
        before=before,
    )


def _read_input(folder: Path, contract: Contract) -> pd.DataFrame:
    key = Column(KEY, "string", "the loan", "key")
    with_key = replace(contract, columns=(key, *contract.columns))
    files = [file for file in sorted(folder.rglob("*.csv")) if file.stat().st_size]
    if not files:
        raise MonitoringError(f"there is no scoring input (*.csv) in {folder}")
    return pd.concat([read_csv(file.read_bytes(), with_key) for file in files], ignore_index=True)


def _read_scores(folder: Path) -> pd.DataFrame:
    files = sorted(folder.rglob("*.parquet"))
    if not files:
        raise MonitoringError(f"there are no scores (*.parquet) in {folder}")
    return pd.concat([pd.read_parquet(file, columns=SCORE_COLUMNS) for file in files], ignore_index=True)


def _read_json(folder: Path) -> dict[str, Any] | None:
    file = folder / "monitoring.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def _outcomes(root: Path, run: MonitoringRun, grades: list[str]) -> dict[str, Any] | None:
    """The performance part; None where the pipeline gave no panel or no past scores."""
    if not (root / "panel").exists() or not (root / "vintages").exists():
        return None
    folders = {file.parent for file in (root / "vintages").rglob("*.parquet")}
    scored = {vintage_month(folder.name.partition("=")[2]): _read_scores(folder) for folder in sorted(folders)}
    panel = read_outcomes(open_panel(root / "panel", load_contract("loan_panel")), list(scored))
    print(f"outcomes of {len(scored)} vintages, panel until {max(panel)}", flush=True)
    return {"panel_as_of": run.panel_as_of, **performance.performance(scored, panel, grades)}


def vintage_month(score_date: str) -> str:
    """The last month that had ended by the score date: the state the scores are of. 'YYYY-MM'."""
    next_day = date.fromisoformat(score_date) + timedelta(days=1)
    return (next_day.replace(day=1) - timedelta(days=1)).isoformat()[:7]


def read_outcomes(dataset: ds.Dataset, vintages: list[str]) -> dict[str, pd.DataFrame]:
    """month -> performance.PANEL_COLUMNS, for the months that the reads of `vintages` look at and the panel's last."""
    months = sorted(set(dataset.to_table(columns=[MONTH])[MONTH].unique().to_pylist()))
    if not months:
        raise PanelError("the loan panel has no rows")
    steps = (0, *(read.months for read in performance.READS))
    wanted = {month_text(month_number(month) + step) for month in vintages for step in steps} | {months[-1]}
    return {
        month: dataset.to_table(columns=list(performance.PANEL_COLUMNS), filter=ds.field(MONTH) == month).to_pandas()
        for month in months
        if month in wanted
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    for name in ("source", "score_date", "model_version"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--panel_as_of", help="date of the loan panel, where there is one")
    parser.add_argument("--root", type=Path, default=Path("/opt/ml/processing"), help="folder of inputs and output")
    given = vars(parser.parse_args(arguments))
    root = given.pop("root")
    try:
        document = monitor_night(root, MonitoringRun(**given))
    except DataFault as error:
        exit_with(error, root.parent / "output" / "message")
    print(f"verdict: {document['verdict']}", flush=True)
    for finding in document["findings"]:
        print(f"  {finding['severity']}: {finding['message']}", flush=True)


if __name__ == "__main__":
    main()
