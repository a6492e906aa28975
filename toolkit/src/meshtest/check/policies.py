"""IAM policies as IAM reads them: statements in one form, patterns, and when a statement applies.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from meshtest.check.plan import Block, PlanError, Resource, Unknown

# The operators by which a condition lets through what it names, and nothing else.
NAMING = ("ArnEquals", "ArnLike", "StringEquals", "StringLike")
EVERYONE = ("AWS", "*")
HIDDEN = "the ARN, known only after the apply, of "
_ELEMENTS = {
    *(
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    ),
}


@dataclass(frozen=True)
class Statement:
    """A statement of an IAM policy, single values and lists made alike.

    ``principals`` are (type, identifier) pairs, ``*`` alone being `EVERYONE`; ``conditions`` maps
    (operator, key in lower case) to sorted values as text.
    """

    sid: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: tuple[tuple[str, str], ...]
    conditions: Mapping[tuple[str, str], tuple[str, ...]]
    negated: tuple[str, ...]  # which of NotAction, NotPrincipal, NotResource it has
    position: int = 0

    @property
    def name(self) -> str:
        """What to call it in a finding."""
        return f"statement {self.sid!r}" if self.sid else f"statement {self.position + 1}"

    @property
    def allows(self) -> bool:
        """Whether it gives rights."""
        return self.effect == "Allow"

    @property
    def is_for_everyone(self) -> bool:
        """Whether it is about every principal, signed in or not."""
        return EVERYONE in self.principals and "NotPrincipal" not in self.negated


def statements(policy: Any) -> list[Statement]:
    """The statements of a policy document, in its order.

    Raises:
        PlanError: this is no policy document, or IAM would refuse it.
    """
    try:
        found = _listed(json.loads(policy)["Statement"])
    except (ValueError, KeyError, TypeError, RecursionError):
        shown = repr(policy) if len(repr(policy)) <= 80 else f"{repr(policy)[:80]}…"
        raise PlanError(f"no policy document: {shown}; expected JSON with a Statement") from None
    return [_statement(each, position) for position, each in enumerate(found)]


def planned(owner: Resource | Block, argument: str = "policy", *, partly: bool = False) -> list[Statement]:
    """The statements of an argument that holds a policy document; none if it is not set.

    Partly: a document that is read during the apply has, for ARNs that only the apply tells, texts that begin
    with `HIDDEN`.

    Raises:
        Unknown: it cannot be told, or IAM would refuse it.
    """
    document = None if owner.is_known(argument) or not partly else _document(owner, argument)
    if document:
        return [_of_document(each, number) for number, each in enumerate(document.blocks("statement"))]
    text = owner.get(argument)
    if text in (None, ""):
        return []
    try:
        return statements(text)
    except PlanError as error:
        raise Unknown(owner.address, f"{argument} is {error}") from None


def _document(owner: Resource | Block, argument: str) -> Resource | None:
    """The data source that a policy surely comes from, if the plan has all of its statements."""
    origins = owner.origins(argument) or []
    if len(origins) != 1 or origins[0].is_guess or origins[0].type != "data.aws_iam_policy_document":
        return None
    found = owner.plan.resource(origins[0].address)
    others = ("override_json", "override_policy_documents", "source_json", "source_policy_documents")
    return found if found and not any(found.declares(each) for each in others) else None


def _of_document(block: Block, position: int) -> Statement:
    elements = {"Action": "actions", "NotAction": "not_actions", "Resource": "resources"}
    elements["NotResource"] = "not_resources"
    raw: dict[str, Any] = {
        name: values for name, argument in elements.items() if (values := _values(block, argument))
    }
    conditions: dict[str, dict[str, Any]] = {}
    for each in block.blocks("condition"):
        conditions.setdefault(each.get("test"), {})[each.get("variable")] = each.get("values")
    raw |= {"Sid": block.get("sid"), "Effect": block.get("effect") or "Allow", "Condition": conditions}
    return _statement(raw, position)


def _values(block: Block, argument: str) -> list[Any]:
    """The values of a list, with what stands for an ARN where only the apply tells it."""
    if block.is_known(argument):
        return list(block.get(argument) or ())
    origins = block.origins(argument) or []
    are_arns = all(each.attribute == "arn" and not each.is_guess for each in origins)
    if not origins or not are_arns or argument != "resources":
        block.get(argument)
    hidden = f"{HIDDEN}{origins[0].type}, {origins[0].address}"
    places = range(block.count(argument))
    return [block.get(f"{argument}.{i}") if block.is_known(f"{argument}.{i}") else hidden for i in places]


def _statement(raw: Any, position: int) -> Statement:
    place = f"Statement[{position}]"
    if not isinstance(raw, dict):
        raise _malformed(place, raw, "an object")
    for name in raw:
        if name not in _ELEMENTS:
            raise _malformed(f"{place}.{name}", raw[name], f"one of {', '.join(sorted(_ELEMENTS))}")
    if raw.get("Effect") not in ("Allow", "Deny"):
        raise _malformed(f"{place}.Effect", raw.get("Effect"), "Allow or Deny")
    if "Action" not in raw and "NotAction" not in raw:
        raise _malformed(f"{place}.Action", None, "a text or a list of them")
    return Statement(
        sid=str(raw.get("Sid") or ""),
        effect=raw["Effect"],
        actions=_texts(raw, "Action", place),
        resources=_texts(raw, "Resource", place),
        principals=_principals(raw.get("Principal", {}), f"{place}.Principal"),
        conditions=_conditions(raw.get("Condition", {}), f"{place}.Condition"),
        negated=tuple(name for name in ("NotAction", "NotPrincipal", "NotResource") if name in raw),
        position=position,
    )


def _texts(raw: Mapping[str, Any], name: str, place: str) -> tuple[str, ...]:
    values = _listed(raw.get(name, []))
    for each in values:
        if not isinstance(each, str):
            raise _malformed(f"{place}.{name}", each, "a text")
    return tuple(sorted(set(values)))


def _principals(principal: Any, place: str) -> tuple[tuple[str, str], ...]:
    if principal == "*":
        return (EVERYONE,)
    if not isinstance(principal, dict):
        raise _malformed(place, principal, '"*" or an object')
    return tuple(sorted({(kind, each) for kind in principal for each in _texts(principal, kind, place)}))


def _conditions(condition: Any, place: str) -> dict[tuple[str, str], tuple[str, ...]]:
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    if not isinstance(condition, dict):
        raise _malformed(place, condition, "an object of operators")
    for operator, keys in condition.items():
        if not isinstance(keys, dict):
            raise _malformed(f"{place}.{operator}", keys, "an object of keys")
        for key, values in keys.items():
            if any(isinstance(each, (dict, list)) or each is None for each in _listed(values)):
                raise _malformed(f"{place}.{operator}.{key}", values, "a value or a list of them")
            found[operator, key.lower()] = tuple(sorted(map(_text, _listed(values))))
    return found


def _malformed(place: str, value: Any, expected: str) -> PlanError:
    shown = json.dumps(value, default=str)
    return PlanError(f"no policy that IAM takes: {place} is {shown}; expected {expected}")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# ─── Patterns ───


def covers(pattern: str, other: str) -> bool:
    """Whether a pattern of resources matches all that another one (or a plain ARN) does.

    ``*`` stands for any characters and ``?`` for one; the answer errs to False where both have many.
    """
    return re.fullmatch(_regex(pattern), other, re.DOTALL) is not None


def covers_action(statement: Statement, action: str) -> bool:
    """Whether a statement names an action, or all that a pattern of actions matches, in whatever case."""
    return any(covers(each.lower(), action.lower()) for each in statement.actions)


def _regex(pattern: str) -> str:
    signs = {"*": ".*", "?": "[^*]"}
    # Several stars are one, else a pattern such as *a*a*a*a would take for ever.
    return "".join(signs.get(each) or re.escape(each) for each in re.sub(r"\*+", "*", pattern))


def is_everything(pattern: str) -> bool:
    """Whether a resource's pattern has neither a name nor an account in it: ``*``, ``arn:aws:s3:::*``."""
    fields = pattern.split(":", 5)
    if len(fields) < 6:
        return "*" in pattern and not re.search(r"[^*?]", re.sub(r"^arn:.*\*", "*", pattern))
    account, own = fields[4:]
    if "*" in account:  # then all of a type, role/*, is everything, too
        own = re.sub(r"^[\w-]+[:/]", "", own)
    return not re.search(r"\d{12}", account) and "*" in own and not re.search(r"[^*?/:]", own)


