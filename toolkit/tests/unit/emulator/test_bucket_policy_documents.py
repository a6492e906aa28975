"""What PutBucketPolicy refuses, with S3's sentence, and which policies are public."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meshtest.emulator import bucket_policy
from meshtest.emulator.policy import PolicyError

ACCOUNT = "123456789012"
OBJECTS, BUCKET = "arn:aws:s3:::lake/*", "arn:aws:s3:::lake"
DENY = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": OBJECTS}


def check(*statements: Any, **members: Any) -> None:
    document = {"Version": "2012-10-17", "Statement": list(statements)} | members
    bucket_policy.check(json.dumps(document), "lake", lambda arn: not arn.endswith("/absent"))


def without(element: str) -> dict[str, Any]:
    return {name: value for name, value in DENY.items() if name != element}


def condition(operator: str, key: str, value: Any, **changes: Any) -> dict[str, Any]:
    return DENY | {"Condition": {operator: {key: value}}} | changes


ACCEPTED = {
    "any action": DENY | {"Action": "*", "Resource": [BUCKET, OBJECTS]},
    "wildcards": DENY | {"Action": ["s3:Get*", "S3:getobject"]},
    "the bucket's own": DENY | {"Action": ["s3:ListBucket", "s3:GetObject"], "Resource": [BUCKET, OBJECTS]},
    "a wildcard in the bucket": DENY | {"Action": "s3:ListBucket", "Resource": "arn:aws:s3:::la*"},
    "an account": DENY | {"Principal": {"AWS": [ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root"]}},
    "a role with a path": DENY | {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/data/etl"}},
    "a session": DENY | {"Principal": {"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/etl/run"}},
    "a service": DENY | {"Principal": {"Service": "logging.s3.amazonaws.com"}},
    "all but some": without("Principal") | {"NotPrincipal": {"AWS": ACCOUNT}},
    "one statement, no list": DENY,
    "tags": condition("StringEquals", "s3:ExistingObjectTag/class", "pii"),
    "a principal's tag": condition("StringNotEquals", "aws:PrincipalTag/team", "${aws:userid}"),
    "transport": condition("Bool", "aws:SecureTransport", False),
    "any version of TLS": condition("NumericLessThan", "s3:TlsVersion", "1.2", Action="s3:*"),
    "several ranges": condition("NotIpAddress", "aws:SourceIp", ["10.0.0.0/8", "2001:db8::/32"]),
    "a prefix": condition("StringLike", "s3:prefix", "a/*", Action="s3:ListBucket", Resource=BUCKET),
    "sets": condition("ForAllValues:StringLike", "s3:RequestObjectTagKeys", "a", Action="s3:PutObject"),
}


@pytest.mark.parametrize("statement", ACCEPTED.values(), ids=ACCEPTED)
def test_what_s3_accepts_is_accepted(statement: dict[str, Any]) -> None:
    check(statement)


NOT_APPLICABLE, KEY = bucket_policy.NOT_APPLICABLE, bucket_policy.CONDITION_KEY
REFUSED = [
    (DENY | {"Action": "s3:ListBucket"}, NOT_APPLICABLE),
    (DENY | {"Action": ["s3:GetObject", "s3:ListBucket"]}, NOT_APPLICABLE),
    (DENY | {"Resource": BUCKET}, NOT_APPLICABLE),
    (DENY | {"Action": "s3:PutBucket*"}, NOT_APPLICABLE),
    (DENY | {"Action": "s3:GetObjects"}, "Policy has invalid action"),
    (DENY | {"Action": "glue:GetTable"}, "Policy has invalid action"),
    (DENY | {"Action": "s3:ListAllMyBuckets"}, "Policy has invalid action"),
    (DENY | {"Action": []}, "Policy has invalid action"),
    (DENY | {"Resource": "*"}, "Policy has invalid resource"),
    (DENY | {"Resource": "arn:aws:s3:::other/*"}, "Policy has invalid resource"),
    (DENY | {"Resource": "lake/*"}, "Policy has invalid resource"),
    (DENY | {"Resource": 1}, "Policy has invalid resource"),
    (DENY | {"Principal": "everyone"}, "Invalid principal in policy"),
    (DENY | {"Principal": {}}, "Invalid principal in policy"),
    (DENY | {"Principal": {"Nobody": "x"}}, "Invalid principal in policy"),
    (DENY | {"Principal": {"AWS": "12345"}}, "Invalid principal in policy"),
    (DENY | {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/*"}}, "Invalid principal in policy"),
    (DENY | {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:group/a"}}, "Invalid principal in policy"),
    (DENY | {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/absent"}}, "Invalid principal in policy"),
    (DENY | {"Principal": {"Service": "logging"}}, "Invalid principal in policy"),
    (DENY | {"Principal": {"CanonicalUser": "abc"}}, "Invalid principal in policy"),
    (
        without("Principal") | {"Effect": "Allow", "NotPrincipal": {"AWS": ACCOUNT}},
        "Invalid principal in policy",
    ),
    (condition("StringEquals", "aws:NoSuchKey", "x"), KEY),
    (condition("StringEquals", "s3:x-acl", "x"), KEY),
    (condition("StringEquals", "nothing", "x"), KEY),
    (condition("StringEquals", "aws:PrincipalTag", "x"), KEY),
    (condition("StringEquals", "s3:prefix", "x"), bucket_policy.CONDITION_NOT_APPLICABLE),
    (condition("StringIs", "aws:Referer", "x"), "Invalid Condition type : StringIs"),
    (condition("IpAddress", "aws:SourceIp", "nonsense"), "Invalid IP address in Conditions"),
    (condition("IpAddress", "aws:SourceIp", "10.0.0.0/33"), "Invalid IP address in Conditions"),
    (condition("NumericLessThan", "s3:TlsVersion", "one"), "Invalid value in Conditions"),
    (condition("Bool", "aws:SecureTransport", "no"), "Invalid value in Conditions"),
    (condition("DateLessThan", "aws:CurrentTime", "soon"), "Invalid value in Conditions"),
    (condition("ArnLike", "aws:SourceArn", "lake"), "Invalid value in Conditions"),
    (condition("Bool", "aws:SecureTransport", {"a": 1}), "Invalid policy syntax."),
    (DENY | {"Condition": {"Bool": "x"}}, "Invalid policy syntax."),
    (DENY | {"Condition": ["x"]}, "Invalid policy syntax."),
    (DENY | {"Foo": 1}, "Unknown field Foo"),
    (DENY | {"Effect": "deny"}, "Invalid effect: deny"),
    (DENY | {"NotAction": "s3:*"}, "Invalid policy syntax."),
    ("Deny", "Invalid policy syntax."),
    *[
        (without(name), f"Missing required field {name}")
        for name in ("Effect", "Principal", "Action", "Resource")
    ],
]


@pytest.mark.parametrize(("statement", "message"), REFUSED)
def test_what_s3_refuses_is_refused_in_its_words(statement: Any, message: str) -> None:
    with pytest.raises(PolicyError) as caught:
        check(statement)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Policies must be valid JSON and the first byte must be '{'"),
        ("[]", "Policies must be valid JSON and the first byte must be '{'"),
        ('{"Statement": [], "Statement": []}', "Policies must be valid JSON"),
        ("{}", "Missing required field Statement"),
        ('{"Statement": []}', "Statement is empty!"),
        ('{"Version": "2020-01-01", "Statement": [{}]}', "The policy must contain a valid version string"),
        ('{"Statements": []}', "Unknown field Statements"),
        (
            json.dumps({"Statement": [DENY | {"Sid": "a"}, DENY | {"Sid": "a"}]}),
            "Statement IDs (SID) in a single policy must be unique.",
        ),
        (
            json.dumps({"Statement": [DENY | {"Resource": [f"{OBJECTS}{n:032}" for n in range(500)]}]}),
            "Normalized policy document exceeds the maximum allowed size of 20480 bytes",
        ),
    ],
    ids=range(9),
)
def test_a_document_that_is_none_is_refused(text: str, message: str) -> None:
    with pytest.raises(PolicyError) as caught:
        bucket_policy.check(text, "lake")
    assert message in str(caught.value)


ALLOW = DENY | {"Effect": "Allow"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"AWS": ACCOUNT}}, False),
        ({"Principal": {"Service": "logging.s3.amazonaws.com"}}, False),
        ({"Effect": "Deny"}, False),
        ({"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}, False),
        ({"Condition": {"StringLike": {"aws:PrincipalOrgID": "o-*"}}}, True),
        ({"Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}}, True),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}, False),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/1"}}}, True),
        ({"Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}}, False),
        ({"Condition": {"StringEquals": {"aws:userid": "${aws:userid}"}}}, True),
        ({"Condition": {"StringLike": {"aws:userid": "AROAABCDEFGHIJKLMNOPQ:*"}}}, False),
        ({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, True),
    ],
)
def test_which_policies_are_public(changes: dict[str, Any], expected: bool) -> None:
    assert bucket_policy.is_public({"Statement": [ALLOW | changes]}) is expected
