"""Scales of a chart: linear, logarithmic or named positions, with their ticks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Point = tuple[float, float]


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
