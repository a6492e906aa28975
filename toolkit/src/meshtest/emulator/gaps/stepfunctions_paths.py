r"""Strings of a definition mean what their JSON says, and paths give lists where AWS does.

moto 5.2.5 lacks:

- JSON's escapes in paths and intrinsic functions, such as the ``\u003e`` that Terraform's jsonencode writes;
- the rule that a path gives a list if it could match more than once, and else the value itself: it counts
  the matches, and looks whether an index stands before the last name;
- paths into variables (``$rows[?(@.n > 1)]``), which it takes for JSONata.

https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html
"""

from __future__ import annotations

import copy
import functools
import json
import re
import sys
from typing import Any

from antlr4 import ParserRuleContext
from jsonpath_ng import jsonpath
from jsonpath_ng.ext.parser import parse
from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringVariableSample
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor
from moto.stepfunctions.parser.asl.utils.json_path import NoSuchJsonPathError

_ENDS_IN_INDEX = re.compile(r"\[\d+\]$")
_VARIABLE = re.compile(r"\$(\w+)(.*)", re.DOTALL)

_parse_definition = AmazonStateLanguageParser.parse


def install() -> None:
    """Replace the functions, wherever moto's modules hold them by name."""
    parser: Any = AmazonStateLanguageParser
    parser.parse = staticmethod(_parse_normalised)
    preprocessor: Any = Preprocessor
    preprocessor._inner_string_of = staticmethod(_inner_string_of)
    variable: Any = StringVariableSample
    variable._eval_body = _push_variable
    for name, module in list(sys.modules.items()):
        if name.startswith("moto.stepfunctions.parser") and hasattr(module, "extract_json"):
            module.__dict__["extract_json"] = extract_json


# ─── Strings ───


def _parse_normalised(definition: str) -> Any:
    """Parse a definition with only the escapes that JSON needs: moto's grammar knows few others."""
    return _parse_definition(json.dumps(json.loads(definition), ensure_ascii=False))


def _inner_string_of(parser_rule_context: ParserRuleContext) -> Any:
    """Return the text of a string, None for null; names of moto's grammar stand without quotes."""
    text: str = parser_rule_context.getText()
    return json.loads(text) if text.startswith('"') or text == "null" else text


# ─── Paths ───


def extract_json(path: str, data: Any) -> Any:
    """Return what a path leads to: a list if it could be several values.

    Raises:
        NoSuchJsonPathError: it leads nowhere, and could only be one value.

    """
    expression, is_definite = _compile(path)
    values = [match.value for match in expression.find(data)]
    if is_definite and not values:
        raise NoSuchJsonPathError(json_path=path, data=data)
    # Step Functions takes a single element out of its list if the path ends in a literal index.
    if is_definite or (len(values) == 1 and _ENDS_IN_INDEX.search(path)):
        return values[0]
    return values


@functools.lru_cache(maxsize=1024)
def _compile(path: str) -> tuple[Any, bool]:
    expression = parse(path)
    return expression, _is_definite(expression)


def _is_definite(expression: Any) -> bool:
    """Return whether a path is made of single names and indices: no wildcard, slice, filter or descent."""
    if isinstance(expression, jsonpath.Child):
        return _is_definite(expression.left) and _is_definite(expression.right)
    if isinstance(expression, jsonpath.Fields):
        return len(expression.fields) == 1 and expression.fields != ("*",)
    if isinstance(expression, jsonpath.Index):
        return len(expression.indices) == 1
    return isinstance(expression, jsonpath.Root | jsonpath.This)


def _push_variable(self: Any, env: Any) -> None:
    """Evaluate ``$name`` and a path below it."""
    found = _VARIABLE.fullmatch(self.expression)
    if found is None:
        raise ValueError(f"{self.expression!r} is not a variable and a path below it")
    value = env.variable_store.get(found[1])
    env.stack.append(copy.deepcopy(extract_json("$" + found[2], value) if found[2] else value))
