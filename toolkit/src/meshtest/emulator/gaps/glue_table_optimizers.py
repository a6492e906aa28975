"""Glue table optimizers: compaction, snapshot retention, orphan file deletion.

moto 5.2.5 lacks: CreateTableOptimizer, GetTableOptimizer, UpdateTableOptimizer, DeleteTableOptimizer,
ListTableOptimizerRuns, BatchGetTableOptimizer. Optimizers are kept and answered for here; none ever
runs, so the list of runs is empty.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-table-optimizers.html
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.glue.exceptions import AlreadyExistsException, EntityNotFoundException, GlueClientError
from moto.glue.responses import GlueResponse

TYPES = ("compaction", "retention", "orphan_file_deletion")


def install() -> None:
    """Add the six calls to moto's Glue."""
    response: Any = GlueResponse
    response.create_table_optimizer = _create
    response.get_table_optimizer = _get
    response.update_table_optimizer = _update
    response.delete_table_optimizer = _delete
    response.list_table_optimizer_runs = _list_runs
    response.batch_get_table_optimizer = _batch_get


def _create(self: Any) -> EmptyResult:
    table, kind = _table(self, self.parameters), _kind(self.parameters)
    if not _is_iceberg(table):
        raise GlueClientError("InvalidInputException", f"Table {table.name} is not an Iceberg table.")
    optimizers = _optimizers(table)
    if kind in optimizers:
        raise AlreadyExistsException(f"Table optimizer of type {kind}")
    optimizers[kind] = self.parameters["TableOptimizerConfiguration"]
    return EmptyResult()


def _get(self: Any) -> ActionResult:
    return ActionResult(
        {
            "CatalogId": self.parameters["CatalogId"],
            "DatabaseName": self.parameters["DatabaseName"],
            "TableName": self.parameters["TableName"],
            "TableOptimizer": _described(self, self.parameters),
        }
    )


def _update(self: Any) -> EmptyResult:
    kind = _kind(self.parameters)
    _existing(self, self.parameters)[kind] = self.parameters["TableOptimizerConfiguration"]
    return EmptyResult()


def _delete(self: Any) -> EmptyResult:
    del _existing(self, self.parameters)[_kind(self.parameters)]
    return EmptyResult()


def _list_runs(self: Any) -> ActionResult:
    _existing(self, self.parameters)
    names = {name: self.parameters[name] for name in ("CatalogId", "DatabaseName", "TableName")}
    return ActionResult(names | {"TableOptimizerRuns": []})


def _batch_get(self: Any) -> ActionResult:
    found: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    for entry in self.parameters["Entries"]:
        names = {name[0].upper() + name[1:]: value for name, value in entry.items()}
        try:
            optimizer = {"tableOptimizer": _described(self, names)}
            found.append(
                {name: entry[name] for name in ("catalogId", "databaseName", "tableName")} | optimizer
            )
        except GlueClientError as error:
            failures.append(entry | {"error": {"ErrorCode": error.error_type, "ErrorMessage": error.message}})
    return ActionResult({"TableOptimizers": found, "Failures": failures})


def _described(self: Any, names: dict[str, str]) -> dict[str, Any]:
    kind = _kind(names)
    return {"type": kind, "configuration": _existing(self, names)[kind], "configurationSource": "table"}


def _existing(self: Any, names: dict[str, str]) -> dict[str, Any]:
    """The table's optimizers, once it is known that the one asked for is among them."""
    kind = _kind(names)
    optimizers = _optimizers(_table(self, names))
    if kind not in optimizers:
        raise EntityNotFoundException(f"Table optimizer of type {kind} not found.")
    return optimizers


def _kind(names: dict[str, str]) -> str:
    if names["Type"] not in TYPES:
        raise GlueClientError(
            "InvalidInputException", f"Type {names['Type']} is not one of {', '.join(TYPES)}."
        )
    return names["Type"]


def _table(self: Any, names: dict[str, str]) -> Any:
    return self.glue_backend.get_table(names["DatabaseName"], names["TableName"])


def _is_iceberg(table: Any) -> bool:
    parameters = table.as_dict().get("Parameters") or {}
    return str(parameters.get("table_type")).upper() == "ICEBERG"


def _optimizers(table: Any) -> dict[str, Any]:
    """Optimizers by type, kept with the table: they go when it goes, as in AWS."""
    optimizers: dict[str, Any] = vars(table).setdefault("meshtest_optimizers", {})
    return optimizers
