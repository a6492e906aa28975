"""A job's arguments, declared as a dataclass and resolved with Glue's own ``getResolvedOptions``.

Each field is one argument of the same name. A field without a default is required. The type is one of
``str``, ``int``, ``bool`` (true, false), ``datetime.date`` (YYYY-MM-DD) or ``Literal[...]`` (choices).

Source: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-get-resolved-options.html
"""

from __future__ import annotations

import dataclasses
import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from core.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Sequence

# Glue writes its own two in capitals.
_GLUE_NAMES = {"job_name": "JOB_NAME", "job_run_id": "JOB_RUN_ID"}


def today_utc() -> datetime.date:
    """Return the current day in UTC, the default day of ingestion."""
    return datetime.datetime.now(datetime.UTC).date()


@dataclasses.dataclass(frozen=True, kw_only=True)
class LakeArguments:
    """What Terraform gives every job of a domain: the buckets and databases of the three layers."""

    job_name: str
    job_run_id: str = "local"
    env: str
    project: str
    raw_bucket: str
    refined_bucket: str
    curated_bucket: str
    raw_database: str
    refined_database: str
    curated_database: str
    ingestion_date: datetime.date = dataclasses.field(default_factory=today_utc)
    full_rebuild: bool = False

    @property
    def landing(self) -> str:
        """The URI of the folder where the project's input files are dropped."""
        return f"s3://{self.raw_bucket}/landing/{self.project}"

    def refined(self, table: str) -> str:
        """Return the name by which Spark knows a table of the refined layer."""
        return self.table("refined", table)

    def curated(self, table: str) -> str:
        """Return the name by which Spark knows a table of the curated layer."""
        return self.table("curated", table)

    def table(self, layer: str, table: str) -> str:
        """Return the name by which Spark knows an Iceberg table."""
        databases = {"refined": self.refined_database, "curated": self.curated_database}
        return f"glue_catalog.{databases[layer]}.{table}"


Arguments = TypeVar("Arguments", bound=LakeArguments)


def resolve(argv: Sequence[str], declared: type[Arguments]) -> Arguments:
    """Read the declared arguments from a command line; others (Glue's own) are left alone.

    Args:
        argv: as ``sys.argv``, the script's name first.
        declared: the dataclass that declares them.

    Raises:
        ArgumentError: an argument is missing, has no value, or its value is not of the declared type.

    """
    fields = {_GLUE_NAMES.get(field.name, field.name): field for field in dataclasses.fields(declared)}
    given = {word.partition("=")[0].removeprefix("--") for word in argv[1:] if word.startswith("--")}
    missing = [name for name, field in fields.items() if name not in given and _required(field)]
    if missing:
        raise ArgumentError(f"missing job argument: {', '.join(f'--{name}' for name in missing)}")
    values = _resolved(argv, [name for name in fields if name in given])
    types = get_type_hints(declared)
    typed: dict[str, Any] = {
        fields[name].name: _typed(name, value, types[fields[name].name]) for name, value in values.items()
    }
    return declared(**typed)


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _resolved(argv: Sequence[str], names: list[str]) -> dict[str, str]:
    # Imported here: only a job needs awsglue, which is not on every machine that imports core.
    from awsglue.utils import GlueArgumentError, getResolvedOptions

    # JOB_RUN_ID is declared by getResolvedOptions itself; naming it again would be a conflict.
    named = [name for name in names if name != "JOB_RUN_ID"]
    try:
        options = getResolvedOptions(list(argv), named)
    except GlueArgumentError as error:
        raise ArgumentError(f"job arguments: {error}") from None
    return {name: str(options[name]) for name in names}


def _typed(name: str, value: str, declared: Any) -> object:
    """Turn an argument's text into its declared type."""
    if get_origin(declared) is Literal:
        if value not in get_args(declared):
            raise ArgumentError(f"--{name} {value!r}: expected one of {', '.join(get_args(declared))}")
        return value
    if not value:
        raise ArgumentError(f"--{name}: expected a value, it is empty")
    if declared is bool:
        if value.lower() not in ("true", "false"):
            raise ArgumentError(f"--{name} {value!r}: expected true or false")
        return value.lower() == "true"
    try:
        return datetime.date.fromisoformat(value) if declared is datetime.date else declared(value)
    except ValueError:
        expected = "a date (YYYY-MM-DD)" if declared is datetime.date else f"a value of {declared.__name__}"
        raise ArgumentError(f"--{name} {value!r}: expected {expected}") from None
