"""The label rule, branch by branch and against an oracle in plain Python on random timelines."""

from __future__ import annotations

import random

import oracle
import pandas as pd
import pytest
from tapes import iso, month_index

T = month_index("2010-06")
CURRENT = ("0", "")


def months(first: int, last: int, *gaps: int) -> dict:
    """A loan that is current in every month from T+first to T+last, but for the gaps."""
    return {T + k: CURRENT for k in range(first, last + 1) if k not in gaps}


# name: (timeline, expected (state, default_in_horizon, prepaid_in_horizon) of month T)
BRANCHES = {
    "observed at t+H": (months(0, 12), ("observation", 0, 0)),
    "one month short of t+H": (months(0, 11), ("observation", None, None)),
    "gap months before t+H": (months(0, 13, 3, 4, 5, 12), ("observation", 0, 0)),
    "lost after a gap": (months(0, 6), ("observation", None, None)),
    "default at t+1": (months(0, 12) | {T + 1: ("3", "")}, ("observation", 1, 0)),
    "default at t+H": (months(0, 12) | {T + 12: ("3", "")}, ("observation", 1, 0)),
    "default at t+H+1": (months(0, 13) | {T + 13: ("3", "")}, ("observation", 0, 0)),
    "default after a gap over t+H": ({T: CURRENT, T + 14: ("6", "")}, ("observation", 0, 0)),
    "default then cure": (months(0, 12) | {T + 2: ("4", "")}, ("observation", 1, 0)),
    "already defaulted, cured": (months(-3, 12) | {T - 2: ("3", "")}, ("defaulted_or_after", None, None)),
    "defaults at t": (months(0, 12) | {T: ("3", "")}, ("defaulted_or_after", None, None)),
    "60 days past due at t": (months(0, 12) | {T: ("2", "")}, ("observation", 0, 0)),
    "paid off at t+H": (months(0, 11) | {T + 12: ("-1", "01")}, ("observation", 0, 1)),
    "paid off before t+H": (months(0, 4) | {T + 5: ("-2", "01")}, ("observation", 0, 1)),
    "paid off at t+H+1": (months(0, 12) | {T + 13: ("-1", "01")}, ("observation", 0, 0)),
    "paid off beyond t+H after a gap": ({T: CURRENT, T + 13: ("-1", "01")}, ("observation", 0, 0)),
    "repurchased": (months(0, 4) | {T + 5: ("-2", "06")}, ("observation", None, None)),
    "repurchased at t+H: seen at t+H": (months(0, 11) | {T + 12: ("-2", "06")}, ("observation", 0, 0)),
    "sold as reperforming": (months(0, 4) | {T + 5: ("0", "16")}, ("observation", None, None)),
    "third-party sale": (months(0, 4) | {T + 5: ("-1", "02")}, ("observation", 1, 0)),
    "short sale at t+H": (months(0, 11) | {T + 12: ("-1", "03")}, ("observation", 1, 0)),
    "REO at t+H+1": (months(0, 12) | {T + 13: ("-1", "09")}, ("observation", 0, 0)),
    "note sale": (months(0, 4) | {T + 5: ("1", "15")}, ("observation", 1, 0)),
    "sentinel is no delinquency": (months(0, 12) | {T + 5: ("-2", "")}, ("observation", 0, 0)),
    "property taken over": (months(0, 4) | {T + 5: ("RA", "")}, ("observation", 1, 0)),
    "zero-balance row at t": (months(-5, -1) | {T: ("-1", "01")}, ("terminated", None, None)),
    "unknown at t": (months(0, 12) | {T: ("XX", "")}, ("unknown_delinquency", None, None)),
    "blank at t": (months(0, 12) | {T: (None, "")}, ("unknown_delinquency", None, None)),
    "unknown after a default": (months(-1, 12) | {T - 1: ("3", ""), T: ("XX", "")}, ("defaulted_or_after", None, None)),
    "default and pay-off in the window": (
        months(0, 4) | {T + 3: ("3", ""), T + 5: ("-1", "01")},
        ("observation", 1, 1),
    ),
    "written with a decimal point": (months(0, 12) | {T + 5: ("3.0", "")}, ("observation", 1, 0)),
    "only one month": ({T: CURRENT}, ("observation", None, None)),
}


