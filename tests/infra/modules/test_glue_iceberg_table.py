"""glue_iceberg_table: an Iceberg table that belongs to its writers, and its three optimizers."""

from __future__ import annotations

import uuid

import pytest

from meshtest.terraform import workspace
from meshtest.testing.plans import resources, the


@pytest.fixture(scope="module")
def table(planned):
    return planned()


@pytest.fixture(scope="module")
def optimizers(table):
    found = resources(table, "aws_glue_catalog_table_optimizer").values()
    return {optimizer["type"]: optimizer for optimizer in found}


def test_the_catalog_creates_the_metadata(table):
    entry = the(table, "aws_glue_catalog_table")
    (iceberg,) = entry["open_table_format_input"][0]["iceberg_input"]
    assert iceberg == {"metadata_operation": "CREATE", "version": "2"}
    (storage,) = entry["storage_descriptor"]
    assert storage["location"] == "s3://exa-refined-123456789012-dev/inventory/records"
    assert [(c["name"], c["type"], c["comment"]) for c in storage["columns"]] == [
        ("record_id", "string", "Who it is"),
        ("value", "decimal(18,2)", None),
    ]
    assert (entry["table_type"], entry["description"]) == ("EXTERNAL_TABLE", "Records")


@pytest.mark.proves("glue-table-optimizers")
def test_the_three_optimizers_run_as_the_given_role(optimizers, inputs):
    assert set(optimizers) == {"compaction", "orphan_file_deletion", "retention"}
    for optimizer in optimizers.values():
        (configuration,) = optimizer["configuration"]
        assert configuration["enabled"] is True
        assert configuration["role_arn"] == inputs["glue_iceberg_table"]["optimizer_role_arn"]
        assert (optimizer["database_name"], optimizer["table_name"]) == ("exa_refined_dev", "records")


def test_a_table_that_is_written_once_need_not_be_compacted(planned):
    made = resources(planned(compaction_enabled=False), "aws_glue_catalog_table_optimizer").values()
    assert {each["type"]: each["configuration"][0]["enabled"] for each in made} == {
        "compaction": False,
        "orphan_file_deletion": True,
        "retention": True,
    }


def test_snapshots_expire_with_their_files(optimizers):
    (configuration,) = optimizers["retention"]["configuration"]
    (iceberg,) = configuration["retention_configuration"][0]["iceberg_configuration"]
    assert (iceberg["snapshot_retention_period_in_days"], iceberg["number_of_snapshots_to_retain"]) == (5, 1)
    assert iceberg["clean_expired_files"] is True


def test_orphans_are_looked_for_in_the_table_alone(optimizers):
    (configuration,) = optimizers["orphan_file_deletion"]["configuration"]
    (iceberg,) = configuration["orphan_file_deletion_configuration"][0]["iceberg_configuration"]
    assert iceberg["location"] == "s3://exa-refined-123456789012-dev/inventory/records"
    assert iceberg["orphan_file_retention_period_in_days"] == 3


def test_a_plan_leaves_what_commits_change_alone(terraform, infrastructure, endpoint, inputs, tmp_path):
    """A commit of Iceberg's GlueCatalog replaces the whole entry; the next plan must be empty."""
    glue = endpoint.client("glue")
    # Names of its own: the endpoint outlives the test, which mutation runs many times on it.
    mark = uuid.uuid4().hex[:8]
    bucket, database = f"exa-refined-{mark}-dev", f"exa_refined_{mark}"
    workspace.make_bucket(endpoint, bucket)
    glue.create_database(DatabaseInput={"Name": database})
    runner = terraform(infrastructure / "modules" / "glue_iceberg_table")
    given = {
        **inputs["glue_iceberg_table"],
        "database_name": database,
        "location": f"s3://{bucket}/inventory/records",
    }
    options = {
        "tf_vars": given,
        "state": str(tmp_path / "terraform.tfstate"),
    }
    runner.apply(lock=False, **options)

    entry = glue.get_table(DatabaseName=database, Name="records")["Table"]
    current = entry["Parameters"]["metadata_location"]
    # As GlueTableOperations does it: no description, columns with field ids, one more column.
    columns = [*given["columns"], {"name": "added", "type": "string"}]
    glue.update_table(
        DatabaseName=database,
        VersionId=entry["VersionId"],
        SkipArchive=True,
        TableInput={
            "Name": "records",
            "Owner": "spark",
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {
                "table_type": "ICEBERG",
                "metadata_location": current.replace("/00000-", "/00001-"),
                "previous_metadata_location": current,
            },
            "StorageDescriptor": {
                "Location": given["location"].rstrip("/"),
                "Columns": [
                    {
                        "Name": column["name"],
                        "Type": column["type"],
                        "Parameters": {"iceberg.field.id": str(position), "iceberg.field.current": "true"},
                    }
                    for position, column in enumerate(columns, start=1)
                ],
            },
        },
    )

    changes = runner.plan(output=True, lock=False, **options).resource_changes.values()
    assert {change["address"]: change["change"]["actions"] for change in changes} == {
        "aws_glue_catalog_table.this": ["no-op"],
        "aws_glue_catalog_table_optimizer.compaction": ["no-op"],
        "aws_glue_catalog_table_optimizer.orphan_file_deletion": ["no-op"],
        "aws_glue_catalog_table_optimizer.retention": ["no-op"],
    }
