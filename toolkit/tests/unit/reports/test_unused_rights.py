"""Which rights were used, and what is said of those that were not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from meshtest.reports.permissions import (
    Granted,
    Listed,
    UnusedRightsError,
    findings,
    granted,
    read,
    report,
    uses,
)
from meshtest.testing import roles
from meshtest.tools import toolchain

ROLE = "arn:aws:iam::123456789012:role/x-etl-dev"
READ = Granted(ROLE, "own", "Read", ("s3:Get*", "s3:ListBucket"), ("arn:aws:s3:::b/*", "arn:aws:s3:::b"))


def decided(action: str, resource: str, sid: str = "Read", **changes: Any) -> dict[str, Any]:
    statements = [["identity-based policy", "own", sid], ["permissions boundary", "own", "Read"]]
    whole = {"principal": ROLE, "action": action, "resource": resource, "allowed": True, "reason": ""}
    return whole | {"statements": statements} | changes


OBJECT = decided("s3:GetObject", "arn:aws:s3:::b/k")
DENIED = decided("s3:PutObject", "arn:aws:s3:::b/k", allowed=False, reason="because no", statements=[])


def test_a_right_is_used_by_what_its_statement_allowed() -> None:
    (use,) = uses([READ], [OBJECT, DENIED])
    assert use.actions == ("s3:Get*",)
    assert use.unused_actions == ("s3:ListBucket",)
    assert use.unused_resources == ("arn:aws:s3:::b",)


@pytest.mark.parametrize(
    "other",
    [
        decided("s3:GetObject", "arn:aws:s3:::b/k", "Other"),
        OBJECT | {"principal": f"{ROLE}-other"},
        OBJECT | {"allowed": False},
        OBJECT | {"statements": [["permissions boundary", "own", "Read"]]},
    ],
)
def test_it_is_not_used_by_another_statement_role_or_kind_of_policy(other: dict[str, Any]) -> None:
    (use,) = uses([READ], [other])
    assert use.actions == ()


def test_an_unused_right_is_found_unless_it_is_listed() -> None:
    found = uses([READ], [OBJECT])
    assert findings(found, []) == [
        "x-etl-dev, statement Read: nothing used s3:ListBucket; "
        "take it away, or list it in unused-rights.toml"
    ]
    assert findings(found, [Listed("own", "Read", ("s3:ListBucket",), "why", "where")]) == []


@pytest.mark.parametrize(
    ("policy", "sid", "action"),
    [
        ("own", "Read", "s3:Get*"),
        ("own", "Read", "s3:Put*"),
        ("own", "Write", "s3:ListBucket"),
        ("other", "Read", "s3:ListBucket"),
    ],
)
def test_what_is_listed_in_vain_is_found(policy: str, sid: str, action: str) -> None:
    known = [
        Listed("own", "Read", ("s3:ListBucket",), "why", "where"),
        Listed(policy, sid, (action,), "why", "where"),
    ]
    assert findings(uses([READ], [OBJECT]), known) == [
        f"unused-rights.toml, statement {sid} of {policy}: {action} is used, or no role has it; "
        "take it off the list"
    ]


def test_the_report_tells_what_was_used_what_never_and_what_was_denied() -> None:
    known = [Listed("own", "Read", ("s3:ListBucket",), "why", "where")]
    assert list(report(uses([READ], [OBJECT, DENIED]), [OBJECT, DENIED], known)) == [
        f"\n{ROLE}",
        "  Read (own)",
        "    used   s3:Get*",
        "    unused s3:ListBucket: why",
        "    never  arn:aws:s3:::b",
        "    DENIED s3:PutObject on arn:aws:s3:::b/k because no",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[unused]]\nstatement = 'A'", "[[unused]] 1 has the keys statement; expected actions, policy"),
        ("[[unused]", "expected TOML with [[unused]] tables"),
        (
            "[[unused]]\npolicy='p'\nstatement='A'\nactions='a:B'\nreason='r'\nsource='s'",
            "[[unused]] 1: actions is 'a:B'; expected a list of texts",
        ),
    ],
)
def test_a_bad_list_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "unused-rights.toml"
    file.write_text(text)
    with pytest.raises(UnusedRightsError) as caught:
        read(file)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_domains_own_list_can_be_read_and_names_a_source_each() -> None:
    for each in read():
        assert each.reason
        assert each.source.startswith("https://") or (toolchain.ROOT / each.source).is_file()


def test_the_rights_of_roles_are_those_of_inline_and_of_managed_policies(tmp_path: Path) -> None:
    from meshtest import emulator

    with emulator.running(tmp_path) as endpoint:
        iam = endpoint.client("iam")
        roles.make_role(
            endpoint, "x-etl", {"Sid": "Own", "Action": "s3:GetObject"}, {"Effect": "Deny", "Action": "*"}
        )
        arn = roles.make_policy(endpoint, "shared", {"Action": ["glue:GetTable", "glue:GetTables"]})
        iam.attach_role_policy(RoleName="x-etl", PolicyArn=arn)
        roles.make_role(endpoint, "other", {"Action": "*"})
        found = list(granted(iam, "x-"))
    assert [(each.policy, each.sid, each.actions, each.resources) for each in found] == [
        ("own", "Own", ("s3:GetObject",), ("*",)),
        (arn, "1", ("glue:GetTable", "glue:GetTables"), ("*",)),
    ]
