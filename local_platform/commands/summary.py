"""The demo's closing page, from the runs' own summaries: rows, model, approval, scores, times, links."""

from __future__ import annotations

from local_platform.commands.results import Evaluation, RunSummary
from local_platform.settings import Platform


def render(
    platform: Platform,
    training: RunSummary,
    evaluation: Evaluation,
    scoring: RunSummary | None,
    elapsed: float,
) -> str:
    runs = [run for run in (training, scoring) if run]
    parts = [
        "",
        f"Summary of {training['source']}, business date {training['business_date']}",
        "",
        *rows_of_stages(runs),
        "",
        *model_lines(training, evaluation),
        "",
        *(score_lines(scoring) if scoring else []),
        "Seconds per stage",
        *(
            f"  {task_id:40} {task['seconds']:7.1f}"
            for run in runs
            for task_id, task in run["tasks"].items()
            if task.get("seconds")
        ),
        f"  {'everything':40} {elapsed:7.1f}",
        "",
        "Where to look",
        f"  Airflow            {platform.public_airflow_url}  (user admin, password {platform.password('admin')})",
        f"  Validation report  {training['urls']['report']}",
        f"  Jobs, logs, S3     {platform.public_aws_url}/_console/",
    ]
    if scoring:
        scores = scoring["tasks"]["score.publish_scores"]["prefix"].removeprefix("s3://")
        parts.append(f"  Scores             {platform.public_aws_url}/_console/s3/{scores}")
    return "\n".join([*parts, "", "The platform stays up; `make down` stops it.", ""])


def rows_of_stages(runs: list[RunSummary]) -> list[str]:
    lines = [f"{'Rows':42} {'in':>10} {'quarantined':>12} {'out':>10}"]
    for run in runs:
        for task_id, data in run["data"].items():
            for table, count in data.get("counts", {}).get("tables", {}).items():
                lines.append(
                    f"  {task_id.rpartition('.')[2] + ': ' + table:40} {count['rows_in']:>10,} "
                    f"{count['quarantined']:>12,} {count['rows_out']:>10,}"
                )
            if "rows" in data:
                lines.append(f"  {task_id.rpartition('.')[2] + ': written':40} {'':>10} {'':>12} {data['rows']:>10,}")
            if "statistics" in data:
                s = data["statistics"]
                lines.append(
                    f"  {task_id.rpartition('.')[2]:40} {s['evaluated']} checks, {s['failed']} failed, "
                    f"{s['warnings']} warnings"
                )
    return lines


def model_lines(training: RunSummary, evaluation: Evaluation) -> list[str]:
    oot, sample = evaluation["metrics"]["oot"], evaluation["samples"]["oot"]
    lines = [
        f"Model, out of time ({sample['first_month']} to {sample['last_month']}, {sample['n']:,} observations, "
        f"{sample['events']:,} defaults)"
    ]
    for name in ("auc", "ks", "brier", "calibration_slope"):
        metric = oot[name]
        if metric["value"] is None:
            lines.append(f"  {name:20} not computable: {metric.get('reason')}")
        else:
            interval = metric["interval"]
            width = f"(95 % {interval[0]:.4f} to {interval[1]:.4f})" if interval else "(no interval)"
            lines.append(f"  {name:20} {metric['value']:.4f}  {width}")
    gate, model = training["gate"], training["model"]
    lines.append(f"  {'gate':20} {'passed' if gate['passed'] else 'REJECTED'}")
    lines += [f"      {reason}" for reason in gate["reasons"]]
    known = model["metadata"]
    lines.append(f"  {'model package':20} {model['arn']}")
    if model["status"] == "Approved":
        lines.append(
            f"  {'approval':20} Approved by {known['approved_by']} at {known['approved_at']}, in force from "
            f"{known['effective_from']}"
        )
        if known.get("override_by"):
            lines.append(f"  {'override':20} by {known['override_by']}: {known['override_reason']}")
    else:
        lines.append(
            f"  {'approval':20} {model['status']}: nothing is scored with it. "
            "To score all the same, name who answers for it: make demo … OVERRIDE_BY=<name>"
        )
    return lines


def score_lines(scoring: RunSummary) -> list[str]:
    scores = scoring["data"]["score.publish_scores"]
    nested = scores.get("counts", {})
    counts = nested if "pd" in nested else scores
    return [
        f"Scores: {scores['rows']:,} loans",
        "  PD      " + "  ".join(f"{name} {value:.4%}" for name, value in counts["pd"].items()),
        "  grades  " + "  ".join(f"{grade} {n:,}" for grade, n in counts["grades"].items()),
        "",
    ]
