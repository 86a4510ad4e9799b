"""Reads what the monitoring job is given: the night's loans with their scores, the night before, outcomes by panel."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pyarrow.dataset as ds

from contracts import load_contract
from contracts.faults import DataFault
from contracts.model import Column, Contract
from mortgage_model.development.panel_data import MONTH, PanelError, open_panel
from mortgage_model.documents.monitoring import MonitoringDocument, Performance
from mortgage_model.monitoring import performance
from mortgage_model.monitoring.effects import mean_contributions
from mortgage_model.monitoring.night import Night
from mortgage_model.months import month_number, month_text
from mortgage_model.progress import say
from mortgage_model.scoring.artifact import MortgageModel
from mortgage_model.scoring.requests import read_csv

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


def read_night(root: Path, run: MonitoringRun, model: MortgageModel) -> Night:
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
        probabilities=joined["pd"].to_numpy(float),
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


def read_previous(folder: Path) -> MonitoringDocument | None:
    """The earlier night's monitoring.json; None where the pipeline gave none."""
    file = folder / "monitoring.json"
    if not file.exists():
        return None
    document: MonitoringDocument = json.loads(file.read_text(encoding="utf-8"))
    return document


def read_outcomes(root: Path, run: MonitoringRun, grades: Sequence[str]) -> Performance | None:
    """The performance part; None where the pipeline gave no panel or no past scores."""
    if not (root / "panel").exists() or not (root / "vintages").exists():
        return None
    folders = {file.parent for file in (root / "vintages").rglob("*.parquet")}
    scored = {vintage_month(folder.name.partition("=")[2]): _read_scores(folder) for folder in sorted(folders)}
    panel = panel_outcomes(open_panel(root / "panel", load_contract("loan_panel")), list(scored))
    say(f"outcomes of {len(scored)} vintages, panel until {max(panel)}")
    return performance.performance(scored, panel, grades, run.panel_as_of)


def vintage_month(score_date: str) -> str:
    """The last month that had ended by the score date: the state the scores are of. 'YYYY-MM'."""
    next_day = date.fromisoformat(score_date) + timedelta(days=1)
    return (next_day.replace(day=1) - timedelta(days=1)).isoformat()[:7]


def panel_outcomes(dataset: ds.Dataset, vintages: Sequence[str]) -> dict[str, pd.DataFrame]:
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
