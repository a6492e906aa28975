"""Gap 1: Glue table optimizers."""

from __future__ import annotations

from typing import Any

import pytest

ROLE = "arn:aws:iam::123456789012:role/optimizer"
CONFIGURATIONS = {
    "compaction": {"roleArn": ROLE, "enabled": True},
    "retention": {
        "roleArn": ROLE,
        "enabled": True,
        "retentionConfiguration": {
            "icebergConfiguration": {
                "snapshotRetentionPeriodInDays": 7,
                "numberOfSnapshotsToRetain": 3,
                "cleanExpiredFiles": True,
            }
        },
    },
    "orphan_file_deletion": {
        "roleArn": ROLE,
        "enabled": False,
        "orphanFileDeletionConfiguration": {
            "icebergConfiguration": {"orphanFileRetentionPeriodInDays": 3, "location": "s3://lake/table/"}
        },
    },
}


def optimized_table(glue: Any, name: str) -> dict[str, str]:
    glue.create_database(DatabaseInput={"Name": name})
    glue.create_table(
        DatabaseName=name, TableInput={"Name": "orders", "Parameters": {"table_type": "ICEBERG"}}
    )
    return {"CatalogId": "123456789012", "DatabaseName": name, "TableName": "orders"}


@pytest.mark.parametrize("kind", CONFIGURATIONS)
def test_an_optimizer_is_read_back_as_it_was_created(aws: Any, name: str, kind: str) -> None:
    glue = aws("glue")
    table = optimized_table(glue, name)
    glue.create_table_optimizer(**table, Type=kind, TableOptimizerConfiguration=CONFIGURATIONS[kind])
    answer = glue.get_table_optimizer(**table, Type=kind)
    assert {key: answer[key] for key in table} == table
    assert answer["TableOptimizer"]["type"] == kind
    assert answer["TableOptimizer"]["configuration"] == CONFIGURATIONS[kind]


def test_an_update_replaces_the_configuration(aws: Any, name: str) -> None:
    glue = aws("glue")
    table = optimized_table(glue, name)
    old, new = CONFIGURATIONS["compaction"], {"roleArn": ROLE + "2", "enabled": False}
    glue.create_table_optimizer(**table, Type="compaction", TableOptimizerConfiguration=old)
    glue.update_table_optimizer(**table, Type="compaction", TableOptimizerConfiguration=new)
    assert glue.get_table_optimizer(**table, Type="compaction")["TableOptimizer"]["configuration"] == new


def test_a_second_optimizer_of_a_type_is_refused(aws: Any, name: str) -> None:
    glue = aws("glue")
    wanted = {**optimized_table(glue, name), "Type": "compaction"}
    glue.create_table_optimizer(**wanted, TableOptimizerConfiguration=CONFIGURATIONS["compaction"])
    with pytest.raises(glue.exceptions.AlreadyExistsException):
        glue.create_table_optimizer(**wanted, TableOptimizerConfiguration=CONFIGURATIONS["compaction"])


def test_a_table_that_is_not_iceberg_gets_none(aws: Any, name: str) -> None:
    glue = aws("glue")
    glue.create_database(DatabaseInput={"Name": name})
    glue.create_table(DatabaseName=name, TableInput={"Name": "hive"})
    with pytest.raises(glue.exceptions.InvalidInputException, match="Iceberg"):
        glue.create_table_optimizer(
            CatalogId="123456789012",
            DatabaseName=name,
            TableName="hive",
            Type="compaction",
            TableOptimizerConfiguration=CONFIGURATIONS["compaction"],
        )


def test_a_deleted_optimizer_is_not_found(aws: Any, name: str) -> None:
    glue = aws("glue")
    wanted = {**optimized_table(glue, name), "Type": "compaction"}
    glue.create_table_optimizer(**wanted, TableOptimizerConfiguration=CONFIGURATIONS["compaction"])
    glue.delete_table_optimizer(**wanted)
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_table_optimizer(**wanted)
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.delete_table_optimizer(**wanted)
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.update_table_optimizer(**wanted, TableOptimizerConfiguration=CONFIGURATIONS["compaction"])


def test_optimizers_go_with_their_table(aws: Any, name: str) -> None:
    glue = aws("glue")
    wanted = {**optimized_table(glue, name), "Type": "compaction"}
    glue.create_table_optimizer(**wanted, TableOptimizerConfiguration=CONFIGURATIONS["compaction"])
    glue.delete_table(DatabaseName=name, Name="orders")
    glue.create_table(
        DatabaseName=name, TableInput={"Name": "orders", "Parameters": {"table_type": "ICEBERG"}}
    )
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_table_optimizer(**wanted)


def test_a_batch_tells_found_from_missing(aws: Any, name: str) -> None:
    glue = aws("glue")
    table = optimized_table(glue, name)
    glue.create_table_optimizer(
        **table, Type="compaction", TableOptimizerConfiguration=CONFIGURATIONS["compaction"]
    )
    entry = {"catalogId": "123456789012", "databaseName": name, "tableName": "orders"}
    answer = glue.batch_get_table_optimizer(
        Entries=[{**entry, "type": "compaction"}, {**entry, "type": "retention"}]
    )
    assert [found["tableOptimizer"]["type"] for found in answer["TableOptimizers"]] == ["compaction"]
    assert [failure["error"]["ErrorCode"] for failure in answer["Failures"]] == ["EntityNotFoundException"]


def test_no_run_is_claimed_that_never_was(aws: Any, name: str) -> None:
    glue = aws("glue")
    table = optimized_table(glue, name)
    glue.create_table_optimizer(
        **table, Type="compaction", TableOptimizerConfiguration=CONFIGURATIONS["compaction"]
    )
    assert glue.list_table_optimizer_runs(**table, Type="compaction")["TableOptimizerRuns"] == []
