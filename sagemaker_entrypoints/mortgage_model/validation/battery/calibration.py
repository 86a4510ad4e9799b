"""Is a PD of 2 % a default rate of 2 %? Every test here takes one month of each loan, so that rows are independent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict

import numpy as np

from mortgage_model.documents.battery import GradeTest, YearLight
from mortgage_model.statistics import NotComputable, calibration, calibration_tests
from mortgage_model.statistics.bootstrap import percentile_interval
from mortgage_model.statistics.many_tests import holm
from mortgage_model.validation.checks import Evidence, Outcome, check, measured, one_row_per_loan
from mortgage_model.validation.samples import ScoredSample


@check("calibration.level")
def level(evidence: Evidence) -> Outcome:
    """Is the sum of the PDs the number of defaults?

    Provisions and prices follow the level of the PD; a model that ranks well can still be a third too high.
    """
    of_oot = evidence.metrics["oot"]
    expected, observed = of_oot["mean_pd"]["value"], of_oot["default_rate"]["value"]
    if expected is None or observed is None:
        raise NotComputable(of_oot["default_rate"]["reason"])
    if not observed:
        raise NotComputable("nothing defaulted out of time")
    ratio = expected / observed
    drawn, rate = (evidence.replicates.of("oot", name) for name in ("mean_pd", "default_rate"))
    interval, words = None, ""
    if drawn is not None and rate is not None:
        try:
            with np.errstate(divide="ignore"):
                interval = percentile_interval(drawn / rate)
            words = f", 95 % interval {interval[0]:.3f} to {interval[1]:.3f} by loan bootstrap"
        except NotComputable as reason:
            words = f"; it has no interval: {reason}"
    return measured(
        ratio,
        f"Out of time the mean PD is {ratio:.3f} times the default rate ({100 * expected:.3g} % against "
        f"{100 * observed:.3g} %{words})",
        interval=interval,
        n=of_oot["default_rate"]["n"],
        events=of_oot["default_rate"]["events"],
    )


@check("calibration.grades")
def grades(evidence: Evidence) -> Outcome:
    """Is any grade's PD too low for the defaults it saw?

    Grades carry prices and capital; each has to hold by itself, allowing for how many are looked at.
    """
    rows = grade_tests(evidence)
    if not rows:
        raise NotComputable("the out-of-time sample has no rows")
    worst = min(rows, key=lambda row: row["holm_p"])
    return measured(
        worst["holm_p"],
        f"The grade that speaks loudest for a PD too low is {worst['label']}: PD {100 * worst['mean_pd']:.3g} %, "
        f"{worst['events']:,} defaults among {worst['n']:,} loans, Jeffreys p = {worst['jeffreys_p']:.3g}, "
        f"{worst['holm_p']:.3g} after Holm's correction for {len(rows)} grades",
        p_value=worst["holm_p"],
        n=worst["n"],
        events=worst["events"],
        detail={"grades": rows},
    )


def grade_tests(evidence: Evidence) -> list[GradeTest]:
    """Jeffreys and binomial test of "the PD is not too low" per grade, one month of each loan out of time."""
    oot, chosen = evidence.oot, one_row_per_loan(evidence.oot)
    if not oot.n:
        return []
    order = list(evidence.model.scale.grades)
    bands = calibration.by_group(oot.labels[chosen], oot.probabilities[chosen], oot.grade[chosen], order)
    jeffreys = [calibration.jeffreys_p_value(band.events, band.n, band.mean_pd) for band in bands]
    return [
        {
            **band.to_json(),
            "jeffreys_p": p_value,
            "binomial_p": calibration_tests.binomial_p_value(band.events, band.n, band.mean_pd),
            "holm_p": float(adjusted),
        }
        for band, p_value, adjusted in zip(bands, jeffreys, holm(jeffreys), strict=True)
    ]


@check("calibration.spiegelhalter")
def spiegelhalter(evidence: Evidence) -> Outcome:
    """Is the Brier score the one that right PDs would have?

    It finds PDs that are too high, too low, too far apart or too close together, in one figure.
    """
    return _of_independent_rows(evidence, calibration_tests.spiegelhalter, "Spiegelhalter's z")


@check("calibration.hosmer_lemeshow")
def hosmer_lemeshow(evidence: Evidence) -> Outcome:
    """Do the deciles of PD have the defaults they should? (reported, not judged)

    At a large n the test rejects deviations that do not matter; the calibration chart shows which they are.
    """
    return _of_independent_rows(evidence, calibration_tests.hosmer_lemeshow, "The Hosmer-Lemeshow chi-square")


def _of_independent_rows(
    evidence: Evidence, test: Callable[[np.ndarray, np.ndarray], calibration_tests.TestResult], name: str
) -> Outcome:
    """A test of labels against PDs on one month of each loan out of time."""
    chosen = one_row_per_loan(evidence.oot)
    labels = evidence.oot.labels[chosen]
    found = test(labels, evidence.oot.probabilities[chosen])
    return measured(
        found.statistic,
        f"{name} is {found.statistic:.2f} (p = {found.p_value:.3g}; one month of each of {labels.size:,} loans)",
        p_value=found.p_value,
        n=int(labels.size),
        events=int(labels.sum()),
    )


@check("calibration.brier_parts")
def brier_parts(evidence: Evidence) -> Outcome:
    """What is the Brier score made of?

    Reliability is what recalibration could still gain, resolution what the ranking brings.
    """
    parts = calibration_tests.murphy(evidence.oot.labels, evidence.oot.probabilities)
    if not parts.uncertainty:
        raise NotComputable("one of the two classes is empty out of time")
    share = parts.reliability / parts.uncertainty
    return measured(
        share,
        f"Of the uncertainty {parts.uncertainty:.3g}, resolution takes away {parts.resolution:.3g} and miscalibration "
        f"(reliability) adds {parts.reliability:.3g}, {100 * share:.2g} % of it",
        n=evidence.oot.n,
        events=evidence.oot.events,
        detail=asdict(parts),
    )


@check("calibration.traffic_light")
def traffic_light(evidence: Evidence) -> Outcome:
    """In which years did more loans default than the PDs allow for?

    A level that is right on average can be wrong year after year in the same direction.
    """
    rows = [row for sample in evidence.samples.values() for row in _year_lights(sample)]
    later = [row for row in rows if row["sample"] != "train"]
    if not later:
        raise NotComputable("there is no year after training")
    red = [row["year"] for row in later if row["colour"] == "red"]
    named = f" ({', '.join(red)})" if red else ""
    counted = {colour: sum(row["colour"] == colour for row in later) for colour in ("green", "yellow", "red")}
    return measured(
        len(red),
        f"Of {len(later)} years after training {counted['green']} are green, {counted['yellow']} yellow and "
        f"{counted['red']} red{named}",
        detail={"years": rows},
    )


def _year_lights(sample: ScoredSample) -> Iterator[YearLight]:
    """Every calendar year of a sample, one month of each loan."""
    years = sample.month.astype("U4")
    for year in np.unique(years):
        chosen = np.flatnonzero(years == year)
        chosen = chosen[np.unique(sample.loan[chosen], return_index=True)[1]]
        n, events = chosen.size, int(sample.labels[chosen].sum())
        mean = float(sample.probabilities[chosen].mean())
        yield {
            "year": str(year),
            "sample": sample.name,
            "n": n,
            "events": events,
            "mean_pd": mean,
            "p_value": calibration_tests.binomial_p_value(events, n, mean),
            "colour": calibration_tests.traffic_light(events, n, mean),
        }
