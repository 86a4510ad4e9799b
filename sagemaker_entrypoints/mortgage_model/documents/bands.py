"""A row of a calibration table, of which grades, their tests and their traffic lights hold more."""

from typing import TypedDict


class BandRow(TypedDict):
    """PD expected against default rate observed, with Jeffreys' interval of the latter."""

    label: str
    n: int
    events: int
    mean_pd: float
    observed_rate: float
    interval: list[float]
