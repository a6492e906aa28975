"""Evaluate one resource policy for one request, as AWS documents it.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html,
…/reference_policies_elements.html, …/reference_policies_elements_condition_operators.html,
…/reference_policies_multi-value-conditions.html and …/reference_policies_variables.html.

Pure: a policy document and a request go in, a decision comes out. Nothing here knows S3 or moto.
"""

from __future__ import annotations

import base64
import binascii
import enum
import functools
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

ACCOUNT = re.compile(r"\d{12}$")
_ROOT = re.compile(r"arn:[^:]+:iam::(\d{12}):root$")
_ASSUMED_ROLE = re.compile(r"arn:([^:]+):sts::(\d{12}):assumed-role/([^/]+)/.+$")
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_LITERALS = {"*": "*", "?": "?", "$": "$"}
_WILDCARD = re.compile(r"[*?]|\$\{[^}]*\}")


class PolicyError(ValueError):
    """The document is not a policy; the message says what is wrong with it."""


class Decision(enum.Enum):
    """What a policy says of a request: an explicit deny, an allow, or nothing."""

    DENY = "explicit deny"
    ALLOW = "allow"
    NONE = "implicit deny"


@dataclass(frozen=True)
class Principal:
    """Who asks: anonymous has neither ARN nor service; a service has its name (``logs.amazonaws.com``).

    ``role`` is the ARN of the role that a session is of, with the role's path, which the session's lacks;
    ``limits`` are the session policies.
    """

    arn: str | None = None
    account: str | None = None
    service: str | None = None
    canonical_user: str | None = None
    role: str | None = None
    user_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    limits: tuple[str, ...] = ()

    @property
    def names(self) -> set[str]:
        """The ARNs that name this principal alone: its own, and for a session that of its role."""
        return {name for name in (self.arn, self.role or _role_of_session(self.arn or "")) if name}


@dataclass(frozen=True)
class Request:
    """One action on one resource; the names of context keys are compared without regard to case."""

    principal: Principal
    action: str
    resource: str
    context: Mapping[str, str | list[str]] = field(default_factory=dict)

    @functools.cached_property
    def values(self) -> dict[str, list[str]]:
        """The values of every context key, by its lower-case name."""
        return {
            key.lower(): [value] if isinstance(value, str) else value for key, value in self.context.items()
        }


def evaluate(policy: Mapping[str, Any], request: Request) -> Decision:
    """Return what a policy says of a request; an explicit deny wins over any allow.

    Raises:
        PolicyError: a condition uses an operator that does not exist.

    """
    effects = {statement.get("Effect") for _, statement in applying(policy, request)}
    if "Deny" in effects:
        return Decision.DENY
    return Decision.ALLOW if "Allow" in effects else Decision.NONE


def applying(policy: Mapping[str, Any], request: Request) -> list[tuple[int, Mapping[str, Any]]]:
    """Return the statements that apply to a request, each with its place in the policy.

    Raises:
        PolicyError: a condition uses an operator that does not exist.

    """
    has_variables = policy.get("Version") == "2012-10-17"
    return [
        (place, statement)
        for place, statement in enumerate(listed(policy.get("Statement")))
        if _applies(statement, request, has_variables)
    ]


