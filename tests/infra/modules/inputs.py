"""Inputs that each module accepts: what a test changes is what it is about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from meshtest.testing.plans import REGION

ACCOUNT = "123456789012"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0000-1111"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/exa-boundary-dev"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/exa-a-role-dev"
JOB = f"arn:aws:glue:{REGION}:{ACCOUNT}:job/exa-inventory-ingest-dev"
ORDERS = Path(__file__).parent / "orders"  # a project's own files
COLUMNS = [
    {"name": "record_id", "type": "string", "comment": "Who it is"},
    {"name": "value", "type": "decimal(18,2)"},
]

INPUTS: dict[str, dict[str, Any]] = {
    "external": {"env": "dev", "file": "external.json"},
    "glue_catalog_database": {
        "description": "Raw data",
        "location_uri": "s3://exa-raw-123456789012-dev/",
        "name": "exa_raw_dev",
    },
    "glue_catalog_table": {
        "columns": COLUMNS,
        "database_name": "exa_raw_dev",
        "description": "Records as received",
        "location": "s3://exa-raw-123456789012-dev/inventory/records/",
        "name": "records",
        "partition_keys": [{"name": "ingestion_date", "type": "string", "comment": "When it came"}],
    },
    "glue_iceberg_table": {
        "columns": COLUMNS,
        "database_name": "exa_refined_dev",
        "description": "Records",
        "location": "s3://exa-refined-123456789012-dev/inventory/records",
        "name": "records",
        "optimizer_role_arn": ROLE,
    },
    "glue_job": {
        "arguments": {"--env": "dev"},
        "connections": ["exa-network-a-dev", "exa-network-b-dev"],
        "description": "raw → refined",
        "additional_python_modules": ["s3://artifacts/wheels/core-latest.gluewheels.zip"],
        "extra_py_files": ["s3://artifacts/jobs/p/p.zip"],
        "name": "exa-inventory-refine-dev",
        "role_arn": ROLE,
        "script_location": "s3://artifacts/jobs/p/refine.py",
        "security_configuration": "exa-glue-dev",
        "temp_dir": "s3://artifacts/temp/p/",
        "warehouse": "s3://refined/p/",
    },
    "iam_glue_job": {
        "connection_names": ["exa-network-a-dev"],
        "job_names": ["exa-inventory-refine-dev"],
        "kms_key_arn": KEY,
        "name": "exa-inventory-glue-job-dev",
        "permissions_boundary_arn": BOUNDARY,
        "read_prefixes": ["artifacts/wheels"],
        "shared_tables": [
            {"prefix": "refined/other/shared", "table": "exa_refined_dev/shared"},
            {"prefix": "refined/more/more_*", "table": "exa_refined_dev/more_*"},
        ],
        "write_prefixes": ["raw/inventory", "refined/inventory"],
        "write_tables": ["exa_raw_dev/records", "exa_refined_dev/records"],
    },
    "iam_role": {
        "description": "Run a pipeline",
        "inline_policies": {
            "run": json.dumps(
                {"Statement": [{"Effect": "Allow", "Action": "glue:StartJobRun", "Resource": JOB}]}
            )
        },
        "managed_policy_arns": {"observability": f"arn:aws:iam::{ACCOUNT}:policy/exa-sfn-observability-dev"},
        "name": "exa-inventory-rates-sfn-dev",
        "permissions_boundary_arn": BOUNDARY,
        "service": "states.amazonaws.com",
        "source_arns": [f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:exa-inventory-rates-dev"],
    },
    "iam_table_optimizer": {
        "kms_key_arn": KEY,
        "name": "exa-inventory-table-optimizer-dev",
        "permissions_boundary_arn": BOUNDARY,
        "table_prefixes": ["refined/inventory/records"],
        "tables": ["exa_refined_dev/records"],
    },
    "own_tags": {"file": "tags.json"},
    "project": {
        "contract": str(ORDERS / "contract.odcs.yaml"),
        "env": "dev",
        "folder": str(ORDERS),
        "foundation": {
            "alarms_topic_arn": f"arn:aws:sns:{REGION}:{ACCOUNT}:exa-alarms-dev",
            "domain_abbr": "exa",
            "domain_name": "example",
            "glue_connection_names": ["exa-network-a-dev", "exa-network-b-dev"],
            "glue_database_curated": "exa_curated_dev",
            "glue_database_raw": "exa_raw_dev",
            "glue_database_refined": "exa_refined_dev",
            "glue_job_security_group_id": "sg-0123456789abcdef0",
            "glue_security_configuration": "exa-glue-dev",
            "kms_key_arn": KEY,
            "permissions_boundary_arn": BOUNDARY,
            "private_subnet_ids": {"a": "subnet-0a", "b": "subnet-0b"},
            "s3_artifacts_bucket_id": f"exa-artifacts-{ACCOUNT}-dev",
            "s3_curated_bucket_id": f"exa-curated-{ACCOUNT}-dev",
            "s3_raw_bucket_id": f"exa-raw-{ACCOUNT}-dev",
            "s3_refined_bucket_id": f"exa-refined-{ACCOUNT}-dev",
            "sfn_observability_policy_arn": f"arn:aws:iam::{ACCOUNT}:policy/exa-sfn-observability-dev",
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
        "bucket_name": "exa-raw-123456789012-dev",
        "kms_key_arn": KEY,
        "logging_bucket_id": "exa-logs-123456789012-dev",
        "logging_prefix": "raw/",
    },
    "stepfunction_pipeline": {
        "glue_job_names": ["exa-inventory-ingest-dev", "exa-inventory-refine-dev"],
        "kms_key_arn": KEY,
        "pipeline_name": "exa-inventory-daily-dev",
        "release": {
            "bucket": "artifacts",
            "package": "jobs/p/p.zip",
            "scripts": {
                "exa-inventory-ingest-dev": "jobs/p/ingest.py",
                "exa-inventory-refine-dev": "jobs/p/refine.py",
            },
        },
        "role_arn": ROLE,
    },
}
