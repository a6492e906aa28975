"""The Data Catalog keeps names in lower case, and gives partitions by segment and by any condition.

moto 5.2.5 lacks: lower case (AWS stores names of databases and tables so, whatever is asked for); the
Segment of GetPartitions, so that a reader in segments reads everything in each; ``!=`` and ``NOT`` in its
expressions; the refusal of a partition whose values are not as many as the table's keys; SearchTables.

https://docs.aws.amazon.com/glue/latest/webapi/API_GetPartitions.html,
https://docs.aws.amazon.com/glue/latest/webapi/API_Segment.html and
https://docs.aws.amazon.com/glue/latest/webapi/API_TableInput.html (names)
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pyparsing
from moto.core.responses import ActionResult
from moto.glue import utils
from moto.glue.exceptions import GlueClientError
from moto.glue.models import FakeTable
from moto.glue.responses import GlueResponse

# The calls that name databases and tables; jobs and the like keep their case.
_CALLS = (
    "database",
    "table",
    "tables",
    "partition",
    "partitions",
    "table_version",
    "table_versions",
    "table_optimizer",
)
_NAMES = ("DatabaseName", "TableName")
_INPUTS = ("DatabaseInput", "TableInput")
MOST_SEGMENTS = 10

_create_partition = FakeTable.create_partition
_binary_operation = utils._BinOp.__init__


def install() -> None:
    """Write names in lower case before anything looks at them, and extend moto's grammar."""
    response: Any = GlueResponse
    for name in dir(GlueResponse):
        verb, _, subject = name.partition("_")
        if verb in {"create", "get", "update", "delete", "batch", "search"} and subject.endswith(_CALLS):
            setattr(response, name, _in_lower_case(getattr(GlueResponse, name), subject))
    response.search_tables = _search_tables
    response.get_partitions = _in_lower_case(_get_partitions, "partitions")
    table: Any = FakeTable
    table.create_partition = _with_all_values
    operation: Any = utils._BinOp
    operation.__init__ = _unequal
    _extend_grammar()


def _in_lower_case(respond: Callable[[Any], Any], subject: str) -> Callable[[Any], Any]:
    def lowered(self: Any) -> Any:
        parameters = json.loads(self.body)
        names = (*_NAMES, "Name") if subject in ("database", "table") else _NAMES
        for holder in (parameters, *(parameters.get(each) or {} for each in _INPUTS)):
            for name in names if holder is parameters else ("Name",):
                if isinstance(holder.get(name), str):
                    holder[name] = holder[name].lower()
        self.body = json.dumps(parameters)
        return respond(self)

    return lowered


def _invalid(message: str) -> GlueClientError:
    return GlueClientError("InvalidInputException", message)


def _search_tables(self: Any) -> ActionResult:
    """Find tables by a text in their names, in quotation marks exactly so.

    https://docs.aws.amazon.com/glue/latest/webapi/API_SearchTables.html: filters and order are not looked at.
    """
    text = (self.parameters.get("SearchText") or "").lower()
    wanted = text.strip('"') if text.startswith('"') else None
    found = [
        table
        for database in self.glue_backend.databases.values()
        for table in database.tables.values()
        if (table.name == wanted if wanted is not None else text in table.name)
    ]
    return ActionResult({"TableList": [table.as_dict() for table in found]})


# ─── Partitions ───


def _with_all_values(self: Any, partition: dict[str, Any]) -> None:
    keys = (self.versions[max(self.versions)] or {}).get("PartitionKeys") or []
    if len(partition.get("Values") or []) != len(keys):
        raise _invalid("The number of partition keys do not match the number of partition values")
    _create_partition(self, partition)


def _get_partitions(self: Any) -> ActionResult:
    parameters = self.parameters
    found = self.glue_backend.get_partitions(
        parameters.get("DatabaseName"), parameters.get("TableName"), parameters.get("Expression")
    )
    if (segment := parameters.get("Segment")) is not None:
        number, total = segment.get("SegmentNumber", 0), segment.get("TotalSegments", 0)
        if not 0 <= number < total <= MOST_SEGMENTS:
            raise _invalid(f"Segment {number} of {total}: expected one of at most {MOST_SEGMENTS}, from 0 on")
        found = sorted(found, key=lambda partition: partition.values)[number::total]
    return ActionResult({"Partitions": [partition.as_dict() for partition in found]})


# ─── Expressions ───


class _Not(utils._Expr):
    def __init__(self, tokens: pyparsing.ParseResults) -> None:
        self.operand = tokens[0][-1]

    def eval(self, part_keys: list[dict[str, str]], part_input: dict[str, Any]) -> bool:
        return not self.operand.eval(part_keys, part_input)


def _unequal(self: Any, tokens: Any) -> None:
    _binary_operation(self, tokens)
    self.bin_op = {"!=": "<>"}.get(self.bin_op, self.bin_op)


def _extend_grammar() -> None:
    """Build moto's grammar once more, with an operator and a way to negate that it has not."""
    module: Any = utils
    one_of, infix_notation = module.one_of, module.infix_notation
    negation = (pyparsing.CaselessKeyword("not"), 1, pyparsing.OpAssoc.RIGHT, _Not)
    module.one_of = lambda text: one_of(f"{text} !=")
    module.infix_notation = lambda condition, levels: infix_notation(condition, [negation, *levels])
    try:
        module._PARTITION_FILTER_EXPRESSION_CACHE = module._PartitionFilterExpressionCache()
    finally:
        module.one_of, module.infix_notation = one_of, infix_notation
