"""Someone else confirms what the embedded AWS decides: the same policies before SeaweedFS, the same answers.

Both get the very document that Terraform rendered, and its mutants, and the same calls by both transports.
Where they differ, `DIFFERENCES` says how, and what AWS documents; a difference that is gone fails, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import probes
import pytest
import seaweedfs

from meshtest.domain.backends import Ability
from meshtest.domain.domain import Domain
from meshtest.terraform import workspace

pytestmark = pytest.mark.needs(Ability.BUCKET_POLICIES)
BUCKETS = ("raw", "refined", "curated", "artifacts", "logs")
CALLS = {
    **probes.CALLS,
    "GetBucketPolicy": lambda s3, bucket: s3.get_bucket_policy(Bucket=bucket),
}
Answers = dict[tuple[str, str], str]


@pytest.fixture(scope="module")
def witness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[seaweedfs.Witness]:
    with seaweedfs.running(tmp_path_factory.mktemp("seaweedfs")) as running:
        yield running


@pytest.fixture(scope="module")
def user(domain: Domain, backend) -> Iterator[dict[str, str]]:
    """Credentials of a user of the account: root could read a policy that denies everything.

    "The account root user … can perform the GetBucketPolicy, PutBucketPolicy, and DeleteBucketPolicy API
    actions even if the bucket policy explicitly denies the root user's access" (API_PutBucketPolicy.html).
    SeaweedFS has no such user.
    """
    if backend.name != "embedded":  # a real account is never probed as root
        yield {}
        return
    iam, name = domain.endpoint.client("iam"), f"{domain.abbreviation}-witness-{domain.env}"
    iam.create_user(UserName=name)
    may = {"Effect": "Allow", "Action": ["kms:*", "s3:*"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [may]})
    iam.put_user_policy(UserName=name, PolicyName="s3", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    yield {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName=name, PolicyName="s3")
    iam.delete_user(UserName=name)


def answers(secure: Any, plain: Any, bucket: str) -> Answers:
    secure.put_object(Bucket=bucket, Key=probes.KEY, Body=b"value")
    return {
        (transport, name): probes.outcome(lambda s3=s3, call=call: call(s3, bucket))  # type: ignore[misc]
        for transport, s3 in (("HTTPS", secure), ("HTTP", plain))
        for name, call in CALLS.items()
    }


@pytest.fixture
def ours(domain: Domain, user: dict[str, str]) -> Any:
    """ours(bucket, policy) → the answers of the domain's endpoint with this policy in force."""
    secure = domain.endpoint.client("s3", **user)
    plain = domain.endpoint.client("s3", endpoint_url=domain.endpoint.http, **user)
    return lambda bucket: answers(secure, plain, bucket)


def on_transport(policy: probes.Policy) -> probes.Policy:
    """A policy without its statements about encryption, whose conditions SeaweedFS does not take."""
    kept = [each for each in policy["Statement"] if "s3:x-amz-server-side" not in json.dumps(each)]
    return {**policy, "Statement": kept}


@pytest.fixture
def theirs(witness: seaweedfs.Witness) -> Any:
    """theirs(bucket, policy) → the answers of a bucket of this name and policy in SeaweedFS."""

    def ask(bucket: str, policy: probes.Policy) -> Answers:
        secure, plain = witness.client(witness.https), witness.client(witness.http)
        if bucket not in {found["Name"] for found in secure.list_buckets()["Buckets"]}:
            secure.create_bucket(Bucket=bucket)
        secure.put_object(Bucket=bucket, Key=probes.KEY, Body=b"value")
        secure.put_bucket_policy(Bucket=bucket, Policy=json.dumps(on_transport(policy)))
        try:
            return answers(secure, plain, bucket)
        finally:
            # By either transport, as a mutant may deny the other one.
            for client in (secure, plain):
                probes.outcome(lambda client=client: client.delete_bucket_policy(Bucket=bucket))

    return ask


@pytest.mark.proves("s3-https-only")
@pytest.mark.parametrize("purpose", BUCKETS)
def test_seaweedfs_answers_as_the_domain_s_bucket_does(domain, ours, theirs, purpose):
    bucket = domain.bucket(purpose)
    found = ours(bucket)
    assert set(found.values()) == {"allowed", "AccessDenied"}
    assert theirs(bucket, probes.policy_of(domain.endpoint, bucket)) == {**found, **UNASKED}


# "You must have s3:DeleteObject permission" for each object (API_DeleteObjects.html): SeaweedFS does not ask.
UNASKED = {(transport, "DeleteObjects"): "allowed" for transport in ("HTTPS", "HTTP")}
# Mutant, transport and call: what we answer, what SeaweedFS answers.
DIFFERENCES: dict[str, dict[tuple[str, str], tuple[str, str]]] = {
    # "You must have … s3:GetObject permission on the source object" (API_CopyObject.html): SeaweedFS asks a
    # policy for the target only.
    "action narrowed": {("HTTP", "CopyObject"): ("AccessDenied", "allowed")},
}


@pytest.fixture(scope="module")
def scratch(domain: Domain) -> Iterator[str]:
    name = domain.bucket("witness")
    workspace.make_bucket(domain.endpoint, name)
    domain.endpoint.client("s3").delete_public_access_block(Bucket=name)  # one of the mutants is public
    yield name
    domain.delete_bucket("witness")


@pytest.mark.notices("s3-https-only")
@pytest.mark.parametrize("mutant", [name for name in probes.MUTANTS if name != "condition inverted"])
def test_seaweedfs_answers_as_we_do_to_a_mutant(domain, scratch, ours, theirs, mutant):
    raw = domain.bucket("raw")
    policy = probes.moved(probes.MUTANTS[mutant](probes.policy_of(domain.endpoint, raw)), {raw: scratch})
    s3 = domain.endpoint.client("s3")
    s3.put_bucket_policy(Bucket=scratch, Policy=json.dumps(policy))
    found = ours(scratch)
    s3.delete_bucket_policy(Bucket=scratch)
    confirmed = theirs(scratch, policy)
    expected = {**found, **UNASKED}
    different = {call: (found[call], confirmed[call]) for call in found if expected[call] != confirmed[call]}
    assert different == DIFFERENCES.get(mutant, {})


def test_seaweedfs_knows_no_tls_versions(domain, theirs, scratch):
    """So it says nothing of the second statement.

    "s3:TlsVersion: Filters access by the TLS version used by the client" (list_amazons3.html): with a floor
    above every client AWS denies, and so do we (test_transport.py); for SeaweedFS the key is never there.
    """
    raw = domain.bucket("raw")
    policy = probes.moved(probes.policy_of(domain.endpoint, raw), {raw: scratch, '"1.2"': '"1.4"'})
    found = theirs(scratch, policy)
    assert {found["HTTPS", name] for name in CALLS} == {"allowed"}
