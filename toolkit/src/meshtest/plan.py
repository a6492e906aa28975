"""Questions to ask a Terraform plan, in the JSON that ``terraform show -json`` writes.

Format: https://developer.hashicorp.com/terraform/internals/json-format
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

Values = Mapping[str, Any]
_INDEX = re.compile(r"\[[^\]]*\]")


class PlanError(Exception):
    """Not a plan, or not a policy document; the message says what is missing."""


class Unknown(Exception):
    """A value is known only after the apply; the message names the resource and the argument."""


class Plan:
    """A plan, as parsed JSON or as a `tftest.TerraformPlanOutput`.

    Raises:
        PlanError: a part that every plan has is not there.
    """

    def __init__(self, data: Values) -> None:
        if "configuration" not in data:
            raise PlanError(
                "no Terraform plan: configuration is missing; expected the JSON of `terraform show -json`"
            )
        # Terraform leaves the list out of a plan without any resource.
        self._changes: list[dict[str, Any]] = data.get("resource_changes", [])
        self._configuration: Values = data["configuration"].get("root_module", {})

    def resources(self, *types: str) -> list[Resource]:
        """The managed resources of some types that will be there after the apply, in every module."""
        return [resource for resource in self._all if not types or resource.type in types]

    def the(self, kind: str) -> Resource:
        """The only resource of a type.

        Raises:
            LookupError: there is none, or more than one.
        """
        found = self.resources(kind)
        if len(found) != 1:
            raise LookupError(f"{len(found)} resources of type {kind} in the plan; expected one")
        return found[0]

    def configuration(self, module: str) -> Values:
        """The configuration of a module by its address without indices; "" is the root."""
        found = self._configuration
        for name in re.findall(r"module\.([\w-]+)", module):
            found = found.get("module_calls", {}).get(name, {}).get("module", {})
        return found

    def source(self, module: str) -> str:
        """Where a module's configuration lies, as its callers name it; "." is the root."""
        *outer, name = module.split("module.")
        call = self.configuration("module.".join(outer).rstrip("."))
        found: str = call.get("module_calls", {}).get(name.strip("."), {}).get("source", ".")
        return found

    @cached_property
    def _all(self) -> list[Resource]:
        kept = (
            change
            for change in self._changes
            if change["mode"] == "managed" and change["change"].get("after") is not None
        )
        return sorted((Resource.of(change, self) for change in kept), key=lambda resource: resource.address)


@dataclass(frozen=True)
class Resource:
    """One planned resource; ``values`` are those known now, ``unknown`` has ``True`` where one is not.

    ``module`` is its module's address without indices, ``instance`` with them.
    """

    address: str
    type: str
    module: str
    instance: str
    values: Values = field(repr=False, compare=False)
    unknown: Values = field(repr=False, compare=False)
    plan: Plan = field(repr=False, compare=False)

    @classmethod
    def of(cls, change: Values, plan: Plan) -> Resource:
        """Read one entry of ``resource_changes``."""
        planned = change["change"]
        return cls(
            address=change["address"],
            type=change["type"],
            module=_INDEX.sub("", change.get("module_address", "")),
            instance=change.get("module_address", ""),
            values=planned["after"],
            unknown=planned.get("after_unknown") or {},
            plan=plan,
        )

    @property
    def declared(self) -> str:
        """The address of its block in the configuration: the resource's, without indices."""
        return _INDEX.sub("", self.address)

    @property
    def source(self) -> str:
        """The folder of the module that declares it, as the configuration names it."""
        return self.plan.source(self.module)

    def get(self, path: str) -> Any:
        """The value of an argument such as ``rule.0.bucket_key_enabled``; None if it is not set.

        Raises:
            Unknown: it is known only after the apply.
        """
        value: Any = self.values
        unknown: Any = self.unknown
        for step in path.split("."):
            unknown = _step(unknown, step)
            if unknown is True:
                raise Unknown(f"{self.address}: {path} is known only after the apply")
            value = _step(value, step)
        return value

    def is_known(self, path: str) -> bool:
        """Whether `get` would not raise."""
        try:
            self.get(path)
        except Unknown:
            return False
        return True

    def has(self, path: str) -> bool:
        """Whether an argument is set, be it to what only the apply tells.

        Raises:
            Unknown: it may be: it is known only after the apply, and refers to nothing.
        """
        return bool(self.refers(path)) or bool(self.get(path))

    def declares(self, argument: str) -> bool:
        """Whether its block sets an argument, or has a block of that name."""
        return argument in self._block().get("expressions", {})

    def refers(self, path: str) -> set[str]:
        """The blocks (see `declared`) that an argument takes its value from.

        Followed through module variables, outputs and ``for_each``. Locals are not in a plan's JSON: what
        goes through one is lost.
        """
        block = self._block()
        expression: Any = block.get("expressions", {})
        for step in path.split("."):
            expression = _step(expression, step)
        names = (expression or {}).get("references", []) if isinstance(expression, dict) else []
        if any(name.startswith("each.") for name in names):
            names = [*names, *block.get("for_each_expression", {}).get("references", [])]
        return {found for name in names for found in _targets(self.plan, self.module, name)}

    def _block(self) -> Values:
        own = self.declared.removeprefix(f"{self.module}.") if self.module else self.declared
        blocks = self.plan.configuration(self.module).get("resources", [])
        found: Values = next((block for block in blocks if block["address"] == own), {})
        return found


