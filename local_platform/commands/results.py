"""What the demo reads of the documents that its runs leave: the summary of a run, and the evaluation of a model."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class Task(TypedDict, total=False):
    """A task of a run: how long it took, and the places that it names."""

    seconds: float
    evaluation_uri: str
    prefix: str


class Rows(TypedDict):
    """rows_in = rows_out + quarantined."""

    rows_in: int
    quarantined: int
    rows_out: int


class Checks(TypedDict):
    """Data checks by how they ended."""

    evaluated: int
    failed: int
    warnings: int


class Counts(TypedDict, total=False):
    """tables: by raw table. pd: the scores' mean and quantiles by name; grades: loans by grade."""

    tables: dict[str, Rows]
    pd: dict[str, float]
    grades: dict[str, int]


class Data(Counts, total=False):
    """What a task did to data; published scores have their counts beside `rows` or under `counts`."""

    counts: Counts
    rows: int
    statistics: Checks


class Gate(TypedDict):
    passed: bool
    reasons: list[str]


class Model(TypedDict):
    """A package of the registry; metadata: who decided what on it, and when."""

    arn: str
    status: str
    metadata: dict[str, str]


class RunSummary(TypedDict):
    """summary.json of a run. gate and model: of a training run that came so far."""

    run_id: str
    tasks: dict[str, Task]
    source: NotRequired[str]
    business_date: NotRequired[str]
    data: NotRequired[dict[str, Data]]
    urls: NotRequired[dict[str, str]]
    gate: NotRequired[Gate]
    model: NotRequired[Model]


class Metric(TypedDict):
    """A figure with its 95 % interval; reason: why there is none."""

    value: float | None
    interval: tuple[float, float] | None
    reason: NotRequired[str]


class Sample(TypedDict):
    """Months are YYYY-MM; events: defaults."""

    first_month: str
    last_month: str
    n: int
    events: int


class Evaluation(TypedDict):
    """The part `mortgage` of evaluation.json: metrics by sample and name, samples by name."""

    metrics: dict[str, dict[str, Metric]]
    samples: dict[str, Sample]
