"""Is this the model, and is this the data, that training recorded?"""

from __future__ import annotations

from itertools import pairwise

from mortgage_model.development.splits import SAMPLES
from mortgage_model.months import month_number
from mortgage_model.scoring import booster
from mortgage_model.validation.checks import Evidence, InputMissing, Outcome, answered, check

# A metric is a sum over millions of floats; another order of summation moves it by less than this.
SAME_METRIC = 1e-6
# Training's names for metrics, where they differ from the validator's.
TRAINING_NAMES = {
    "auc": "auc",
    "ks": "ks",
    "brier": "brier",
    "logloss": "log_loss",
    "calibration_slope": "calibration_slope",
}


@check("artifact.booster")
def same_booster(evidence: Evidence) -> Outcome:
    """Is the booster the one that training recorded?

    Evidence about another model is none.
    """
    recorded = evidence.model.metadata["booster_sha256"]
    found = booster.fingerprint(evidence.model.booster)
    return answered(
        found == recorded,
        f"The booster's fingerprint is the recorded one, {recorded[:12]}…",
        f"The booster's fingerprint is {found[:12]}…, training recorded {recorded[:12]}…",
    )


@check("artifact.contract")
def same_contract(evidence: Evidence) -> Outcome:
    """Is the panel read by the contract that training used?

    A column that has changed its meaning gives figures that look right.
    """
    recorded = evidence.model.metadata["contract"]
    used = {"name": evidence.contract.name, "version": evidence.contract.version}
    words = f"contract {used['name']} {used['version']}"
    other = f"Validation reads {words}, training used {recorded['name']} {recorded['version']}"
    return answered(used == recorded, f"Both use {words}", other)


@check("data.counts")
def same_counts(evidence: Evidence) -> Outcome:
    """Are there as many rows and defaults per sample as training counted?

    Another panel, or rows lost on the way, would make the comparison meaningless.
    """
    recorded = evidence.model.metadata["samples"]
    differing = []
    for name, sample in evidence.samples.items():
        expected = (recorded[name]["labelled"], recorded[name]["events"])
        if expected != (sample.n, sample.events):
            differing.append(
                f"{name} has {sample.n:,} rows and {sample.events:,} defaults, "
                f"training counted {expected[0]:,} and {expected[1]:,}"
            )
    total = sum(sample.n for sample in evidence.samples.values())
    return answered(
        not differing,
        f"All {total:,} rows of the three samples are there, with the same defaults",
        f"The samples differ from training's: {'; '.join(differing)}",
        total,
    )


@check("data.fingerprint")
def same_rows(evidence: Evidence) -> Outcome:
    """Does the booster see the very rows that it saw in training?

    Equal counts can hide changed values; equal hashes cannot.
    """
    recorded = evidence.model.metadata["matrix_sha256"]
    comparable = [name for name in SAMPLES if not (name == "train" and evidence.train_was_sampled)]
    differing = [name for name in comparable if evidence.samples[name].matrix_sha256 != recorded[name]]
    note = "" if len(comparable) == len(SAMPLES) else " (training drew a part of its own rows, which is not compared)"
    return answered(
        not differing,
        f"The hashes of {', '.join(comparable)} equal training's{note}",
        f"The values of {' and '.join(differing)} differ from those that training saw",
    )


@check("data.embargo")
def samples_stay_apart(evidence: Evidence) -> Outcome:
    """Do the outcome windows of the samples stay apart?

    A default that counts in two samples makes the later one look easier than it is.
    """
    horizon = int(evidence.model.metadata["hyperparameters"]["horizon_months"])
    gaps = []
    for earlier, later in pairwise(SAMPLES):
        end, start = evidence.bounds.range_of(earlier)[1], evidence.bounds.range_of(later)[0]
        gaps.append(month_number(start) - month_number(end) - 1)
    words = f"{' and '.join(map(str, gaps))} months lie between the samples; the outcome window is {horizon} months"
    return answered(min(gaps) >= horizon, words, words, min(gaps))


@check("replication.metrics")
def same_metrics(evidence: Evidence) -> Outcome:
    """Do the metrics that training reported come out again?

    Two programs that agree on a figure are better evidence than one.
    """
    differing, compared = [], 0
    for name in SAMPLES:
        if name == "train" and evidence.train_was_sampled:
            continue
        for theirs, ours in TRAINING_NAMES.items():
            reported = evidence.model.metadata["metrics"][f"{name}-{theirs}"]["value"]
            found = evidence.metrics[name][ours]["value"]
            compared += 1
            both_missing = reported is None and found is None
            if not both_missing and (None in (reported, found) or abs(reported - found) > SAME_METRIC):
                differing.append(f"{name} {ours}: training {reported}, validation {found}")
    return answered(
        not differing,
        f"All {compared} metrics that training reported are found again to {SAME_METRIC:g}",
        f"Metrics differ from what training reported: {'; '.join(differing)}",
        compared,
    )


@check("replication.retrain")
def same_model_again(evidence: Evidence) -> Outcome:
    """Does training again on the same rows give the same model?

    A model that cannot be made again cannot be examined after the fact.
    """
    if evidence.retrain is None:
        raise InputMissing("this run was not asked to train again, which doubles its cost")
    recorded, again = evidence.model.metadata, evidence.retrain()
    differing = [name for name in ("matrix_sha256", "booster_sha256", "metrics") if again[name] != recorded[name]]
    return answered(
        not differing,
        "Training again gave the same rows, the same booster bit for bit, and the same metrics",
        f"Training again gave another {', '.join(differing)} than recorded",
    )
