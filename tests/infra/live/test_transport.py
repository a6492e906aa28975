"""HTTPS only: every bucket, asked by both transports, and mutants of its policy, which must show."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import probes
import pytest

from meshtest.domain.backends import Ability
from meshtest.domain.domain import Domain
from meshtest.terraform import workspace

pytestmark = pytest.mark.needs(Ability.BUCKET_POLICIES)
BUCKETS = ("raw", "refined", "curated", "artifacts", "logs")
CLIENTS = 100


@pytest.fixture(scope="module")
def scratch(domain: Domain) -> Iterator[str]:
    """A bucket of this session for policies to be tried on; it has none to begin with."""
    domain.delete_bucket("scratch")
    name = domain.bucket("scratch")
    workspace.make_bucket(domain.endpoint, name)
    domain.endpoint.client("s3").delete_public_access_block(Bucket=name)  # one of the mutants is public
    yield name
    domain.endpoint.client("s3").delete_bucket_policy(Bucket=name)
    domain.delete_bucket("scratch")


@pytest.fixture
def try_policy(domain: Domain, scratch: str) -> Callable[[probes.Policy], None]:
    """Put a policy of the raw bucket's before the scratch bucket."""

    def put(policy: probes.Policy) -> None:
        own = probes.moved(policy, {domain.bucket("raw"): scratch})
        text = json.dumps(own)
        domain.endpoint.client("s3").put_bucket_policy(Bucket=scratch, Policy=text)

    return put


# ─── The Domain's Buckets ───


@pytest.mark.proves("s3-https-only")
@pytest.mark.parametrize("purpose", BUCKETS)
def test_a_bucket_answers_https_and_denies_http(domain, purpose):
    """Each call by HTTPS is allowed, so that the denial by HTTP is the transport's."""
    assert probes.transport(domain.endpoint, domain.bucket(purpose)) == []


@pytest.mark.proves("s3-tls-1-2")
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
@pytest.mark.parametrize("purpose", BUCKETS)
def test_no_client_with_tls_below_1_2_gets_an_answer(domain, purpose):
    """S3 itself ends the handshake, the policy would deny what came through; TLS 1.2 reads."""
    bucket = domain.bucket(purpose)
    domain.endpoint.client("s3").put_object(Bucket=bucket, Key=probes.KEY, Body=b"value")
    assert probes.old_tls(domain.endpoint, bucket, ssl.TLSVersion.TLSv1_1) in ("no handshake", "403")
    assert probes.old_tls(domain.endpoint, bucket, ssl.TLSVersion.TLSv1_2) == "200"


# ─── Counter-Probes and Mutants ───


@pytest.mark.notices("s3-https-only")
def test_a_bucket_without_a_policy_answers_http(domain, scratch):
    """So that a denial elsewhere is the statement's: every call comes through."""
    found = probes.transport(domain.endpoint, scratch)
    names = {finding.removeprefix("HTTP ").split(":")[0] for finding in found}
    assert set(probes.CALLS) <= names
    assert all(finding.startswith("HTTP ") for finding in found)


@pytest.mark.proves("s3-https-only")
def test_the_domain_s_policy_denies_on_another_bucket_too(domain, scratch, try_policy):
    try_policy(probes.policy_of(domain.endpoint, domain.bucket("raw")))
    assert probes.transport(domain.endpoint, scratch) == []


@pytest.mark.notices("s3-https-only")
@pytest.mark.parametrize("mutant", probes.MUTANTS)
def test_a_mutant_of_the_policy_is_found(domain, scratch, try_policy, mutant):
    try_policy(probes.MUTANTS[mutant](probes.policy_of(domain.endpoint, domain.bucket("raw"))))
    found = probes.transport(domain.endpoint, scratch)
    domain.endpoint.client("s3").delete_bucket_policy(Bucket=scratch)
    assert found


@pytest.mark.notices("s3-tls-1-2")
def test_a_tls_floor_above_the_client_is_told_by_the_policy(domain, scratch, try_policy):
    """The second statement's mutant: with 1.4 as the floor the same client gets nothing."""
    policy = probes.policy_of(domain.endpoint, domain.bucket("raw"))
    domain.endpoint.client("s3").put_object(Bucket=scratch, Key=probes.KEY, Body=b"value")
    for statement in policy["Statement"]:
        if statement["Sid"] == "DenyOutdatedTLS":
            assert statement["Condition"] == {"NumericLessThan": {"s3:TlsVersion": "1.2"}}
            statement["Condition"] = {"NumericLessThan": {"s3:TlsVersion": "1.4"}}
    assert "allowed" in probes.outcome(
        lambda: probes.CALLS["GetObject"](domain.endpoint.client("s3"), scratch)
    )
    try_policy(policy)
    get = probes.outcome(lambda: probes.CALLS["GetObject"](domain.endpoint.client("s3"), scratch))
    domain.endpoint.client("s3").delete_bucket_policy(Bucket=scratch)
    assert get == "AccessDenied"


# ─── Many Clients ───


@pytest.mark.proves("s3-https-only")
def test_a_hundred_clients_lose_nothing_and_let_nobody_in(domain):
    """Each puts and reads back by HTTPS, on a connection of its own, while others knock by HTTP."""
    bucket = domain.bucket("raw")
    context = ssl.create_default_context(cafile=domain.endpoint.ca_bundle)
    s3 = domain.endpoint.client("s3")

    def address(number: int) -> str:
        return f"/{bucket}/probe/many/{number}"

    def signed(method: str, number: int) -> str:
        parameters = {"Bucket": bucket, "Key": f"probe/many/{number}"}
        url = s3.generate_presigned_url(method, Params=parameters)
        return url.removeprefix(domain.endpoint.https)

    targets = [(signed("put_object", number), signed("get_object", number)) for number in range(CLIENTS)]

    def put_and_get(number: int) -> bool:
        put, get = targets[number]
        body = f"{number}:".encode() * 5000
        host = domain.endpoint.https.removeprefix("https://")
        with closing(http.client.HTTPSConnection(host, context=context, timeout=120)) as connection:
            connection.request("PUT", put, body)
            written = connection.getresponse()
            written.read()
            connection.request("GET", get)
            read = connection.getresponse()
            return (written.status, read.status, read.read()) == (200, 200, body)

    def knock(number: int) -> tuple[int, int]:
        put, get = targets[number]
        host = domain.endpoint.http.removeprefix("http://")
        with closing(http.client.HTTPConnection(host, timeout=120)) as connection:
            connection.request("PUT", put, b"from outside")
            refused = connection.getresponse()
            refused.read()
            connection.request("GET", get)
            return refused.status, connection.getresponse().status

    with ThreadPoolExecutor(CLIENTS) as clients, ThreadPoolExecutor(CLIENTS) as strangers:
        written = clients.map(put_and_get, range(CLIENTS))
        knocked = strangers.map(knock, range(CLIENTS))
        assert all(written)
        assert set(knocked) == {(403, 403)}
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="probe/many/")
    assert listed["KeyCount"] == CLIENTS
    assert {item["Size"] for item in listed["Contents"]} == {5000 * len(f"{n}:") for n in range(CLIENTS)}
