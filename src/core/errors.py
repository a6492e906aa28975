"""Errors that a job reports in one line: what is wrong, where, and what was expected."""

from __future__ import annotations


class JobError(Exception):
    """Something the operator can put right; the message is one line and needs no traceback."""


class ArgumentError(JobError):
    """A job argument is missing or its value cannot be used."""


class InputError(JobError):
    """An input file or table is missing, or is not what it should be."""


class CatalogError(JobError):
    """A database, table or partition is missing in the catalog, or has other columns than the frame."""


class InvariantError(JobError):
    """A count or a key that must hold does not: the run stops before it writes anything wrong."""


class ContractError(JobError):
    """A contract cannot be used, or a table in the catalog differs from it in a way no job may change."""


class QualityError(JobError):
    """More rows are rejected than the contract allows."""


class ConflictError(JobError):
    """Another writer was faster, several times: the table holds its rows, this run's are not in it."""


class StaleError(JobError):
    """A table is older than the contract promises."""
