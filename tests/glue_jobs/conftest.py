from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "glue_jobs"), str(ROOT), str(Path(__file__).parent)]


@pytest.fixture(scope="session")
def spark():
    from mortgage_etl.run.session import local_session

    session = local_session("tests", cores=2)
    # Compiling hundreds of expressions to Java takes far longer than interpreting them for a few rows.
    session.conf.set("spark.sql.codegen.wholeStage", "false")
    session.conf.set("spark.sql.codegen.factoryMode", "NO_CODEGEN")
    session.conf.set("spark.sql.adaptive.enabled", "false")
    yield session
    session.stop()
