"""Reads of outcomes by maturity, against outcomes counted by hand and against a planted change."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mortgage_model.monitoring import performance as perf

GRADES = ["M01", "M02"]


def month_frame(rows: dict[str, tuple]) -> pd.DataFrame:
    """loan -> (default_in_horizon, worst_delinquency_3m, worst_delinquency_6m)."""
    frame = pd.DataFrame([(loan, *values) for loan, values in rows.items()], columns=list(perf.PANEL_COLUMNS))
    return frame.astype(dict.fromkeys(perf.PANEL_COLUMNS[1:], float))


PANEL = {
    "2015-01": month_frame(
        {
            "stays": (0, 0, 0),
            "late": (0, 0, 0),
            "gone bad": (1, 0, 0),
            "paid": (0, 0, 0),
            "lost": (None, 0, 0),
        }
    ),
    "2015-04": month_frame({"stays": (0, 0, 0), "late": (0, 1, 1)}),
    "2015-07": month_frame({"stays": (0, 0, 0), "late": (0, 0, 1)}),
}


def test_an_early_event_is_read_from_the_loans_history_and_from_how_it_left():
    found = perf.outcomes(PANEL, "2015-01", perf.EARLY_3M).set_index("loan_id")["event"]
    assert found.drop("lost").to_dict() == {"stays": 0, "late": 1, "gone bad": 1, "paid": 0}
    assert np.isnan(found["lost"])
    six = perf.outcomes(PANEL, "2015-01", perf.EARLY_6M).set_index("loan_id")["event"]
    assert six["late"] == 0, "30 days past due is no 60+ event"
    assert six["gone bad"] == 1


def test_a_read_before_its_window_ends_is_refused_with_the_month():
    scored = pd.DataFrame({"loan_id": ["stays", "late"], "pd": [0.1, 0.2], "grade": GRADES})
    found = perf.vintage(scored, "2015-01", PANEL, GRADES)["reads"]
    assert found["early_6m"]["matured"]
    assert not found["final_12m"]["matured"]
    assert "2016-01" in found["final_12m"]["reason"]


def drawn_vintages(factors: list[float], n: int = 4_000, seed: int = 1) -> list[dict]:
    """Matured vintages whose true PD is `factor` times the model's."""
    random = np.random.default_rng(seed)
    result = []
    for i, factor in enumerate(factors):
        p = random.beta(1, 40, n)
        month, end = perf.month_text(24_200 + i), perf.month_text(24_212 + i)
        ids = [f"{i}-{k}" for k in range(n)]
        event = (random.random(n) < np.minimum(1, factor * p)).astype(float)
        zeros = np.zeros(n)
        panel = {
            month: pd.DataFrame(dict(zip(perf.PANEL_COLUMNS, (ids, event, zeros, zeros), strict=True))),
            end: pd.DataFrame(dict(zip(perf.PANEL_COLUMNS, (ids[:1], event[:1], zeros[:1], zeros[:1]), strict=True))),
        }
        grades = np.where(p < 0.02, "M01", "M02")
        result.append(perf.vintage(pd.DataFrame({"loan_id": ids, "pd": p, "grade": grades}), month, panel, GRADES))
    return result


def test_a_right_model_is_calibrated_green_and_as_good_as_its_estimate_said():
    vintages = drawn_vintages([1.0] * 8)
    back = perf.backtest(vintages)
    assert back["vintages"] == 8
    assert back["auc_root_mean_square_error"] < 0.04
    assert back["auc_inside_interval"] >= 0.6
    assert back["observed_over_expected"] == pytest.approx(1, abs=0.1)
    final = vintages[0]["reads"]["final_12m"]
    assert final["slope"] == pytest.approx(1, abs=0.35)
    assert sum(grade["n"] for grade in final["grades"]) == 4_000
    lights = [grade["light"] for v in vintages for grade in v["reads"]["final_12m"]["grades"]]
    assert lights.count("red") <= 1
    assert perf.outcome_findings(vintages) == []


def test_an_estimates_range_holds_its_back_tests_error():
    estimate = {"auc": 0.8, "auc_interval": (0.77, 0.84)}
    found = perf.with_range(estimate, {"vintages": 5, "auc_root_mean_square_error": 0.04})
    assert found["auc_range"] == pytest.approx([0.8 - 0.05, 0.8 + 0.04 * 2**0.5])
    assert found["auc_error"] == 0.04
    untested = perf.with_range(estimate, {"vintages": 0, "reason": "no vintage has matured yet"})
    assert untested["auc_range"] is None


def test_flat_pds_estimate_too_low_and_the_back_test_says_so():
    """True log-odds spread by 1.3 times the model's: the ranking is better than the PDs themselves expect."""
    random = np.random.default_rng(2)
    errors = []
    for _ in range(10):
        margin = random.normal(-4, 1.2, 8_000)
        p = 1 / (1 + np.exp(-margin))
        event = random.random(p.size) < 1 / (1 + np.exp(-(-4.3 + 1.3 * (margin + 4))))
        errors.append(perf.expected_performance(p).auc - perf.discrimination.auc(event.astype(int), p))
    assert np.mean(errors) < -0.02


def test_a_changed_relation_turns_grades_red_and_is_a_breach():
    vintages = drawn_vintages([1.0] * 5 + [2.0])
    assert "red" in {grade["light"] for grade in vintages[-1]["reads"]["final_12m"]["grades"]}
    found = perf.outcome_findings(vintages)
    assert [f.severity for f in found if "default within" in f.message] == ["breach"]


def test_twenty_four_quiet_vintages_give_no_finding():
    vintages = drawn_vintages([1.0] * 24, seed=8)
    assert [f for i in range(4, 25) for f in perf.outcome_findings(vintages[:i])] == []


def test_a_vintage_without_defaults_says_so():
    vintage = drawn_vintages([0.0])[0]["reads"]["final_12m"]
    assert vintage["auc"] is None
    assert "defaulted" in vintage["auc_reason"]
    assert vintage["slope"] is None
