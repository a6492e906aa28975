"""Names, partitions and limits of the Data Catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from buckets import code_of

from meshtest.terraform import workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshtest.emulator import Endpoint


@pytest.fixture
def glue(endpoint: Endpoint) -> Any:
    return endpoint.client("glue")


@pytest.fixture
def table(glue: Any, name: str) -> dict[str, str]:
    """A table of two partition keys with twenty partitions."""
    return partitioned(glue, name)


def partitioned(glue: Any, name: str) -> dict[str, str]:
    glue.create_database(DatabaseInput={"Name": name})
    keys = [{"Name": "year", "Type": "int"}, {"Name": "land", "Type": "string"}]
    glue.create_table(DatabaseName=name, TableInput={"Name": "t", "PartitionKeys": keys})
    place = {"DatabaseName": name, "TableName": "t"}
    for year in range(10):
        for land in ("de", "fr"):
            glue.create_partition(**place, PartitionInput={"Values": [str(year), land]})
    return place


def values(answer: Any) -> list[list[str]]:
    return sorted(partition["Values"] for partition in answer["Partitions"])


def test_segments_are_all_partitions_once(aws: Callable[[str], Any], name: str) -> None:
    glue = aws("glue")
    place = partitioned(glue, name)
    segments = [
        values(glue.get_partitions(**place, Segment={"SegmentNumber": number, "TotalSegments": 3}))
        for number in range(3)
    ]
    assert sorted(partition for segment in segments for partition in segment) == values(
        glue.get_partitions(**place)
    )
    assert all(segments)


def test_a_segment_that_is_none_is_refused(glue: Any, table: dict[str, str]) -> None:
    for number, total in ((3, 3), (0, 11)):
        segment = {"SegmentNumber": number, "TotalSegments": total}
        refused = code_of(lambda segment=segment: glue.get_partitions(**table, Segment=segment))  # type: ignore[misc]
        assert refused in {"InvalidInputException", "ValidationException"}


@pytest.mark.parametrize(
    ("expression", "count"),
    [
        ("year != 3", 18),
        ("NOT year = 3", 18),
        ("not (year = 3 and land = 'de')", 19),
        ("land != 'de' AND year < 2", 2),
        ("year <> 3", 18),
        ("year in (1, 2) or land = 'de'", 12),
    ],
)
def test_expressions_negate(glue: Any, table: dict[str, str], expression: str, count: int) -> None:
    assert len(values(glue.get_partitions(**table, Expression=expression))) == count


@pytest.mark.parametrize("given", [["2026"], [], ["2026", "de", "x"]])
def test_a_partition_has_a_value_for_each_key(glue: Any, table: dict[str, str], given: list[str]) -> None:
    refused = code_of(lambda: glue.create_partition(**table, PartitionInput={"Values": given}))
    assert refused == "InvalidInputException"


def test_names_are_kept_in_lower_case(aws: Callable[[str], Any], name: str) -> None:
    glue = aws("glue")
    glue.create_database(DatabaseInput={"Name": name.upper()})
    glue.create_table(DatabaseName=name, TableInput={"Name": "Orders"})
    assert glue.get_database(Name=name)["Database"]["Name"] == name
    assert glue.get_table(DatabaseName=name.upper(), Name="ORDERS")["Table"]["Name"] == "orders"
    glue.delete_table(DatabaseName=name, Name="oRders")
    assert glue.get_tables(DatabaseName=name)["TableList"] == []


def test_tables_are_searched(glue: Any, name: str) -> None:
    partitioned(glue, name)
    glue.create_table(DatabaseName=name, TableInput={"Name": f"orders_{name}"})
    found = glue.search_tables(SearchText=name)["TableList"]
    assert [table["Name"] for table in found] == [f"orders_{name}"]


# ─── Limits ───

COMMAND = {"Name": "glueetl", "ScriptLocation": "s3://bucket/job.py"}
ROLE = "arn:aws:iam::123456789012:role/glue"


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda glue: glue.create_database(DatabaseInput={"Name": "d" * 256}), "ValidationException"),
        (lambda glue: glue.create_job(Name="j" * 256, Role=ROLE, Command=COMMAND), "ValidationException"),
        (
            lambda glue: glue.create_job(
                Name="arguments", Role=ROLE, Command=COMMAND, DefaultArguments={"env": "dev"}
            ),
            "InvalidInputException",
        ),
        (lambda glue: glue.start_job_run(JobName="j" * 256), "ValidationException"),
    ],
    ids=["database", "job", "argument", "run"],
)
def test_what_is_too_long_or_of_another_form_is_refused(glue: Any, call: Any, code: str) -> None:
    assert code_of(lambda: call(glue)) == code


def test_a_value_that_is_no_text_is_refused(endpoint: Endpoint) -> None:
    """What an SDK would not send, a state machine does."""
    from botocore.config import Config

    glue = endpoint.client("glue", config=Config(parameter_validation=False))
    refused = code_of(
        lambda: glue.create_job(
            Name="typed", Role=ROLE, Command=COMMAND, DefaultArguments={"--full_rebuild": True}
        )
    )
    assert refused == "SerializationException"


def test_a_location_with_a_slash_at_its_end_gives_two(endpoint: Endpoint, glue: Any, name: str) -> None:
    workspace.make_bucket(endpoint, name)
    glue.create_database(DatabaseInput={"Name": name})
    for table, location in (("with", f"s3://{name}/a/"), ("without", f"s3://{name}/b")):
        storage = {"Location": location, "Columns": [{"Name": "n", "Type": "int"}]}
        glue.create_table(
            DatabaseName=name,
            TableInput={"Name": table, "StorageDescriptor": storage},
            OpenTableFormatInput={"IcebergInput": {"MetadataOperation": "CREATE", "Version": "2"}},
        )
        parameters = glue.get_table(DatabaseName=name, Name=table)["Table"]["Parameters"]
        assert parameters["metadata_location"].startswith(f"{location}/metadata/")
