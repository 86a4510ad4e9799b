"""How every Glue script begins: arguments, Spark with the settings that results depend on, the job's bookmark."""

from __future__ import annotations

import sys

from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext

from mortgage_etl.run.session import apply_required


def start_job(options: list[str]) -> tuple[dict[str, str], GlueContext, Job]:
    """(arguments, Glue context, job to commit) of a script that needs ``options`` besides --JOB_NAME."""
    args = getResolvedOptions(sys.argv, ["JOB_NAME", *options])
    glue = GlueContext(SparkContext.getOrCreate())
    apply_required(glue.spark_session)
    job = Job(glue)
    job.init(args["JOB_NAME"], args)
    return args, glue, job
