"""Nobody but this user's own processes talks to the emulator."""

from __future__ import annotations

import http.client
import json
import re
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from buckets import code_of
from signing import signed

from meshtest import emulator
from meshtest.emulator.masking import masked
from meshtest.terraform import workspace
from meshtest.testing.roles import policy

if TYPE_CHECKING:
    from meshtest.emulator import Endpoint


@pytest.fixture
def s3(endpoint: Endpoint, name: str) -> Any:
    client = endpoint.client("s3", config=Config(signature_version="s3v4"))
    workspace.make_bucket(endpoint, name)
    client.put_object(Bucket=name, Key="k", Body=b"value")
    return client


def ask(endpoint: Endpoint, method: str, target: str, body: bytes | None = None, **headers: str) -> Any:
    """Send a request as it is and return status and body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection(endpoint.http.removeprefix("http://"), timeout=20)
    connection.request(method, target, body=body, headers=named)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


# ─── By Which Name, From Which Site ───


@pytest.mark.parametrize(
    ("host", "is_served"),
    [
        ("127.0.0.1:PORT", True),
        ("localhost", True),
        ("[::1]:PORT", True),
        ("lake.s3.localhost:PORT", True),
        ("evil.example", False),
        ("rebound.evil.example:PORT", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("192.168.1.4", False),
        ("s3.amazonaws.com", False),
        ("", False),
    ],
)
def test_only_names_of_loopback_are_served(endpoint: Endpoint, host: str, is_served: bool) -> None:
    """Also to who knows the credentials: a page that rebinds its name is told by it."""
    named = host.replace("PORT", endpoint.http.rsplit(":", 1)[1])
    headers = signed(endpoint, "GET", "/", host=named or "x") | {"Host": named}
    assert (ask(endpoint, "GET", "/", **headers)[0] == 403) is not is_served


@pytest.mark.parametrize(
    ("origin", "is_served"),
    [
        ("http://localhost:3000", True),
        ("https://127.0.0.1:8443", True),
        ("https://evil.example", False),
        ("http://localhost.evil.example", False),
        ("null", False),
        ("file://", False),
    ],
)
def test_only_sites_of_loopback_are_served(endpoint: Endpoint, origin: str, is_served: bool) -> None:
    headers = signed(endpoint, "GET", "/", headers={"Origin": origin})
    assert ask(endpoint, "GET", "/", **headers)[0] == (200 if is_served else 403)


@pytest.mark.parametrize(
    "path", ["/moto-api/reset", "/moto-api/", "/moto-api/data.json", "/%6doto-api/reset"]
)
def test_motos_own_controls_are_not_served(endpoint: Endpoint, s3: Any, name: str, path: str) -> None:
    for method in ("POST", "GET"):
        assert ask(endpoint, method, path, **signed(endpoint, method, path))[0] == 403
    s3.head_bucket(Bucket=name)


# ─── Signed ───


@pytest.mark.parametrize(
    ("method", "target", "headers", "body"),
    [
        ("POST", "/", {"Content-Type": "application/x-www-form-urlencoded"}, b"Action=CreateUser&UserName=x"),
        ("POST", "/", {"Content-Type": "text/plain"}, b"Action=CreateVpc&CidrBlock=10.0.0.0/16"),
        ("POST", "/", {"X-Amz-Target": "AWSGlue.CreateJob"}, b"{}"),
        ("POST", "/BUCKET?delete", {"Content-Type": "text/plain"}, b"<Delete/>"),
        ("POST", "/BUCKET/new?uploads", {}, b""),
        ("PUT", "/BUCKET/new", {}, b"x"),
        ("PUT", "/another-bucket", {}, b""),
        ("DELETE", "/BUCKET/k", {}, b""),
        ("GET", "/?Action=ListUsers", {}, b""),
        ("GET", "/", {}, b""),
        ("GET", "/latest/meta-data/iam/security-credentials/", {}, b""),
        ("POST", emulator.FLUSH_ACCESS_LOGS, {}, b""),
    ],
)
def test_what_is_not_signed_is_refused(
    endpoint: Endpoint, s3: Any, name: str, method: str, target: str, headers: dict[str, str], body: bytes
) -> None:
    status, _ = ask(endpoint, method, target.replace("BUCKET", name), body, **headers)
    assert status in {400, 403, 404} - ({404} if method != "GET" else set())
    assert s3.list_objects_v2(Bucket=name)["KeyCount"] == 1


def test_a_form_needs_a_signed_policy(endpoint: Endpoint, s3: Any, name: str) -> None:
    def post(fields: dict[str, str]) -> int:
        parts = "".join(
            f'--b\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
            for key, value in [*fields.items(), ("file", "x")]
        )
        kind = "multipart/form-data; boundary=b"
        status, _ = ask(endpoint, "POST", f"/{name}", f"{parts}--b--\r\n".encode(), Content_Type=kind)
        return int(status)

    right = s3.generate_presigned_post(name, "form")["fields"]
    assert post({"key": "form"}) == 403
    assert post(right | {"x-amz-signature": "0" * 64}) == 403
    assert post(right | {"policy": s3.generate_presigned_post(name, "other")["fields"]["policy"]}) == 403
    assert s3.list_objects_v2(Bucket=name)["KeyCount"] == 1
    assert post(right) == 204


def client_with(endpoint: Endpoint, service: str, key_id: str, secret: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint.http,
        region_name=endpoint.region,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
    )


CALLS = {
    "s3": (lambda client: client.list_buckets(), "SignatureDoesNotMatch", "InvalidAccessKeyId"),
    "glue": (lambda client: client.get_jobs(), "InvalidSignatureException", "UnrecognizedClientException"),
    "iam": (lambda client: client.list_users(), "SignatureDoesNotMatch", "InvalidClientTokenId"),
    "ec2": (lambda client: client.describe_vpcs(), "SignatureDoesNotMatch", "InvalidClientTokenId"),
}


@pytest.mark.parametrize("service", CALLS)
def test_each_service_refuses_a_wrong_signature_in_its_own_words(endpoint: Endpoint, service: str) -> None:
    call, wrong_secret, unknown_id = CALLS[service]
    own = client_with(endpoint, service, endpoint.access_key_id, endpoint.secret_access_key)
    assert code_of(lambda: call(own)) == "OK"
    wrong = client_with(endpoint, service, endpoint.access_key_id, "wrong")
    assert code_of(lambda: call(wrong)) == wrong_secret
    unknown = client_with(endpoint, service, "AKIAAAAAAAAAAAAAAAAA", endpoint.secret_access_key)
    assert code_of(lambda: call(unknown)) == unknown_id


def test_a_signature_is_of_its_body_and_of_its_time(endpoint: Endpoint, name: str) -> None:
    target = "AWSGlue.GetJobs"
    named = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
    headers = signed(endpoint, "POST", "/", service="glue", body=b"{}", headers=named)
    assert ask(endpoint, "POST", "/", b"{}", **headers)[0] == 200
    status, body = ask(endpoint, "POST", "/", b'{"MaxResults": 1}', **headers)
    assert (status, json.loads(body)["__type"]) == (400, "InvalidSignatureException")
    old = {"X-Amz-Date": "20260101T000000Z"}
    assert b"RequestTimeTooSkewed" in ask(endpoint, "GET", "/", **signed(endpoint, "GET", "/") | old)[1]


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_a_presigned_address_holds_for_its_call_and_its_time(
    endpoint: Endpoint, s3: Any, name: str, version: str
) -> None:
    signer = endpoint.client("s3", endpoint_url=endpoint.http, config=Config(signature_version=version))

    def address(**options: Any) -> str:
        made: str = signer.generate_presigned_url(
            "get_object", Params={"Bucket": name, "Key": "k"}, **options
        )
        return made.removeprefix(endpoint.http)

    target = address()
    assert ask(endpoint, "GET", target) == (200, b"value")
    assert ask(endpoint, "PUT", target, b"x")[0] == 403
    assert ask(endpoint, "GET", target.replace("/k?", "/other?"))[0] == 403
    short = address(ExpiresIn=1)
    time.sleep(2.1)
    status, body = ask(endpoint, "GET", short)
    assert (status, b"Request has expired" in body) == (403, True)


def test_an_inactive_key_and_a_wrong_token_are_refused(endpoint: Endpoint, name: str) -> None:
    iam = endpoint.client("iam")
    iam.create_user(UserName=name)
    may = policy({"Action": "s3:ListAllMyBuckets"})
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=may)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    own = client_with(endpoint, "s3", key["AccessKeyId"], key["SecretAccessKey"])
    assert code_of(own.list_buckets) == "OK"
    iam.update_access_key(UserName=name, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert code_of(own.list_buckets) == "InvalidAccessKeyId"


# ─── Files ───


def test_credentials_are_new_at_each_start_and_this_users_alone(tmp_path: Path) -> None:
    seen = set()
    for _ in range(2):
        with emulator.running(tmp_path) as running:
            seen.add((running.access_key_id, running.secret_access_key))
            file = emulator.credentials_file(tmp_path)
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            assert running.environment()["AWS_SECRET_ACCESS_KEY"] == running.secret_access_key
            assert running.secret_access_key not in repr(running)
            session = boto3.session.Session()
            session._session.set_config_variable("credentials_file", str(file))
            assert session.get_credentials().access_key == running.access_key_id
    assert len(seen) == 2


def test_what_the_emulator_writes_is_this_users_alone(endpoint: Endpoint) -> None:
    assert stat.S_IMODE(endpoint.state_dir.stat().st_mode) == 0o700
    for file in endpoint.state_dir.rglob("*"):
        if file.exists() and not file.is_symlink():
            assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file


def test_the_log_keeps_no_signature_and_no_token(endpoint: Endpoint, s3: Any, name: str) -> None:
    address = s3.generate_presigned_url("get_object", Params={"Bucket": name, "Key": "k"})
    target = address.removeprefix(endpoint.https) + "&X-Amz-Security-Token=a-secret-token"
    ask(endpoint, "GET", target)
    log = emulator.log_file(endpoint.state_dir).read_text()
    assert f"/{name}/k?" in log
    assert "X-Amz-Signature=***" in log
    assert not re.search(r"X-Amz-Signature=[0-9a-f]", log)
    assert "a-secret-token" not in log


@pytest.mark.parametrize(
    "text",
    [
        "GET /b/k?X-Amz-Signature=SECRET&x=1",
        "GET /b/k?x=1&X-Amz-Security-Token=SECRET HTTP/1.1",
        "GET /b/k?AWSAccessKeyId=SECRET&Signature=SECRET&Expires=1",
        "{'SecretAccessKey': 'SECRET', 'SessionToken': 'SECRET'}",
        "aws_secret_access_key = SECRET",
    ],
)
def test_secrets_are_masked(text: str) -> None:
    assert "SECRET" not in masked(text)


# ─── Slow Clients ───


@pytest.fixture
def half_open(endpoint: Endpoint) -> Iterator[None]:
    """Forty clients of each listener: some say nothing, some begin a request, some begin a body."""
    heads = [b"", b"GET / HT", b"PUT /b/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx"]
    connections = []
    for url in (endpoint.http, endpoint.https):
        host, _, port = url.rpartition("//")[2].partition(":")
        for number in range(40):
            connection = socket.create_connection((host, int(port)))
            connection.sendall(heads[number % len(heads)])
            connections.append(connection)
    yield
    for connection in connections:
        connection.close()


@pytest.mark.usefixtures("half_open")
def test_slow_clients_do_not_keep_others_waiting(s3: Any, name: str) -> None:
    took = []
    for _ in range(100):
        started = time.monotonic()
        s3.get_object(Bucket=name, Key="k")["Body"].read()
        took.append(time.monotonic() - started)
    assert sorted(took)[98] < 1, sorted(took)[-5:]
