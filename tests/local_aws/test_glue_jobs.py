"""Glue job definitions, and the awsglue API in a real Spark job."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.conftest import LocalAws
from tests.local_aws.glue_kit import BUCKET, ROLE, create_job, ended, log, start

TOUR = Path(__file__).parent / "glue_scripts" / "awsglue_tour.py"


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"]


def test_definitions(aws: LocalAws) -> None:
    client = aws.client("glue")
    create_job(aws, "defined", "", WorkerType="G.1X", NumberOfWorkers=2, Tags={"team": "a"}, ExecutionClass="FLEX")
    job = client.get_job(JobName="defined")["Job"]
    assert job["Command"] == {
        "Name": "glueetl",
        "ScriptLocation": f"s3://{BUCKET}/scripts/defined.py",
        "PythonVersion": "3",
    }
    assert (job["WorkerType"], job["NumberOfWorkers"], job["ExecutionClass"]) == ("G.1X", 2, "FLEX")
    assert (job["Timeout"], job["MaxRetries"], job["ExecutionProperty"]) == (480, 0, {"MaxConcurrentRuns": 1})
    with pytest.raises(ClientError) as error:
        create_job(aws, "defined", "")
    assert code(error) == "AlreadyExistsException"

    arn = "arn:aws:glue:us-east-1:123456789012:job/defined"
    client.tag_resource(ResourceArn=arn, TagsToAdd={"b": "2"})
    client.untag_resource(ResourceArn=arn, TagsToRemove=["team"])
    assert client.get_tags(ResourceArn=arn)["Tags"] == {"b": "2"}
    assert "defined" in client.list_jobs(Tags={"b": "2"})["JobNames"]

    update = {"Role": ROLE, "Command": {"Name": "glueetl", "ScriptLocation": "s3://x/y.py"}, "Timeout": 7}
    assert client.update_job(JobName="defined", JobUpdate=update)["JobName"] == "defined"
    job = client.get_job(JobName="defined")["Job"]
    assert job["Timeout"] == 7
    assert "NumberOfWorkers" not in job, "an update replaces the whole definition"
    found = [j["Name"] for page in client.get_paginator("get_jobs").paginate(MaxResults=1) for j in page["Jobs"]]
    assert "defined" in found
    assert client.delete_job(JobName="defined")["JobName"] == "defined"
    with pytest.raises(ClientError) as error:
        client.get_job(JobName="defined")
    assert code(error) == "EntityNotFoundException"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"Command": {"Name": "pythonshell", "ScriptLocation": "s3://a/b"}}, "UnsupportedOperation"),
        ({"Timeout": 10081}, "InvalidInputException"),
        ({"Command": {"Name": "glueetl"}}, "InvalidInputException"),
    ],
)
def test_definitions_that_are_refused(aws: LocalAws, options: dict[str, Any], expected: str) -> None:
    with pytest.raises(ClientError) as error:
        create_job(aws, "refused", "", **options)
    assert code(error) == expected


def test_arguments_that_are_refused(aws: LocalAws) -> None:
    create_job(aws, "picky", "", NonOverridableArguments={"--fixed": "1"})
    with pytest.raises(ClientError) as error:
        start(aws, "picky", Arguments={"--job-bookmark-option": "job-bookmark-enable"})
    assert code(error) == "UnsupportedOperation"
    with pytest.raises(ClientError) as error:
        start(aws, "picky", Arguments={"--fixed": "2"})
    assert code(error) == "InvalidInputException"
    with pytest.raises(ClientError) as error:
        start(aws, "no-such-job")
    assert code(error) == "EntityNotFoundException"


def test_awsglue_in_a_spark_job(aws: LocalAws) -> None:
    create_job(aws, "tour", TOUR.read_text())
    s3 = aws.client("s3")
    library = io.BytesIO()
    with zipfile.ZipFile(library, "w") as archive:
        archive.writestr("helper_library.py", "def double(x):\n    return 2 * x\n")
    s3.put_object(Bucket=BUCKET, Key="libs/helpers.zip", Body=library.getvalue())
    s3.put_object(Bucket=BUCKET, Key="in/x/people.csv", Body=b'id|name|amount\n1|ann|1.5\n2|"b|b"|\n3|cy|2.5\n')
    glue = aws.client("glue")
    glue.create_database(DatabaseInput={"Name": "tour"})
    arguments = {
        "--bucket": BUCKET,
        "--TempDir": f"s3://{BUCKET}/tmp/",
        "--extra-py-files": f"s3://{BUCKET}/libs/helpers.zip",
        "--conf": "spark.sql.shuffle.partitions=3 --conf spark.driver.memory=1g",
    }
    run_id = start(aws, "tour", Arguments=arguments)
    run = ended(aws, "tour", run_id, 240)
    assert run["JobRunState"] == "SUCCEEDED", (run, log(aws, run_id, "error")[-30:])
    seen = json.loads(log(aws, run_id)[-1])
    people = [("1", "ann", "1.5"), ("2", "b|b", ""), ("3", "cy", "2.5")]
    typed = [(1, "ann", 1.5), (2, "b|b", None), (3, "cy", 2.5)]
    expected = {
        "job": "tour",
        "TempDir": f"s3://{BUCKET}/tmp/",
        "time_zone": "UTC",
        "shuffle_partitions": "3",
        "read": [{"id": i, "name": n, "amount": a} for i, n, a in people],
        "schema": ["id", "name", "amount"],
        "mapped": [{"id": i, "who": {"name": n}, "amount": a} for i, n, a in typed],
        "cast": "struct<id:int,who:struct<name:string>,amount:double>",
        "filtered": [2, 3],
        "filtered_type": "struct<id:int,who:struct<name:string>,amount:double>",
        "doubled": [2, 4],
        "errors": 1,
        "joined": ["id", "who", "amount", ".id", "name", ".amount"],
        "union": 6,
        "columns": [["id"], ["amount"], ["key", "name", "amount"]],
        "from_catalog": [{"id": i, "who": {"name": n}, "amount": a, "part": str(i)} for i, n, a in typed[1:]],
        "csv": ["id,name,amount\n1,ann,1.5\n2,b|b,\n3,cy,2.5\n"],
        "unsupported": "local_aws's Glue runtime does not support DynamicFrame.relationalize",
    }
    assert seen == expected
    assert "INFO the tour is over" in log(aws, run_id, "error")
    table = glue.get_table(DatabaseName="tour", Name="table")["Table"]
    assert table["PartitionKeys"] == [{"Name": "part", "Type": "string"}]
    assert table["Parameters"]["classification"] == "parquet"
    columns = [(column["Name"], column["Type"]) for column in table["StorageDescriptor"]["Columns"]]
    assert columns == [("id", "int"), ("who", "struct<name:string>"), ("amount", "double")]
    partitions = glue.get_partitions(DatabaseName="tour", TableName="table")["Partitions"]
    assert [partition["Values"] for partition in partitions] == [["1"], ["2"], ["3"]]
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET, Prefix="out/")["Contents"]]
    assert {key.split("/")[1] for key in keys} == {"table", "csv"}, "the JSON files were purged"
    assert not [key for key in keys if "crc" in key or "_temporary" in key]
