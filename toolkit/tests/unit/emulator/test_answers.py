"""A call that is sent again, because its answer was lost, is done once."""

from __future__ import annotations

import contextlib
import http.client
import re
import ssl
import uuid
from typing import TYPE_CHECKING

from signing import signed

from meshtest.emulator import domain_region

REGION = domain_region()

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshtest.emulator import Endpoint

FORM = "application/x-www-form-urlencoded"


def create_vpc(
    endpoint: Endpoint,
    invocation: str | None,
    attempt: int,
    cidr: str = "10.9.0.0/16",
    path: str = "/",
    connect: Callable[[Endpoint], http.client.HTTPConnection] = lambda to: http.client.HTTPConnection(
        to.http.removeprefix("http://")
    ),
) -> str:
    """Send CreateVpc; returns the id in the answer, or its error code."""
    headers = {"Content-Type": FORM, "amz-sdk-request": f"attempt={attempt}; max=3"}
    if invocation:
        headers["amz-sdk-invocation-id"] = invocation
    body = f"Action=CreateVpc&Version=2016-11-15&CidrBlock={cidr}".encode()
    with contextlib.closing(connect(endpoint)) as connection:
        host = f"{connection.host}:{connection.port}"
        own = signed(endpoint, "POST", path, service="ec2", body=body, host=host)
        connection.request("POST", path, body, own | headers)
        text = connection.getresponse().read().decode()
    found = re.search(r"<vpcId>(.+?)</vpcId>|<Code>(.+?)</Code>", text)
    assert found, text
    return found[1] or found[2]


def test_an_attempt_after_one_that_succeeded_gets_its_answer(endpoint: Endpoint) -> None:
    invocation = str(uuid.uuid4())
    first = create_vpc(endpoint, invocation, 1)
    assert create_vpc(endpoint, invocation, 2) == first
    assert create_vpc(endpoint, invocation, 3) == first


def test_other_calls_are_done_each(endpoint: Endpoint) -> None:
    made = [
        create_vpc(endpoint, invocation, 1) for invocation in (str(uuid.uuid4()), str(uuid.uuid4()), None)
    ]
    made.append(create_vpc(endpoint, None, 2))
    assert len(set(made)) == len(made)


def over_tls(endpoint: Endpoint) -> http.client.HTTPConnection:
    context = ssl.create_default_context(cafile=endpoint.ca_bundle)
    return http.client.HTTPSConnection(endpoint.https.removeprefix("https://"), context=context)


def test_an_attempt_over_another_scheme_or_to_another_address_is_judged_anew(endpoint: Endpoint) -> None:
    invocation = str(uuid.uuid4())
    made = [
        create_vpc(endpoint, invocation, 1, connect=over_tls),
        create_vpc(endpoint, invocation, 2),
        create_vpc(endpoint, invocation, 2, path="/?other"),
    ]
    assert len(set(made)) == len(made)


def test_an_attempt_after_one_that_failed_is_done(endpoint: Endpoint) -> None:
    invocation = str(uuid.uuid4())
    assert create_vpc(endpoint, invocation, 1, cidr="10.9.0.0/99").startswith("Invalid")
    assert create_vpc(endpoint, invocation, 2).startswith("vpc-")
