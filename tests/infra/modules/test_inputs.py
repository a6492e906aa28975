"""Every module refuses what cannot work, in one line that names the field, its value and what is expected."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
import tftest
from inputs import KEY

from meshtest.testing.plans import REGION

# What each module must refuse: one changed input, and what the message has to say.
REFUSED: dict[str, list[tuple[dict[str, Any], str]]] = {
    "glue_catalog_database": [
        ({"description": "x" * 2049}, "description has 2049 characters"),
        ({"default_table_permissions": {}}, "default_table_permissions are {}"),
        ({"default_table_permissions": {"a": ["READ"]}}, 'default_table_permissions are {"a":["READ"]}'),
        ({"location_uri": "exa-raw"}, 'location_uri is "exa-raw"'),
        ({"name": "exa-raw-dev"}, 'name is "exa-raw-dev" (11 characters)'),
    ],
    "glue_catalog_table": [
        ({"columns": []}, "columns of records are []"),
        ({"columns": [{"name": "Id", "type": "string"}]}, 'columns of records are ["Id"]'),
        ({"database_name": "exa-raw"}, 'database_name is "exa-raw"'),
        ({"description": "x" * 2049}, "description of records has 2049 characters"),
        ({"location": "s3://bucket"}, 'location of records is "s3://bucket"'),
        ({"name": "Records"}, 'name is "Records"'),
        (
            {"partition_keys": [{"name": "value", "type": "string"}]},
            "columns of records hold its partition keys",
        ),
        ({"partition_keys": [{"name": "Day", "type": "string"}]}, 'partition_keys of records are ["Day"]'),
    ],
    "glue_iceberg_table": [
        ({"columns": []}, "columns of records are []"),
        ({"columns": [{"name": "a", "type": "int"}] * 2}, 'columns of records are ["a","a"]'),
        ({"columns": [{"name": "A", "type": "int"}]}, 'columns of records are ["A"]'),
        ({"database_name": "exa-refined"}, 'database_name is "exa-refined"'),
        ({"description": "x" * 2049}, "description of records has 2049 characters"),
        ({"location": "s3://bucket/records/"}, 'location of records is "s3://bucket/records/"'),
        ({"location": "s3://bucket//records"}, 'location of records is "s3://bucket//records"'),
        ({"location": "s3://bucket"}, 'location of records is "s3://bucket"'),
        ({"name": "1st"}, 'name is "1st"'),
        ({"optimizer_role_arn": "a-role"}, 'optimizer_role_arn of records is "a-role"'),
        ({"orphan_file_retention_days": 2}, "orphan_file_retention_days of records is 2"),
        ({"orphan_file_retention_days": 3.5}, "orphan_file_retention_days of records is 3.5"),
        ({"snapshot_retention_days": 0}, "snapshot_retention_days of records is 0"),
        ({"snapshot_retention_days": 1.5}, "snapshot_retention_days of records is 1.5"),
        ({"snapshots_to_retain": 0}, "snapshots_to_retain of records is 0"),
        ({"snapshots_to_retain": 1.5}, "snapshots_to_retain of records is 1.5"),
    ],
    "glue_job": [
        ({"arguments": {"env": "dev"}}, 'arguments of exa-inventory-refine-dev are ["env"]'),
        ({"arguments": {"--conf": "a=b"}}, "expected none that this module sets"),
        ({"description": "x" * 2049}, "description of exa-inventory-refine-dev has 2049 characters"),
        ({"execution_class": "SPOT"}, 'execution_class of exa-inventory-refine-dev is "SPOT"'),
        (
            {"execution_class": "FLEX", "worker_type": "G.4X"},
            'worker_type of exa-inventory-refine-dev is "G.4X"; expected G.1X or G.2X',
        ),
        (
            {"extra_py_files": ["s3://artifacts/core.whl"]},
            'extra_py_files of exa-inventory-refine-dev are ["s3://artifacts/core.whl"]',
        ),
        (
            {"additional_python_modules": ["s3://artifacts/core.zip"]},
            'additional_python_modules of exa-inventory-refine-dev are ["s3://artifacts/core.zip"]',
        ),
        ({"glue_version": "5.0"}, 'glue_version of exa-inventory-refine-dev is "5.0"'),
        ({"job_bookmark_option": "on"}, 'job_bookmark_option of exa-inventory-refine-dev is "on"'),
        ({"max_concurrent_runs": 0}, "max_concurrent_runs of exa-inventory-refine-dev is 0"),
        ({"max_concurrent_runs": 1.5}, "max_concurrent_runs of exa-inventory-refine-dev is 1.5"),
        ({"max_concurrent_runs": 1001}, "max_concurrent_runs of exa-inventory-refine-dev is 1001"),
        ({"max_retries": -1}, "max_retries of exa-inventory-refine-dev is -1"),
        ({"max_retries": 0.5}, "max_retries of exa-inventory-refine-dev is 0.5"),
        ({"max_retries": 11}, "max_retries of exa-inventory-refine-dev is 11"),
        ({"name": "x" * 300}, "(300 characters); expected at most 255"),
        ({"number_of_workers": 1}, "number_of_workers of exa-inventory-refine-dev is 1"),
        ({"number_of_workers": 2.5}, "number_of_workers of exa-inventory-refine-dev is 2.5"),
        ({"number_of_workers": 300}, "number_of_workers of exa-inventory-refine-dev is 300"),
        ({"role_arn": "a-role"}, 'role_arn of exa-inventory-refine-dev is "a-role"'),
        ({"script_location": "refine.py"}, 'script_location of exa-inventory-refine-dev is "refine.py"'),
        ({"security_configuration": ""}, "security_configuration of exa-inventory-refine-dev is empty"),
        ({"temp_dir": "s3://bucket"}, 'temp_dir of exa-inventory-refine-dev is "s3://bucket"'),
        ({"timeout_minutes": 481}, "timeout_minutes of exa-inventory-refine-dev is 481"),
        ({"timeout_minutes": 0}, "timeout_minutes of exa-inventory-refine-dev is 0"),
        ({"timeout_minutes": 1.5}, "timeout_minutes of exa-inventory-refine-dev is 1.5"),
        ({"warehouse": "/tmp"}, 'warehouse of exa-inventory-refine-dev is "/tmp"'),
        ({"worker_type": "Standard"}, 'worker_type of exa-inventory-refine-dev is "Standard"'),
    ],
    "iam_glue_job": [
        ({"connection_names": ["*"]}, 'connection_names are ["*"]'),
        ({"external_keys": [{"arn": "*", "service": "s3"}]}, "external_keys are [{"),
        ({"external_keys": [{"arn": KEY, "service": "ec2"}]}, "expected ARNs of single KMS keys, through s3"),
        ({"external_reads": [{"bucket": "a*", "prefix": ""}]}, "external_reads are [{"),
        ({"external_reads": [{"bucket": "bucket", "prefix": "a/*"}]}, "external_reads are [{"),
        ({"secret_names": ["*"]}, 'secret_names are ["*"]'),
        ({"job_names": ["exa-*"]}, 'job_names are ["exa-*"]'),
        ({"kms_key_arn": "*"}, 'kms_key_arn is "*"'),
        ({"name": "x" * 65}, "(65 characters); expected at most 64"),
        ({"permissions_boundary_arn": "Admin"}, 'permissions_boundary_arn is "Admin"'),
        ({"read_prefixes": ["bucket/*"]}, 'read_prefixes are ["bucket/*"]'),
        ({"shared_tables": [{"prefix": "b/p/t", "table": "db/*"}]}, "shared_tables are [{"),
        ({"shared_tables": [{"prefix": "b/*", "table": "db/t"}]}, "shared_tables are [{"),
        ({"write_prefixes": []}, "write_prefixes is empty"),
        ({"write_prefixes": ["bucket"]}, 'write_prefixes are ["bucket"]'),
        ({"write_tables": ["db"]}, 'write_tables are ["db"]'),
    ],
    "iam_role": [
        ({"description": "x" * 1001}, "has 1001 characters"),
        ({"inline_policies": {"run": "{}"}}, 'inline_policies of exa-inventory-rates-sfn-dev are ["run"]'),
        (
            {"managed_policy_arns": {"a": "Admin"}},
            'managed_policy_arns of exa-inventory-rates-sfn-dev are ["Admin"]',
        ),
        ({"name": "x" * 65}, "(65 characters); expected at most 64"),
        ({"permissions_boundary_arn": "Admin"}, 'permissions_boundary_arn is "Admin"'),
        ({"service": "states"}, 'service of exa-inventory-rates-sfn-dev is "states"'),
        ({"source_arns": []}, "source_arns of exa-inventory-rates-sfn-dev are []"),
        ({"source_arns": ["*"]}, 'source_arns of exa-inventory-rates-sfn-dev are ["*"]'),
    ],
    "iam_table_optimizer": [
        ({"kms_key_arn": "alias/exa"}, 'kms_key_arn is "alias/exa"'),
        ({"name": "a role"}, 'name is "a role"'),
        ({"permissions_boundary_arn": "Admin"}, 'permissions_boundary_arn is "Admin"'),
        ({"table_prefixes": []}, "table_prefixes is empty"),
        ({"table_prefixes": ["bucket/*"]}, 'table_prefixes are ["bucket/*"]'),
        ({"tables": []}, "tables is empty"),
        ({"tables": ["db/*"]}, 'tables are ["db/*"]'),
    ],
    "project": [
        (
            {"env": "pre-prod"},
            'env is "pre-prod"; expected 2 to 8 lower-case letters and digits, starting with a letter.',
        )
    ],
    "s3_bucket": [
        ({"abort_incomplete_upload_days": 0}, "abort_incomplete_upload_days is 0"),
        ({"bucket_name": "F01-raw"}, 'bucket_name is "F01-raw"'),
        ({"bucket_name": "x" * 64}, "(64 characters)"),
        ({"expiration_days": {"temp": 1}}, 'expiration_days is {"temp":1}'),
        ({"force_destroy": True, "prevent_destroy": True}, "force_destroy is true"),
        ({"kms_key_arn": "alias/exa"}, 'kms_key_arn is "alias/exa"'),
        ({"logging_bucket_id": "exa-raw-123456789012-dev"}, "the bucket itself; expected another bucket"),
        ({"logging_prefix": "raw"}, 'logging_prefix is "raw"'),
        ({"noncurrent_version_expiration_days": 0}, "noncurrent_version_expiration_days is 0"),
        ({"noncurrent_version_expiration_days": 1.5}, "noncurrent_version_expiration_days is 1.5"),
        ({"perimeter_org_id": "123456789012"}, 'perimeter_org_id is "123456789012"'),
        (
            {"policy_statements": {"A": {"actions": [], "effect": "Maybe", "paths": [], "principals": []}}},
            'policy_statements has effects ["Maybe"]',
        ),
        (
            {"policy_statements": {"DenyOutdatedTLS": {"actions": [], "paths": [], "principals": []}}},
            "expected none of DataPerimeter, DenyForeignKeys, DenyInsecureTransport",
        ),
        ({"sse_algorithm": "none"}, 'sse_algorithm is "none"'),
    ],
    "stepfunction_pipeline": [
        ({"glue_job_names": ["a b"]}, 'glue_job_names of exa-inventory-daily-dev are ["a b"]'),
        ({"glue_job_names": ["a"] * 100}, "expected at most 99 names of Glue jobs"),
        ({"kms_key_arn": ""}, 'kms_key_arn of exa-inventory-daily-dev is ""'),
        ({"log_retention_days": 91}, "log_retention_days of exa-inventory-daily-dev is 91"),
        ({"max_attempts": 0}, "max_attempts of exa-inventory-daily-dev is 0"),
        ({"max_attempts": 1.5}, "max_attempts of exa-inventory-daily-dev is 1.5"),
        ({"max_attempts": 21}, "max_attempts of exa-inventory-daily-dev is 21"),
        ({"overlap": "queue"}, 'overlap of exa-inventory-daily-dev is "queue"; expected skip or wait'),
        ({"pipeline_name": "x" * 81}, "(81 characters); expected at most 80"),
        ({"settle_seconds": 0}, "settle_seconds of exa-inventory-daily-dev is 0"),
        ({"settle_seconds": 1.5}, "settle_seconds of exa-inventory-daily-dev is 1.5"),
        ({"settle_seconds": 3601}, "settle_seconds of exa-inventory-daily-dev is 3601"),
        ({"role_arn": "a-role"}, 'role_arn of exa-inventory-daily-dev is "a-role"'),
        ({"job_timeout_minutes": {"a": 0}}, 'job_timeout_minutes of exa-inventory-daily-dev are {"a":0}'),
        ({"job_timeout_minutes": {"a": 1.5}}, 'job_timeout_minutes of exa-inventory-daily-dev are {"a":1.5}'),
        (
            {"release": {"bucket": "artifacts", "package": "jobs/p/p.zip", "scripts": {}}},
            "release.scripts of exa-inventory-daily-dev are of []",
        ),
        ({"timeout_seconds": 0}, "timeout_seconds of exa-inventory-daily-dev is 0"),
        ({"timeout_seconds": 7200.5}, "timeout_seconds of exa-inventory-daily-dev is 7200.5"),
        ({"timeout_seconds": 31536001}, "timeout_seconds of exa-inventory-daily-dev is 31536001"),
    ],
}
CASES = {
    f"{module}-{position}": (module, changes, message)
    for module, refused in REFUSED.items()
    for position, (changes, message) in enumerate(refused)
}


# What lies on a bound each module must still take, and every one of the values that a list names.
TAKEN: dict[str, list[dict[str, Any]]] = {
    "glue_catalog_database": [{"description": "x" * 2048}],
    "glue_catalog_table": [{"columns": [{"name": "id", "type": "string"}], "description": "x" * 2048}],
    "glue_iceberg_table": [
        {
            "columns": [{"name": "id", "type": "string"}],
            "description": "x" * 2048,
            "orphan_file_retention_days": 3,
            "snapshot_retention_days": 1,
            "snapshots_to_retain": 1,
        }
    ],
    "glue_job": [
        {
            "description": "x" * 2048,
            "execution_class": "FLEX",
            "max_concurrent_runs": 1000,
            "max_retries": 10,
            "number_of_workers": 299,
            "security_configuration": "x",
            "timeout_minutes": 480,
        },
        {
            "execution_class": "STANDARD",
            "max_concurrent_runs": 1,
            "max_retries": 0,
            "number_of_workers": 2,
            "timeout_minutes": 1,
        },
        *({"job_bookmark_option": f"job-bookmark-{what}"} for what in ("disable", "enable", "pause")),
    ],
    "iam_glue_job": [
        {"permissions_boundary_arn": ""},
        {"write_prefixes": ["raw/inventory"]},
    ],
    "iam_role": [
        {"description": "x" * 1000, "permissions_boundary_arn": ""},
        {"source_arns": [f"arn:aws:states:{REGION}:123456789012:*"]},
    ],
    "iam_table_optimizer": [{"permissions_boundary_arn": ""}],
    "s3_bucket": [
        {
            "abort_incomplete_upload_days": 1,
            "expiration_days": {"a/": 1},
            "logging_prefix": "a/",
            "noncurrent_version_expiration_days": 1,
        },
        {"force_destroy": True},
        {"prevent_destroy": True},
        {"kms_key_arn": "", "sse_algorithm": "AES256"},
        {
            "policy_statements": {
                effect: {"actions": ["s3:GetObject"], "effect": effect, "paths": ["a"], "principals": ["*"]}
                for effect in ("Allow", "Deny")
            }
        },
    ],
    "stepfunction_pipeline": [
        {
            "glue_job_names": ["a"] * 99,
            "max_attempts": 20,
            "release": {"bucket": "artifacts", "package": "jobs/p/p.zip", "scripts": {"a": "jobs/p/a.py"}},
            "timeout_seconds": 31536000,
        },
        {"job_timeout_minutes": {"a": 1, "b": 10080}, "max_attempts": 1, "timeout_seconds": 1},
    ],
}


@pytest.fixture(scope="module")
def errors(terraform, infrastructure, inputs, tmp_path_factory):
    """errors(module, calls, command…) → what Terraform says of each call of the module, all in one root."""

    def errors(module: str, calls: Mapping[str, dict[str, Any]], *command: str) -> dict[str, list[str]]:
        root = tmp_path_factory.mktemp("calls")
        source = os.path.relpath(infrastructure / "modules" / module, root)
        content = {call: {"source": source, **inputs[module], **changes} for call, changes in calls.items()}
        (root / "main.tf.json").write_text(json.dumps({"module": content}))
        try:
            terraform(root).execute_command(*command)
        except tftest.TerraformTestError as error:
            said = diagnostics(error.args[0])
        else:
            return {}
        found: dict[str, list[str]] = {}
        for diagnostic in said:
            call = diagnostic["snippet"]["context"].removeprefix("module.")
            found.setdefault(call, []).append(diagnostic["detail"].split("\n")[0])
        return found

    return errors


@pytest.fixture(scope="module")
def details(errors):
    """details(module) → the errors of each of its cases.

    `validate` checks the conditions on one input and stops there; those that look at two, or that
    name the resource in their message, come with a plan.
    """

    @cache
    def details(module: str) -> dict[str, list[str]]:
        cases = {case: changes for case, (owner, changes, _) in CASES.items() if owner == module}
        found = errors(module, cases, "validate", "-json")
        late = {case: changes for case, changes in cases.items() if case not in found}
        return {**found, **(errors(module, late, "plan", "-json", "-lock=false") if late else {})}

    return details


def diagnostics(text: str) -> list[dict[str, Any]]:
    """Of `validate -json`, one document, or of `plan -json`, one event a line."""
    events = [json.loads(line) for line in text.splitlines() if line.startswith('{"@level"')]
    if events:
        return [event["diagnostic"] for event in events if "diagnostic" in event]
    document, _ = json.JSONDecoder().raw_decode(text[text.index("{") :])
    return document["diagnostics"]


@pytest.mark.parametrize("case", CASES)
def test_a_bad_input_is_named(case, details):
    module, _, message = CASES[case]
    (detail,) = details(module)[case]
    assert message in detail


@pytest.mark.parametrize("module", TAKEN)
def test_what_lies_on_a_bound_is_taken(module, errors):
    calls = {f"{module}-{position}": changes for position, changes in enumerate(TAKEN[module])}
    assert errors(module, calls, "plan", "-json", "-lock=false") == {}


def test_every_validated_variable_has_a_case(infrastructure):
    tried = {(module, field) for module, changes, _ in CASES.values() for field in changes}
    validated = {
        (file.parent.name, name)
        for file in (infrastructure / "modules").glob("*/variables.tf")
        for name, body in re.findall(r'^variable "(\w+)" \{\n(.*?)^\}', file.read_text(), re.M | re.S)
        if "validation {" in body
    }
    assert validated
    assert validated - tried == set()
