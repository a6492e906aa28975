"""Glue: jobs on the supported runtime, encrypted and watched; Iceberg tables that are looked after."""

from __future__ import annotations

import re
from collections.abc import Iterator

from meshtest.check.controls import Seen, control
from meshtest.check.plan import Resource, Unknown

_OLDEST = (5, 1)
_OPTIMIZERS = ["compaction", "orphan_file_deletion", "retention"]
_ARGUMENTS = {
    "--enable-continuous-cloudwatch-log": "true",
    "--enable-metrics": "true",
    "--enable-observability-metrics": "true",
}
_JOBS = ("aws_glue_job",)
_S3A_REGION = re.compile(r"spark\.hadoop\.fs\.s3a\.endpoint\.region=[a-z]{2}(-[a-z]+)+-\d")
_ENCRYPTION = "encryption_configuration.0"
_MODES = {
    "s3_encryption.0.s3_encryption_mode": "SSE-KMS",
    "cloudwatch_encryption.0.cloudwatch_encryption_mode": "SSE-KMS",
    "job_bookmarks_encryption.0.job_bookmarks_encryption_mode": "CSE-KMS",
}
_PLACE = "physical_connection_requirements.0"
_CATALOG = "spark.sql.catalog.glue_catalog"
_EXTENSIONS = "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions"


# ─── Jobs ───


