"""The project's tables, on the tables of the project that it reads."""

from __future__ import annotations

import pytest


@pytest.fixture
def domain(lake):
    """The project, with an empty refined.ecb_rates."""
    lake.deploy("test02")
    lake.spark.sql(
        f"CREATE TABLE {lake.name('refined', 'ecb_rates')} "
        "(rate_date date, currency string, rate decimal(18,8), ingested_at timestamp_ntz) USING iceberg"
    )
    return lake
