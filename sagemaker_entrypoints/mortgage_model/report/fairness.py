"""Are groups treated alike?"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from mortgage_model.documents.battery import CheckRecord, GroupRow
from mortgage_model.report.parts import figure, share, signed, table


def groups(tests: Mapping[str, CheckRecord]) -> str:
    """Differences between groups; empty where no demographics were delivered."""
    rows: list[GroupRow] | None = tests["fairness.impact"]["detail"].get("groups")
    if not rows:
        return ""
    cells = [
        [
            escape(row["attribute"].replace("_", " ")),
            f"{escape(row['group'])} <span class='range'>against {escape(row['reference'])}</span>",
            f"{row['n']:,}",
            share(row["mean_pd"]),
            share(row["observed_rate"]),
            figure(row["impact_ratio"]),
            signed(f"{row['score_difference']:+.2f}"),
            signed(f"{row['outcome_difference']:+.2f}"),
            share(row["false_positive_rate"]),
        ]
        for row in rows
    ]
    head = [
        "Attribute",
        "Group",
        "Loans",
        "Mean PD",
        "Observed",
        "Impact ratio",
        "Scores, SD",
        "Outcomes, SD",
        "False positives",
    ]
    note = "A monitor that says where to look, never a legal finding. Groups of fewer than 100 loans are not shown."
    listed = table(head, cells, numeric=range(2, 9))
    return f"<h2>Fairness: are groups treated alike?</h2><p class='soft small'>{note}</p>{listed}"
