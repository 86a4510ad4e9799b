"""The time of a table's rows as months, whatever the table counts in: dates, months, quarters, years, or a number."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from contracts.values import WHOLE_AS_FRACTION
from mortgage_model.months import month_text

MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
# Months that one step of a whole-number time stands for, by the column's unit.
STEPS = {"month": 1, "months": 1, "quarter": 3, "quarters": 3, "year": 12, "years": 12}
YEAR = r"(?P<year>(?:19|20|21)\d\d)"
EXAMPLES = "2015-03, 2015-03-31, 201503, Mar-2015, 2015Q1, 2015, or a whole number that counts periods"


@dataclass(frozen=True)
class Form:
    """One way to write a period: `step` months long, its last month `month` of the parts that `pattern` finds."""

    name: str
    pattern: str
    step: int
    month: Callable[[dict[str, str]], int | None]

    def read(self, text: str) -> int | None:
        """Months since year 0 of the period's last month; None for another form or a period that there is not."""
        match = re.fullmatch(self.pattern, text, re.IGNORECASE | re.ASCII)
        month = self.month(match.groupdict()) if match else None
        return None if month is None else int(match["year"]) * 12 + month - 1  # type: ignore[index]


def _named(parts: dict[str, str]) -> int | None:
    name = parts["name"].lower()[:3]
    return MONTHS.index(name) + 1 if name in MONTHS else None


def _numbered(parts: dict[str, str]) -> int | None:
    month = int(parts["month"])
    return month if 1 <= month <= 12 and 1 <= int(parts.get("day") or 1) <= 31 else None


FORMS = (
    Form("months YYYY-MM", YEAR + r"[-/]?(?P<month>\d\d)", 1, _numbered),
    Form("days YYYY-MM-DD", YEAR + r"-?(?P<month>\d\d)-?(?P<day>\d\d)([ T].*)?", 1, _numbered),
    Form("months Mon-YYYY", r"(?P<name>[a-z]{3,9})[- ]?" + YEAR, 1, _named),
    Form("quarters YYYYQn", YEAR + r"[- ]?Q(?P<quarter>[1-4])", 3, lambda parts: 3 * int(parts["quarter"])),
    Form("quarters Qn YYYY", r"Q(?P<quarter>[1-4])[- /]?" + YEAR, 3, lambda parts: 3 * int(parts["quarter"])),
)
YEARS = Form("years YYYY", YEAR, 12, lambda parts: 12)


@dataclass(frozen=True)
class Periods:
    """Per row the last month of its period, months since year 0 (of a numbered time: since period 0); `form` in words,
    `step` months long; `unread` (n, bool) marks rows without one.
    """

    months: np.ndarray
    unread: np.ndarray
    form: str
    step: int
    numbered: bool = False

    def text(self, month: int) -> str:
        """A month as the table would write its period."""
        return str(month // self.step) if self.numbered else month_text(month)


def read_periods(times: pd.Series, unit: str | None = None) -> Periods:
    """The periods of `times` (n texts, None where missing), all read in the one form that fits most of them.

    `unit`, month, quarter or year, says what a whole number counts; a number that looks like a month (201503) or,
    without unit, a year is one.
    """
    times = times.str.replace(WHOLE_AS_FRACTION, r"\1", regex=True)
    present = times.dropna().unique()
    forms = [*FORMS, *([] if unit in STEPS else [YEARS])]
    read = [{text: month for text in present if (month := form.read(text)) is not None} for form in forms]
    counted = {text: int(text) for text in present if re.fullmatch(r"-?\d{1,9}", text, re.ASCII)}
    best = max(range(len(forms)), key=lambda place: len(read[place]))
    if len(counted) > len(read[best]):
        step = STEPS.get(unit or "month", 1)
        found = {text: number * step for text, number in counted.items()}
        name, numbered = f"whole numbers of {unit or 'month'}s".replace("ss", "s"), True
    else:
        found, name, step, numbered = read[best], forms[best].name, forms[best].step, False
    months = times.map(found)
    unread = months.isna().to_numpy()
    return Periods(months.fillna(0).to_numpy(dtype=np.int64), unread, name, step, numbered)
