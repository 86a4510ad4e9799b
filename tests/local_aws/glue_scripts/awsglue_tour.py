"""A Glue job in the style of AWS's examples that uses every part of awsglue that local_aws supports.

Reads s3://<bucket>/in/*.csv, writes below s3://<bucket>/out/, prints one JSON line of what it saw.
"""

import json
import sys

import boto3
from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from awsglue.job import Job
from awsglue.transforms import (
    ApplyMapping,
    DropFields,
    DropNullFields,
    Filter,
    Join,
    Map,
    RenameField,
    ResolveChoice,
    SelectFields,
)
from awsglue.utils import getResolvedOptions
from helper_library import double
from pyspark.context import SparkContext
from pyspark.sql import functions as F

args = getResolvedOptions(sys.argv, ["JOB_NAME", "bucket", "TempDir"])
sc = SparkContext.getOrCreate()
glue = GlueContext(sc)
spark = glue.spark_session
job = Job(glue)
job.init(args["JOB_NAME"], args)
root = f"s3://{args['bucket']}"
seen = {"job": args["JOB_NAME"], "TempDir": args["TempDir"], "time_zone": spark.conf.get("spark.sql.session.timeZone")}
seen["shuffle_partitions"] = spark.conf.get("spark.sql.shuffle.partitions")


def rows(frame):
    return sorted([row.asDict(True) for row in frame.toDF().collect()], key=str)


people = glue.create_dynamic_frame.from_options(
    connection_type="s3",
    connection_options={"paths": [f"{root}/in/"], "recurse": True},
    format="csv",
    format_options={"withHeader": True, "separator": "|"},
    transformation_ctx="people",
)
seen["read"] = rows(people)
seen["schema"] = [field.name for field in people.schema()]
mapped = ApplyMapping.apply(
    frame=people,
    mappings=[
        ("ID", "string", "id", "long"),
        ("name", "string", "who.name", "string"),
        ("amount", "string", "amount", "double"),
        ("absent", "string", "absent", "int"),
    ],
)
seen["mapped"] = rows(mapped)
typed = ResolveChoice.apply(frame=mapped, specs=[("id", "cast:int")])
seen["cast"] = typed.toDF().schema.simpleString()
late = Filter.apply(frame=typed, f=lambda record: record["id"] > 1)
seen["filtered"] = [row["id"] for row in rows(late)]
seen["filtered_type"] = late.toDF().schema.simpleString()


def twice(record):
    if record["id"] == 3:
        raise RuntimeError("not three")
    record["twice"] = double(record["id"])
    return record


doubled = Map.apply(frame=typed, f=twice)
seen["doubled"] = [row["twice"] for row in rows(doubled)]
seen["errors"] = doubled.errorsCount()
seen["joined"] = Join.apply(typed, people, "id", "id").toDF().columns
seen["union"] = people.union(people).count()
seen["columns"] = [
    SelectFields.apply(people, ["id"]).toDF().columns,
    DropFields.apply(people, ["id", "name"]).toDF().columns,
    RenameField.apply(people, "id", "key").toDF().columns,
]
DropNullFields.apply(people)

frame = DynamicFrame.fromDF(typed.toDF().withColumn("part", F.col("id").cast("string")), glue, "out")
sink = glue.getSink(
    connection_type="s3",
    path=f"{root}/out/table/",
    enableUpdateCatalog=True,
    updateBehavior="UPDATE_IN_DATABASE",
    partitionKeys=["part"],
)
sink.setFormat("glueparquet", compression="snappy")
sink.setCatalogInfo(catalogDatabase="tour", catalogTableName="table")
sink.writeFrame(frame)
found = glue.create_dynamic_frame.from_catalog(database="tour", table_name="table", push_down_predicate="part >= '2'")
seen["from_catalog"] = rows(found)
for name in ("csv", "json"):
    glue.write_dynamic_frame.from_options(
        frame=people.coalesce(1),
        connection_type="s3",
        connection_options={"path": f"{root}/out/{name}/"},
        format=name,
    )
s3 = boto3.client("s3")
written = s3.list_objects_v2(Bucket=args["bucket"], Prefix="out/csv/")["Contents"]
seen["csv"] = [s3.get_object(Bucket=args["bucket"], Key=item["Key"])["Body"].read().decode() for item in written]
glue.purge_s3_path(f"{root}/out/json/", {"retentionPeriod": 0})
glue.get_logger().info("the tour is over")
try:
    people.relationalize("root", args["TempDir"])
except NotImplementedError as error:
    seen["unsupported"] = str(error)
print(json.dumps(seen))
job.commit()
