"""Read a plan file as people and pipelines leave it: in any Unicode encoding, with a wrapper's lines around.

What is not a whole plan is refused, with the cause in one line.
"""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from meshtest.check.plan import PlanError
from meshtest.check.references import mapping, sequence

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WHOLE = "expected the plan of the whole root"


def read(name: str) -> Mapping[str, Any]:
    """The content of a plan file; "-" is standard input.

    Raises:
        PlanError: it is no whole plan; the message says why.
        OSError: it cannot be read.
    """
    content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    found = _parse(_decode(content))
    if not isinstance(found, dict):
        raise PlanError(f"found a {type(found).__name__}, expected the object of `terraform show -json`")
    _refuse_partial(found)
    return found


def _decode(content: bytes) -> str:
    encoding = next((name for bom, name in _BOMS if content.startswith(bom)), "utf-8")
    if encoding == "utf-8" and b"\0" in content[:2]:
        encoding = "utf-16-be" if content[:1] == b"\0" else "utf-16-le"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise PlanError("no text: the plan file itself? Expected `terraform show -json` of it") from None


def _parse(text: str) -> Any:
    """The JSON in a text: setup-terraform's wrapper puts lines before and after it."""
    try:
        return json.loads(text)
    except RecursionError:
        raise PlanError("no plan: its JSON is nested too deeply") from None
    except json.JSONDecodeError as error:
        problem = error
    if '"@level"' in text.partition("\n")[0]:
        raise PlanError(
            "this is the log of `terraform plan -json`; expected `terraform show -json` of the plan"
        )
    lines = text.split("\n")
    first = next((number for number, line in enumerate(lines) if line.lstrip().startswith("{")), 0)
    try:
        found, end = json.JSONDecoder().raw_decode("\n".join(lines[first:]).lstrip())
    except (json.JSONDecodeError, RecursionError):
        raise PlanError(f"no JSON in line {problem.lineno}: {problem.msg}") from None
    rest = "\n".join(lines[first:]).lstrip()[end:].strip()
    if "{" in rest:
        raise PlanError("more than one JSON document; expected the output of one `terraform show -json`")
    return found


def _refuse_partial(plan: Mapping[str, Any]) -> None:
    if plan.get("errored"):
        raise PlanError("Terraform could not finish this plan (errored); expected a complete one")
    if plan.get("complete") is False:
        raise PlanError(
            f"the plan is not whole (complete is false, by -target or deferred changes); {_WHOLE}"
        )
    for name, kind, words in (("resource_changes", list, "a list"), ("output_changes", dict, "an object")):
        if name in plan and not isinstance(plan[name], kind):
            found = "null" if plan[name] is None else type(plan[name]).__name__
            raise PlanError(f"{name} is {found}; expected {words}")
    planned = mapping(mapping(plan.get("planned_values")).get("root_module"))
    if not plan.get("resource_changes") and _has_resources(planned):
        raise PlanError(f"the plan is not whole: it has planned_values, but no resource_changes; {_WHOLE}")


def _has_resources(module: Mapping[str, Any]) -> bool:
    modules = [module]
    while modules:
        found = modules.pop()
        if any(mapping(each).get("mode") == "managed" for each in sequence(found.get("resources"))):
            return True
        modules += [mapping(each) for each in sequence(found.get("child_modules"))]
    return False