def names_account(value: str) -> bool:
    """Whether a condition's value, an ARN or an account's id, names one account."""
    return bool(re.search(r"(^|:)\d{12}(:|$)", value))


# ─── Conditions ───


def applies(statement: Statement, request: Mapping[str, str | None]) -> bool:
    """Whether its conditions surely hold for a request.

    The request's keys are in lower case, None is one that it does not have. A key that is not among them may
    be anything: then the answer is False.
    """
    return all(
        _holds(operator, key, values, request) for (operator, key), values in statement.conditions.items()
    )


def _holds(operator: str, key: str, values: tuple[str, ...], request: Mapping[str, str | None]) -> bool:
    if key not in request:
        return False
    found = request[key]
    kind = operator.rpartition(":")[2]
    if kind == "Null":
        return str(found is None).lower() in values
    compare = _OPERATORS.get(kind.removesuffix("IfExists"))
    if compare is None:
        return False
    if found is None:
        return kind.endswith("IfExists") or operator.startswith("ForAllValues:") or kind in _NEGATED
    return compare(found, values)


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return float("nan")


def _any(compare: Callable[[str, str], bool]) -> Callable[[str, Iterable[str]], bool]:
    return lambda found, values: any(compare(found, each) for each in values)


def _none(compare: Callable[[str, str], bool]) -> Callable[[str, Iterable[str]], bool]:
    return lambda found, values: not any(compare(found, each) for each in values)


_NEGATED = ("NumericNotEquals", "StringNotEquals", "StringNotLike", "StringNotEqualsIgnoreCase")
_OPERATORS: dict[str, Callable[[str, tuple[str, ...]], bool]] = {
    "Bool": _any(lambda found, value: found == value.lower()),
    "NumericEquals": _any(lambda found, value: _number(found) == _number(value)),
    "NumericNotEquals": _none(lambda found, value: _number(found) == _number(value)),
    "NumericLessThan": _any(lambda found, value: _number(found) < _number(value)),
    "NumericLessThanEquals": _any(lambda found, value: _number(found) <= _number(value)),
    "NumericGreaterThan": _any(lambda found, value: _number(found) > _number(value)),
    "NumericGreaterThanEquals": _any(lambda found, value: _number(found) >= _number(value)),
    "StringEquals": _any(lambda found, value: found == value),
    "StringEqualsIgnoreCase": _any(lambda found, value: found.lower() == value.lower()),
    "StringLike": _any(lambda found, value: re.fullmatch(_regex(value), found) is not None),
    "StringNotEquals": _none(lambda found, value: found == value),
    "StringNotEqualsIgnoreCase": _none(lambda found, value: found.lower() == value.lower()),
    "StringNotLike": _none(lambda found, value: re.fullmatch(_regex(value), found) is not None),
}
