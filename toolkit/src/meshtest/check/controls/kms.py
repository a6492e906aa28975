"""Keys: rotated, with a policy of their own, known by an alias."""

from __future__ import annotations

import re
from collections.abc import Iterator

from meshtest.check.controls import Seen, control
from meshtest.check.plan import Plan, Resource, Unknown, companions
from meshtest.check.policies import EVERYONE, NAMING, Statement, covers_action, names_account, planned

_BY_ROLE = ("ArnEquals", "aws:principalarn")
_ROLE = re.compile(r"arn:[\w-]+:iam::\d{12}:role/[\w+=,.@/-]+")
_KEYS = ("aws_kms_external_key", "aws_kms_key", "aws_kms_replica_external_key", "aws_kms_replica_key")
_IDENTITIES = ("key_id", "arn", "id")
_ACCOUNT = re.compile(r"\d{12}|arn:[\w-]+:iam::\d{12}:root")


def _symmetric(plan: Plan) -> Iterator[Resource | Unknown]:
    """The keys that can be rotated: AWS rotates no asymmetric key and no HMAC key."""
    for key in plan.resources("aws_kms_key"):
        try:
            if (key.get("customer_master_key_spec") or "SYMMETRIC_DEFAULT") == "SYMMETRIC_DEFAULT":
                yield key
        except Unknown as problem:
            yield problem


@control(
    "kms-rotation",
    "Every key is rotated",
    "medium",
    of=_symmetric,
    improvement="P1-03",
    security_hub="KMS.4",
    cis="3.6",
    checkov="CKV_AWS_7",
)
def rotation(key: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html."""
    yield Seen(key, bool(key.get("enable_key_rotation")), True, "set enable_key_rotation to true")


@control(
    "kms-policy",
    "Every key has a policy: the account administers it, a condition holds everyone else to an account",
    "high",
    of=_KEYS,
    improvement="P1-03",
    security_hub="KMS.5",
    checkov="CKV2_AWS_64",
)
def policy(key: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html."""
    separate = companions(key, "aws_kms_key_policy", "key_id", *_IDENTITIES)
    # A policy that no block declares is only computed: AWS's own.
    owners = separate or ([key] if key.declares("policy") or key.is_known("policy") else [])
    found = [each for owner in owners for each in planned(owner)]
    roots = [each for each in found if _is_account(each)]
    yield Seen(key, bool(roots), True, "give it a policy that allows kms:* to the account's root")
    wide = [each.name for each in found if each not in roots and not _is_limited(each)]
    advice = f"hold {', '.join(wide)} to named principals and actions, on a condition that names an account"
    yield Seen(key, wide, [], advice)


def _is_account(statement: Statement) -> bool:
    return (
        statement.allows
        and covers_action(statement, "kms:*")
        and len(statement.principals) == 1
        and not statement.negated
        and _ACCOUNT.fullmatch(statement.principals[0][1]) is not None
    )


def _is_limited(statement: Statement) -> bool:
    # Everyone, if a condition names the one role.
    roles = statement.conditions.get(_BY_ROLE, ())
    is_of_role = bool(roles) and all(map(_ROLE.fullmatch, roles))
    is_for_everyone = EVERYONE in statement.principals and not is_of_role
    is_open = is_for_everyone or bool(statement.negated) or covers_action(statement, "kms:*")
    is_of_an_account = any(
        operator in NAMING and all(map(names_account, values))
        for (operator, _), values in statement.conditions.items()
    )
    return not statement.allows or (is_of_an_account and not is_open)


@control("kms-alias", "Every key has an alias", "low", of=("aws_kms_key",), improvement="P1-03")
def alias(key: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html."""
    found = companions(key, "aws_kms_alias", "target_key_id", *_IDENTITIES)
    yield Seen(key, bool(found), True, "give it an aws_kms_alias")


@control(
    "kms-deletion-window", "A key that is to be deleted can be brought back for 30 days", "medium", of=_KEYS
)
def deletion_window(key: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html."""
    yield Seen(key, key.get("deletion_window_in_days") or 30, 30, "set deletion_window_in_days to 30")
