"""thresholds.json, a list of thresholds: what is asked for. gate.json: the verdict, and what it was given on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NotRequired, TypedDict, final

from mortgage_model.documents.battery import Verdict

FORMAT = 1


class Bounds(TypedDict, total=False):
    """min: at least, above: greater than, max: at most."""

    min: float
    above: float
    max: float


@final
class MetricThreshold(Bounds):
    """At least one bound of a metric of a sample; severity is error or warning."""

    metric: str
    sample: str
    severity: str
    source: str
    why: str


@final
class CheckThreshold(Bounds):
    """At least one bound of a test of the battery; an `optional` test may lack its input."""

    test: str
    severity: str
    source: str
    optional: NotRequired[bool]


Threshold = MetricThreshold | CheckThreshold


class GateCheck(TypedDict):
    """One figure and its verdict. `metric` and `sample` are null for a test of the battery; severity is error, warning
    or information (reported only); `reason` is a sentence.
    """

    id: str
    question: str
    metric: str | None
    sample: str | None
    value: float | None
    interval: list[float] | None
    p_value: float | None
    n: int | None
    events: int | None
    bounds: Bounds
    severity: str
    verdict: Verdict
    reason: str
    source: str
    why: str


class NotRun(TypedDict):
    """An optional test whose input was not delivered."""

    id: str
    question: str
    reason: str


class Gate(TypedDict):
    """gate.json. `reasons` say why the gate fails and are empty exactly when it passes; `warnings` do not block;
    `evidence` has the SHA-256 of every file of the evidence pack by name.
    """

    format: int
    passed: bool
    reasons: list[str]
    warnings: list[str]
    checks: list[GateCheck]
    not_run: list[NotRun]
    thresholds_sha256: str
    evidence: dict[str, str]
    model_sha256: str
    training_job: str


@dataclass(frozen=True)
class GateResult:
    """What the gate decided, in data and in words; its fields are those of gate.json."""

    passed: bool
    reasons: list[str]
    warnings: list[str]
    checks: list[GateCheck]
    not_run: list[NotRun] = field(default_factory=list)

    def to_json(
        self, *, thresholds_sha256: str, model_sha256: str, training_job: str, evidence: Mapping[str, str]
    ) -> Gate:
        """The content of gate.json: the verdict, and what was judged."""
        return {
            "format": FORMAT,
            "passed": self.passed,
            "reasons": self.reasons,
            "warnings": self.warnings,
            "checks": self.checks,
            "not_run": self.not_run,
            "thresholds_sha256": thresholds_sha256,
            "evidence": dict(evidence),
            "model_sha256": model_sha256,
            "training_job": training_job,
        }
