"""What moto 5.2.5 lacks for a lakehouse, one file a gap, each with an ``install() -> None``.

A gap patches moto's classes, in the emulator's process only. It is installed when the first request
for its service arrives: importing all of moto up front would cost more than the start-up may take.
"""

from __future__ import annotations

import functools
import importlib

GAPS: dict[str, tuple[str, ...]] = {
    "ec2": ("ec2_security_group_rules",),
    "events": ("events_delivery",),
    "glue": (
        "glue_bookmarks",
        "glue_connections",
        "glue_iceberg_tables",
        "glue_job_runs",
        "glue_jobs",
        "glue_table_commits",
        "glue_table_optimizers",
        "glue_catalog",  # last: what it writes in lower case all others get so
    ),
    "iam": ("iam_quotas",),
    "kms": ("kms_key_rotation",),
    "s3": (
        "s3_form_uploads",  # first: its check comes after those of the others
        "s3_encryption_headers",  # before s3_bucket_policies, which answers its refusals
        "s3_access_logs",
        "s3_aws_chunked",
        "s3_bucket_policies",
        "s3_default_encryption",
        "s3_events",
        "s3_integrity",
        "s3_lifecycle_rules",
        "s3_public_access",
        "s3_raw_bodies",
        "s3_suspended_versioning",
    ),
    "scheduler": ("scheduler_clock",),
    "sts": ("sts_trust_policies",),
    "stepfunctions": (
        "stepfunctions_execution",
        "stepfunctions_definitions",
        "stepfunctions_tasks",
        "stepfunctions_context",
        "stepfunctions_paths",
        "stepfunctions_intrinsics",
        "stepfunctions_nested",
        "stepfunctions_jsonata",
        "stepfunctions_events",  # after stepfunctions_execution, whose starts and ends it tells
    ),
}


@functools.cache
def install(service: str) -> None:
    """Close the gaps of one moto service, once (moto's own name for it: "s3", "stepfunctions" …)."""
    for gap in GAPS.get(service, ()):
        importlib.import_module(f"{__name__}.{gap}").install()