def labelled(spark, timelines: dict[str, dict], horizon: int) -> pd.DataFrame:
    """All features and labels of the timelines' months, by (loan, month index)."""
    from pyspark.sql import functions as F

    from mortgage_etl.panel.history import with_history
    from mortgage_etl.panel.labels import with_labels, with_month

    rows = [
        (loan, iso(month), status, code or None, "N")
        for loan, timeline in timelines.items()
        for month, (status, code) in timeline.items()
    ]
    names = ["loan_id", "reporting_month", "delinquency_status", "zero_balance_code", "modification_flag"]
    frame = spark.createDataFrame(pd.DataFrame(rows, columns=names), ", ".join(f"{name} string" for name in names))
    frame = frame.withColumn("reporting_month", F.col("reporting_month").cast("date"))
    result = with_history(with_labels(with_month(frame), horizon)).toPandas()
    return result.set_index(["loan_id", "t"]).sort_index()


def plain(value):
    return None if pd.isna(value) else int(value)


def test_every_branch_of_the_label_rule(spark):
    found = labelled(spark, {name: timeline for name, (timeline, _) in BRANCHES.items()}, 12)
    result = {}
    for name in BRANCHES:
        row = found.loc[(name, T)]
        result[name] = (row["state"], plain(row["default_label"]), plain(row["prepaid_label"]))
    assert result == {name: expected for name, (_, expected) in BRANCHES.items()}
    assert {name: oracle.classify(timeline, 12)[T] for name, (timeline, _) in BRANCHES.items()} == result


def random_timeline(rng: random.Random) -> dict:
    statuses = ["0"] * 8 + ["1", "1", "2", "2", "3", "XX", "-2", "", "1.0", "RA"]
    first = T + rng.randrange(-20, 20)
    timeline = {
        first + k: (rng.choice(statuses) or None, "") for k in range(rng.randrange(1, 40)) if rng.random() > 0.15
    }
    if timeline and rng.random() < 0.7:
        last = max(timeline) + rng.randrange(0, 4)
        timeline[last] = (
            rng.choice(["-1", "0", "XX"]),
            rng.choice(["01", "01", "02", "03", "06", "09", "15", "16", "96"]),
        )
    if timeline and rng.random() < 0.2:  # a tape that goes on after a termination
        timeline[max(timeline) + rng.randrange(1, 9)] = (rng.choice(statuses[:12]), rng.choice(["", "", "01"]))
    return timeline


@pytest.mark.parametrize("horizon", [1, 12])
def test_random_timelines_agree_with_the_oracle(spark, horizon):
    rng = random.Random(horizon)
    timelines = {f"L{number}": random_timeline(rng) for number in range(400)}
    found = labelled(spark, timelines, horizon)
    columns = [f"{kind}_{size}m" for kind in ("times_30dpd", "times_60dpd", "worst_delinquency") for size in (3, 6, 12)]
    checked = 0
    for loan, timeline in timelines.items():
        expected = oracle.classify(timeline, horizon)
        assert len(found.loc[[loan]]) == len(expected) if timeline else loan not in found.index
        for month, outcome in expected.items():
            row = found.loc[(loan, month)]
            got = (row["state"], plain(row["default_label"]), plain(row["prepaid_label"]))
            assert got == outcome, (loan, month, timeline)
            if outcome[0] == "observation":
                behaviour = {name: plain(row[name]) for name in [*columns, "months_since_delinquency"]}
                assert behaviour == oracle.history(timeline, month), (loan, month, timeline)
                checked += 1
    assert checked > 1500
