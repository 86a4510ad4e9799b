"""Are defaulters ranked above the rest: everywhere, and still?"""

from __future__ import annotations

import numpy as np

from mortgage_model.documents.battery import Segment
from mortgage_model.statistics import NotComputable, discrimination
from mortgage_model.validation.checks import Evidence, Outcome, check, known_auc, measured
from mortgage_model.validation.evaluation import SMALLEST_CELL
from mortgage_model.validation.samples import UNKNOWN_VINTAGE

# A segment's AUC is judged from this many defaults on: below, its interval is wider than any finding.
SEGMENT_EVENTS = 30


@check("discrimination.decay")
def decay(evidence: Evidence) -> Outcome:
    """Is the fall of the AUC since development more than chance?

    A fall that chance explains is no finding; one that it does not is decay, however small.
    """
    then, (area, now) = known_auc(evidence, "train")[0], known_auc(evidence, "oot")
    if now["standard_deviation"] is None:
        raise NotComputable("the AUC out of time has no standard error")
    p_value = discrimination.auc_decay_p_value(then, area, now["standard_deviation"])
    return measured(
        p_value,
        f"The AUC went from {then:.3f} to {area:.3f}; were it as good as in development, chance would "
        f"give so low a figure with p = {p_value:.3g} (one-sided, standard error by loan bootstrap)",
        p_value=p_value,
        n=now["n"],
        events=now["events"],
    )


@check("discrimination.segments")
def segments(evidence: Evidence) -> Outcome:
    """Is there a part of the portfolio that the model cannot rank?

    A good average can hide a state, a channel or a vintage in which the PD orders nothing.
    """
    rows = segment_table(evidence)
    judged = [
        (row["auc"], row["interval"], row)
        for row in rows
        if row["judged"] and row["auc"] is not None and row["interval"] is not None
    ]
    if not judged:
        raise NotComputable(f"no segment has {SEGMENT_EVENTS} defaults and {SEGMENT_EVENTS} others out of time")
    area, interval, weakest = min(judged, key=lambda segment: segment[0])
    return measured(
        area,
        f"Of {len(judged)} segments with at least {SEGMENT_EVENTS} defaults the weakest is {weakest['segmentation']} "
        f"{weakest['segment']}: AUC {area:.3f} ({weakest['events']:,} defaults)",
        interval=(interval[0], interval[1]),
        n=weakest["n"],
        events=weakest["events"],
        detail={"segments": rows},
    )


def segment_table(evidence: Evidence) -> list[Segment]:
    """AUC with DeLong interval per segment out of time; cells below SMALLEST_CELL rows hold nothing else."""
    oot = evidence.oot
    vintage = np.where(oot.vintage == UNKNOWN_VINTAGE, "unknown", oot.vintage.astype("U4"))
    rows = []
    for segmentation, of_row in {"vintage": vintage, **oot.segments}.items():
        for segment in np.unique(of_row):
            chosen = of_row == segment
            row: Segment = {"segmentation": segmentation, "segment": str(segment), "judged": False}
            if chosen.sum() >= SMALLEST_CELL:
                row = _measured_segment(row, oot.labels[chosen], oot.probabilities[chosen])
            rows.append(row)
    return rows


def _measured_segment(row: Segment, labels: np.ndarray, probabilities: np.ndarray) -> Segment:
    n, events = labels.size, int(labels.sum())
    counted: Segment = {**row, "n": n, "events": events, "mean_pd": float(probabilities.mean())}
    try:
        found = discrimination.delong(labels, probabilities)
    except NotComputable as reason:
        return {**counted, "auc": None, "interval": None, "reason": str(reason)}
    judged = min(events, n - events) >= SEGMENT_EVENTS
    return {**counted, "auc": found.value, "interval": list(found.interval), "judged": judged}
