"""Horizontal bars and intervals, one row a name."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from mortgage_model.report.charts.axes import Axis
from mortgage_model.report.charts.svg import element


def ranked_bars(
    title: str,
    description: str,
    rows: Sequence[tuple[str, float, str]],
    guides: Sequence[float],
    limit: float,
    compared: Sequence[float] = (),
) -> str:
    """Horizontal bars: rows of (name, value, figure as text), guide lines; bars beyond `limit` are cut.

    `compared`: a second value per row, drawn as a thin bar below the first.
    """
    left, right, row, top = 210, 70, 22, 22
    width, height = 560, top + row * len(rows) + 8

    def at(value: float) -> float:
        return round(left + min(value, limit) / limit * (width - left - right), 1)

    parts = []
    for guide in guides:
        parts.append(f'<path class="guide" d="M{at(guide)} {top - 6}V{height - 6}"/>')
        parts.append(f'<text class="note" x="{at(guide)}" y="{top - 10}" text-anchor="middle">{guide:.2f}</text>')
    for i, (name, value, figure) in enumerate(rows):
        y = top + row * i
        parts.append(f'<text x="{left - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>')
        parts.append(
            f'<rect class="bar model" x="{left}" y="{y + 4}" width="{max(at(value) - left, 1)}" '
            f'height="{row - (12 if compared else 8)}"/>'
        )
        reach = at(value)
        if compared:
            wide = max(at(max(compared[i], 0)) - left, 1)
            reach = max(reach, left + wide)
            parts.append(f'<rect class="bar observed" x="{left}" y="{y + row - 7}" width="{wide}" height="4"/>')
        cut = " →" if value > limit else ""
        parts.append(f'<text class="note" x="{reach + 5}" y="{y + 15}">{escape(figure)}{cut}</text>')
    return element(title, description, width, height, "".join(parts))


def ranked_intervals(
    title: str, description: str, rows: Sequence[tuple[str, float, float, float, str]], axis: Axis, guide: float
) -> str:
    """Horizontal intervals: rows of (name, value, low, high, figure as text), a guide line at `guide`."""
    left, right, row, top = 260, 150, 22, 26
    width, height = 1140, top + row * len(rows) + 8

    def at(value: float) -> float:
        return round(left + axis.place(value) * (width - left - right), 1)

    parts = []
    for tick, text in axis.marks():
        parts.append(f'<path class="grid" d="M{at(tick)} {top - 6}V{height - 6}"/>')
        parts.append(f'<text class="note" x="{at(tick)}" y="{top - 11}" text-anchor="middle">{escape(text)}</text>')
    parts.append(f'<path class="guide" d="M{at(guide)} {top - 6}V{height - 6}"/>')
    for i, (name, value, low, high, figure) in enumerate(rows):
        y = top + row * i + 10
        parts.append(f'<text x="{left - 10}" y="{y + 4}" text-anchor="end">{escape(name)}</text>')
        parts.append(
            f'<path class="whisker model" d="M{at(low)} {y}H{at(high)}M{at(low)} {y - 4}v8M{at(high)} {y - 4}v8"/>'
        )
        parts.append(f'<circle class="dot model" cx="{at(value)}" cy="{y}" r="4"/>')
        parts.append(f'<text class="note" x="{width - right + 12}" y="{y + 4}">{escape(figure)}</text>')
    return element(title, description, width, height, "".join(parts))
