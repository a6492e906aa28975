"""Glue connections can be changed and deleted, and say what they are.

moto 5.2.5 lacks: DeleteConnection, BatchDeleteConnection and UpdateConnection; GetConnection drops
ConnectionType, which the provider then plans to replace.
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.glue.exceptions import EntityNotFoundException
from moto.glue.models import FakeConnection
from moto.glue.responses import GlueResponse

_as_dict = FakeConnection.as_dict


def install() -> None:
    """Add the calls and complete the answer of GetConnection and GetConnections."""
    connection: Any = FakeConnection
    connection.as_dict = _complete_dict
    response: Any = GlueResponse
    response.delete_connection = _delete
    response.batch_delete_connection = _batch_delete
    response.update_connection = _update


def _complete_dict(self: FakeConnection, hide_password: bool = False) -> dict[str, Any]:
    given = {key: self.connection_input.get(key) for key in ("ConnectionType", "MatchCriteria")}
    return _as_dict(self, hide_password) | given


def _delete(self: Any) -> EmptyResult:
    _remove(self, self.parameters["ConnectionName"])
    return EmptyResult()


def _batch_delete(self: Any) -> ActionResult:
    succeeded: list[str] = []
    errors: dict[str, dict[str, str]] = {}
    for name in self.parameters["ConnectionNameList"]:
        try:
            _remove(self, name)
            succeeded.append(name)
        except EntityNotFoundException as error:
            errors[name] = {"ErrorCode": "EntityNotFoundException", "ErrorMessage": error.message}
    return ActionResult({"Succeeded": succeeded, "Errors": errors})


def _remove(self: Any, name: str) -> None:
    connection = _existing(self, name)
    self.glue_backend.tagger.delete_all_tags_for_resource(connection.arn)
    del self.glue_backend.connections[name]


def _update(self: Any) -> EmptyResult:
    """The new definition replaces the old one; the name cannot change."""
    name = self.parameters["Name"]
    old = _existing(self, name)
    definition = self.parameters["ConnectionInput"] | {"Name": name}
    new = FakeConnection(self.glue_backend, old.catalog_id, definition, {})
    new.created_time, new.updated_time = old.created_time, utcnow()
    self.glue_backend.connections[name] = new
    return EmptyResult()


def _existing(self: Any, name: str) -> FakeConnection:
    connection: FakeConnection | None = self.glue_backend.connections.get(name)
    if connection is None:
        raise EntityNotFoundException(f"Connection {name} not found.")
    return connection
