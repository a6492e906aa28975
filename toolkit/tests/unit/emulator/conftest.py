"""One emulator for the session, and a plain moto beside it that every gap's test must fail on."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from meshtest import emulator
from meshtest.testing import roles

if TYPE_CHECKING:
    from meshtest.emulator import Endpoint

Aws = Callable[[str], Any]
# Those of jobs and machines whose rights are not what a test is about: they may do all.
ROLES = ("glue", "pipeline", "pipelines", "states")


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """A running emulator, shared by the session: tests choose names that nobody else has."""
    with emulator.running(tmp_path_factory.mktemp("emulator")) as running:
        for role in ROLES:
            roles.make_role(running, role, {"Action": "*"})
        yield running


@pytest.fixture(scope="session")
def plain_moto() -> Iterator[str]:
    """The URL of moto's own server without any of our gaps closed."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(
    params=[
        "emulator",
        pytest.param(
            "moto", marks=pytest.mark.xfail(strict=True, reason="moto lacks this; an XPASS: drop the patch")
        ),
    ]
)
def aws(request: pytest.FixtureRequest) -> Aws:
    """Makes clients: of the emulator, where the test must pass, and of plain moto, where it must fail."""
    if request.param == "emulator":
        running: Endpoint = request.getfixturevalue("endpoint")
        return running.client
    url = request.getfixturevalue("plain_moto")
    return lambda service: boto3.client(
        service,
        endpoint_url=url,
        region_name=emulator.domain_region(),
        aws_access_key_id=emulator.ACCESS_KEY_ID,
        aws_secret_access_key=emulator.SECRET_ACCESS_KEY,
    )


@pytest.fixture
def name() -> str:
    """A name that no other test uses, valid for every service."""
    return f"t{uuid.uuid4().hex[:12]}"
