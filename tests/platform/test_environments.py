"""Environments come from their locks, on machines with and without a C compiler."""

from __future__ import annotations

import re
import subprocess

from local_platform import environments


def test_locks_pin_every_package_and_name_no_registry():
    for lock in environments.LOCKS.values():
        lines = [line for line in lock.read_text().splitlines() if line and not line.startswith("#")]
        assert lines, lock
        for line in lines:
            assert re.match(r"[A-Za-z0-9._-]+(\[[a-z0-9,-]+\])?==[^ ]+( ;.*)?$", line), f"{lock.name}: {line}"


def test_without_a_compiler_a_stand_in_writes_what_it_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(environments.shutil, "which", lambda name: None)
    compiler = environments._compiler(tmp_path)["CC"]
    subprocess.run([compiler, "-c", "x.c", "-o", str(tmp_path / "x.o")], check=True)
    assert (tmp_path / "x.o").read_bytes() == b""


def test_with_a_compiler_nothing_is_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr(environments.shutil, "which", lambda name: "/usr/bin/cc")
    assert environments._compiler(tmp_path) == {}
