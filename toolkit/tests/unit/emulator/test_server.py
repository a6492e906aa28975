"""The listeners: one state, HTTP/1.1 as clients use it, TLS that can be verified, many clients at once."""

from __future__ import annotations

import functools
import http.client
import io
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, SSLError
from signing import signed

from meshtest.emulator import domain_region

REGION = domain_region()

if TYPE_CHECKING:
    from pathlib import Path

    from meshtest.emulator import Endpoint

MEBIBYTE = 1 << 20


@pytest.fixture(params=["https", "http"])
def scheme(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def s3(endpoint: Endpoint, scheme: str, name: str) -> Any:
    """An S3 client of one listener, and a bucket of the test's name."""
    client = endpoint.client("s3", endpoint_url=getattr(endpoint, scheme))
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return client


@pytest.fixture
def connection(endpoint: Endpoint, scheme: str) -> Iterator[http.client.HTTPConnection]:
    connection = connect(endpoint, scheme)
    yield connection
    connection.close()


@functools.cache
def trusting(ca_bundle: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_bundle)


def connect(endpoint: Endpoint, scheme: str) -> http.client.HTTPConnection:
    if scheme == "http":
        made = http.client.HTTPConnection(endpoint.http.removeprefix("http://"), timeout=20)
    else:
        context = trusting(endpoint.ca_bundle)
        made = http.client.HTTPSConnection(
            endpoint.https.removeprefix("https://"), context=context, timeout=20
        )
    made.endpoint = endpoint  # type: ignore[attr-defined]
    return made


def signed_for(connection: http.client.HTTPConnection, method: str, target: str) -> dict[str, str]:
    """Return the headers of a request over this connection that the root user signs."""
    endpoint: Endpoint = connection.endpoint  # type: ignore[attr-defined]
    return signed(endpoint, method, target, host=f"{connection.host}:{connection.port}")


def ask(
    connection: http.client.HTTPConnection, method: str, target: str, body: Any = None, **headers: str
) -> tuple[int, bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, target, body=body, headers=signed_for(connection, method, target) | named)
    answer = connection.getresponse()
    return answer.status, answer.read()


# ─── One State ───


def test_both_listeners_show_one_state(endpoint: Endpoint, name: str) -> None:
    by_http = endpoint.client("s3", endpoint_url=endpoint.http)
    by_http.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    by_http.put_object(Bucket=name, Key="k", Body=b"value")
    assert endpoint.client("s3").get_object(Bucket=name, Key="k")["Body"].read() == b"value"


# ─── TLS ───


def test_a_client_without_the_authority_refuses_the_certificate(endpoint: Endpoint) -> None:
    strict = endpoint.client("sts", verify=True, config=Config(retries={"total_max_attempts": 1}))
    with pytest.raises(SSLError):
        strict.get_caller_identity()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "lake.s3.localhost"])
def test_the_certificate_holds_for_every_local_name(endpoint: Endpoint, host: str) -> None:
    context = ssl.create_default_context(cafile=endpoint.ca_bundle)
    port = int(endpoint.https.rsplit(":", 1)[1])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        assert secure.version() == "TLSv1.3"


def test_the_bundle_holds_the_public_authorities_too(endpoint: Endpoint) -> None:
    context = ssl.create_default_context(cafile=endpoint.ca_bundle)
    assert context.cert_store_stats()["x509_ca"] > 50


