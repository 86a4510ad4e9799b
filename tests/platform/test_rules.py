"""The rules that `make lint` holds the code to: each one fails when what it forbids is planted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from local_platform.checks import SOURCES
from local_platform.environments import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
CODE = PYPROJECT["mypy"]["files"]

# What no module may do: (module, import, why).
FORBIDDEN = [
    ("glue_jobs.publish_scores", "airflow", "Glue has no Airflow"),
    ("glue_jobs.publish_scores", "check_data_quality", "a script imports no script"),
    ("mortgage_etl.scores", "mortgage_model", "the ETL does not know the model"),
    ("data_quality.suites", "airflow", "Glue has no Airflow"),
    ("sagemaker_entrypoints.inference", "mortgage_training_script", "a script imports no script"),
    ("sagemaker_entrypoints.mortgage_training_script", "airflow", "SageMaker has no Airflow"),
    ("mortgage_model.progress", "boto3", "the model is numbers"),
    ("mortgage_model.scoring.grades", "mortgage_model.validation", "serving needs no validation"),
    ("mortgage_model.progress", "mortgage_etl", "the model does not know the ETL"),
    ("contracts.values", "simulator", "the contracts know no package of ours"),
    ("simulator.settings", "mortgage_etl", "what is tested does not test itself"),
    ("local_aws.server", "mortgage_risk.layout", "the local AWS knows nothing of mortgages"),
    ("local_aws.glue.api", "local_aws.sagemaker", "a service does not know another"),
    ("local_aws.kernel.lines", "local_aws.glue", "the kernel does not know the services"),
    ("local_aws.glue_runtime.spark", "local_aws.server", "a job's environment has no server"),
    ("mortgage_risk.layout", "pandas", "MWAA installs Airflow and its Amazon provider"),
    ("mortgage_risk.layout", "contracts", "the contracts are not on MWAA's path"),
    ("mortgage_risk.settings", "dags.mortgage_training", "nothing imports dags"),
    ("mortgage_risk.jobs.cost", "mortgage_risk.dag.params", "a job does not know the DAG that wants it"),
    ("mortgage_risk.settings", "mortgage_risk.jobs.cost", "what everybody uses uses nobody"),
    ("mortgage_risk.dag.params", "mortgage_risk.dashboard.app", "the dashboard is apart"),
]


def file_of(module: str, root: Path) -> Path:
    """The file of a module below `root`, wherever its package stands."""
    parts = Path(*module.split("."))
    for source in ("", "plugins", "glue_jobs", "sagemaker_entrypoints"):
        for path in (root / source / parts).with_suffix(".py"), root / source / parts / "__init__.py":
            if path.exists():
                return path
    raise AssertionError(f"{module} is gone: plant in another module")


def copy_of_the_code(folder: Path) -> Path:
    for name in CODE:
        shutil.copytree(ROOT / name, folder / name, ignore=lambda at, names: {n for n in names if not _is_code(at, n)})
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def _is_code(folder: str, name: str) -> bool:
    return name.endswith(".py") or (name != "__pycache__" and Path(folder, name).is_dir())


def import_linter(root: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(str(root / Path(source).relative_to(ROOT)) for source in SOURCES)
    return subprocess.run(
        [sys.executable, str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "300"},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def linted(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What import-linter says of a copy in which everything forbidden was done at once."""
    root = copy_of_the_code(tmp_path_factory.mktemp("planted"))
    for module, imported, _ in FORBIDDEN:
        with file_of(module, root).open("a") as file:
            file.write(f"\nimport {imported}\n")
    circle = root / "plugins/mortgage_risk/jobs"
    (circle / "hen.py").write_text("from mortgage_risk.jobs import egg\n")
    (circle / "egg.py").write_text("from mortgage_risk.jobs import hen\n")
    (root / "plugins/mortgage_risk/attic").mkdir()
    (root / "plugins/mortgage_risk/attic/__init__.py").touch()
    done = import_linter(root)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(("module", "imported", "why"), FORBIDDEN, ids=[f"{m} -> {i}" for m, i, _ in FORBIDDEN])
def test_a_forbidden_import_fails(linted: str, module: str, imported: str, why: str) -> None:
    assert f"{module} -> {imported} (" in linted, f"import-linter let it pass, though {why}"


def test_a_circle_fails(linted: str) -> None:
    found = linted.partition("No cycles are allowed in mortgage_risk.jobs.")[2]
    assert ".hen -> .egg" in found or ".egg -> .hen" in found


def test_a_room_that_stands_nowhere_in_the_layers_fails(linted: str) -> None:
    assert "- mortgage_risk.attic" in linted


def mypy(source: str, folder: Path) -> str:
    planted = folder / "planted.py"
    planted.write_text(source)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(folder / "cache"), str(planted)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    return done.stdout


def test_a_wrong_field_of_what_crosses_rooms_fails(tmp_path: Path) -> None:
    found = mypy(
        "from mortgage_model.documents.gate import Gate\n"
        "def reason(gate: Gate) -> str:\n"
        "    return gate['reason']\n"  # it is called reasons
        "def passed(gate: Gate) -> int:\n"
        "    return len(gate['passed'])\n"  # it is a bool
        "def anything(gate: dict) -> None: ...\n",
        tmp_path,
    )
    assert 'TypedDict "Gate" has no key "reason"' in found
    assert 'Argument 1 to "len" has incompatible type "bool"' in found
    assert 'Missing type arguments for generic type "dict"' in found  # the rules are the strict ones


def test_every_file_that_is_no_test_is_typed_and_linted() -> None:
    folders = {f.name for f in ROOT.iterdir() if f.is_dir() and not f.name.startswith(".") and any(f.rglob("*.py"))}
    folders -= {"tests"}
    assert folders == set(CODE)
    assert set(PYPROJECT["coverage"]["run"]["source"]) == set(CODE)
    packages = {path.parent.name for source in SOURCES for path in Path(source).glob("*/__init__.py")}
    known = set(PYPROJECT["importlinter"]["root_packages"])
    assert packages | folders <= known
