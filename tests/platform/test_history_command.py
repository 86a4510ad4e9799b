"""`make history PLANT=…`: the faults reach the program that plants them."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

from local_platform import __main__ as command


def test_every_fault_is_passed_on(monkeypatch, tmp_path) -> None:
    given: list[list[str]] = []
    monkeypatch.setenv("MORTGAGE_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(subprocess, "run", lambda argv, **_: given.append(argv) or SimpleNamespace(returncode=0))
    faults = ["unit_change@2014-03-01..2014-03-02", "population@2014-05-01"]
    monkeypatch.setattr(sys, "argv", ["local_platform", "history", "--plant", faults[0], "--plant", faults[1]])
    assert command.main() == 0
    assert given[0][-2:] == [f"--plant={fault}" for fault in faults]