@control(
    "glue-version",
    "Every job runs on Glue 5.1 or newer with Python 3",
    "medium",
    of=_JOBS,
    security_hub="Glue.4",
)
def version(job: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/glue/latest/dg/release-notes.html."""
    found = str(job.get("glue_version"))
    numbers = tuple(map(int, found.split("."))) if re.fullmatch(r"\d+\.\d+", found) else ()
    command = (job.get("command.0.name"), job.get("command.0.python_version"))
    yield Seen(
        job, "5.1 or newer" if numbers >= _OLDEST else found, "5.1 or newer", "set glue_version to 5.1"
    )
    yield Seen(
        job, command, ("glueetl", "3"), "set the command's name to glueetl and its python_version to 3"
    )


@control(
    "glue-job-security-configuration",
    "Every job has a security configuration, so that all that it writes is encrypted",
    "high",
    of=_JOBS,
    improvement="P1-03",
    checkov="CKV_AWS_195",
)
def job_security_configuration(job: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/glue/latest/dg/encryption-security-configuration.html."""
    yield Seen(job, job.has("security_configuration"), True, "set security_configuration")


@control(
    "glue-security-configuration",
    "A security configuration encrypts S3, CloudWatch and job bookmarks with a key",
    "high",
    of=("aws_glue_security_configuration",),
    improvement="P1-03",
    checkov="CKV_AWS_99",
)
def security_configuration(configuration: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/glue/latest/dg/encryption-security-configuration.html."""
    for mode, expected in _MODES.items():
        found = configuration.get(f"{_ENCRYPTION}.{mode}")
        yield Seen(configuration, found, expected, f"set {mode.rpartition('.')[2]} to {expected}")
    keys = {
        mode.partition(".")[0]: f"{_ENCRYPTION}.{mode.partition('.')[0]}.0.kms_key_arn" for mode in _MODES
    }
    bare = [kind for kind, path in keys.items() if not configuration.has(path)]
    yield Seen(configuration, bare, [], f"name a key in kms_key_arn of {', '.join(bare)}")


@control(
    "glue-arguments",
    "Every job logs, measures, finds the Iceberg catalog and asks for no other",
    "medium",
    of=_JOBS,
)
def arguments(job: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html."""
    given = {name: job.get(f"default_arguments.{name}") for name in _ARGUMENTS}
    missing = [f"{name} {value}" for name, value in _ARGUMENTS.items() if given[name] != value]
    yield Seen(job, given, _ARGUMENTS, f"set the default arguments {', '.join(missing)}")
    # Hive as the session's catalog asks for database/default, which the domain's roles do not have.
    hive = job.get("default_arguments.--enable-glue-datacatalog")
    yield Seen(job, hive, None, "remove the default argument --enable-glue-datacatalog")
    if "iceberg" in str(job.get("default_arguments.--datalake-formats") or ""):
        conf = _conf(job)
        names = [
            f"spark.sql.extensions={_EXTENSIONS}",
            f"{_CATALOG}=org.apache.iceberg.spark.SparkCatalog",
            f"{_CATALOG}.catalog-impl=org.apache.iceberg.aws.glue.GlueCatalog",
            f"{_CATALOG}.io-impl=org.apache.iceberg.aws.s3.S3FileIO",
        ]
        absent = [name for name in names if name not in conf]
        yield Seen(job, absent, [], f"set in --conf: {', '.join(absent)}")


def _conf(job: Resource) -> list[str]:
    """Return the Spark settings of a job, each as name=value."""
    return str(job.get("default_arguments.--conf") or "").replace("--conf ", "").split()


@control("glue-s3a-region", "Every job tells S3A its Region", "high", of=_JOBS)
def s3a_region(job: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/glue/latest/dg/migrating-version-51.html."""
    found = [each for each in _conf(job) if _S3A_REGION.fullmatch(each)]
    yield Seen(job, len(found), 1, "set spark.hadoop.fs.s3a.endpoint.region in --conf to the job's Region")


@control("glue-limits", "Every job has a time limit of at most eight hours", "medium", of=_JOBS)
def limits(job: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/glue/latest/dg/add-job.html."""
    minutes = job.get("timeout") or 0
    found = "limited" if 0 < minutes <= 480 else f"{minutes} minutes"
    yield Seen(job, found, "limited", "set timeout to 480 minutes or less")


@control(
    "glue-in-the-vpc",
    "Every job runs in the domain's network, in a subnet and behind a security group",
    "high",
    of=("aws_glue_connection", *_JOBS),
    improvement="P1-05",
)
def in_the_vpc(resource: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/glue/latest/dg/setup-vpc-for-glue-access.html."""
    if resource.type == "aws_glue_job":
        yield Seen(
            resource, resource.has("connections"), True, "name a connection to the network in connections"
        )
    else:
        names = ("subnet_id", "security_group_id_list")
        bare = [each for each in names if not resource.has(f"{_PLACE}.{each}")]
        yield Seen(resource, bare, [], f"set {' and '.join(bare)} in physical_connection_requirements")


# ─── Tables ───


@control(
    "glue-table-location",
    "An Iceberg table's location does not end in a slash",
    "medium",
    of=("aws_glue_catalog_table",),
)
def table_location(table: Resource) -> Iterator[Seen]:
    """https://github.com/apache/iceberg/issues/4582."""
    if table.blocks("open_table_format_input"):
        location = str(table.get("storage_descriptor.0.location"))
        yield Seen(table, location, location.rstrip("/"), "end location without a slash")


@control(
    "glue-table-permissions",
    "Every database says what Lake Formation lets whom do with its new tables",
    "medium",
    of=("aws_glue_catalog_database",),
)
def table_permissions(database: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/lake-formation/latest/dg/change-settings.html."""
    argument = "create_table_default_permission"
    # Not set it is known after the apply: what the account's settings say.
    found = database.is_known(argument) and bool(database.get(argument))
    yield Seen(database, found, True, f"set {argument}")


@control(
    "glue-table-optimizers",
    "Every Iceberg table is rid of old snapshots and of orphan files, and has a setting of its compaction",
    "medium",
    of=("aws_glue_catalog_table",),
)
def optimizers(table: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/glue/latest/dg/table-optimizers.html."""
    if not table.blocks("open_table_format_input"):
        return
    own = _optimizers(table)
    kinds = sorted(str(each.get("type")) for each in own)
    missing = [each for each in _OPTIMIZERS if each not in kinds]
    yield Seen(table, kinds, _OPTIMIZERS, f"add aws_glue_catalog_table_optimizer of {', '.join(missing)}")
    for each in own:
        # Compaction may be off: a table that is written once gains nothing by it.
        runs = each.get("type") == "compaction" or bool(each.get("configuration.0.enabled"))
        yield Seen(each, runs, True, "set enabled to true")
        yield Seen(each, each.has("configuration.0.role_arn"), True, "set role_arn")


def _optimizers(table: Resource) -> list[Resource]:
    answers = [
        (each, _is_of(each, table)) for each in table.plan.resources("aws_glue_catalog_table_optimizer")
    ]
    found = [each for each, answer in answers if answer]
    possible = [each.address for each, answer in answers if answer is None]
    if possible and not found:
        raise Unknown(
            table.address, f"table_name of {possible[0]} may name it: that cannot be told from the plan"
        )
    return found


def _is_of(optimizer: Resource, table: Resource) -> bool | None:
    by_table = optimizer.leads_to("table_name", table, "name")
    if by_table is not True or not (optimizer.is_known("database_name") and table.is_known("database_name")):
        return by_table
    return bool(optimizer.get("database_name") == table.get("database_name"))
