"""The verdict first: the answer, the main figures, and every check with what it rests on."""

from __future__ import annotations

from html import escape

from mortgage_model.documents.evaluation import Metrics, ModelEvidence
from mortgage_model.documents.gate import GateResult
from mortgage_model.report.parts import badge, figure, interval, sentence, signed, table

TILES = (
    ("oot", "auc", "AUC out of time"),
    ("oot", "ks", "KS out of time"),
    ("oot", "calibration_slope", "Calibration slope"),
    ("oot", "brier_skill", "Brier skill"),
    ("train_to_oot", "psi", "PSI of the PD"),
    ("oot", "defaulted_loans", "Loans that default"),
)


def head(evidence: ModelEvidence) -> str:
    run = evidence["provenance"]
    return (
        f"<header><p class='soft small'>Mortgage default risk · model validation report</p>"
        f"<h1>{escape(run['training_job'])}</h1>"
        f"<p class='soft'>Probability of default within {evidence['horizon_months']} months · source "
        f"{escape(evidence['source'])} · as of {escape(evidence['as_of_date'])} · written "
        f"{run['created_at'][:16].replace('T', ' ')} UTC</p></header>"
    )


def answer(gate: GateResult) -> str:
    if gate.passed:
        words = f"All {len(gate.checks)} checks pass." if not gate.warnings else "No check blocks."
        word = "The model passes the gate."
        follow = f"{words} It may go to approval; a person decides."
    else:
        word = "The model does not pass the gate."
        blocking = sum(check["verdict"] in ("fail", "not_computable") for check in gate.checks)
        follow = f"{blocking} of {len(gate.checks)} checks block its release:"
    reasons = "".join(f"<li>{escape(signed(reason))}</li>" for reason in gate.reasons)
    warnings = "".join(f"<li>{escape(signed(warning))}</li>" for warning in gate.warnings)
    return (
        f"<section class='verdict {'pass' if gate.passed else 'fail'}' aria-label='Verdict'>"
        f"<strong class='word'>{word}</strong><p>{follow}</p>"
        + (f"<ol>{reasons}</ol>" if reasons else "")
        + (f"<p>For attention, without blocking:</p><ul>{warnings}</ul>" if warnings else "")
        + "</section>"
    )


def tiles(metrics: Metrics, gate: GateResult) -> str:
    verdicts = {(check["sample"], check["metric"]): check["verdict"] for check in gate.checks}
    tiles = []
    for sample, name, label in TILES:
        tone = verdicts.get((sample, name), "")
        metric = metrics[sample][name]
        more = f"95 % interval {interval(metric)}" if metric["interval"] else ""
        if name == "defaulted_loans":
            more = f"out of time, in {metric['n']:,} observations"
        if metric["value"] is None:
            more = metric["reason"]
        tiles.append(
            f"<div class='tile {tone}'><div class='name'>{escape(label)}</div>"
            f"<div class='figure'>{figure(metric['value'])}</div><div class='more'>{escape(more)}</div></div>"
        )
    return f"<div class='tiles'>{''.join(tiles)}</div>"


def checks(gate: GateResult) -> str:
    unmet = [check for check in gate.checks if check["verdict"] != "pass"]
    passed = [check for check in gate.checks if check["verdict"] == "pass"]
    rows = [
        [
            badge(check["verdict"]),
            f"<strong>{escape(check['question'])}</strong><br>{escape(signed(check['reason']))}",
            f"{escape(check['why'])}<br><span class='soft small'>{escape(check['source'])}</span>",
        ]
        for check in sorted(unmet, key=lambda c: c["verdict"] == "warn")
    ]
    head = ["Verdict", "Question and answer", "Why it matters, and the threshold's source"]
    quiet = [
        [
            "<span class='badge'>reported</span>" if check["severity"] == "information" else badge(check["verdict"]),
            f"{escape(check['question'])}<span class='range'>{escape(signed(check['reason']))}</span>",
            f"<span class='soft small'>{escape(check['source'])}</span>",
        ]
        for check in passed
    ]
    skipped = "".join(f"<li>{escape(test['question'])} {sentence(test['reason'])}</li>" for test in gate.not_run)
    return (
        "<h2>Why: every check and what it rests on</h2>"
        "<p class='soft'>The thresholds are the ones in force when this report was made; their "
        "hash is under Provenance. "
        "A figure that could not be computed blocks, because silence is not evidence.</p>"
        + (table(head, rows) if rows else "")
        + f"<h3>{len(passed)} that pass or are reported</h3>"
        + table(["Verdict", "Question and answer", "Source"], quiet)
        + (f"<h3>Not run</h3><ul class='small'>{skipped}</ul>" if skipped else "")
    )
