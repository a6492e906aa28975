"""Glue UpdateTable refuses a stale VersionId, and keeps no archive where none is wanted.

moto 5.2.5 lacks: any look at VersionId and SkipArchive. Iceberg's GlueCatalog commits by naming the
version that it read: without the refusal, of two writers one loses its update. Calls to Glue run one
at a time in the emulator, so that the check and the update are one step.

https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateTable.html
"""

from __future__ import annotations

from typing import Any

from moto.glue.exceptions import GlueClientError
from moto.glue.responses import GlueResponse

_update_table = GlueResponse.update_table


def install() -> None:
    """Guard moto's UpdateTable."""
    response: Any = GlueResponse
    response.update_table = _guarded_update


def _guarded_update(self: Any) -> Any:
    parameters = self.parameters
    table = self.glue_backend.get_table(parameters["DatabaseName"], parameters["TableInput"]["Name"])
    current = table.as_dict()["VersionId"]
    expected = parameters.get("VersionId")
    if expected is not None and str(expected) != current:
        raise GlueClientError(
            "ConcurrentModificationException",
            "Update table failed due to concurrent modifications: "
            f"version {expected} is not the current {current}.",
        )
    answer = _update_table(self)
    if parameters.get("SkipArchive"):
        table.delete_version(current)
    return answer
