"""What Amazon MWAA asks of plugins and requirements."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fake_aws import REQUIRED

REPO = Path(__file__).resolve().parents[2]
CONSTRAINTS = REPO.parent / "shared/data/mwaa-3.3.1/airflow_constraints.txt"
UV = REPO / ".tools/bin/uv"

LOAD = """
import json, sys
from airflow.plugins_manager import get_operator_extra_links, get_import_errors
links = [link.name for link in get_operator_extra_links()]
import mortgage_risk.dag.run_summary
heavy = {"pandas", "great_expectations", "sagemaker", "pyspark"} & set(sys.modules)
strays = {"settings", "layout", "gate", "jobs"} & set(sys.modules)
print(json.dumps({"links": links, "errors": get_import_errors(), "from": mortgage_risk.__file__,
                  "heavy": sorted(heavy), "strays": sorted(strays)}))
"""


def test_plugins_load_from_an_unpacked_zip(tmp_path: Path) -> None:
    """MWAA unpacks plugins.zip; Airflow must run the plugin file there and nothing else."""

    shutil.make_archive(str(tmp_path / "plugins"), "zip", REPO / "plugins")
    home = tmp_path / "plugins_folder"
    shutil.unpack_archive(tmp_path / "plugins.zip", home)
    env = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "PYTHONPATH"))}
    env |= {
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    env |= {f"AIRFLOW__MORTGAGE_RISK__{name.upper()}": value for name, value in REQUIRED.items()}
    done = subprocess.run(
        [sys.executable, "-c", LOAD], env=env, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    seen = json.loads(done.stdout.splitlines()[-1])
    assert set(seen["links"]) >= {"Job", "Job log", "Result", "Report"}
    assert seen["errors"] == {}
    assert seen["from"].startswith(str(home))
    assert seen["strays"] == []
    assert seen["heavy"] == []


def test_requirements_resolve_under_mwaas_constraints() -> None:
    if not (CONSTRAINTS.exists() and UV.exists()):
        pytest.skip("needs ../shared/data/mwaa-3.3.1 and .tools/bin/uv")
    done = subprocess.run(
        [
            UV,
            "pip",
            "compile",
            "-q",
            "--python-version",
            "3.12",
            "-c",
            CONSTRAINTS,
            REPO / "requirements.txt",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "apache-airflow-providers-amazon==9.34.0" in done.stdout
