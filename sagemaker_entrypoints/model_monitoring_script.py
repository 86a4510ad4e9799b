"""Monitors one scored night: drift, scores, outcomes of earlier nights, findings and report (SageMaker Processing).

Reads, under /opt/ml/processing: model/model.tar.gz, input/ (the night's scoring input, CSV), scores/ (its published
scores, Parquet), and where given: previous/monitoring.json (the night before), before/ (the scores of a month
earlier, for the migration), panel/ (the newest loan panel) and vintages/…/score_date=…/ (past scores to read outcomes
for). Writes to output/: statistics.json, constraints.json and constraint_violations.json (SageMaker Model Monitor's
schemas), monitoring.json (our detail, aggregates only) and report.html.

The job succeeds when the night could be measured, whatever it finds: the pipeline acts on monitoring.json.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from contracts.faults import DataFault, exit_with
from mortgage_model.monitoring.inputs import MonitoringRun
from mortgage_model.monitoring.job import monitor_night
from mortgage_model.progress import say


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    for name in ("source", "score_date", "model_version"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--panel_as_of", help="date of the loan panel, where there is one")
    parser.add_argument("--root", type=Path, default=Path("/opt/ml/processing"), help="folder of inputs and output")
    given = vars(parser.parse_args(arguments))
    root = given.pop("root")
    try:
        document = monitor_night(root, MonitoringRun(**given))
    except DataFault as error:
        exit_with(error, root.parent / "output" / "message")
    say(f"verdict: {document['verdict']}")
    for finding in document["findings"]:
        say(f"  {finding['severity']}: {finding['message']}")


if __name__ == "__main__":
    main()
