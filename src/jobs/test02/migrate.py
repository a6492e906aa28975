"""Glue job: the tables of test02 → what their contract says now."""

from __future__ import annotations

from core import job, migration

if __name__ == "__main__":
    job.run(migration.work, declared=migration.MigrationArguments)
