"""Glue: jobs on the supported runtime, encrypted and watched; Iceberg tables that are looked after."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from meshtest.controls import Seen, control
from meshtest.plan import Plan, Resource

_OLDEST = (5, 1)
_OPTIMIZERS = ["compaction", "orphan_file_deletion", "retention"]
_ARGUMENTS = {
    "--enable-continuous-cloudwatch-log": "true",
    "--enable-metrics": "true",
    "--enable-observability-metrics": "true",
}
_S3A_REGION = re.compile(r"spark\.hadoop\.fs\.s3a\.endpoint\.region=[a-z]{2}(-[a-z]+)+-\d")
_ENCRYPTION = "encryption_configuration.0"
_PLACE = "physical_connection_requirements.0"
_CATALOG = "spark.sql.catalog.glue_catalog"
_EXTENSIONS = "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions"


# ─── Jobs ───


@control("glue-version", "Every job runs on Glue 5.1 or newer with Python 3", "medium", security_hub="Glue.4")
def version(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/glue/latest/dg/release-notes.html."""
    for job in plan.resources("aws_glue_job"):
        found = str(job.get("glue_version"))
        numbers = tuple(map(int, found.split("."))) if re.fullmatch(r"\d+\.\d+", found) else ()
        command = (job.get("command.0.name"), job.get("command.0.python_version"))
        yield Seen(job, "5.1 or newer" if numbers >= _OLDEST else found, "5.1 or newer")
        yield Seen(job, command, ("glueetl", "3"))


@control(
    "glue-job-security-configuration",
    "Every job has a security configuration, so that all that it writes is encrypted",
    "high",
    improvement="P1-03",
    checkov="CKV_AWS_195",
)
def job_security_configuration(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/glue/latest/dg/encryption-security-configuration.html."""
    for job in plan.resources("aws_glue_job"):
        yield Seen(job, bool(job.get("security_configuration")), True)


@control(
    "glue-security-configuration",
    "A security configuration encrypts S3, CloudWatch and job bookmarks with a key",
    "high",
    improvement="P1-03",
    checkov="CKV_AWS_99",
)
def security_configuration(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/glue/latest/dg/encryption-security-configuration.html."""
    for each in plan.resources("aws_glue_security_configuration"):
        blocks = each.get(_ENCRYPTION)
        modes = (
            blocks["s3_encryption"][0].get("s3_encryption_mode"),
            blocks["cloudwatch_encryption"][0].get("cloudwatch_encryption_mode"),
            blocks["job_bookmarks_encryption"][0].get("job_bookmarks_encryption_mode"),
        )
        yield Seen(each, modes, ("SSE-KMS", "SSE-KMS", "CSE-KMS"))
        yield Seen(each, [kind for kind in blocks if not each.has(f"{_ENCRYPTION}.{kind}.0.kms_key_arn")], [])


@control("glue-arguments", "Every job logs, measures, finds the Iceberg catalog and needs no other", "medium")
def arguments(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html."""
    for job in plan.resources("aws_glue_job"):
        given = job.get("default_arguments") or {}
        yield Seen(job, {name: given.get(name) for name in _ARGUMENTS}, _ARGUMENTS)
        # Hive as the session's catalog would ask for database/default, which the roles do not have.
        yield Seen(job, given.get("--enable-glue-datacatalog"), None)
        if "iceberg" in (given.get("--datalake-formats") or ""):
            conf = _conf(given)
            names = [
                f"spark.sql.extensions={_EXTENSIONS}",
                f"{_CATALOG}=org.apache.iceberg.spark.SparkCatalog",
                f"{_CATALOG}.catalog-impl=org.apache.iceberg.aws.glue.GlueCatalog",
                f"{_CATALOG}.io-impl=org.apache.iceberg.aws.s3.S3FileIO",
            ]
            yield Seen(job, [name for name in names if name not in conf], [])


def _conf(arguments: Mapping[str, Any]) -> list[str]:
    """Return the Spark settings of a job, each as name=value."""
    return (arguments.get("--conf") or "").replace("--conf ", "").split()


@control("glue-s3a-region", "Every job tells S3A its Region", "high")
def s3a_region(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/glue/latest/dg/migrating-version-51.html."""
    for job in plan.resources("aws_glue_job"):
        found = [each for each in _conf(job.get("default_arguments") or {}) if _S3A_REGION.fullmatch(each)]
        yield Seen(job, f"{len(found)} Regions for S3A", "1 Regions for S3A")


@control("glue-limits", "Every job has a time limit of at most eight hours", "medium")
def limits(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/glue/latest/dg/add-job.html."""
    for job in plan.resources("aws_glue_job"):
        minutes = job.get("timeout") or 0
        yield Seen(job, "limited" if 0 < minutes <= 480 else f"{minutes} minutes", "limited")


@control(
    "glue-in-the-vpc",
    "Every job runs in the domain's network, in a subnet and behind a security group",
    "high",
    improvement="P1-05",
)
def in_the_vpc(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/glue/latest/dg/setup-vpc-for-glue-access.html."""
    for job in plan.resources("aws_glue_job"):
        yield Seen(job, bool(job.get("connections")), True)
    for connection in plan.resources("aws_glue_connection"):
        place = [connection.has(f"{_PLACE}.{each}") for each in ("subnet_id", "security_group_id_list")]
        yield Seen(connection, place, [True, True])


# ─── Tables ───


@control("glue-table-location", "An Iceberg table's location does not end in a slash", "medium")
def table_location(plan: Plan) -> Iterator[Seen]:
    """https://github.com/apache/iceberg/issues/4582."""
    for table in plan.resources("aws_glue_catalog_table"):
        if table.get("open_table_format_input"):
            location = str(table.get("storage_descriptor.0.location"))
            yield Seen(table, location, location.rstrip("/"))


@control(
    "glue-table-permissions",
    "Every database says what Lake Formation lets whom do with its new tables",
    "medium",
)
def table_permissions(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/lake-formation/latest/dg/change-settings.html."""
    for database in plan.resources("aws_glue_catalog_database"):
        known = database.is_known("create_table_default_permission")
        yield Seen(database, bool(known and database.get("create_table_default_permission")), True)


@control(
    "glue-table-optimizers",
    "Every Iceberg table is rid of old snapshots and of orphan files, and has a setting of its compaction",
    "medium",
)
def optimizers(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/glue/latest/dg/table-optimizers.html."""
    for table in plan.resources("aws_glue_catalog_table"):
        if table.get("open_table_format_input"):
            own = [each for each in plan.resources("aws_glue_catalog_table_optimizer") if _is_of(each, table)]
            yield Seen(table, sorted(each.get("type") for each in own), _OPTIMIZERS)
            for each in own:
                # Compaction may be off: a table that is written once gains nothing by it.
                runs = each.get("type") == "compaction" or each.get("configuration.0.enabled")
                yield Seen(each, (runs, bool(each.get("configuration.0.role_arn"))), (True, True))


def _is_of(optimizer: Resource, table: Resource) -> bool:
    named = (optimizer.get("database_name"), optimizer.get("table_name"))
    return named == (table.get("database_name"), table.get("name"))
