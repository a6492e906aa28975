"""glue_catalog_database: one database of the data catalog."""

from __future__ import annotations

import pytest

from meshtest.testing.plans import the


@pytest.mark.proves("glue-table-permissions")
def test_it_says_who_decides_on_new_tables(planned):
    """Left out, it would be what the account's Lake Formation settings say."""

    def permissions(plan):
        found = the(plan, "aws_glue_catalog_database")["create_table_default_permission"]
        return [
            (each["principal"][0]["data_lake_principal_identifier"], each["permissions"]) for each in found
        ]

    assert permissions(planned()) == [("IAM_ALLOWED_PRINCIPALS", ["ALL"])]
    steward = "arn:aws:iam::123456789012:role/steward"
    given = planned(default_table_permissions={steward: ["ALTER", "SELECT"]})
    assert permissions(given) == [(steward, ["ALTER", "SELECT"])]


def test_the_database_has_its_name_and_place(planned):
    database = the(planned(), "aws_glue_catalog_database")
    assert database["name"] == "exa_raw_dev"
    assert database["location_uri"] == "s3://exa-raw-123456789012-dev/"
    assert database["description"] == "Raw data"
