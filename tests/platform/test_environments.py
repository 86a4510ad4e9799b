"""Environments come from their locks, on machines with and without a C compiler."""

from __future__ import annotations

import re
import subprocess
import sys

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


def test_the_empty_library_gives_way_to_a_module_that_imports(tmp_path):
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "gethostname.cpython-311-x86_64-linux-gnu.so").write_bytes(b"")
    environments.replace_empty_shim(tmp_path)
    found = subprocess.run(
        [sys.executable, "-c", "import gethostname; print(gethostname.__file__)"],
        env={"PYTHONPATH": str(packages)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == str(packages / "gethostname.py")


def test_a_library_that_was_compiled_stays(tmp_path):
    library = tmp_path / "lib" / "python3.11" / "site-packages" / "gethostname.cpython-311.so"
    library.parent.mkdir(parents=True)
    library.write_bytes(b"ELF")
    environments.replace_empty_shim(tmp_path)
    assert library.read_bytes() == b"ELF"
