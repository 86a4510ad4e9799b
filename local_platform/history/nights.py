"""The monitoring of every night, by the monitoring job's own code (mortgage_model/monitoring).

Only SageMaker, Airflow and the files between them are left out. A servicer's report on a loan comes on the loan's own
day of the month, so the portfolio changes a little every night.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

import pandas as pd

from local_platform.history.book import Book, Scored, month_before, month_of, portfolio
from mortgage_model.development.panel_data import KEY
from mortgage_model.documents.monitoring import MonitoringDocument, Performance
from mortgage_model.monitoring import performance
from mortgage_model.monitoring.effects import named
from mortgage_model.monitoring.night import Night, monitor
from mortgage_risk.monitoring import earlier_nights
from simulator.faults import Fault, plant

PANEL_DAY = 5  # of the month: on it the panel of the month before is built
KEPT_NIGHTS = 46  # as far back as the night a month earlier may be


def nights(
    book: Book, first: date, last: date, faults: Sequence[Fault] = (), seed: int = 1
) -> Iterator[MonitoringDocument]:
    """The monitoring documents of the nights, oldest first."""
    model, order = book.model, list(book.model.scale.grades)
    month_ends: dict[str, pd.DataFrame] = {}  # scores of each month's last night
    recent: dict[str, pd.DataFrame] = {}  # grades of the last nights
    previous: MonitoringDocument | None = None
    for night in (first + timedelta(days=n) for n in range((last - first).days + 1)):
        day = night.isoformat()
        loans = portfolio(book, night)
        if tonight := tuple(fault for fault in faults if fault.on(night)):
            loans = Scored.by(model, *plant(loans.frame, loans.loan_id, night, tonight, seed))
        grades = model.scale.assign(loans.probabilities)
        scores = pd.DataFrame({KEY: loans.loan_id, "pd": loans.probabilities, "grade": grades})
        read = _outcomes(book, month_ends, night) if night.day == PANEL_DAY and month_ends else None
        looked_at = Night(
            "canonical",
            day,
            book.version,
            loans.frame,
            loans.probabilities,
            grades,
            named(model, loans.effects),
            loans.loan_id,
            before=recent.get(earlier_nights.month_before(day, list(recent)) or ""),
        )
        previous = monitor(looked_at, book.profile, model.contract, order, previous, read)
        recent = dict([*recent.items(), (day, scores[[KEY, "grade"]])][-KEPT_NIGHTS:])
        if month_of(night + timedelta(days=1)) != month_of(night):
            month_ends[month_of(night)] = scores
        yield previous


def _outcomes(book: Book, scored: Mapping[str, pd.DataFrame], night: date) -> Performance:
    """As the panel built tonight shows them: nothing later than the last month that has ended."""
    known = {month: frame for month, frame in book.outcomes.items() if month <= month_before(night)}
    return performance.performance(scored, known, list(book.model.scale.grades), night.isoformat())