def names_account_alone(statement: Mapping[str, Any], principal: Principal) -> bool:
    """Return whether a statement means a principal by its account only, and so leaves it to IAM.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    if "NotPrincipal" in statement:
        return False
    return not _is_among(statement.get("Principal"), principal, lambda name, who: name in {"*", *who.names})


def check(policy: Any) -> None:
    """Check the form of a resource policy.

    Raises:
        PolicyError: it could not be evaluated; the message names the element.

    """
    if not isinstance(policy, dict):
        raise PolicyError("the policy must be a JSON object")
    if policy.get("Version", "2008-10-17") not in {"2008-10-17", "2012-10-17"}:
        raise PolicyError(f"Version {policy['Version']!r} is not 2012-10-17 or 2008-10-17")
    statements = listed(policy.get("Statement"))
    if not statements:
        raise PolicyError("Statement is missing or empty")
    for statement in statements:
        _check_statement(statement)


def _check_statement(statement: Any) -> None:
    if not isinstance(statement, dict):
        raise PolicyError("a statement must be a JSON object")
    name = statement.get("Sid", "without Sid")
    if statement.get("Effect") not in {"Allow", "Deny"}:
        raise PolicyError(f"statement {name}: Effect must be Allow or Deny")
    for element in ("Principal", "Action", "Resource"):
        if (element in statement) == (f"Not{element}" in statement):
            raise PolicyError(f"statement {name}: exactly one of {element} and Not{element} is required")
    for operator, tests in (statement.get("Condition") or {}).items():
        parse_operator(operator)
        if not isinstance(tests, dict):
            raise PolicyError(f"statement {name}: Condition {operator} must be an object of keys and values")


# ─── Statements ───


def _applies(statement: Mapping[str, Any], request: Request, has_variables: bool) -> bool:
    def expand(pattern: str) -> str | None:
        return _expand(pattern, request) if has_variables else _escape_dollar(pattern)

    return (
        _names_principal(statement, request.principal)
        and _names(statement, "Action", lambda pattern: _is_action(pattern, request.action))
        and _names(statement, "Resource", lambda pattern: _expanded_like(expand(pattern), request.resource))
        and all(
            _holds(operator, key, wanted, request, expand)
            for operator, tests in (statement.get("Condition") or {}).items()
            for key, wanted in tests.items()
        )
    )


def _names(statement: Mapping[str, Any], element: str, matches: Callable[[str], bool]) -> bool:
    if f"Not{element}" in statement:
        return not any(map(matches, _strings(statement[f"Not{element}"])))
    return any(map(matches, _strings(statement.get(element))))


def _names_principal(statement: Mapping[str, Any], principal: Principal) -> bool:
    if "NotPrincipal" in statement:
        return not _is_among(statement["NotPrincipal"], principal, _is_itself)
    return _is_among(statement.get("Principal"), principal, _is_aws_principal)


def _is_among(named: Any, principal: Principal, is_meant: Callable[[str, Principal], bool]) -> bool:
    if named == "*":
        return True
    if not isinstance(named, Mapping):
        return False
    return (
        any(is_meant(name, principal) for name in _strings(named.get("AWS")))
        or (principal.service is not None and principal.service in _strings(named.get("Service")))
        or (
            principal.canonical_user is not None
            and principal.canonical_user in _strings(named.get("CanonicalUser"))
        )
    )


def _is_aws_principal(name: str, principal: Principal) -> bool:
    """An account or its root stands for every principal of it; a role for its sessions; ``*`` for all."""
    if account := _account_of(name):
        return principal.account == account
    return name == "*" or name in principal.names


def _is_itself(name: str, principal: Principal) -> bool:
    """Of NotPrincipal: an account's ARN there excepts its root user, and nobody else of the account.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
    """
    if account := _account_of(name):
        return principal.arn is not None and _account_of(principal.arn) == account
    return name == "*" or name in principal.names


def _account_of(name: str) -> str | None:
    """Return the account that a principal's name stands for, None if it is that of something else."""
    if ACCOUNT.match(name):
        return name
    root = _ROOT.match(name)
    return root[1] if root else None


def _role_of_session(arn: str) -> str | None:
    session = _ASSUMED_ROLE.match(arn)
    return f"arn:{session[1]}:iam::{session[2]}:role/{session[3]}" if session else None


# ─── Patterns ───


def like(pattern: str, text: str) -> bool:
    """Whole-text match with ``*`` and ``?``; ``${*}``, ``${?}`` and ``${$}`` stand for the characters."""
    return _compiled(pattern).fullmatch(text) is not None


