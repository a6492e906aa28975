"""A small domain for the console: a bucket, two tables with rows, a job, state machines.

Run as a program of its own (``python lake.py``) in the environment of an emulator: Arrow reads but once which
certificates to trust.
"""

from __future__ import annotations

import io
import json
import os

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog.glue import GlueCatalog

BUCKET = "shelf"
HOSTILE = "<img src=x onerror=document.title='owned'>"
ROLE = "arn:aws:iam::123456789012:role/states"
ROWS = pa.table({"city": ["Aachen", HOSTILE, None], "trips": pa.array([3, 2, 1], pa.int64())})
SCRIPT = f"print({HOSTILE!r})\nraise SystemExit('no input')\n"
# Slow enough to be seen, without a Spark.
SLOW = {
    "StartAt": "Prepare",
    "States": {
        "Prepare": {"Type": "Pass", "Next": "Wait"},
        "Wait": {"Type": "Wait", "Seconds": 4, "Next": "Finish"},
        "Finish": {"Type": "Pass", "End": True},
    },
}


def pipeline(job: str) -> dict:
    """A job whose error is caught, as the stacks' pipelines have it."""
    caught = [{"ErrorEquals": ["States.ALL"], "Next": "Failed", "ResultPath": "$.failure"}]
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::glue:startJobRun.sync",
        "Parameters": {"JobName": job},
    }
    failed = {"Type": "Fail", "CausePath": "$.failure.Cause", "ErrorPath": "$.failure.Error"}
    states = {"Load": task | {"Catch": caught, "Next": "Done"}, "Failed": failed, "Done": {"Type": "Succeed"}}
    return {"StartAt": "Load", "States": states}


def document(statement: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def main() -> None:
    s3 = boto3.client("s3")
    location = {"LocationConstraint": os.environ["AWS_REGION"]}
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
    s3.put_object(Bucket=BUCKET, Key=f"landing/{HOSTILE}", Body=b"x")
    s3.put_object(Bucket=BUCKET, Key="jobs/load.py", Body=SCRIPT.encode())
    tables()
    services = {"Service": ["glue.amazonaws.com", "states.amazonaws.com"]}
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": services}
    may = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    iam, name = boto3.client("iam"), ROLE.rpartition("/")[2]
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=document(may))
    boto3.client("glue").create_job(
        Name="load",
        Role=ROLE,
        GlueVersion="5.1",
        Command={"Name": "glueetl", "ScriptLocation": f"s3://{BUCKET}/jobs/load.py", "PythonVersion": "3"},
    )
    stepfunctions = boto3.client("stepfunctions")
    for name, definition in (("slow", SLOW), ("loading", pipeline("load"))):
        stepfunctions.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)


def tables() -> None:
    """One Iceberg table with two snapshots, one of Parquet files."""
    access = {"s3.endpoint": os.environ["AWS_ENDPOINT_URL"], "s3.region": os.environ["AWS_REGION"]}
    catalog = GlueCatalog("glue", **access)
    catalog.create_namespace("lake")
    iceberg = catalog.create_table(("lake", "trips"), ROWS.schema, f"s3://{BUCKET}/trips")
    iceberg.append(ROWS)
    iceberg.append(ROWS.slice(0, 1))
    body = io.BytesIO()
    pq.write_table(ROWS, body)
    key = "landed/day=2026-01-01/part-0.parquet"
    boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body.getvalue())
    for name in ("landed", "nothing"):
        described = {
            "Name": name,
            "Parameters": {"classification": "parquet"},
            "PartitionKeys": [{"Name": "day", "Type": "string"}],
            "StorageDescriptor": {
                "Columns": [{"Name": "city", "Type": "string", "Comment": "Where"}],
                "Location": f"s3://{BUCKET}/{name}/",
            },
        }
        boto3.client("glue").create_table(DatabaseName="lake", TableInput=described)


if __name__ == "__main__":
    main()
