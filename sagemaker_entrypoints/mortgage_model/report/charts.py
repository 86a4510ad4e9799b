"""Charts of the validation report as inline SVG: no script, no font, nothing to fetch, readable on paper.

Colours come from the page's CSS by class (`model`, `observed`, `muted`), so that one chart serves light, dark
and print; every chart carries a title and a description for screen readers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape

Point = tuple[float, float]
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 24, 12, 46


def percent(value: float) -> str:
    """A share in percent with as many digits as its size asks for."""
    shown = 100 * value
    digits = 0 if abs(shown) >= 10 or shown == 0 else 1 if abs(shown) >= 1 else 2 if abs(shown) >= 0.1 else 3
    text = f"{shown:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


@dataclass(frozen=True)
class Axis:
    """A scale from `low` to `high`, linear or logarithmic, with its label and tick positions."""

    label: str
    low: float
    high: float
    log: bool = False
    ticks: Sequence[float] | None = None
    text: Callable[[float], str] = "{:g}".format
    names: Sequence[str] | None = None

    def place(self, value: float) -> float:
        """Position in [0, 1], clipped."""
        if self.log:
            value = max(value, self.low)
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return min(1.0, max(0.0, share))

    def marks(self) -> list[tuple[float, str]]:
        if self.names is not None:
            return [(float(i), name) for i, name in enumerate(self.names)]
        return [(tick, self.text(tick)) for tick in (self.ticks or (self._decades() if self.log else self._steps()))]

    def _steps(self) -> list[float]:
        raw = (self.high - self.low) / 5
        magnitude = 10 ** math.floor(math.log10(raw))
        step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= raw * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [i * step for i in range(first, last + 1)]

    def _decades(self) -> list[float]:
        span = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        digits = (1, 2, 5) if math.log10(self.high / self.low) < 2.5 else (1, 3) if len(span) < 5 else (1,)
        inside = [d * 10.0**e for e in span for d in digits]
        return [v for v in inside if self.low * 0.999 <= v <= self.high * 1.001]


def index_axis(names: Sequence[str], label: str = "") -> Axis:
    """An axis of named positions 0, 1, 2 …"""
    return Axis(label, -0.6, len(names) - 0.4, names=names)


def rate_axis(label: str, values: Sequence[float], log: bool = False) -> Axis:
    """An axis of shares wide enough for `values`; on a logarithmic one, zeros lie on its lower end."""
    positive = [v for v in values if v > 0] or [0.01]
    top = max(positive) * 1.1
    if not log:
        return Axis(label, 0.0, top, text=percent)
    low = min(positive) / 1.3
    return Axis(label, max(low, top / 1e5), min(1.0, top * 1.2) if top < 1 else 1.0, log=True, text=percent)


@dataclass
class Plot:
    """One chart. Marks are added in the order in which they are drawn; `svg()` gives the element."""

    title: str
    description: str
    x: Axis
    y: Axis
    width: int = 560
    height: int = 340
    _marks: list[str] = field(default_factory=list)
    _legend: list[tuple[str, str, str]] = field(default_factory=list)

    def px(self, value: float) -> float:
        return round(_LEFT + self.x.place(value) * (self.width - _LEFT - _RIGHT), 1)

    def py(self, value: float) -> float:
        return round(self.height - _BOTTOM - self.y.place(value) * (self.height - _TOP - _BOTTOM), 1)

    def line(self, points: Sequence[Point], style: str, name: str = "") -> Plot:
        path = " ".join(f"{self.px(x)},{self.py(y)}" for x, y in points)
        self._marks.append(f'<polyline class="line {style}" points="{path}"/>')
        return self._named("line", style, name)

    def area(self, points: Sequence[Point], style: str, name: str = "") -> Plot:
        """A filled area between the points and the x axis."""
        base = self.py(self.y.low)
        ends = (f"{self.px(points[0][0])},{base}", f"{self.px(points[-1][0])},{base}")
        path = " ".join((ends[0], *(f"{self.px(x)},{self.py(y)}" for x, y in points), ends[1]))
        self._marks.append(f'<polygon class="area {style}" points="{path}"/>')
        return self._named("block", style, name)

    def dots(self, points: Sequence[Point], style: str, name: str = "", tips: Sequence[str] = ()) -> Plot:
        for i, (x, y) in enumerate(points):
            tip = f"<title>{escape(tips[i])}</title>" if tips else ""
            self._marks.append(f'<circle class="dot {style}" cx="{self.px(x)}" cy="{self.py(y)}" r="4">{tip}</circle>')
        return self._named("dot", style, name)

    def intervals(self, rows: Sequence[tuple[float, float, float]], style: str) -> Plot:
        """Vertical bars from low to high at each x: rows of (x, low, high)."""
        for x, low, high in rows:
            at, top, bottom = self.px(x), self.py(high), self.py(low)
            self._marks.append(
                f'<path class="whisker {style}" d="M{at} {top}V{bottom}M{at - 4} {top}h8M{at - 4} {bottom}h8"/>'
            )
        return self

    def bars(
        self, values: Sequence[float], style: str, name: str = "", offset: float = 0.0, width: float = 0.8
    ) -> Plot:
        """Vertical bars at positions 0, 1, 2 … of an index axis, `width` and `offset` in positions."""
        for i, value in enumerate(values):
            left, right = self.px(i + offset - width / 2), self.px(i + offset + width / 2)
            top, base = self.py(value), self.py(self.y.low)
            self._marks.append(
                f'<rect class="bar {style}" x="{left}" y="{top}" width="{round(right - left, 1)}" '
                f'height="{round(base - top, 1)}"/>'
            )
        return self._named("block", style, name)

    def level(self, y: float, text: str) -> Plot:
        """A dashed horizontal line with a word at its right end."""
        at = self.py(y)
        self._marks.append(f'<path class="guide" d="M{_LEFT} {at}H{self.width - _RIGHT}"/>')
        self._marks.append(
            f'<text class="note" x="{self.width - _RIGHT}" y="{at - 4}" text-anchor="end">{escape(text)}</text>'
        )
        return self

    def svg(self) -> str:
        body = "".join((*self._frame(), *self._marks, *self._key()))
        return _element(self.title, self.description, self.width, self.height, body)

    def _named(self, kind: str, style: str, name: str) -> Plot:
        if name:
            self._legend.append((kind, style, name))
        return self

    def _frame(self) -> list[str]:
        bottom, right = self.height - _BOTTOM, self.width - _RIGHT
        parts = [f'<path class="axis" d="M{_LEFT} {bottom}H{right}"/>']
        for value, text in self.y.marks():
            at = self.py(value)
            parts.append(f'<path class="grid" d="M{_LEFT} {at}H{right}"/>')
            parts.append(f'<text x="{_LEFT - 7}" y="{at + 4}" text-anchor="end">{escape(text)}</text>')
        marks = self.x.marks()
        crowded = sum(len(text) for _, text in marks) * 7.2 > right - _LEFT
        for value, text in marks:
            at = self.px(value)
            if crowded and self.x.names:
                turn = f'transform="rotate(-35 {at} {bottom + 13})" text-anchor="end"'
            else:
                turn = 'text-anchor="middle"'
            parts.append(f'<text x="{at}" y="{bottom + 17}" {turn}>{escape(text)}</text>')
        middle = (_TOP + bottom) / 2
        parts.append(
            f'<text class="label" x="{(_LEFT + right) / 2}" y="{self.height - 6}" '
            f'text-anchor="middle">{escape(self.x.label)}</text>'
        )
        parts.append(
            f'<text class="label" transform="translate(13 {middle}) rotate(-90)" '
            f'text-anchor="middle">{escape(self.y.label)}</text>'
        )
        return parts

    def _key(self) -> list[str]:
        """The legend, in the upper left corner of the drawing."""
        parts = []
        for i, (kind, style, name) in enumerate(self._legend):
            x, y = _LEFT + 12, _TOP + 12 + 18 * i
            shape = {
                "line": f'<path class="line {style}" d="M{x} {y}h18"/>',
                "dot": f'<circle class="dot {style}" cx="{x + 9}" cy="{y}" r="4"/>',
                "block": f'<rect class="bar {style}" x="{x + 3}" y="{y - 6}" width="12" height="12"/>',
            }[kind]
            parts.append(f'{shape}<text class="key" x="{x + 25}" y="{y + 4}">{escape(name)}</text>')
        return parts


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
    return _element(title, description, width, height, "".join(parts))


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
    return _element(title, description, width, height, "".join(parts))


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
    return _element(title, description, width, height, "".join(parts))


def _element(title: str, description: str, width: int, height: int, body: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    label = f'role="img" aria-labelledby="{name}-t {name}-d"'
    words = f'<title id="{name}-t">{escape(title)}</title><desc id="{name}-d">{escape(description)}</desc>'
    return f'<svg viewBox="0 0 {width} {height}" {label}>{words}{body}</svg>'
