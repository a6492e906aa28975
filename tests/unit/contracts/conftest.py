"""A Spark session for the outside witness, which needs what the container of the Spark tests has not."""

from tests.spark.conftest import rows, spark

__all__ = ["rows", "spark"]
