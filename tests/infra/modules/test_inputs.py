"""Every module refuses what cannot work, in one line that names the field, its value and what is expected."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import pytest
import tftest

# What each module must refuse: one changed input, and what the message has to say.
REFUSED: dict[str, list[tuple[dict[str, Any], str]]] = {
    "glue_catalog_database": [
        ({"description": "x" * 2049}, "description has 2049 characters"),
        ({"location_uri": "f01-raw"}, 'location_uri is "f01-raw"'),
        ({"name": "f01-raw-dev"}, 'name is "f01-raw-dev" (11 characters)'),
    ],
    "glue_catalog_table": [
        ({"columns": []}, "columns of records are []"),
        ({"columns": [{"name": "Id", "type": "string"}]}, 'columns of records are ["Id"]'),
        ({"database_name": "f01-raw"}, 'database_name is "f01-raw"'),
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
        ({"columns": [{"name": "a", "type": "int"}] * 2}, 'columns of records are ["a","a"]'),
        ({"columns": [{"name": "A", "type": "int"}]}, 'columns of records are ["A"]'),
        ({"database_name": "f01-refined"}, 'database_name is "f01-refined"'),
        ({"description": "x" * 2049}, "description of records has 2049 characters"),
        ({"location": "s3://bucket"}, 'location of records is "s3://bucket"'),
        ({"name": "1st"}, 'name is "1st"'),
        ({"optimizer_role_arn": "a-role"}, 'optimizer_role_arn of records is "a-role"'),
        ({"orphan_file_retention_days": 2}, "orphan_file_retention_days of records is 2"),
        ({"snapshot_retention_days": 0}, "snapshot_retention_days of records is 0"),
        ({"snapshots_to_retain": 0.5}, "snapshots_to_retain of records is 0.5"),
    ],
    "glue_job": [
        ({"arguments": {"env": "dev"}}, 'arguments of f01-project01-refine-dev are ["env"]'),
        ({"arguments": {"--conf": "a=b"}}, "expected none that this module sets"),
        ({"description": "x" * 2049}, "description of f01-project01-refine-dev has 2049 characters"),
        ({"execution_class": "SPOT"}, 'execution_class of f01-project01-refine-dev is "SPOT"'),
        ({"extra_py_files": ["core.whl"]}, 'extra_py_files of f01-project01-refine-dev are ["core.whl"]'),
        ({"glue_version": "4.0"}, 'glue_version of f01-project01-refine-dev is "4.0"'),
        ({"job_bookmark_option": "on"}, 'job_bookmark_option of f01-project01-refine-dev is "on"'),
        ({"max_concurrent_runs": 0}, "max_concurrent_runs of f01-project01-refine-dev is 0"),
        ({"max_retries": 11}, "max_retries of f01-project01-refine-dev is 11"),
        ({"name": "x" * 300}, "(300 characters); expected at most 255"),
        ({"number_of_workers": 1}, "number_of_workers of f01-project01-refine-dev is 1"),
        ({"role_arn": "a-role"}, 'role_arn of f01-project01-refine-dev is "a-role"'),
        ({"script_location": "refine.py"}, 'script_location of f01-project01-refine-dev is "refine.py"'),
        ({"security_configuration": ""}, "security_configuration of f01-project01-refine-dev is empty"),
        ({"temp_dir": "s3://bucket"}, 'temp_dir of f01-project01-refine-dev is "s3://bucket"'),
        ({"timeout_minutes": 10081}, "timeout_minutes of f01-project01-refine-dev is 10081"),
        ({"warehouse": "/tmp"}, 'warehouse of f01-project01-refine-dev is "/tmp"'),
        ({"worker_type": "Standard"}, 'worker_type of f01-project01-refine-dev is "Standard"'),
    ],
    "iam_glue_job": [
        ({"connection_names": ["*"]}, 'connection_names are ["*"]'),
        ({"job_names": ["f01-*"]}, 'job_names are ["f01-*"]'),
        ({"kms_key_arn": "*"}, 'kms_key_arn is "*"'),
        ({"name": "x" * 65}, "(65 characters); expected at most 64"),
        ({"read_prefixes": ["bucket/*"]}, 'read_prefixes are ["bucket/*"]'),
        ({"read_tables": ["db/*"]}, 'read_tables are ["db/*"]'),
        ({"write_prefixes": []}, "write_prefixes is empty"),
        ({"write_prefixes": ["bucket"]}, 'write_prefixes are ["bucket"]'),
        ({"write_tables": ["db"]}, 'write_tables are ["db"]'),
    ],
    "iam_role": [
        ({"description": "x" * 1001}, "has 1001 characters"),
        ({"inline_policies": {"run": "{}"}}, 'inline_policies of f01-project01-rates-sfn-dev are ["run"]'),
        (
            {"managed_policy_arns": {"a": "Admin"}},
            'managed_policy_arns of f01-project01-rates-sfn-dev are ["Admin"]',
        ),
        ({"name": "x" * 65}, "(65 characters); expected at most 64"),
        ({"service": "states"}, 'service of f01-project01-rates-sfn-dev is "states"'),
        ({"source_arns": []}, "source_arns of f01-project01-rates-sfn-dev are []"),
        ({"source_arns": ["*"]}, 'source_arns of f01-project01-rates-sfn-dev are ["*"]'),
    ],
    "iam_table_optimizer": [
        ({"kms_key_arn": "alias/f01"}, 'kms_key_arn is "alias/f01"'),
        ({"name": "a role"}, 'name is "a role"'),
        ({"table_prefixes": []}, "table_prefixes is empty"),
        ({"table_prefixes": ["bucket/*"]}, 'table_prefixes are ["bucket/*"]'),
        ({"tables": []}, "tables is empty"),
        ({"tables": ["db/*"]}, 'tables are ["db/*"]'),
    ],
    "s3_bucket": [
        ({"abort_incomplete_upload_days": 0}, "abort_incomplete_upload_days is 0"),
        ({"bucket_name": "F01-raw"}, 'bucket_name is "F01-raw"'),
        ({"bucket_name": "x" * 64}, "(64 characters)"),
        ({"expiration_days": {"temp": 1}}, 'expiration_days is {"temp":1}'),
        ({"force_destroy": True, "prevent_destroy": True}, "force_destroy is true"),
        ({"kms_key_arn": "alias/f01"}, 'kms_key_arn is "alias/f01"'),
        ({"logging_bucket_id": "f01-raw-123456789012-dev"}, "the bucket itself; expected another bucket"),
        ({"logging_prefix": "raw"}, 'logging_prefix is "raw"'),
        ({"noncurrent_version_expiration_days": 0}, "noncurrent_version_expiration_days is 0"),
        (
            {"policy_statements": {"A": {"actions": [], "effect": "Maybe", "paths": [], "principals": []}}},
            'policy_statements has effects ["Maybe"]',
        ),
        (
            {"policy_statements": {"DenyOutdatedTLS": {"actions": [], "paths": [], "principals": []}}},
            "expected none of DenyInsecureTransport and DenyOutdatedTLS",
        ),
        ({"sse_algorithm": "none"}, 'sse_algorithm is "none"'),
    ],
    "stepfunction_pipeline": [
        ({"glue_job_names": ["a b"]}, 'glue_job_names of f01-project01-daily-dev are ["a b"]'),
        ({"kms_key_arn": ""}, 'kms_key_arn of f01-project01-daily-dev is ""'),
        ({"log_retention_days": 91}, "log_retention_days of f01-project01-daily-dev is 91"),
        ({"max_attempts": 0}, "max_attempts of f01-project01-daily-dev is 0"),
        ({"pipeline_name": "x" * 81}, "(81 characters); expected at most 80"),
        ({"role_arn": "a-role"}, 'role_arn of f01-project01-daily-dev is "a-role"'),
        ({"timeout_seconds": 60}, "timeout_seconds of f01-project01-daily-dev is 60"),
        ({"task_timeout_seconds": 0}, "task_timeout_seconds of f01-project01-daily-dev is 0"),
    ],
}
CASES = {
    f"{module}-{position}": (module, changes, message)
    for module, refused in REFUSED.items()
    for position, (changes, message) in enumerate(refused)
}


@pytest.fixture(scope="module")
def details(terraform, infrastructure, inputs, tmp_path_factory):
    """The errors of each case. One root calls every module with every bad input.

    `validate` checks the conditions on one input and stops there; those that look at two, or that
    name the resource in their message, come with a plan.
    """

    def errors(calls: Iterable[str], *command: str) -> dict[str, list[str]]:
        root = tmp_path_factory.mktemp("calls")
        modules = {call: CASES[call][:2] for call in calls}
        content = {
            call: {"source": str(infrastructure / "modules" / module), **inputs[module], **changes}
            for call, (module, changes) in modules.items()
        }
        (root / "main.tf.json").write_text(json.dumps({"module": content}))
        with pytest.raises(tftest.TerraformTestError) as caught:
            terraform(root).execute_command(*command)
        found: dict[str, list[str]] = {}
        for diagnostic in diagnostics(caught.value.args[0]):
            call = diagnostic["snippet"]["context"].removeprefix("module.")
            found.setdefault(call, []).append(diagnostic["detail"].split("\n")[0])
        return found

    found = errors(CASES, "validate", "-json")
    return {**found, **errors(CASES.keys() - found.keys(), "plan", "-json", "-lock=false")}


def diagnostics(text: str) -> list[dict[str, Any]]:
    """Of `validate -json`, one document, or of `plan -json`, one event a line."""
    events = [json.loads(line) for line in text.splitlines() if line.startswith('{"@level"')]
    if events:
        return [event["diagnostic"] for event in events if "diagnostic" in event]
    document, _ = json.JSONDecoder().raw_decode(text[text.index("{") :])
    return document["diagnostics"]


@pytest.mark.parametrize("case", CASES)
def test_a_bad_input_is_named(case, details):
    (detail,) = details[case]
    assert CASES[case][2] in detail


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
