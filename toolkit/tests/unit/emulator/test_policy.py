"""The policy evaluator against the rules of the IAM documentation."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshtest.emulator.policy import Decision, PolicyError, Principal, Request, check, evaluate

ACCOUNT = "123456789012"
ROOT = Principal(f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT)
ALICE = Principal(f"arn:aws:iam::{ACCOUNT}:user/alice", ACCOUNT)
SESSION = Principal(f"arn:aws:sts::{ACCOUNT}:assumed-role/writer/run-1", ACCOUNT)
STRANGER = Principal("arn:aws:iam::999999999999:user/eve", "999999999999")
ANONYMOUS = Principal()
DELIVERY = Principal(service="logging.s3.amazonaws.com")


def decide(
    principal: Principal = ALICE,
    action: str = "s3:GetObject",
    resource: str = "arn:aws:s3:::lake/a/b",
    context: dict[str, Any] | None = None,
    **statement: Any,
) -> Decision:
    everything = {"Principal": "*", "Action": "s3:*", "Resource": "*"}
    basis = {element: value for element, value in everything.items() if f"Not{element}" not in statement}
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | basis | statement]}
    check(policy)
    return evaluate(policy, Request(principal, action, resource, context or {}))


def applies(**arguments: Any) -> bool:
    return decide(**arguments) is Decision.ALLOW


# ─── Decision ───


def test_nothing_said_is_an_implicit_deny() -> None:
    assert evaluate({"Statement": []}, Request(ALICE, "s3:GetObject", "arn:aws:s3:::lake/a")) is Decision.NONE


@pytest.mark.parametrize("principal", [ROOT, ALICE, SESSION, STRANGER, ANONYMOUS, DELIVERY])
def test_an_explicit_deny_wins_for_everyone(principal: Principal) -> None:
    allow = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [allow, allow | {"Effect": "Deny"}, allow]}
    assert evaluate(policy, Request(principal, "s3:GetObject", "arn:aws:s3:::lake/a")) is Decision.DENY


def test_a_single_statement_needs_no_list() -> None:
    policy = {"Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}}
    assert evaluate(policy, Request(ALICE, "s3:GetObject", "arn:aws:s3:::lake/a")) is Decision.ALLOW


# ─── Principal ───


@pytest.mark.parametrize(
    ("named", "principal", "expected"),
    [
        ("*", ANONYMOUS, True),
        ({"AWS": "*"}, ANONYMOUS, True),
        ({"AWS": "*"}, DELIVERY, True),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, STRANGER, False),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, ANONYMOUS, False),
        ({"AWS": [STRANGER.arn, ALICE.arn]}, ALICE, True),
        ({"AWS": ALICE.arn}, ROOT, False),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/writer"}, SESSION, True),
        ({"AWS": SESSION.arn}, SESSION, True),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/reader"}, SESSION, False),
        ({"Service": "logging.s3.amazonaws.com"}, DELIVERY, True),
        ({"Service": "delivery.logs.amazonaws.com"}, DELIVERY, False),
        ({"Service": "logging.s3.amazonaws.com"}, ROOT, False),
        ({"CanonicalUser": "abc"}, Principal(canonical_user="abc"), True),
        ({"CanonicalUser": "abc"}, ALICE, False),
    ],
)
def test_principal(named: Any, principal: Principal, expected: bool) -> None:
    assert applies(principal=principal, Principal=named) is expected
    assert applies(principal=principal, NotPrincipal=named) is not expected


@pytest.mark.parametrize("account", [ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root"])
@pytest.mark.parametrize("principal", [ROOT, ALICE, SESSION])
def test_an_account_stands_for_all_of_it_and_excepts_its_root(principal: Principal, account: str) -> None:
    assert applies(principal=principal, Principal={"AWS": account})
    assert applies(principal=principal, NotPrincipal={"AWS": account}) is (principal != ROOT)


def test_a_session_is_of_a_role_with_a_path() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/data/writer"
    session = replace(SESSION, role=role)
    assert applies(principal=session, Principal={"AWS": role})
    assert not applies(principal=session, Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/writer"})


# ─── Action and Resource ───


@pytest.mark.parametrize(
    ("pattern", "action", "expected"),
    [
        ("s3:GetObject", "s3:GetObject", True),
        ("S3:getobject", "s3:GetObject", True),
        ("s3:Get*", "s3:GetObject", True),
        ("s3:?etObject", "s3:GetObject", True),
        ("*", "s3:GetObject", True),
        ("s3:GetObject", "s3:GetObjectVersion", False),
        (["s3:PutObject", "s3:GetObject"], "s3:GetObject", True),
        ("s3.GetObject", "s3:GetObject", False),
    ],
)
def test_action(pattern: Any, action: str, expected: bool) -> None:
    assert applies(action=action, Action=pattern) is expected
    assert applies(action=action, NotAction=pattern) is not expected


@pytest.mark.parametrize(
    ("pattern", "resource", "expected"),
    [
        ("arn:aws:s3:::lake/*", "arn:aws:s3:::lake/a/b", True),
        ("arn:aws:s3:::lake/*", "arn:aws:s3:::lake", False),
        ("arn:aws:s3:::lake", "arn:aws:s3:::lake/a", False),
        ("arn:aws:s3:::Lake/*", "arn:aws:s3:::lake/a", False),
        ("arn:aws:s3:::lake/?", "arn:aws:s3:::lake/ab", False),
        (["arn:aws:s3:::x", "arn:aws:s3:::lake/a*"], "arn:aws:s3:::lake/a\nb", True),
        ("arn:aws:s3:::lake/[a]", "arn:aws:s3:::lake/a", False),
    ],
)
def test_resource(pattern: Any, resource: str, expected: bool) -> None:
    assert applies(resource=resource, Resource=pattern) is expected
    assert applies(resource=resource, NotResource=pattern) is not expected


@pytest.mark.parametrize("pattern", ["*a" * 50 + "b", "*" * 200 + "b", "?*" * 60 + "b", "*a?" * 40 + "*b"])
def test_stars_cost_no_more_than_pattern_times_text(pattern: str) -> None:
    started = time.process_time()
    assert not applies(resource="a" * 1000, Resource=pattern)
    assert time.process_time() - started < 1


@given(st.text("a*?", max_size=8), st.text("ab", max_size=8))
def test_wildcards_fit_what_a_plain_expression_fits(pattern: str, text: str) -> None:
    plain = re.compile(pattern.replace("*", ".*").replace("?", "."), re.DOTALL)
    assert applies(resource=text, Resource=pattern) is (plain.fullmatch(text) is not None)


# ─── Variables ───

HOME = "arn:aws:s3:::lake/home/${aws:username}/*"


@pytest.mark.parametrize(
    ("pattern", "resource", "username", "expected"),
    [
        (HOME, "arn:aws:s3:::lake/home/alice/x", "alice", True),
        (HOME, "arn:aws:s3:::lake/home/bob/x", "alice", False),
        (HOME, "arn:aws:s3:::lake/home/bob/x", "*", False),
        (HOME, "arn:aws:s3:::lake/home/*/x", "*", True),
        (HOME, "arn:aws:s3:::lake/home//x", None, False),
        ("arn:aws:s3:::lake/home/${aws:username, 'guest'}/*", "arn:aws:s3:::lake/home/guest/x", None, True),
        ("arn:aws:s3:::lake/${*}", "arn:aws:s3:::lake/*", None, True),
        ("arn:aws:s3:::lake/${*}", "arn:aws:s3:::lake/a", None, False),
        ("arn:aws:s3:::lake/${$}{x}", "arn:aws:s3:::lake/${x}", None, True),
    ],
)
def test_variables(pattern: str, resource: str, username: str | None, expected: bool) -> None:
    context = {"aws:username": username} if username else {}
    assert applies(resource=resource, Resource=pattern, context=context) is expected


def test_the_old_version_has_no_variables() -> None:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": HOME}
    policy = {"Version": "2008-10-17", "Statement": [statement]}
    context = {"aws:username": "alice"}
    literal = "arn:aws:s3:::lake/home/${aws:username}/x"
    assert evaluate(policy, Request(ALICE, "s3:GetObject", literal, context)) is Decision.ALLOW
    home = "arn:aws:s3:::lake/home/alice/x"
    assert evaluate(policy, Request(ALICE, "s3:GetObject", home, context)) is Decision.NONE


@pytest.mark.parametrize("operator", ["StringEquals", "StringLike"])
def test_a_variable_without_a_value_is_like_nothing(operator: str) -> None:
    """So a negated operator holds, whatever stands in the key."""
    for context in ({"k:y": "a"}, {"k:y": "${aws:username}"}):
        unresolved = {"k:y": "${aws:username}"}
        assert not applies(context=context, Condition={operator: unresolved})
        assert applies(context=context, Condition={NEGATED[operator]: unresolved})


# ─── Conditions ───

POSITIVE = [
    ("StringEquals", "a", "a", True),
    ("StringEquals", "a*", "ab", False),
    ("StringEquals", ["x", "a"], "a", True),
    ("StringEquals", "A", "a", False),
    ("StringEqualsIgnoreCase", "A", "a", True),
    ("StringLike", "a*c?", "abbcd", True),
    ("StringLike", "a*", "ba", False),
    ("NumericEquals", "1.2", "1.20", True),
    ("NumericEquals", 10, "10", True),
    ("NumericLessThan", "1.2", "1.1", True),
    ("NumericLessThan", "1.2", "1.2", False),
    ("NumericLessThanEquals", "1.2", "1.2", True),
    ("NumericGreaterThan", "1.2", "1.3", True),
    ("NumericGreaterThanEquals", "1.2", "1.1", False),
    ("NumericEquals", "1", "one", False),
    ("DateEquals", "2026-01-01T00:00:00Z", "1767225600", True),
    ("DateLessThan", "2026-01-02", "2026-01-01T23:59:59Z", True),
    ("DateGreaterThan", "2026-01-02", "2026-01-01", False),
    ("DateLessThanEquals", "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00Z", True),
    ("DateGreaterThanEquals", "2026-01-01", "never", False),
    ("Bool", "false", "false", True),
    ("Bool", False, "false", True),
    ("Bool", True, "false", False),
    ("Bool", "False", "false", True),
    ("BinaryEquals", "YWI=", "YWI=", True),
    ("BinaryEquals", "YWI=", "YWM=", False),
    ("IpAddress", "10.0.0.0/8", "10.1.2.3", True),
    ("IpAddress", "10.0.0.0/8", "11.1.2.3", False),
    ("IpAddress", "2001:db8::/32", "2001:db8::1", True),
    ("IpAddress", "10.1.2.3", "10.1.2.3", True),
    ("IpAddress", "10.0.0.0/8", "2001:db8::1", False),
    ("ArnLike", "arn:aws:s3:::lake-*", "arn:aws:s3:::lake-raw", True),
    ("ArnEquals", "arn:aws:s3:::lake-*", "arn:aws:s3:::lake-raw", True),
    ("ArnLike", "arn:*:raw", "arn:aws:s3:::raw", False),
    ("ArnLike", "arn:aws:*:*:*:raw", "arn:aws:s3:::raw", True),
    ("ArnEquals", "arn:aws:s3:::raw", "arn:aws:s3:::RAW", False),
]
NEGATED = {
    "StringEquals": "StringNotEquals",
    "StringEqualsIgnoreCase": "StringNotEqualsIgnoreCase",
    "StringLike": "StringNotLike",
    "NumericEquals": "NumericNotEquals",
    "DateEquals": "DateNotEquals",
    "IpAddress": "NotIpAddress",
    "ArnLike": "ArnNotLike",
    "ArnEquals": "ArnNotEquals",
}


@pytest.mark.parametrize(("operator", "wanted", "actual", "expected"), POSITIVE)
def test_operator(operator: str, wanted: Any, actual: str, expected: bool) -> None:
    assert applies(context={"k:y": actual}, Condition={operator: {"k:y": wanted}}) is expected
    if negated := NEGATED.get(operator):
        assert applies(context={"k:y": actual}, Condition={negated: {"k:y": wanted}}) is not expected


@pytest.mark.parametrize("operator", sorted({row[0] for row in POSITIVE}))
def test_an_absent_key_fits_nothing_but_the_negated_and_the_optional(operator: str) -> None:
    assert not applies(Condition={operator: {"k:y": "1"}})
    assert applies(Condition={operator + "IfExists": {"k:y": "1"}})
    if negated := NEGATED.get(operator):
        assert applies(Condition={negated: {"k:y": "1"}})
        assert applies(Condition={negated + "IfExists": {"k:y": "1"}})


def test_if_exists_still_looks_at_a_key_that_is_there() -> None:
    assert not applies(context={"k:y": "b"}, Condition={"StringEqualsIfExists": {"k:y": "a"}})


def test_key_names_ignore_case() -> None:
    assert applies(
        context={"aws:SecureTransport": "true"}, Condition={"Bool": {"AWS:securetransport": "true"}}
    )


@pytest.mark.parametrize(
    ("wanted", "is_there", "expected"),
    [
        ("true", False, True),
        ("true", True, False),
        ("false", True, True),
        (False, False, False),
        (True, False, True),
    ],
)
def test_null(wanted: Any, is_there: bool, expected: bool) -> None:
    context = {"k:y": "a"} if is_there else {}
    assert applies(context=context, Condition={"Null": {"k:y": wanted}}) is expected


def test_all_conditions_must_hold() -> None:
    both = {"StringEquals": {"k:a": "1", "k:b": "2"}, "Bool": {"k:c": "true"}}
    assert applies(context={"k:a": "1", "k:b": "2", "k:c": "true"}, Condition=both)
    assert not applies(context={"k:a": "1", "k:b": "x", "k:c": "true"}, Condition=both)
    assert not applies(context={"k:a": "1", "k:b": "2", "k:c": "false"}, Condition=both)


@pytest.mark.parametrize(
    ("operator", "actual", "expected"),
    [
        ("ForAllValues:StringEquals", ["a", "b"], True),
        ("ForAllValues:StringEquals", ["a", "x"], False),
        ("ForAllValues:StringEquals", [], True),
        ("ForAllValues:StringEquals", None, True),
        ("ForAnyValue:StringEquals", ["x", "b"], True),
        ("ForAnyValue:StringEquals", ["x"], False),
        ("ForAnyValue:StringEquals", [], False),
        ("ForAnyValue:StringEquals", None, False),
        ("ForAllValues:StringNotEquals", ["x", "y"], True),
        ("ForAllValues:StringNotEquals", ["x", "a"], False),
        ("ForAnyValue:StringNotEquals", ["x", "a"], True),
        ("ForAnyValue:StringNotEquals", ["a", "b"], False),
        ("ForAnyValue:StringNotEquals", None, False),
        ("ForAnyValue:StringLikeIfExists", None, True),
    ],
)
def test_sets(operator: str, actual: list[str] | None, expected: bool) -> None:
    context = {} if actual is None else {"k:y": actual}
    assert applies(context=context, Condition={operator: {"k:y": ["a", "b"]}}) is expected


def test_the_log_delivery_statement() -> None:
    """As a log bucket has it: the service, for those source buckets, that account and those prefixes."""
    statement = {
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": ["arn:aws:s3:::logs/raw/*", "arn:aws:s3:::logs/refined/*"],
        "Condition": {
            "ArnLike": {"aws:SourceArn": ["arn:aws:s3:::raw", "arn:aws:s3:::refined"]},
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
        },
    }
    context = {"aws:SourceArn": "arn:aws:s3:::raw", "aws:SourceAccount": ACCOUNT}
    put = {"action": "s3:PutObject", "resource": "arn:aws:s3:::logs/raw/2026"}
    assert applies(principal=DELIVERY, **put, context=context, **statement)
    assert not applies(principal=ROOT, **put, context=context, **statement)
    assert not applies(
        principal=DELIVERY, **put, context=context | {"aws:SourceAccount": "9" * 12}, **statement
    )
    assert not applies(principal=DELIVERY, **put, context={}, **statement)
    elsewhere = put | {"resource": "arn:aws:s3:::logs/curated/2026"}
    assert not applies(principal=DELIVERY, **elsewhere, context=context, **statement)


# ─── Form ───

STATEMENT = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}


@pytest.mark.parametrize(
    ("policy", "named"),
    [
        ([], "JSON object"),
        ({}, "Statement"),
        ({"Version": "2020-01-01", "Statement": [STATEMENT]}, "Version"),
        ({"Statement": ["Allow"]}, "JSON object"),
        ({"Statement": [STATEMENT | {"Effect": "allow"}]}, "Effect"),
        ({"Statement": [{k: v for k, v in STATEMENT.items() if k != "Principal"}]}, "Principal"),
        ({"Statement": [STATEMENT | {"NotAction": "*"}]}, "NotAction"),
        ({"Statement": [STATEMENT | {"Condition": {"StringIs": {"a": "b"}}}]}, "StringIs"),
        ({"Statement": [STATEMENT | {"Condition": {"ForEachValue:StringLike": {"a": "b"}}}]}, "ForEachValue"),
        ({"Statement": [STATEMENT | {"Condition": {"NullIfExists": {"a": "b"}}}]}, "NullIfExists"),
    ],
)
def test_what_is_no_policy_is_refused_by_name(policy: Any, named: str) -> None:
    with pytest.raises(PolicyError, match=named):
        check(policy)