@functools.lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern so that matching takes at most its length times that of the text.

    The text between two stars is looked for once, where it comes first, and never again: atomic groups.
    """
    parts = [""]
    position = 0
    for match in _WILDCARD.finditer(pattern):
        parts[-1] += re.escape(pattern[position : match.start()])
        if match[0] == "*":
            parts.append("")
        else:
            parts[-1] += "." if match[0] == "?" else re.escape(match[0][2:-1])
        position = match.end()
    parts[-1] += re.escape(pattern[position:])
    first, *others = parts
    between = "".join(f"(?>.*?{part})" for part in others[:-1] if part)
    last = f".*{others[-1]}" if others else ""
    return re.compile(first + between + last, re.DOTALL)


@functools.lru_cache(maxsize=65536)
def _is_action(pattern: str, action: str) -> bool:
    """Actions are compared without regard to case; there are few, and each is asked for again and again."""
    return like(pattern.lower(), action.lower())


def _expanded_like(pattern: str | None, text: str) -> bool:
    return pattern is not None and like(pattern, text)


def _expand(pattern: str, request: Request) -> str | None:
    """Put context values in the place of variables; None if one has neither a value nor a default.

    What comes from the request is taken literally: a user named ``*`` must not match everything.
    """
    if "${" not in pattern:
        return pattern
    missing = False

    def value_of(match: re.Match[str]) -> str:
        nonlocal missing
        if match[1] in _LITERALS:
            return match[0]
        name, _, default = match[1].partition(",")
        values = request.values.get(name.strip().lower(), [])
        if len(values) != 1 and not default:
            missing = True
            return ""
        return _literal(values[0] if len(values) == 1 else default.strip().strip("'"))

    expanded = _VARIABLE.sub(value_of, pattern)
    return None if missing else expanded


def _literal(text: str) -> str:
    return re.sub(r"[*?$]", lambda match: "${" + match[0] + "}", text)


def _escape_dollar(pattern: str) -> str:
    """Policies of version 2008-10-17 have no variables: ``${`` is only text there."""
    return pattern.replace("${", "${$}{")


def _plain(pattern: str) -> str:
    """The text of a pattern that is compared without wildcards."""
    return _VARIABLE.sub(lambda match: _LITERALS.get(match[1], match[0]), pattern)


# ─── Conditions ───

Match = Callable[[str, str], bool]


def _holds(
    operator: str, key: str, wanted: Any, request: Request, expand: Callable[[str], str | None]
) -> bool:
    quantifier, name, if_exists = parse_operator(operator)
    actual = request.values.get(key.lower())
    if name == "Null":
        return any((actual is None) == (value.lower() == "true") for value in _strings(wanted))
    match, negated = _OPERATORS[name]
    if actual is None and (if_exists or quantifier == "ForAllValues"):
        return True
    if actual is None:
        # Absent is unlike anything; but no member of an empty set is anything at all.
        return negated and not quantifier
    patterns = [pattern for value in _strings(wanted) if (pattern := expand(value)) is not None]

    def fits(value: str) -> bool:
        return any(match(pattern, value) for pattern in patterns) is not negated

    if quantifier == "ForAllValues":
        return all(map(fits, actual))
    if quantifier == "ForAnyValue" or not negated:
        return any(map(fits, actual))
    return all(map(fits, actual))


@functools.lru_cache(maxsize=256)
def parse_operator(operator: str) -> tuple[str, str, bool]:
    """Split ``ForAnyValue:StringLikeIfExists`` into quantifier, operator and whether it ends in IfExists."""
    quantifier, _, name = operator.rpartition(":")
    base = name.removesuffix("IfExists")
    if quantifier not in {"", "ForAllValues", "ForAnyValue"} or (base not in _OPERATORS and name != "Null"):
        raise PolicyError(f"condition operator {operator!r} does not exist")
    return quantifier, base, base != name


def _string(pattern: str, value: str) -> bool:
    return _plain(pattern) == value


def _string_ignoring_case(pattern: str, value: str) -> bool:
    return _plain(pattern).lower() == value.lower()


def _boolean(pattern: str, value: str) -> bool:
    return pattern.lower() == value.lower()


def _binary(pattern: str, value: str) -> bool:
    try:
        return base64.b64decode(pattern, validate=True) == base64.b64decode(value, validate=True)
    except binascii.Error:
        return False


def _arn(pattern: str, value: str) -> bool:
    """Each of the six parts is matched by itself: a wildcard never reaches over a colon of the first five."""
    wanted, actual = pattern.split(":", 5), value.split(":", 5)
    return len(wanted) == len(actual) == 6 and all(map(like, wanted, actual))


def _address(pattern: str, value: str) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(pattern, strict=False)
    except ValueError:
        return False


def _numbers(compare: Callable[[float, float], bool]) -> Match:
    """Compare as (value, bound); what is no number fits nothing."""

    def match(pattern: str, value: str) -> bool:
        try:
            return compare(float(value), float(pattern))
        except ValueError:
            return False

    return match


def _dates(compare: Callable[[float, float], bool]) -> Match:
    def match(pattern: str, value: str) -> bool:
        try:
            return compare(epoch(value), epoch(pattern))
        except ValueError:
            return False

    return match


def epoch(text: str) -> float:
    """Seconds of an ISO 8601 date or of an epoch time."""
    try:
        return float(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


_ORDER: dict[str, Callable[[float, float], bool]] = {
    "Equals": lambda value, bound: value == bound,
    "LessThan": lambda value, bound: value < bound,
    "LessThanEquals": lambda value, bound: value <= bound,
    "GreaterThan": lambda value, bound: value > bound,
    "GreaterThanEquals": lambda value, bound: value >= bound,
}

# Every operator: how one pattern is compared with one value, and whether the outcome is negated.
_OPERATORS: dict[str, tuple[Match, bool]] = {
    "StringEquals": (_string, False),
    "StringNotEquals": (_string, True),
    "StringEqualsIgnoreCase": (_string_ignoring_case, False),
    "StringNotEqualsIgnoreCase": (_string_ignoring_case, True),
    "StringLike": (like, False),
    "StringNotLike": (like, True),
    "Bool": (_boolean, False),
    "BinaryEquals": (_binary, False),
    "IpAddress": (_address, False),
    "NotIpAddress": (_address, True),
    "ArnEquals": (_arn, False),
    "ArnLike": (_arn, False),
    "ArnNotEquals": (_arn, True),
    "ArnNotLike": (_arn, True),
    "NumericNotEquals": (_numbers(_ORDER["Equals"]), True),
    "DateNotEquals": (_dates(_ORDER["Equals"]), True),
    **{f"Numeric{name}": (_numbers(compare), False) for name, compare in _ORDER.items()},
    **{f"Date{name}": (_dates(compare), False) for name, compare in _ORDER.items()},
}


# ─── JSON ───


def listed(value: Any) -> list[Any]:
    """Return the values of an element, of which JSON may have none, one, or a list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _strings(value: Any) -> Iterable[str]:
    """The values of an element as strings: JSON booleans and numbers may stand for them."""
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in listed(value)]
