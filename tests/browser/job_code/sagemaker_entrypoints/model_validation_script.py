"""A verdict: it passes."""

import hashlib
import json
from pathlib import Path

WORK = Path(__file__).resolve().parents[1]  # /opt/ml/processing
CARD = {
    "purpose": "Early warning.",
    "not_for": "Capital.",
    "data": {"source": "canonical", "as_of_date": "2019-12-31", "horizon_months": 12},
    "performance": {"auc": {"value": 0.81, "interval": [0.79, 0.83]}},
    "verdict": "passes the gate",
    "limits": ["Booked loans only."],
    "owner": "Credit risk modelling",
    "tier": "2",
    "next_review_date": "2030-12-31",
    "conditions": ["Monitored."],
}
CHECK = {
    "id": "oot.auc",
    "question": "Does it rank?",
    "sample": "oot",
    "metric": "auc",
    "value": 0.81,
    "bounds": {"min": 0.65},
    "verdict": "pass",
    "reason": "Out-of-time AUC is 0.81; the gate asks for at least 0.65.",
}
pack = {
    "evaluation.json": b"{}",
    "explainability.json": b"{}",
    "report.html": b"<!doctype html><title>Validation</title><h1>passes</h1>",
    "card.json": json.dumps(CARD).encode(),
}
verdict = {
    "format": 1,
    "passed": True,
    "reasons": [],
    "warnings": [],
    "checks": [CHECK],
    "thresholds_sha256": hashlib.sha256((WORK / "settings/thresholds.json").read_bytes()).hexdigest(),
    "evidence": {name: hashlib.sha256(body).hexdigest() for name, body in pack.items()},
}
for name, body in (pack | {"gate.json": json.dumps(verdict).encode()}).items():
    (WORK / "output" / name).write_bytes(body)
