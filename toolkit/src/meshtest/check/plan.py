"""Questions to ask a Terraform plan, in the JSON that ``terraform show -json`` writes.

Format: https://developer.hashicorp.com/terraform/internals/json-format
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from meshtest.check.references import (
    UNKNOWN,
    Configuration,
    Origin,
    mapping,
    nested,
    sequence,
    without_keys,
)

Values = Mapping[str, Any]
# Resources of no service: their attributes may pass on anything that is put into them.
_PASSING_ON = re.compile(
    r"data\.(?!aws_iam_policy_document\.)|terraform_data\.|null_resource\.|random_\w+\.|time_\w+\."
)

_OTHER = "?"
_NAMED_BY = ("bucket", "name")


class PlanError(Exception):
    """Not a plan, or not a policy document; the message says what is missing."""


class Unknown(Exception):
    """A value cannot be told from the plan; the message names the resource, the argument and why."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(f"{address}: {why}")
        self.address = address


class Plan:
    """A plan, as parsed JSON or as a `tftest.TerraformPlanOutput`.

    Raises:
        PlanError: a part that every plan has is not there, or is of another type.
    """

    def __init__(self, data: Values) -> None:
        if "configuration" not in data:
            raise PlanError(
                "no Terraform plan: configuration is missing; expected the JSON of `terraform show -json`"
            )
        root = mapping(_expected(data["configuration"], Mapping, "configuration").get("root_module"))
        # Terraform leaves the list out of a plan without any resource.
        changes = _expected(data.get("resource_changes", []), list, "resource_changes")
        for position, each in enumerate(changes):
            _check_change(each, f"resource_changes[{position}]")
        self._changes: list[dict[str, Any]] = changes
        self._root = root
        self._data = data

    def resources(self, *types: str) -> list[Resource]:
        """The managed resources of some types that will be there after the apply, in every module."""
        if not types:
            return list(self._all)
        found = [resource for each in dict.fromkeys(types) for resource in self._by_type.get(each, [])]
        return sorted(found, key=lambda resource: resource.address) if len(types) > 1 else found

    def the(self, kind: str) -> Resource:
        """The only resource of a type.

        Raises:
            LookupError: there is none, or more than one.
        """
        found = self.resources(kind)
        if len(found) != 1:
            raise LookupError(f"{len(found)} resources of type {kind} in the plan; expected one")
        return found[0]

    def resource(self, address: str) -> Resource | None:
        """The managed resource or the data source that has an address, None if it is not planned."""
        return self._by_address.get(address)

    def before(self, kind: str) -> list[Values]:
        """What there is of a type before the apply."""
        found = (each["change"].get("before") for each in self._changes if each["type"] == kind)
        return [each for each in found if isinstance(each, Mapping)]

    def configuration(self, module: str) -> Values:
        """The configuration of a module by its address without indices; "" is the root."""
        return self.references.module(re.findall(r"module\.([\w-]+)", module))

    def source(self, module: str) -> str:
        """Where a module's configuration lies, as its callers name it; "." is the root."""
        *outer, name = module.split("module.")
        call = self.configuration("module.".join(outer).rstrip("."))
        found = mapping(mapping(call.get("module_calls")).get(name.strip("."))).get("source")
        return found if isinstance(found, str) else "."

    @cached_property
    def references(self) -> Configuration:
        """The configuration, to follow what an argument refers to."""
        relevant = self._data.get("relevant_attributes")
        names = [mapping(each).get("resource") for each in sequence(relevant)]
        return Configuration(
            self._root,
            mapping(self._data.get("variables")),
            [change["address"] for change in self._changes if change["change"].get("after") is not None],
            [str(name) for name in names] if isinstance(relevant, list) else None,
        )

    @cached_property
    def _all(self) -> list[Resource]:
        return [each for each in self._by_address.values() if each.is_managed]

    @cached_property
    def _by_address(self) -> dict[str, Resource]:
        kept = (change for change in self._changes if isinstance(change["change"].get("after"), Mapping))
        found = (Resource.of(change, self) for change in kept)
        return {each.address: each for each in sorted(found, key=lambda resource: resource.address)}

    @cached_property
    def _by_type(self) -> dict[str, list[Resource]]:
        found: dict[str, list[Resource]] = {}
        for each in self._all:
            found.setdefault(each.type, []).append(each)
        return found


