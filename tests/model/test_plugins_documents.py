"""What validation and monitoring write, held against the types by which the plugins read it."""

from __future__ import annotations

import json

from test_monitoring_script import RUN, monitor_night, root  # noqa: F401  (a fixture)
from validation_run import validated_once

from tests.documents import misfits


def test_gate_and_card(trained, panel_dir, tmp_path_factory):
    folder, *_ = validated_once(tmp_path_factory.getbasetemp() / "validation", trained.model_dir, panel_dir)
    for file, kind in (("gate.json", "GateDocument"), ("card.json", "ModelCard")):
        assert misfits(json.loads((folder / "output" / file).read_text()), kind) == []


def test_monitoring(root):  # noqa: F811
    monitor_night(root, RUN)
    document = json.loads((root / "output" / "monitoring.json").read_text())
    assert document["performance"], "the part that may be null is looked at"
    assert misfits(document, "MonitoringDocument") == []
