"""Follow the references in a plan's configuration to the instances of resources that they lead to.

A plan does not hold its expressions, only the names in each: ``aws_s3_bucket.this[each.key].id`` is
``["aws_s3_bucket.this", "each.key"]``, and a local's own expression is not there at all.
`Configuration.follow` finds the instances that a value may come from. One instance alone is the answer;
several, or a name that leads nowhere, are for the caller to call undecided.

Format: https://developer.hashicorp.com/terraform/internals/json-format#expression-representation
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

Key = str | int | None
_BRACKETS = r'\[("(?:[^"\\]|\\.)*"|\d+)\]'
_PART = re.compile(rf"([\w-]+)|{_BRACKETS}")
_MODULE = re.compile(rf"module\.([\w-]+)(?:{_BRACKETS})?\.")
_OWN = re.compile(rf"((?:data\.)?[\w-]+\.[\w-]+)(?:{_BRACKETS})?")
_Path = tuple[str | int, ...]
_Hints = tuple[list[Any], ...]  # what may be a key, the nearest first
_DEPTH = 32  # of references that lead to references
_MISSING = object()
UNKNOWN = ""  # the address of what may be anything


@dataclass(frozen=True)
class Origin:
    """An instance that a value comes from.

    ``attribute`` is the one that was named, empty where an index hides it. ``is_guess`` marks an instance
    that a local's name may hide.
    """

    address: str
    attribute: str = ""
    is_guess: bool = field(default=False, compare=False)

    @property
    def type(self) -> str:
        """The resource's type; a data source's has "data." before it."""
        return located(self.address)[1].rpartition(".")[0]


@dataclass(frozen=True)
class Scope:
    """Where an expression stands: the module's steps, and the key of the instance that it belongs to."""

    module: tuple[tuple[str, Key], ...] = ()
    key: Key = None
    for_each: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def prefix(self) -> str:
        """The module's address, with a dot if it is not the root."""
        return "".join(f"module.{name}{indexed(key)}." for name, key in self.module)


def indexed(key: Key) -> str:
    """An instance's key as an address shows it."""
    return "" if key is None else f"[{json.dumps(key, ensure_ascii=False)}]"


def parts(name: str) -> list[str | int]:
    """A reference taken apart: names, and the keys in brackets."""
    return [json.loads(each[2]) if each[2] is not None else each[1] for each in _PART.finditer(name)]


def located(address: str) -> tuple[tuple[tuple[str, Key], ...], str, Key]:
    """An instance's address taken apart: its modules with their keys, its block's label, its key."""
    modules: list[tuple[str, Key]] = []
    position = 0
    while step := _MODULE.match(address, position):
        modules.append((step[1], json.loads(step[2] or "null")))
        position = step.end()
    own = _OWN.match(address, position)
    return tuple(modules), own[1] if own else address[position:], json.loads((own and own[2]) or "null")