def _expected(value: Any, kind: type, place: str) -> Any:
    """The value, if it is of the type (`Mapping` or `list`) that a plan has in this place."""
    if isinstance(value, kind):
        return value
    found = "null" if value is None else type(value).__name__
    raise PlanError(f"{place} is {found}; expected {'a list' if kind is list else 'an object'}")


def _check_change(entry: Any, place: str) -> None:
    _expected(entry, Mapping, place)
    for name in ("address", "mode", "type"):
        if not isinstance(entry.get(name), str):
            raise PlanError(f"{place}.{name} is {entry.get(name)!r}; expected a text")
    if not isinstance(entry.get("module_address") or "", str):
        raise PlanError(f"{place}.module_address is {entry['module_address']!r}; expected a text")
    change = _expected(entry.get("change"), Mapping, f"{place}.change")
    for side in ("before", "after"):
        if change.get(side) is not None:
            _expected(change[side], Mapping, f"{place}.change.{side}")


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
    sensitive: Values = field(repr=False, compare=False, default_factory=dict)
    is_new: bool = field(repr=False, compare=False, default=True)
    is_managed: bool = field(repr=False, compare=False, default=True)

    @classmethod
    def of(cls, change: Values, plan: Plan) -> Resource:
        """Read one entry of ``resource_changes``."""
        planned, instance = change["change"], change.get("module_address") or ""
        return cls(
            address=change["address"],
            type=change["type"],
            module=without_keys(instance),
            instance=instance,
            values=planned["after"],
            unknown=planned.get("after_unknown") or {},
            plan=plan,
            sensitive=planned.get("after_sensitive") or {},
            is_new=planned.get("before") is None,
            is_managed=change["mode"] == "managed",
        )

    @property
    def declared(self) -> str:
        """The address of its block in the configuration: the resource's, without indices."""
        return without_keys(self.address)

    @property
    def source(self) -> str:
        """The folder of the module that declares it, as the configuration names it."""
        return self.plan.source(self.module)

    # ─── Values ───

    def get(self, path: str) -> Any:
        """The value of an argument such as ``rule.0.bucket_key_enabled``; None if it is not set.

        Raises:
            Unknown: it, or a part of it, is known only after the apply, or is sensitive.
        """
        value, problem = self._looked_up(path)
        if problem:
            raise Unknown(self.address, f"{path} {problem}")
        return value

    def is_known(self, path: str) -> bool:
        """Whether `get` would not raise."""
        return not self._looked_up(path)[1]

    def _looked_up(self, path: str) -> tuple[Any, str]:
        """The value at a path and, if it cannot be told, why."""
        if path not in self._values:
            value, problem = _walk(self.values, path), ""
            if _is_marked(_walk(self.unknown, path)):
                problem = "is known only after the apply"
            elif value is not None and _is_marked(_walk(self.sensitive, path)):
                problem = "is sensitive"
            self._values[path] = value, problem
        return self._values[path]

    def has(self, path: str) -> bool:
        """Whether an argument is set, be it to a value that only the apply tells.

        Raises:
            Unknown: it may be: it is known only after the apply, and refers to nothing.
        """
        return (not self.is_known(path) and bool(self.refers(path))) or bool(self.get(path))

    def blocks(self, path: str) -> list[Block]:
        """The blocks of a name, in their order; none if there are none.

        Raises:
            Unknown: how many there are is known only after the apply or is sensitive, or they are no blocks.
        """
        found = _walk(self.values, path)
        if _walk(self.unknown, path) is True or (found and _walk(self.sensitive, path) is True):
            self.get(path)
        if found is not None and not isinstance(found, list):
            raise Unknown(self.address, f"{path} is {type(found).__name__}; expected blocks")
        return [Block(self, f"{path}.{position}") for position in range(len(found or ()))]

    def declares(self, argument: str) -> bool:
        """Whether its block sets an argument, or has a block of that name.

        A dynamic block is not in a plan's configuration. But what a new resource only computes is not known
        yet: what is known of it was declared.
        """
        is_written = argument in mapping(self._block.get("expressions"))
        return is_written or (self.is_new and bool(self.values.get(argument)))

    # ─── References ───

    def origins(self, path: str) -> list[Origin] | None:
        """The instances that an argument may take its value from; None if that cannot be told."""
        if path not in self._followed:
            self._followed[path] = self._follow(path)
        return self._followed[path]

    def _follow(self, path: str) -> list[Origin] | None:
        scope, block = self.plan.references.place(self.address)
        expressions = mapping(block.get("expressions"))
        name, _, inner = path.partition(".")
        written, is_dynamic = sequence(expressions.get(name)), name not in expressions
        if written and len(written) < len(sequence(self.values.get(name))):
            is_dynamic = True
        if inner and expressions and is_dynamic:
            # The expressions of a dynamic block are not in the plan.
            return self.plan.references.reachable(scope)
        expression = _walk(expressions, path)
        if not isinstance(expression, list):
            return self.plan.references.follow(expression, scope)
        found = [self.plan.references.follow(each, scope) for each in nested(expression)]
        return None if None in found else [each for origins in found for each in origins or ()]

    def refers(self, path: str) -> set[str]:
        """The blocks (see `declared`) that an argument may take its value from."""
        return {without_keys(each.address) for each in self.origins(path) or ()} - {UNKNOWN}

    def leads_to(self, path: str, target: Resource, *identities: str) -> bool | None:
        """Whether an argument names another resource; None if the plan does not tell.

        ``identities`` are the attributes of the other that may stand there.
        """
        value, problem = self._looked_up(path)
        if not problem:
            return False if value is None else _is_named(value, target, identities)
        wanted = path, target.type, identities
        if wanted not in self._candidates:
            self._candidates[wanted] = self._named(*wanted, set())
        found = self._candidates[wanted]
        if found == {target.address}:
            return True
        is_hidden = problem == "is sensitive"
        return None if is_hidden or target.address in found or UNKNOWN in found else False

    def _named(self, path: str, kind: str, identities: tuple[str, ...], passed: set[str]) -> set[str]:
        """The resources of a type that an argument may name.

        `UNKNOWN` is among them if it may be any, `_OTHER` if it may be something that is made of theirs.
        """
        found = self.origins(path)
        if found is None:
            return {UNKNOWN}
        passed.add(self.address)  # asked once is enough, also where many lead to each other
        return {each for origin in found for each in self._of_type(origin, path, kind, identities, passed)}

    def _of_type(
        self, origin: Origin, path: str, kind: str, identities: tuple[str, ...], passed: set[str]
    ) -> set[str]:
        other = self.plan.resource(origin.address)
        if origin.address == UNKNOWN:
            return {UNKNOWN}
        if other is None or other.address in passed:
            return set()
        if other.type == kind:
            is_other_value = origin.attribute not in ("", *identities) and not origin.is_guess
            return {other.address, _OTHER} if is_other_value else {other.address}
        arguments = mapping(other._block.get("expressions"))
        if passes_on(origin):
            named = [other._named(argument, kind, identities, passed) for argument in arguments]
            through = {each for found in named for each in found}
            return through | {_OTHER} if through else set()
        if path not in arguments:
            return set()
        value, problem = other._looked_up(path)
        if problem or value is None:
            return other._named(path, kind, identities, passed)
        return {each.address for each in self.plan.resources(kind) if _is_named(value, each, identities)}

    @cached_property
    def _block(self) -> Values:
        return self.plan.references.place(self.address)[1]

    # ─── What has been asked before ───

    @cached_property
    def _values(self) -> dict[str, tuple[Any, str]]:
        return {}

    @cached_property
    def _followed(self) -> dict[str, list[Origin] | None]:
        return {}

    @cached_property
    def _companions(self) -> dict[tuple[str, str, tuple[str, ...]], list[tuple[Resource, bool | None]]]:
        return {}

    @cached_property
    def _candidates(self) -> dict[tuple[str, str, tuple[str, ...]], set[str]]:
        return {}


