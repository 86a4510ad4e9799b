"""A chart of two axes: lines, areas, dots, intervals and bars, in the order in which they are added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from mortgage_model.report.charts.axes import Axis, Point
from mortgage_model.report.charts.svg import element

_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 24, 12, 46


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
        return element(self.title, self.description, self.width, self.height, body)

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
