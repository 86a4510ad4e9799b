"""What the lines of a training job's log tell: metric values, and the error that the script ended in."""

from __future__ import annotations

import math
import re
from collections import deque

from local_aws.kernel.state import Record
from local_aws.sagemaker.service import now

_TOOLKIT_REPORTS = re.compile(r"sagemaker[-_]training.* ERROR +Reporting training FAILURE")
_TRACEBACK = "Traceback (most recent call last):"


class TrainingLog:
    """Fed line by line."""

    def __init__(self, definitions: list[dict[str, str]]) -> None:
        self._patterns = {definition["Name"]: re.compile(definition["Regex"]) for definition in definitions}
        self._last: dict[str, tuple[float, float]] = {}
        self._tail: deque[str] = deque(maxlen=200)
        self._script_ended = False

    def read(self, line: str) -> None:
        for name, pattern in self._patterns.items():
            for match in pattern.finditer(line):
                try:
                    value = float(match[1])
                except (TypeError, ValueError):
                    continue
                if math.isfinite(value):  # JSON carries neither NaN nor infinity
                    self._last[name] = (value, now())
        self._script_ended |= bool(_TOOLKIT_REPORTS.search(line))
        if not self._script_ended and line.strip():
            self._tail.append(line)

    def final_metrics(self) -> list[Record]:
        """The last value of every metric that was seen: FinalMetricDataList."""
        return [
            {"MetricName": name, "Value": value, "Timestamp": moment} for name, (value, moment) in self._last.items()
        ]

    def error(self) -> str:
        """The message of the script's last traceback, else its last line."""
        lines = list(self._tail)
        if _TRACEBACK not in lines:
            return lines[-1] if lines else ""
        start = len(lines) - lines[::-1].index(_TRACEBACK)
        message = [line for line in lines[start:] if not line.startswith(" ")]
        return "\n".join(message[:5])