@dataclass(frozen=True)
class Block:
    """A block within a resource, with the same questions; ``path`` is where it stands."""

    resource: Resource
    path: str

    @property
    def address(self) -> str:
        """The address of its resource."""
        return self.resource.address

    @property
    def plan(self) -> Plan:
        """The plan that it is in."""
        return self.resource.plan

    def get(self, path: str) -> Any:
        """See `Resource.get`."""
        return self.resource.get(f"{self.path}.{path}")

    def is_known(self, path: str) -> bool:
        """See `Resource.is_known`."""
        return self.resource.is_known(f"{self.path}.{path}")

    def has(self, path: str) -> bool:
        """See `Resource.has`."""
        return self.resource.has(f"{self.path}.{path}")

    def blocks(self, path: str) -> list[Block]:
        """See `Resource.blocks`."""
        return self.resource.blocks(f"{self.path}.{path}")

    def count(self, path: str) -> int:
        """How many values or blocks a list has."""
        return len(sequence(_walk(self.resource.values, f"{self.path}.{path}")))

    def origins(self, path: str) -> list[Origin] | None:
        """See `Resource.origins`."""
        return self.resource.origins(f"{self.path}.{path}")

    def leads_to(self, path: str, target: Resource, *identities: str) -> bool | None:
        """See `Resource.leads_to`."""
        return self.resource.leads_to(f"{self.path}.{path}", target, *identities)


