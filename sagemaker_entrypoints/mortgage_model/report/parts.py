"""Small pieces of HTML that the report's sections share: tables, figures, badges, figures with their data
behind them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from mortgage_model.documents.evaluation import Metric

VERDICT_WORDS = {"pass": "pass", "warn": "attention", "fail": "fail", "not_computable": "not computable"}
SAMPLE_WORDS = {"train": "Training", "validation": "Validation", "oot": "Out of time"}


def figure(value: float | None, digits: int = 3) -> str:
    """A number as text; counts with separators, a missing one as a dash."""
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def share(value: float | None, digits: int = 2) -> str:
    """A share as a percentage of fixed digits, for columns; a missing one as a dash."""
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def interval(metric: Metric, digits: int = 3) -> str:
    """An interval as text, empty where there is none."""
    return "{} to {}".format(*(figure(end, digits) for end in metric["interval"])) if metric["interval"] else ""


def metric_cell(metric: Metric, digits: int = 4) -> str:
    """A metric with its interval below it, or the reason why it has no value."""
    if metric["value"] is None:
        return f"– <span class='range'>{escape(metric['reason'])}</span>"
    below = interval(metric, digits) or metric.get("interval_reason", "")
    return figure(metric["value"], digits) + (f"<span class='range'>{escape(below)}</span>" if below else "")


def badge(verdict: str) -> str:
    return f"<span class='badge {verdict}'>{VERDICT_WORDS[verdict]}</span>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[int] = ()) -> str:
    """A table of cells that are HTML already; columns in `numeric` are set flush right."""

    def cells(tag: str, row: Sequence[str]) -> str:
        scope = " scope='col'" if tag == "th" else ""
        return "".join(
            f"<{tag}{scope}{' class=n' if i in numeric else ''}>{cell}</{tag}>" for i, cell in enumerate(row)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    top = f"<thead><tr>{cells('th', head)}</tr></thead>"
    return f"<div class='scroll'><table>{top}<tbody>{body}</tbody></table></div>"


def sentence(reason: str) -> str:
    """A test's reason as HTML: a sentence of its own, with minus signs."""
    return escape(f"{signed(reason[:1].upper() + reason[1:])}.")


def signed(text: str) -> str:
    """Text in which a hyphen before a figure is a minus sign."""
    return re.sub(r"(?<![\w-])-(?=\d)", "−", text)


def chart(title: str, svg: str, caption: str, data: str = "") -> str:
    """A chart with its caption and, folded, the figures behind it."""
    behind = f"<details><summary>Figures behind this chart</summary>{data}</details>" if data else ""
    return f"<figure><strong>{escape(title)}</strong>{svg}<figcaption>{caption}</figcaption>{behind}</figure>"


def pair(*charts: str) -> str:
    """Charts side by side where the page is wide enough."""
    return f"<div class='pair'>{''.join(charts)}</div>"


def nothing(what: str, reason: str) -> str:
    return f"<p class='soft'>{escape(what)} cannot be shown: {escape(reason)}.</p>"
