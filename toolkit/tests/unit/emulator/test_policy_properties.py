"""Laws of policy evaluation, on policies and requests that nobody has thought of."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshtest.emulator.policy import Decision, Principal, Request, check, evaluate

ACCOUNT = "123456789012"
ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"
ACTIONS = ["s3:GetObject", "s3:PutObject", "s3:ListBucket"]
RESOURCES = ["arn:aws:s3:::lake", "arn:aws:s3:::lake/a", "arn:aws:s3:::lake/b/c"]
# Few values, so that patterns and requests often meet.
VALUES = ["true", "false", "1.1", "1.2", "a", "arn:aws:s3:::lake", "10.0.0.1"]
KEYS = ["aws:SecureTransport", "s3:TlsVersion", "aws:SourceArn"]
OPERATORS = [
    "Bool",
    "StringEquals",
    "StringNotEquals",
    "StringLike",
    "StringNotLike",
    "NumericLessThan",
    "NumericNotEquals",
    "ArnLike",
    "ArnNotLike",
    "IpAddress",
    "NotIpAddress",
    "Null",
    "BoolIfExists",
    "NumericLessThanIfExists",
    "ForAllValues:StringEquals",
    "ForAnyValue:StringLike",
    "ForAnyValue:StringNotLike",
]
Statement = dict[str, Any]


def one_or_more(values: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)


def element(name: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Statement]:
    return st.tuples(st.sampled_from([name, f"Not{name}"]), values).map(lambda pair: {pair[0]: pair[1]})


principals = st.one_of(
    st.just("*"),
    one_or_more([ACCOUNT, ALICE, "*"]).map(lambda names: {"AWS": names}),
    st.just({"Service": ["logging.s3.amazonaws.com"]}),
)
conditions = st.dictionaries(
    st.sampled_from(OPERATORS),
    st.dictionaries(st.sampled_from(KEYS), one_or_more(VALUES), min_size=1, max_size=2),
    max_size=2,
)


@st.composite
def statements(draw: st.DrawFn, effect: str | None = None) -> Statement:
    chosen = effect or draw(st.sampled_from(["Allow", "Deny"]))
    return {
        "Effect": chosen,
        **draw(element("Principal", principals)),
        **draw(element("Action", one_or_more([*ACTIONS, "s3:*", "*", "S3:get?bject"]))),
        **draw(element("Resource", one_or_more([*RESOURCES, "*", "arn:aws:s3:::lake/*"]))),
        "Condition": draw(conditions),
    }


requests = st.builds(
    Request,
    principal=st.sampled_from(
        [Principal(), Principal(ALICE, ACCOUNT), Principal(service="logging.s3.amazonaws.com")]
    ),
    action=st.sampled_from(ACTIONS),
    resource=st.sampled_from(RESOURCES),
    context=st.dictionaries(
        st.sampled_from(KEYS),
        st.one_of(st.sampled_from(VALUES), st.lists(st.sampled_from(VALUES), max_size=2)),
    ),
)
many = st.lists(statements(), max_size=4)
law = settings(max_examples=200, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])


def decide(document: list[Statement] | Statement, request: Request) -> Decision:
    return evaluate({"Version": "2012-10-17", "Statement": document}, request)


@law
@given(many, requests)
def test_an_explicit_deny_always_wins(document: list[Statement], request: Request) -> None:
    """Whatever else is said: one Deny that applies decides, and only such a one does."""
    denies = any(
        decide([statement], request) is Decision.DENY
        for statement in document
        if statement["Effect"] == "Deny"
    )
    assert (decide(document, request) is Decision.DENY) is denies


@law
@given(many, statements("Deny"), requests)
def test_another_deny_never_allows_more(document: list[Statement], deny: Statement, request: Request) -> None:
    before, after = decide(document, request), decide([*document, deny], request)
    assert after in {before, Decision.DENY}


@law
@given(many, statements("Allow"), requests)
def test_another_allow_never_denies_more(
    document: list[Statement], allow: Statement, request: Request
) -> None:
    before, after = decide(document, request), decide([*document, allow], request)
    assert after is before or (before, after) == (Decision.NONE, Decision.ALLOW)


@law
@given(many.flatmap(lambda document: st.tuples(st.just(document), st.permutations(document))), requests)
def test_order_does_not_matter(documents: tuple[list[Statement], list[Statement]], request: Request) -> None:
    document, other = documents
    assert decide(document, request) is decide([_reversed(statement) for statement in other], request)


def _reversed(value: Any) -> Any:
    """The same statement with every list, and every map, in the opposite order."""
    if isinstance(value, dict):
        return {key: _reversed(part) for key, part in reversed(value.items())}
    return [_reversed(part) for part in reversed(value)] if isinstance(value, list) else value


@law
@given(statements(), requests)
def test_a_single_value_is_a_list_of_one(statement: Statement, request: Request) -> None:
    check({"Statement": statement})
    assert decide(statement, request) is decide([_single(statement)], request)


def _single(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _single(part) for key, part in value.items()}
    return value[0] if isinstance(value, list) and len(value) == 1 else value


@law
@given(statements(), requests)
def test_more_values_never_make_a_statement_apply_less(statement: Statement, request: Request) -> None:
    """Values of one element are alternatives; under Not… they are exceptions."""
    for name, more in (("Action", "s3:GetObject"), ("Resource", RESOURCES[1])):
        applied = decide([statement], request) is not Decision.NONE
        key = name if name in statement else f"Not{name}"
        wider = decide([statement | {key: [*statement[key], more]}], request) is not Decision.NONE
        assert wider >= applied if key == name else wider <= applied
