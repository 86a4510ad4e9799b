"""State and runtimes in a folder whose name needs quoting everywhere: every kind of job runs all the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local_aws import glue_kit
from tests.local_aws.conftest import LocalAws
from tests.local_aws.sagemaker_kit import IMAGE, ROLE, finished, log_lines, pack, read, wait_for

SPARK = """
import json, sys
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext
from pyspark.sql import functions as F
import helper

bucket = getResolvedOptions(sys.argv, ["bucket"])["bucket"]
spark = SparkContext.getOrCreate()
from awsglue.context import GlueContext
spark = GlueContext(spark).spark_session
rows = spark.range(10).withColumn("part", F.when(F.col("id") % 2 == 0, "g ä").otherwise("o#1"))
rows = rows.withColumn("word", F.udf(lambda n: helper.word(n))("id"))
rows.repartition(3).write.partitionBy("part").mode("overwrite").parquet(f"s3://{bucket}/out put/ä")
back = spark.read.parquet(f"s3://{bucket}/out put/ä").orderBy("id")
spark.sql("create temporary view v as select 1")
options = spark.sparkContext._jvm.java.lang.management.ManagementFactory.getRuntimeMXBean().getInputArguments()
archives = [option.partition("=")[2] for option in options if option.startswith("-XX:SharedArchiveFile=")]
print(json.dumps([back.count(), back.first().word, spark.conf.get("spark.odd"), archives]))
"""
TRAIN = """
import multiprocessing, os, pathlib, subprocess, sys, tempfile
print("here", os.environ["SM_CHANNEL_TRAIN"], sys.argv)
with multiprocessing.Manager() as manager:  # a socket in the temporary folder
    manager.list([1])
assert pathlib.Path(os.environ["SM_CHANNEL_TRAIN"], "a b.csv").read_text() == "1\\n"
pathlib.Path(os.environ["SM_MODEL_DIR"], "model é").write_text("m")
subprocess.run([sys.executable, "-c", "print('child')"], check=True)
"""
SERVE = """
def model_fn(model_dir): return open(f"{model_dir}/model").read()
def transform_fn(model, body, kind, accept): return model, accept
"""


@pytest.fixture(scope="module")
def odd(odd_folder: Path) -> Iterator[LocalAws]:
    server = LocalAws(odd_folder / "state", runtimes_dir=odd_folder / "runtimes")
    server.start(env={"LC_ALL": "C"})
    server.client("s3").create_bucket(Bucket=glue_kit.BUCKET)
    yield server
    server.stop()


def test_a_spark_job(odd: LocalAws) -> None:
    glue_kit.create_job(odd, "job ä", SPARK)
    odd.client("s3").put_object(Bucket=glue_kit.BUCKET, Key="lib s/helper.py", Body=b"def word(n): return f'w{n}'\n")
    arguments = {
        "--bucket": glue_kit.BUCKET,
        "--extra-py-files": f"s3://{glue_kit.BUCKET}/lib s/helper.py",
        "--conf": r"spark.odd='a \b é' --conf spark.driver.memory=1g",
    }
    run_id = glue_kit.start(odd, "job ä", Arguments=arguments)
    run = glue_kit.ended(odd, "job ä", run_id, 240)
    assert run["JobRunState"] == "SUCCEEDED", (run, glue_kit.log(odd, run_id, "error")[-30:])
    archive = odd.runtimes_dir / "glue-5.1" / "spark.jsa"
    seen = json.loads(glue_kit.log(odd, run_id)[-1])
    assert seen == [10, "w0", r"a \b é", [str(archive)] if archive.exists() else []]
    found = odd.client("s3").list_objects_v2(Bucket=glue_kit.BUCKET, Prefix="out put/")["Contents"]
    assert {item["Key"].rsplit("/", 1)[0] for item in found} == {"out put/ä/part=g ä", "out put/ä/part=o%231"}
    assert not list(odd.state_dir.glob("glue/work/*/tmp/*"))
    open_to_others = [path for path in (odd.state_dir / "s3").rglob("*") if path.stat().st_mode & 0o077]
    assert not open_to_others, "what Spark writes is its owner's too"


def test_a_training_with_requirements(odd: LocalAws) -> None:
    s3, name = odd.client("s3"), "odd"
    s3.put_object(Bucket=glue_kit.BUCKET, Key="data/a b.csv", Body=b"1\n")
    source = pack({"train.py": TRAIN, "requirements.txt": "numpy"})
    s3.put_object(Bucket=glue_kit.BUCKET, Key="code/sourcedir.tar.gz", Body=source)
    odd.client("sagemaker").create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        RoleArn=ROLE,
        HyperParameters={
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": f"s3://{glue_kit.BUCKET}/code/sourcedir.tar.gz",
            "words": 'it\'s "quoted" & spaced',
        },
        InputDataConfig=[
            {
                "ChannelName": "train",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{glue_kit.BUCKET}/data/"}},
            }
        ],
        OutputDataConfig={"S3OutputPath": f"s3://{glue_kit.BUCKET}/models"},
        ResourceConfig={"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    job = finished(odd, "training", name)
    lines = log_lines(odd, "TrainingJobs", name)
    assert job["TrainingJobStatus"] == "Completed", (job["FailureReason"], lines[-20:])
    assert "child" in lines
    assert any('it\'s "quoted" & spaced' in line for line in lines)


def test_a_transform_and_a_command(odd: LocalAws) -> None:
    s3, client = odd.client("s3"), odd.client("sagemaker")
    s3.put_object(Bucket=glue_kit.BUCKET, Key="m/m.tar.gz", Body=pack({"code/inference.py": SERVE, "model": "said é"}))
    s3.put_object(Bucket=glue_kit.BUCKET, Key="in/a ä.csv", Body=b"1\n")
    environment = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{glue_kit.BUCKET}/m/m.tar.gz", "Environment": environment}
    client.create_model(ModelName="odd", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{glue_kit.BUCKET}/in/"}}
    client.create_transform_job(
        TransformJobName="odd",
        ModelName="odd",
        TransformInput={"DataSource": source, "ContentType": "text/csv", "SplitType": "Line"},
        TransformOutput={"S3OutputPath": f"s3://{glue_kit.BUCKET}/out", "Accept": "text/csv"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    script = "echo from a shell; python -c 'import sys; print(sys.prefix)'; pip --version >/dev/null && echo pip"
    client.create_processing_job(
        ProcessingJobName="odd",
        RoleArn=ROLE,
        AppSpecification={"ImageUri": IMAGE, "ContainerEntrypoint": ["sh", "-c", script]},
        ProcessingResources={"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}},
    )
    for kind in ("transform", "processing"):
        job = finished(odd, kind, "odd")
        assert job[f"{kind.title()}JobStatus"] == "Completed", (job, log_lines(odd, f"{kind.title()}Jobs", "odd"))
    assert read(odd, f"s3://{glue_kit.BUCKET}/out/a ä.csv.out").decode() == "said é"
    assert log_lines(odd, "ProcessingJobs", "odd")[0] == "from a shell"
    assert wait_for(lambda: str(odd.runtimes_dir) in "".join(log_lines(odd, "ProcessingJobs", "odd")))
