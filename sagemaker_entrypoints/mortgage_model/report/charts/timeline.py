"""Stretches of time on a line of years."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from mortgage_model.report.charts.svg import element


def timeline(title: str, description: str, spans: Sequence[tuple[str, str, float, float]], years: Sequence[int]) -> str:
    """Blocks on a line of time: spans of (text, style, from, to) in years, ticks at `years`."""
    width, height, left, right = 1140, 84, 24, 24
    low, high = min(s[2] for s in spans), max(s[3] for s in spans)

    def at(value: float) -> float:
        return round(left + (value - low) / (high - low) * (width - left - right), 1)

    parts = []
    for text, style, start, end in spans:
        wide = at(end) - at(start)
        parts.append(f'<rect class="span {style}" x="{at(start)}" y="14" width="{round(wide, 1)}" height="36"/>')
        if wide > 6.6 * len(text):
            parts.append(
                f'<text class="on-{style}" x="{at((start + end) / 2)}" y="37" '
                f'text-anchor="middle">{escape(text)}</text>'
            )
    every = math.ceil(len(years) / 20) or 1
    for year in years[::every]:
        parts.append(
            f'<path class="axis" d="M{at(year)} 54v6"/><text x="{at(year)}" y="76" text-anchor="middle">{year}</text>'
        )
    return element(title, description, width, height, "".join(parts))
