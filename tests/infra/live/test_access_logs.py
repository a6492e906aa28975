"""Each data bucket tells of its accesses, denied ones included, under its own prefix of the log bucket."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterator

import probes
import pytest

from meshtest.domain.backends import Ability
from meshtest.domain.domain import Domain
from meshtest.terraform import workspace

pytestmark = pytest.mark.needs(Ability.BUCKET_POLICIES, Ability.ACCESS_LOGS)
SOURCES = ("raw", "refined", "curated", "artifacts")
# Bucket, remote address, requester, request id, operation, key, request line, status, error code, and what
# follows: the beginning of the expression that AWS publishes for Athena, to which the unit tests hold it all.
LINE = re.compile(
    r'\S+ (?P<bucket>\S+) \[.*?\] \S+ \S+ (?P<id>\S+) (?P<operation>\S+) (?P<key>\S+) "[^"]*" '
    r"(?P<status>\d+) (?P<error>\S+) .*"
)


@pytest.fixture
def delivered(domain: Domain) -> Callable[[str, str], list[re.Match[str]]]:
    """delivered(bucket, prefix) → the lines below a prefix of a target, once everything is delivered."""

    def read(bucket: str, prefix: str) -> list[re.Match[str]]:
        domain.endpoint.flush_access_logs()
        s3 = domain.endpoint.client("s3")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        bodies = [s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys]
        matches = [LINE.fullmatch(line) for body in bodies for line in body.splitlines()]
        assert all(matches)
        return [match for match in matches if match]

    return read


def ask(domain: Domain, bucket: str) -> str:
    """Put and get an object by HTTPS, and try to get it by HTTP; returns its key."""
    key = f"probe/{secrets.token_hex(8)}"
    secure = domain.endpoint.client("s3")
    plain = domain.endpoint.client("s3", endpoint_url=domain.endpoint.http)
    secure.put_object(Bucket=bucket, Key=key, Body=b"value")
    secure.get_object(Bucket=bucket, Key=key)
    probes.outcome(lambda: plain.get_object(Bucket=bucket, Key=key))
    return key


def told(lines: list[re.Match[str]], key: str) -> list[tuple[str, str, str]]:
    return [line.group("operation", "status", "error") for line in lines if line["key"] == key]


ALL_THREE = [
    ("REST.PUT.OBJECT", "200", "-"),
    ("REST.GET.OBJECT", "200", "-"),
    ("REST.GET.OBJECT", "403", "AccessDenied"),
]


@pytest.mark.proves("s3-access-logging", "s3-log-delivery")
@pytest.mark.parametrize("purpose", SOURCES)
def test_a_data_bucket_logs_what_was_allowed_and_what_was_denied(domain, delivered, purpose):
    key = ask(domain, domain.bucket(purpose))
    lines = delivered(domain.bucket("logs"), f"{purpose}/")
    assert told(lines, key) == ALL_THREE
    assert {line["bucket"] for line in lines} == {domain.bucket(purpose)}


@pytest.mark.proves("s3-log-target-not-logged")
def test_the_log_bucket_does_not_log_itself(domain, delivered):
    logs = domain.bucket("logs")
    key = ask(domain, logs)
    assert "LoggingEnabled" not in domain.endpoint.client("s3").get_bucket_logging(Bucket=logs)
    for purpose in SOURCES:
        assert told(delivered(logs, f"{purpose}/"), key) == []


# ─── Counter-Probes and Mutants ───


@pytest.fixture
def pair(domain: Domain) -> Iterator[tuple[str, str]]:
    """A source and a target of this test's own, logging as raw does; the target has no policy."""
    s3 = domain.endpoint.client("s3")
    names = domain.bucket("source"), domain.bucket("target")
    for name in names:
        workspace.make_bucket(domain.endpoint, name)
    logging = {"TargetBucket": names[1], "TargetPrefix": "raw/"}
    s3.put_bucket_logging(Bucket=names[0], BucketLoggingStatus={"LoggingEnabled": logging})
    yield names
    for purpose in ("source", "target"):
        domain.delete_bucket(purpose)


def delivery(domain: Domain, pair: tuple[str, str]) -> probes.Policy:
    """The log bucket's policy, for the pair."""
    names = {domain.bucket("raw"): pair[0], domain.bucket("logs"): pair[1]}
    policy = probes.moved(probes.policy_of(domain.endpoint, domain.bucket("logs")), names)
    # What is said of the other sources has no place in the pair's target.
    kept = [each for each in policy["Statement"] if "Delivery" not in each["Sid"] or "Raw" in each["Sid"]]
    return policy | {"Statement": kept}


def mutated(policy: probes.Policy, **changes: object) -> probes.Policy:
    statements = [
        each | changes if each["Sid"] == "AccessLogDeliveryRaw" else each for each in policy["Statement"]
    ]
    return policy | {"Statement": statements}


MUTANTS = {
    "no statement": lambda policy: (
        policy | {"Statement": [each for each in policy["Statement"] if "Delivery" not in each["Sid"]]}
    ),
    "other service": lambda policy: mutated(policy, Principal={"Service": "logs.amazonaws.com"}),
    "other action": lambda policy: mutated(policy, Action="s3:PutObjectAcl"),
    "other prefix": lambda policy: probes.moved(policy, {"/raw/*": "/other/*"}),
    "other source": lambda policy: probes.moved(policy, {"-source-": "-elsewhere-"}),
    "other account": lambda policy: mutated(
        policy, Condition={"StringEquals": {"aws:SourceAccount": "999999999999"}}
    ),
    "denied": lambda policy: mutated(policy, Effect="Deny"),
}


def put_policy(domain: Domain, pair: tuple[str, str], policy: probes.Policy) -> None:
    domain.endpoint.client("s3").put_bucket_policy(Bucket=pair[1], Policy=json.dumps(policy))


@pytest.mark.proves("s3-log-delivery")
def test_the_domain_s_policy_lets_logs_into_another_bucket_too(domain, pair, delivered):
    put_policy(domain, pair, delivery(domain, pair))
    key = ask(domain, pair[0])
    # Nothing denies HTTP on this source: so the denial of the domain's buckets is theirs.
    assert told(delivered(pair[1], "raw/"), key) == [*ALL_THREE[:2], ALL_THREE[1]]


@pytest.mark.notices("s3-log-delivery")
def test_a_target_without_a_policy_gets_no_log(domain, pair, delivered):
    ask(domain, pair[0])
    assert delivered(pair[1], "") == []


@pytest.mark.notices("s3-log-delivery")
@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_of_the_policy_gets_no_log(domain, pair, delivered, mutant):
    policy = MUTANTS[mutant](delivery(domain, pair))
    assert policy != delivery(domain, pair)
    put_policy(domain, pair, policy)
    ask(domain, pair[0])
    assert delivered(pair[1], "") == []