def test_the_truststore_holds_the_authority_as_java_wants_it(endpoint: Endpoint) -> None:
    """Whether a JVM really trusts it is seen where Spark writes through it (test_glue_iceberg_tables)."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

    (entry,) = load_pkcs12(endpoint.truststore.read_bytes(), b"changeit").additional_certs
    assert entry.friendly_name == b"meshtest-emulator"
    assert entry.certificate == x509.load_pem_x509_certificate(endpoint.ca_bundle.read_bytes())


def test_no_private_key_reaches_the_disk(endpoint: Endpoint) -> None:
    for file in endpoint.state_dir.iterdir():
        if file.is_file():
            assert b"PRIVATE KEY" not in file.read_bytes(), file


def test_plain_http_on_the_https_port_is_told_so(endpoint: Endpoint) -> None:
    connection = http.client.HTTPConnection(endpoint.https.removeprefix("https://"), timeout=10)
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (400, b"This port speaks HTTPS only.\n")
    connection.close()


def test_clients_that_say_nothing_stall_nobody(endpoint: Endpoint) -> None:
    port = int(endpoint.https.rsplit(":", 1)[1])
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(8)]
    try:
        started = time.monotonic()
        endpoint.client("sts").get_caller_identity()
        assert time.monotonic() - started < 5
    finally:
        for one in silent:
            one.close()


# ─── HTTP/1.1 ───


def test_a_connection_lives_through_every_kind_of_answer(
    s3: Any, connection: http.client.HTTPConnection, name: str
) -> None:
    etag = s3.put_object(Bucket=name, Key="k", Body=b"value")["ETag"]
    assert ask(connection, "GET", f"/{name}/k") == (200, b"value")
    first = connection.sock
    assert ask(connection, "HEAD", f"/{name}/k") == (200, b"")
    assert ask(connection, "GET", f"/{name}/absent")[0] == 404
    assert ask(connection, "HEAD", f"/{name}/absent") == (404, b"")
    assert ask(connection, "GET", f"/{name}/k", If_None_Match=etag) == (304, b"")
    assert ask(connection, "PUT", f"/{name}-absent/k", b"x" * MEBIBYTE)[0] == 404
    assert ask(connection, "PUT", f"/{name}/k", b"new") == (200, b"")
    assert ask(connection, "GET", f"/{name}/k", Range="bytes=1-") == (206, b"ew")
    assert ask(connection, "DELETE", f"/{name}/k") == (204, b"")
    assert ask(connection, "GET", f"/{name}/k")[0] == 404
    assert connection.sock is first


def test_a_chunked_body_is_taken_whole(s3: Any, connection: http.client.HTTPConnection, name: str) -> None:
    parts = [b"a" * 70_000, b"b", b"c" * 5]
    assert ask(connection, "PUT", f"/{name}/k", iter(parts))[0] == 200
    assert ask(connection, "GET", f"/{name}/k") == (200, b"".join(parts))


def test_a_client_that_waits_for_100_continue_gets_it(
    endpoint: Endpoint, scheme: str, s3: Any, name: str
) -> None:
    connection = connect(endpoint, scheme)
    connection.putrequest("PUT", f"/{name}/k", skip_host=True)
    for header, value in {
        **signed_for(connection, "PUT", f"/{name}/k"),
        "Content-Length": "5",
        "Expect": "100-continue",
    }.items():
        connection.putheader(header, value)
    connection.endheaders()
    assert connection.sock.recv(4096).startswith(b"HTTP/1.1 100 ")
    connection.send(b"value")
    assert connection.getresponse().status == 200
    connection.close()
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"value"


# ─── Objects ───


def test_a_large_object_survives(s3: Any, name: str) -> None:
    body = os.urandom(MEBIBYTE) * 100
    s3.put_object(Bucket=name, Key="k", Body=body)
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == body


def test_an_upload_in_parts_survives(s3: Any, name: str) -> None:
    body = os.urandom(MEBIBYTE) * 20
    s3.upload_fileobj(io.BytesIO(body), name, "k")
    downloaded = io.BytesIO()
    s3.download_fileobj(name, "k", downloaded)
    assert downloaded.getvalue() == body


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA256"])
def test_an_upload_with_a_trailing_checksum_survives(s3: Any, name: str, algorithm: str) -> None:
    body = os.urandom(3 * MEBIBYTE + 17)
    s3.put_object(Bucket=name, Key="k", Body=io.BytesIO(body), ChecksumAlgorithm=algorithm)
    answer = s3.get_object(Bucket=name, Key="k", ChecksumMode="ENABLED")
    assert answer["Body"].read() == body


@pytest.mark.parametrize("key", ["a b+c", "ü/ñ", "a%2Fb", "//lead", "a/./b", "a?b&c=d", "*'()"])
def test_a_key_is_kept_as_it_is(s3: Any, name: str, key: str) -> None:
    s3.put_object(Bucket=name, Key=key, Body=b"value")
    assert s3.get_object(Bucket=name, Key=key)["Body"].read() == b"value"
    assert [found["Key"] for found in s3.list_objects_v2(Bucket=name)["Contents"]] == [key]


def test_metadata_names_keep_their_underscores(s3: Any, name: str) -> None:
    metadata = {"a_b": "1", "a-c": "2"}
    s3.put_object(Bucket=name, Key="k", Body=b"", Metadata=metadata)
    assert s3.head_object(Bucket=name, Key="k")["Metadata"] == metadata


# ─── Many Clients ───


def at_once(work: Callable[[int], Any], count: int = 24) -> list[Any]:
    with ThreadPoolExecutor(12) as pool:
        return list(pool.map(work, range(count)))


def test_of_conditional_writes_at_once_one_wins(endpoint: Endpoint, s3: Any, name: str) -> None:
    """What Terraform's lock file in S3 rests on."""

    def write(number: int) -> bool:
        try:
            s3.put_object(Bucket=name, Key="lock", Body=str(number).encode(), IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] != "PreconditionFailed":
                raise
            return False
        return True

    won = at_once(write)
    assert won.count(True) == 1
    assert s3.get_object(Bucket=name, Key="lock")["Body"].read() == str(won.index(True)).encode()


def test_writers_and_readers_at_once_lose_nothing(endpoint: Endpoint, s3: Any, name: str) -> None:
    def work(number: int) -> None:
        s3.put_object(Bucket=name, Key=f"k/{number}", Body=b"x" * 1000)
        s3.list_objects_v2(Bucket=name)
        assert s3.get_object(Bucket=name, Key=f"k/{number}")["ContentLength"] == 1000

    at_once(work, 60)
    assert s3.list_objects_v2(Bucket=name)["KeyCount"] == 60


def test_more_connections_than_threads_are_served(endpoint: Endpoint, scheme: str) -> None:
    connections = [connect(endpoint, scheme) for _ in range(60)]
    try:
        for _ in range(2):
            assert {ask(connection, "GET", "/")[0] for connection in connections} == {200}
    finally:
        for connection in connections:
            connection.close()


# ─── Failures ───


def test_what_the_emulator_lacks_fails_in_the_open(endpoint: Endpoint, name: str) -> None:
    glue = endpoint.client("glue", config=Config(retries={"total_max_attempts": 1}))
    with pytest.raises(ClientError) as caught:
        glue.create_blueprint(Name=name, BlueprintLocation="s3://lake/blueprint.zip")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] >= 400


def test_the_environment_leads_a_plain_client_here(endpoint: Endpoint) -> None:
    script = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    answer = subprocess.run(
        [sys.executable, "-c", script],
        env=kept | endpoint.environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert answer.stdout == "123456789012\n", answer.stderr
