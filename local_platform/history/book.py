"""A book of loans scored by one model, month by month, and the portfolio of a night between two month-ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.dataset as ds

from contracts import load_contract
from mortgage_model.development.panel_data import KEY, MONTH, open_panel
from mortgage_model.documents.profile import ReferenceProfile
from mortgage_model.monitoring.effects import contributions
from mortgage_model.monitoring.inputs import panel_outcomes
from mortgage_model.months import month_number, month_text
from mortgage_model.scoring.artifact import MortgageModel, load_model, read_profile

LAST_REPORTING_DAY = 28  # a month that has ended is on the tape in full


@dataclass(frozen=True)
class Scored:
    """n loans: contract features, ids, PDs and contributions (n, inputs). Kept by month, as they change by month."""

    frame: pd.DataFrame
    loan_id: np.ndarray
    probabilities: np.ndarray
    effects: np.ndarray

    @classmethod
    def by(cls, model: MortgageModel, frame: pd.DataFrame, loan_id: np.ndarray) -> Scored:
        features = model.spec.transform(frame)
        return cls(frame, loan_id, model.score(features), contributions(model, features))


@dataclass(frozen=True)
class Month:
    """The n loans of a month-end: on which day of the month each is reported, and what is scored."""

    day: np.ndarray
    loans: Scored


@dataclass(frozen=True)
class Book:
    """A model and the months it scores. outcomes: as `performance.outcomes` wants them."""

    version: str
    model: MortgageModel
    profile: ReferenceProfile
    months: Mapping[str, Month]
    outcomes: Mapping[str, pd.DataFrame]


def month_of(day: date) -> str:
    """YYYY-MM."""
    return day.isoformat()[:7]


def month_before(day: date) -> str:
    """YYYY-MM of the last month that has ended."""
    return month_text(month_number(month_of(day)) - 1)


def read_book(version: str, model_folder: Path, panel_folder: Path, first: date, last: date) -> Book:
    """The model, and the panel's months that nights from `first` to `last` look at."""
    model = load_model(model_folder)
    dataset = open_panel(panel_folder, load_contract("loan_panel"))
    numbers = range(month_number(month_before(first)), month_number(month_of(last)) + 1)
    months = {}
    for month in map(month_text, numbers):
        table = dataset.to_table(columns=[KEY, *model.spec.inputs], filter=ds.field(MONTH) == month).to_pandas()
        if not len(table):
            raise ValueError(f"the loan panel has no rows of {month}: nights from {first} need it")
        day = pd.util.hash_array(table[KEY].to_numpy()) % LAST_REPORTING_DAY + 1
        loans = Scored.by(model, table[list(model.spec.inputs)], table[KEY].to_numpy())
        months[month] = Month(day.astype(int), loans)
    return Book(version, model, read_profile(model_folder), months, panel_outcomes(dataset, list(months)))


def portfolio(book: Book, night: date) -> Scored:
    """The loans as reported by the end of `night`: by this month's report, else by the last one's."""
    now, before = book.months[month_of(night)], book.months[month_before(night)]
    new, old = now.day <= night.day, before.day > night.day
    return Scored(
        pd.concat([now.loans.frame[new], before.loans.frame[old]], ignore_index=True),
        np.concatenate((now.loans.loan_id[new], before.loans.loan_id[old])),
        np.concatenate((now.loans.probabilities[new], before.loans.probabilities[old])),
        np.concatenate((now.loans.effects[new], before.loans.effects[old])),
    )
