"""glue_catalog_database: one database of the data catalog."""

from __future__ import annotations

from meshtest.testing.plans import the


def test_the_database_has_its_name_and_place(planned):
    database = the(planned(), "aws_glue_catalog_database")
    assert database["name"] == "exa_raw_dev"
    assert database["location_uri"] == "s3://exa-raw-123456789012-dev/"
    assert database["description"] == "Raw data"