def _step(value: Any, step: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(step)
    if isinstance(value, list) and step.isdigit() and int(step) < len(value):
        return value[int(step)]
    return None


def _targets(plan: Plan, module: str, name: str) -> Iterator[str]:
    """Resolve one reference, as it stands in a module, to the blocks behind it."""
    kind, _, rest = name.partition(".")
    rest = _INDEX.sub("", rest)
    if kind == "var" and module:
        outer, _, own = module.rpartition("module.")
        outer = outer.rstrip(".")
        call = plan.configuration(outer).get("module_calls", {}).get(own, {})
        for reference in call.get("expressions", {}).get(rest.split(".")[0], {}).get("references", []):
            yield from _targets(plan, outer, reference)
    elif kind == "module" and "." in rest:
        inner_name, output, *_ = rest.split(".")
        inner = ".".join(filter(None, (module, f"module.{inner_name}")))
        declared = plan.configuration(inner).get("outputs", {}).get(output, {})
        for reference in declared.get("expression", {}).get("references", []):
            yield from _targets(plan, inner, reference)
    elif kind not in ("var", "module", "local", "each", "count", "path", "terraform", "self"):
        label = ".".join([_INDEX.sub("", kind), *rest.split(".")][: 3 if kind == "data" else 2])
        yield ".".join(filter(None, (module, label)))


# ─── Policies ───


@dataclass(frozen=True)
class Statement:
    """A statement of an IAM policy, single values and lists made alike.

    ``principals`` are (type, identifier) pairs, ``*`` alone being ("AWS", "*"); ``conditions`` maps
    (operator, key in lower case) to sorted values as text.
    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
    """

    sid: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: tuple[tuple[str, str], ...]
    conditions: Mapping[tuple[str, str], tuple[str, ...]]
    negated: tuple[str, ...]  # which of NotAction, NotPrincipal, NotResource it has


# The operators by which a condition lets through what it names, and nothing else.
NAMING = ("ArnEquals", "ArnLike", "StringEquals", "StringLike")


def names_account(value: str) -> bool:
    """Whether a condition's value, an ARN or an account's id, names one account."""
    return bool(re.search(r"(^|:)\d{12}(:|$)", value))


def statements(policy: str) -> list[Statement]:
    """The statements of a policy document, in its order.

    Raises:
        PlanError: this is no policy document.
    """
    try:
        found = _listed(json.loads(policy)["Statement"])
    except (ValueError, KeyError, TypeError):
        raise PlanError(f"no policy document: {policy!r}; expected JSON with a Statement") from None
    return [_statement(each) for each in found]


def _statement(raw: Values) -> Statement:
    principal = raw.get("Principal", {})
    pairs = {"AWS": "*"} if principal == "*" else principal
    return Statement(
        sid=raw.get("Sid", ""),
        effect=raw.get("Effect", ""),
        actions=tuple(sorted(_listed(raw.get("Action", [])))),
        resources=tuple(sorted(_listed(raw.get("Resource", [])))),
        principals=tuple(sorted((kind, each) for kind, ids in pairs.items() for each in _listed(ids))),
        conditions={
            (operator, key.lower()): tuple(sorted(_text(value) for value in _listed(values)))
            for operator, keys in raw.get("Condition", {}).items()
            for key, values in keys.items()
        },
        negated=tuple(name for name in ("NotAction", "NotPrincipal", "NotResource") if name in raw),
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