def without_keys(address: str) -> str:
    """An address without its keys, whatever is in them."""
    return re.sub(r'\[("(?:[^"\\]|\\.)*"|[^\]"]*)\]', "", address)


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: Any) -> Sequence[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


class Configuration:
    """The configuration of a plan, with the addresses of the instances that it plans.

    ``relevant`` are those that Terraform lists in ``relevant_attributes``, None if there is no such list.
    """

    def __init__(
        self,
        root: Mapping[str, Any],
        variables: Mapping[str, Any],
        addresses: Iterable[str],
        relevant: Iterable[str] | None = None,
    ) -> None:
        self._root = root
        self._variables = variables
        self._relevant = None if relevant is None else {without_keys(each) for each in relevant}
        self._keys: dict[str, list[Key]] = {}  # of each module and resource, by its address without its own
        for address in addresses:
            modules, label, own = located(address)
            for position, (name, key) in enumerate(modules):
                self._add(f"{Scope(modules[:position]).prefix}module.{name}", key)
            self._add(Scope(modules).prefix + label, own)

    def _add(self, place: str, key: Key) -> None:
        known = self._keys.setdefault(place, [])
        if key not in known:
            known.append(key)

    # ─── Blocks ───

    def module(self, steps: Iterable[str]) -> Mapping[str, Any]:
        """The configuration of a module by its names from the root."""
        found = self._root
        for name in steps:
            found = mapping(mapping(mapping(found.get("module_calls")).get(name)).get("module"))
        return found

    def call(self, scope: Scope) -> Mapping[str, Any]:
        """The block that calls a scope's module."""
        *outer, (name, _) = scope.module
        return mapping(mapping(self.module(each for each, _ in outer).get("module_calls")).get(name))

    def block(self, scope: Scope, label: str) -> Mapping[str, Any]:
        """The block of a resource by its address within its module."""
        blocks = sequence(self.module(name for name, _ in scope.module).get("resources"))
        return next((mapping(each) for each in blocks if mapping(each).get("address") == label), {})

    def place(self, address: str) -> tuple[Scope, Mapping[str, Any]]:
        """The scope of an instance's arguments, and its block."""
        modules, label, key = located(address)
        block = self.block(Scope(modules), label)
        return Scope(modules, key, mapping(block.get("for_each_expression"))), block

    # ─── Following ───

    def follow(
        self, expression: Any, scope: Scope, rest: _Path = (), hints: _Hints = (), depth: int = 0
    ) -> list[Origin] | None:
        """The instances that a value comes from; None if that cannot be told.

        ``rest`` is what is taken of the value: attributes and keys. ``hints`` may be keys of it.
        """
        if depth > _DEPTH or not isinstance(expression, Mapping):
            return None
        if "references" not in expression:
            return []
        names = list(_whole_names(sequence(expression["references"])))
        beside = [value for name in names if (value := self._known(name, scope, depth)) is not _MISSING]
        found: list[Origin] = []
        for name in names:
            origins = self._origins(parts(name), rest, scope, (beside, *hints), depth)
            if origins is None:
                return None
            found += origins
        return list(dict.fromkeys(found))

    def _origins(
        self, name: list[str | int], rest: _Path, scope: Scope, hints: _Hints, depth: int
    ) -> list[Origin] | None:
        kind, path = name[0], (*name[1:], *rest)
        if kind in ("count", "path", "terraform", "self") or (kind == "each" and path[:1] == ("key",)):
            return []
        if kind == "each":
            outer = replace(scope, key=None, for_each={})
            return self._of_each(scope, outer, path[1:], depth)
        if kind == "var":
            return self._of_variable(scope, path, hints, depth)
        if kind == "local":
            return self.reachable(scope, hints, depth)
        if kind == "module":
            return self._of_module(scope, path, hints, depth)
        return self._of_resource(scope, tuple(name), rest, hints)

    def _of_each(self, scope: Scope, outer: Scope, path: _Path, depth: int) -> list[Origin] | None:
        """``each.value``: the element of the for_each expression that has the instance's key."""
        expression = scope.for_each
        names = list(_whole_names(sequence(expression.get("references"))))
        found: list[Origin] = []
        for name in names:
            origins = self._origins(parts(name), path, outer, ([scope.key],), depth + 1)
            if origins is None:
                return None
            found += origins
        return list(dict.fromkeys(found))

    def _of_variable(self, scope: Scope, path: _Path, hints: _Hints, depth: int) -> list[Origin] | None:
        if not scope.module or not path:
            return []  # a root's variable is known: nothing of this plan is in it
        call = self.call(scope)
        given = mapping(call.get("expressions")).get(str(path[0]))
        if given is None:
            return []  # its default
        return self.follow(given, self._outer(scope), path[1:], hints, depth + 1)

    def _outer(self, scope: Scope) -> Scope:
        """Where the block that calls a module stands."""
        call, key = self.call(scope), scope.module[-1][1]
        return Scope(scope.module[:-1], key, mapping(call.get("for_each_expression")))

    def _of_module(self, scope: Scope, path: _Path, hints: _Hints, depth: int) -> list[Origin] | None:
        name, *after = path
        keys = self._keys.get(f"{scope.prefix}module.{name}", [None])
        if after and after[0] in keys and keys != [None]:
            keys, after = [after[0]], after[1:]
        elif keys != [None]:
            keys = _chosen(keys, hints)
        outputs = mapping(self.module((*(each for each, _ in scope.module), str(name))).get("outputs"))
        wanted = [after[0]] if after and after[0] in outputs else list(outputs)
        found: list[Origin] = []
        for key in keys:
            inner = Scope((*scope.module, (str(name), key)))
            for output in wanted:
                expression = mapping(outputs[str(output)]).get("expression")
                origins = self.follow(expression, inner, tuple(after[1:]), hints, depth + 1)
                if origins is None:
                    return None
                found += origins
        return list(dict.fromkeys(found))

    def _of_resource(self, scope: Scope, name: _Path, rest: _Path, hints: _Hints) -> list[Origin]:
        length = 3 if name[0] == "data" else 2
        block = scope.prefix + ".".join(map(str, name[:length]))
        path = (*name[length:], *rest)
        keys = self._keys.get(block, [None])
        if keys != [None]:
            if path and path[0] in keys:
                keys, path = [path[0]], path[1:]
            else:
                keys = _chosen(keys, hints)
        attribute = str(path[0]) if path else ""
        return [Origin(block + indexed(key), attribute) for key in keys]

    def reachable(self, scope: Scope, hints: _Hints = (), depth: int = 0) -> list[Origin]:
        """What may be behind a local: all that its module can name and that matters to the plan."""
        module = self.module(name for name, _ in scope.module)
        found = [
            Origin(address, is_guess=True)
            for each in sequence(module.get("resources"))
            for address in self._instances(scope, str(mapping(each).get("address")), hints)
        ]
        further: list[tuple[Any, Scope]] = []
        if scope.module:
            given = mapping(self.call(scope).get("expressions"))
            further += [(expression, self._outer(scope)) for expression in given.values()]
        for name, call in mapping(module.get("module_calls")).items():
            outputs = mapping(mapping(mapping(call).get("module")).get("outputs"))
            for key in _chosen(self._keys.get(f"{scope.prefix}module.{name}", [None]), hints):
                inner = Scope((*scope.module, (name, key)))
                further += [(mapping(each).get("expression"), inner) for each in outputs.values()]
        for expression, place in further:
            for part in nested(expression):
                origins = self.follow(part, place, (), hints, depth + _DEPTH // 3)
                found += [Origin(UNKNOWN)] if origins is None else origins
        kept = [each for each in found if self._matters(each.address)]
        return [replace(each, is_guess=True) for each in dict.fromkeys(kept)]

    def _instances(self, scope: Scope, label: str, hints: _Hints) -> list[str]:
        keys = _chosen(self._keys.get(scope.prefix + label, []), hints)
        return [scope.prefix + label + indexed(key) for key in keys]

    def _matters(self, address: str) -> bool:
        return self._relevant is None or address == UNKNOWN or without_keys(address) in self._relevant

    # ─── Values ───

    def _known(self, name: str, scope: Scope, depth: int) -> Any:
        """The value of a key, an index or a variable; `_MISSING` if it has none that is known."""
        kind, *path = parts(name)
        if (kind, *path) in (("each", "key"), ("count", "index")):
            return scope.key
        if kind == "each" and path[:1] == ["value"]:
            outer = replace(scope, key=None, for_each={})
            return _take(self.value(scope.for_each, outer, depth + 1), [scope.key, *path[1:]])
        if kind == "var" and path:
            return _take(self._variable(scope, str(path[0]), depth), path[1:])
        return _MISSING

    def _variable(self, scope: Scope, name: str, depth: int) -> Any:
        declared = mapping(mapping(self.module(each for each, _ in scope.module).get("variables")).get(name))
        default = declared.get("default", _MISSING)
        if not scope.module:
            return mapping(self._variables.get(name)).get("value", default)
        given = mapping(self.call(scope).get("expressions")).get(name)
        return default if given is None else self.value(given, self._outer(scope), depth + 1)

    def value(self, expression: Any, scope: Scope, depth: int = 0) -> Any:
        """What an expression is if it is a constant or one name alone; `_MISSING` if it is not known."""
        expression = mapping(expression)
        if "constant_value" in expression:
            return expression["constant_value"]
        names = list(_whole_names(sequence(expression.get("references"))))
        return self._known(names[0], scope, depth) if len(names) == 1 and depth < _DEPTH else _MISSING


def _chosen(keys: list[Key], hints: _Hints) -> list[Key]:
    """The keys that the names beside a reference may stand for; all of them if none does."""
    for values in hints:
        if found := [key for key in keys if any(key == each and type(key) is type(each) for each in values)]:
            return found
    return keys


def _whole_names(references: Sequence[Any]) -> Iterator[str]:
    """The names as they are written: after each, Terraform lists what it begins with, too."""
    last = ""
    for name in references:
        if not isinstance(name, str) or not name:
            continue
        if not re.match(re.escape(name) + r"[.\[]", last):
            yield name
        last = name


def nested(expression: Any) -> Iterator[Any]:
    """The expressions in what may be one, or a block of them."""
    if isinstance(expression, list):
        for each in expression:
            yield from nested(each)
    elif isinstance(expression, Mapping):
        if "references" in expression or "constant_value" in expression:
            yield expression
        else:
            for each in expression.values():
                yield from nested(each)


def _take(value: Any, path: Sequence[Any]) -> Any:
    for step in path:
        is_there = (
            step < len(value)
            if isinstance(value, list) and isinstance(step, int)
            else isinstance(value, Mapping) and step in value
        )
        if not is_there:
            return _MISSING
        value = value[step]
    return value
