"""Keys: rotated, with a policy of their own, known by an alias."""

from __future__ import annotations

import re
from collections.abc import Iterator

from meshtest.controls import Seen, control
from meshtest.plan import NAMING, Plan, Statement, names_account, statements

_BY_ROLE = ("ArnEquals", "aws:principalarn")
_ROLE = re.compile(r"arn:[\w-]+:iam::\d{12}:role/[\w+=,.@/-]+")


@control(
    "kms-rotation",
    "Every key is rotated",
    "medium",
    improvement="P1-03",
    security_hub="KMS.4",
    cis="3.6",
    checkov="CKV_AWS_7",
)
def rotation(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html."""
    for key in plan.resources("aws_kms_key"):
        yield Seen(key, bool(key.get("enable_key_rotation")), True)


@control(
    "kms-policy",
    "Every key has a policy: the account administers it, a condition holds everyone else to an account",
    "high",
    improvement="P1-03",
    security_hub="KMS.5",
    checkov="CKV2_AWS_64",
)
def policy(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html."""
    for key in plan.resources("aws_kms_key"):
        found = statements(key.get("policy")) if key.get("policy") else []
        roots = [each for each in found if _is_account(each)]
        open_ones = [each.sid for each in found if each not in roots and not _is_limited(each)]
        yield Seen(key, (len(roots), open_ones), (1, []))


def _is_account(statement: Statement) -> bool:
    return (
        statement.effect == "Allow"
        and statement.actions == ("kms:*",)
        and len(statement.principals) == 1
        and statement.principals[0][1].endswith(":root")
    )


def _is_limited(statement: Statement) -> bool:
    # Everyone, if a condition names the one role.
    roles = statement.conditions.get(_BY_ROLE, ())
    is_of_role = bool(roles) and all(map(_ROLE.fullmatch, roles))
    is_open = (
        (("AWS", "*") in statement.principals and not is_of_role)
        or bool(statement.negated)
        or "kms:*" in statement.actions
    )
    is_of_an_account = any(
        operator in NAMING and all(map(names_account, values))
        for (operator, _), values in statement.conditions.items()
    )
    return statement.effect == "Deny" or (is_of_an_account and not is_open)


@control("kms-alias", "Every key has an alias", "low", improvement="P1-03")
def alias(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html."""
    for key in plan.resources("aws_kms_key"):
        names = [
            each
            for each in plan.resources("aws_kms_alias")
            if key.declared in each.refers("target_key_id")
            # A reference within a module means the key of the same instance.
            and (each.module != key.module or each.instance == key.instance)
        ]
        yield Seen(key, len(names), 1)


@control("kms-deletion-window", "A key that is to be deleted can be brought back for 30 days", "medium")
def deletion_window(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html."""
    for key in plan.resources("aws_kms_key"):
        yield Seen(key, key.get("deletion_window_in_days") or 30, 30)