def passes_on(origin: Origin) -> bool:
    """Whether an instance's attributes may be anything that was put into it."""
    return _PASSING_ON.match(f"{origin.type}.") is not None


def companions(target: Resource, kind: str, argument: str, *identities: str) -> list[Resource]:
    """The resources of a type that name another one in an argument, by a value or by reference.

    Raises:
        Unknown: none surely does, but the plan does not tell of one whether it does.
    """
    asked = kind, argument, identities
    if asked not in target._companions:
        answers = [
            (each, each.leads_to(argument, target, *identities)) for each in target.plan.resources(kind)
        ]
        target._companions[asked] = [(each, answer) for each, answer in answers if answer is not False]
    found = [each for each, answer in target._companions[asked] if answer]
    possible = [each.address for each, answer in target._companions[asked] if answer is None]
    if possible and not found:
        why = f"{argument} of {possible[0]} may name it: what it refers to cannot be told from the plan"
        raise Unknown(target.address, why)
    return found


def _is_named(value: Any, target: Resource, identities: tuple[str, ...]) -> bool | None:
    """Whether a known value is one of a resource's identities; None if an argument of those is not known."""
    hidden = False
    if (
        "arn" in identities
        and isinstance(value, str)
        and value.startswith("arn:")
        and not target.is_known("arn")
    ):
        # It may be built of the name that the resource will have; an ARN that AWS makes up is not known yet.
        names = [target.values[each] for each in _NAMED_BY if target.values.get(each)]
        return any(value.removesuffix(":*").endswith((f":{name}", f"/{name}")) for name in names)
    for each in identities:
        if target.is_known(each):
            if value == target.get(each):
                return True
            if each in identities[:1] and target.get(each) is not None:
                return False
        else:
            hidden = hidden or target.declares(each)
    return None if hidden else False


def _walk(value: Any, path: str) -> Any:
    """What stands at a path of names and positions; None if nothing does. A mark is one on all below it."""
    for step in path.split("."):
        if value is True:
            return True
        value = _step(value, step)
    return value


def _step(value: Any, step: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(step)
    if isinstance(value, list) and step.isdigit() and int(step) < len(value):
        return value[int(step)]
    return None


def _is_marked(mark: Any) -> bool:
    """Whether a mark (of what is unknown, or sensitive) stands on a value or on a part of it."""
    if isinstance(mark, Mapping):
        return any(map(_is_marked, mark.values()))
    return any(map(_is_marked, mark)) if isinstance(mark, list) else mark is True
