"""All kinds of policies together, in the cases that AWS's pages on evaluation tell."""

from __future__ import annotations

from typing import Any

import pytest

from meshtest.emulator.authorization import (
    Document,
    Kind,
    Policies,
    Resource,
    Statement,
    Verdict,
    decide,
    decide_root,
)
from meshtest.emulator.policy import Principal, Request

ACCOUNT, OTHER = "123456789012", "999999999999"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/data/etl"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/etl/run"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1"
WHO = Principal(SESSION, ACCOUNT, role=ROLE)
ASKED = Request(WHO, "kms:Decrypt", KEY)

YES, NO = {"Effect": "Allow"}, {"Effect": "Deny"}
OTHERS = {"Effect": "Allow", "Action": "kms:Encrypt"}


def document(kind: Kind, *statements: dict[str, Any], name: str = "p") -> Document:
    whole = [{"Principal": "*", "Action": "kms:*", "Resource": "*"} | each for each in statements]
    return Document(kind, name, {"Version": "2012-10-17", "Statement": whole})


def policies(**kinds: dict[str, Any]) -> Policies:
    return Policies(**{name: (document(Kind[name.upper()], each),) for name, each in kinds.items()})


def resource(*statements: dict[str, Any], account: str = ACCOUNT, **fields: Any) -> Resource:
    return Resource(account, document(Kind.RESOURCE, *statements) if statements else None, **fields)


def told(given: Policies, to: Resource | None = None) -> str:
    """Return "" for an allowed request, else the reason."""
    return decide(ASKED, given, to or resource()).reason


def no(kind: str) -> str:
    return f"because no {kind} allows the kms:Decrypt action"


def deny(kind: str) -> str:
    return f"with an explicit deny in {kind}"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, no("identity-based policy")),
        ({"identity": OTHERS}, no("identity-based policy")),
        ({"identity": YES}, ""),
        ({"identity": NO}, deny("an identity-based policy")),
        ({"identity": YES, "boundary": OTHERS}, no("permissions boundary")),
        ({"identity": YES, "boundary": NO}, deny("a permissions boundary")),
        ({"boundary": YES}, no("identity-based policy")),
        ({"identity": YES, "session": OTHERS}, no("session policy")),
        ({"identity": YES, "session": NO}, deny("a session policy")),
        ({"identity": YES, "boundary": YES, "session": YES}, ""),
    ],
)
def test_a_session_may_do_what_all_of_its_policies_allow(given: dict[str, Any], reason: str) -> None:
    assert told(policies(**given)) == reason


@pytest.mark.parametrize(
    ("principal", "given", "reason"),
    [
        ({"AWS": ROLE}, {}, ""),
        ("*", {}, ""),
        ({"AWS": [OTHER, SESSION]}, {}, ""),
        ({"AWS": ACCOUNT}, {}, no("identity-based policy")),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, {"identity": YES}, ""),
        ({"AWS": ROLE}, {"boundary": OTHERS}, no("permissions boundary")),
        ({"AWS": ROLE}, {"session": OTHERS}, no("session policy")),
        ({"AWS": SESSION}, {"boundary": OTHERS, "session": OTHERS}, ""),
        ({"AWS": SESSION}, {"boundary": NO}, deny("a permissions boundary")),
        ({"AWS": OTHER}, {}, no("identity-based policy")),
    ],
)
def test_a_resource_of_the_own_account_lets_in_whom_it_names(
    principal: Any, given: dict[str, Any], reason: str
) -> None:
    assert told(policies(**given), resource(YES | {"Principal": principal})) == reason


def test_a_resource_denies_whatever_identities_allow() -> None:
    assert told(policies(identity=YES), resource(NO)) == deny("a resource-based policy")


@pytest.mark.parametrize(
    ("given", "to", "reason"),
    [
        ({"identity": YES}, (), no("resource-based policy")),
        ({}, (YES,), no("identity-based policy")),
        ({"identity": YES}, (YES | {"Principal": {"AWS": ACCOUNT}},), ""),
        ({}, (YES | {"Principal": {"AWS": ROLE}},), no("identity-based policy")),
    ],
)
def test_both_accounts_have_to_allow_what_crosses_them(given: Any, to: Any, reason: str) -> None:
    assert told(policies(**given), resource(*to, account=OTHER)) == reason


@pytest.mark.parametrize(
    ("to", "given", "reason"),
    [
        ((OTHERS,), {"identity": YES}, no("resource-based policy")),
        ((YES | {"Principal": {"AWS": ACCOUNT}},), {"identity": YES}, ""),
        ((YES | {"Principal": {"AWS": ACCOUNT}},), {}, no("identity-based policy")),
        ((YES | {"Principal": {"AWS": ROLE}},), {}, ""),
    ],
)
def test_a_key_has_to_let_identity_policies_count(to: Any, given: Any, reason: str) -> None:
    assert told(policies(**given), resource(*to, lets_iam_in=False)) == reason


def test_a_verdict_names_the_statements_that_decided() -> None:
    given = Policies(identity=(document(Kind.IDENTITY, OTHERS, YES | {"Sid": "Use"}, YES, name="own"),))
    assert decide(ASKED, given, resource()).statements == (
        Statement("identity-based policy", "own", "Use"),
        Statement("identity-based policy", "own", "3"),
    )
    denied = decide(ASKED, given, resource(NO | {"Sid": "Never"}))
    assert denied.statements == (Statement("resource-based policy", "p", "Never"),)


def test_root_is_held_by_a_deny_of_the_resource_alone() -> None:
    assert decide_root(ASKED, resource()) == Verdict(True)
    assert decide_root(ASKED, resource(OTHERS)).is_allowed
    assert decide_root(ASKED, resource(NO)).reason == deny("a resource-based policy")


def test_the_wording_of_a_trust_policy() -> None:
    trust = Resource(ACCOUNT, document(Kind.TRUST, OTHERS), lets_iam_in=False)
    assert told(policies(identity=YES), trust) == no("role trust policy")
    refusing = Resource(ACCOUNT, document(Kind.TRUST, NO), lets_iam_in=False)
    assert told(policies(identity=YES), refusing) == deny("the role trust policy")
