"""Inputs that each module accepts: what a test changes is what it is about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ACCOUNT = "123456789012"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/0000-1111"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/f01-boundary-dev"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/f01-a-role-dev"
JOB = f"arn:aws:glue:eu-west-1:{ACCOUNT}:job/f01-project01-ingest-dev"
ORDERS = Path(__file__).parent / "orders"  # a project's own files
COLUMNS = [
    {"name": "record_id", "type": "string", "comment": "Who it is"},
    {"name": "value", "type": "decimal(18,2)"},
]

INPUTS: dict[str, dict[str, Any]] = {
    "external": {"env": "dev", "file": "external.json"},
    "glue_catalog_database": {
        "description": "Raw data",
        "location_uri": "s3://f01-raw-123456789012-dev/",
        "name": "f01_raw_dev",
    },
    "glue_catalog_table": {
        "columns": COLUMNS,
        "database_name": "f01_raw_dev",
        "description": "Records as received",
        "location": "s3://f01-raw-123456789012-dev/project01/records/",
        "name": "records",
        "partition_keys": [{"name": "ingestion_date", "type": "string", "comment": "When it came"}],
    },
    "glue_iceberg_table": {
        "columns": COLUMNS,
        "database_name": "f01_refined_dev",
        "description": "Records",
        "location": "s3://f01-refined-123456789012-dev/project01/records",
        "name": "records",
        "optimizer_role_arn": ROLE,
    },
    "glue_job": {
        "arguments": {"--env": "dev"},
        "connections": ["f01-network-a-dev", "f01-network-b-dev"],
        "description": "raw → refined",
        "additional_python_modules": ["s3://artifacts/wheels/core-latest.gluewheels.zip"],
        "extra_py_files": ["s3://artifacts/jobs/p/p.zip"],
        "name": "f01-project01-refine-dev",
        "role_arn": ROLE,
        "script_location": "s3://artifacts/jobs/p/refine.py",
        "security_configuration": "f01-glue-dev",
        "temp_dir": "s3://artifacts/temp/p/",
        "warehouse": "s3://refined/p/",
    },
    "iam_glue_job": {
        "connection_names": ["f01-network-a-dev"],
        "job_names": ["f01-project01-refine-dev"],
        "kms_key_arn": KEY,
        "name": "f01-project01-glue-job-dev",
        "permissions_boundary_arn": BOUNDARY,
        "read_prefixes": ["artifacts/wheels"],
        "shared_tables": [
            {"prefix": "refined/other/shared", "table": "f01_refined_dev/shared"},
            {"prefix": "refined/more/more_*", "table": "f01_refined_dev/more_*"},
        ],
        "write_prefixes": ["raw/project01", "refined/project01"],
        "write_tables": ["f01_raw_dev/records", "f01_refined_dev/records"],
    },
    "iam_role": {
        "description": "Run a pipeline",
        "inline_policies": {
            "run": json.dumps(
                {"Statement": [{"Effect": "Allow", "Action": "glue:StartJobRun", "Resource": JOB}]}
            )
        },
        "managed_policy_arns": {"observability": f"arn:aws:iam::{ACCOUNT}:policy/f01-sfn-observability-dev"},
        "name": "f01-project01-rates-sfn-dev",
        "permissions_boundary_arn": BOUNDARY,
        "service": "states.amazonaws.com",
        "source_arns": [f"arn:aws:states:eu-west-1:{ACCOUNT}:stateMachine:f01-project01-rates-dev"],
    },
    "iam_table_optimizer": {
        "kms_key_arn": KEY,
        "name": "f01-project01-table-optimizer-dev",
        "permissions_boundary_arn": BOUNDARY,
        "table_prefixes": ["refined/project01/records"],
        "tables": ["f01_refined_dev/records"],
    },
    "own_tags": {"file": "tags.json"},
    "project": {
        "contract": str(ORDERS / "tables.json"),
        "env": "dev",
        "folder": str(ORDERS),
        "foundation": {
            "domain_abbr": "f01",
            "domain_name": "finance01",
            "glue_connection_names": ["f01-network-a-dev", "f01-network-b-dev"],
            "glue_database_curated": "f01_curated_dev",
            "glue_database_raw": "f01_raw_dev",
            "glue_database_refined": "f01_refined_dev",
            "glue_job_security_group_id": "sg-0123456789abcdef0",
            "glue_security_configuration": "f01-glue-dev",
            "kms_key_arn": KEY,
            "permissions_boundary_arn": BOUNDARY,
            "private_subnet_ids": {"a": "subnet-0a", "b": "subnet-0b"},
            "s3_artifacts_bucket_id": f"f01-artifacts-{ACCOUNT}-dev",
            "s3_curated_bucket_id": f"f01-curated-{ACCOUNT}-dev",
            "s3_raw_bucket_id": f"f01-raw-{ACCOUNT}-dev",
            "s3_refined_bucket_id": f"f01-refined-{ACCOUNT}-dev",
            "sfn_observability_policy_arn": f"arn:aws:iam::{ACCOUNT}:policy/f01-sfn-observability-dev",
        },
        "job_settings": {
            "ingest": {"description": "Files → raw"},
            "refine": {
                "description": "raw → refined",
                "environments": {"prod": {"number_of_workers": 10}},
                "number_of_workers": 4,
            },
        },
        "pipeline_jobs": {"daily": ["ingest", "refine"]},
    },
    "s3_bucket": {
        "bucket_name": "f01-raw-123456789012-dev",
        "kms_key_arn": KEY,
        "logging_bucket_id": "f01-logs-123456789012-dev",
        "logging_prefix": "raw/",
    },
    "stepfunction_pipeline": {
        "glue_job_names": ["f01-project01-ingest-dev", "f01-project01-refine-dev"],
        "kms_key_arn": KEY,
        "pipeline_name": "f01-project01-daily-dev",
        "release": {
            "bucket": "artifacts",
            "package": "jobs/p/p.zip",
            "scripts": {
                "f01-project01-ingest-dev": "jobs/p/ingest.py",
                "f01-project01-refine-dev": "jobs/p/refine.py",
            },
        },
        "role_arn": ROLE,
    },
}
