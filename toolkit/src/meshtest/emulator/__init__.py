"""The embedded AWS: moto's server in a process of this project's own, over HTTP and HTTPS.

A state directory stands for one emulator. Its server holds a lock there for as long as it lives, so
whether it runs is never a guess from a process id::

    with running(Path("build/emulator")) as endpoint:
        endpoint.client("s3").list_buckets()

This module is what clients import: it loads neither moto nor boto3 until it has to.
"""

from __future__ import annotations

import configparser
import contextlib
import fcntl
import functools
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from meshtest.tools import environment as surroundings
from meshtest.tools import toolchain

if TYPE_CHECKING:
    from boto3.session import Session

# Its process works in a folder of its own, from which it could not find the checkout.
_CHECKOUT = str(toolchain.ROOT)
ACCOUNT_ID = "123456789012"
# For LocalStack and plain moto, which take any. The emulator's own are new at each start: `Endpoint`.
ACCESS_KEY_ID = "test"
SECRET_ACCESS_KEY = "test"  # noqa: S105
HTTP_PORT = 5080
HTTPS_PORT = 5443
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0
ALREADY_RUNNING = 75  # the server's exit status when another one holds the state directory
# The path of a request that delivers S3's access logs at once. No bucket can have such a name.
FLUSH_ACCESS_LOGS = "/_meshtest/flush-access-logs"

_client_lock = threading.Lock()
_children: dict[int, subprocess.Popen[bytes]] = {}  # the servers that this process detached, to be reaped


class EmulatorError(Exception):
    """The emulator could not be started or stopped; the message is one line with the remedy."""


def domain_region() -> str:
    """Return ``aws_region`` of setup/domain.json: the Region of the domain, and of its emulator.

    Raises:
        EmulatorError: the file does not name one.
    """
    try:
        found = json.loads((toolchain.ROOT / "setup" / "domain.json").read_text())["aws_region"]
    except (OSError, ValueError, KeyError, TypeError):
        raise EmulatorError("setup/domain.json names no aws_region: `make check-inputs` tells more") from None
    return str(found)


def server_environment() -> dict[str, str]:
    """Return what moto reads from its process's environment.

    The AWS_* values keep a backend that talks AWS by itself from ever finding its way out.
    """
    return {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_DEFAULT_REGION": domain_region(),
        "AWS_EC2_METADATA_DISABLED": "true",
        "MOTO_ACCOUNT_ID": ACCOUNT_ID,
        "MOTO_DISABLE_GLOBAL_CORS": "true",
        "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
    }


@dataclass(frozen=True)
class Endpoint:
    """Where a running emulator is, and what its clients need.

    ``ca_bundle`` is PEM (the emulator's authority and the public roots), ``truststore`` PKCS #12 with
    the password "changeit". The credentials are those of the account's root user, new at each start; with a
    ``session_token`` those of a role's session.
    """

    http: str
    https: str
    pid: int
    state_dir: Path
    ca_bundle: Path
    truststore: Path
    account_id: str = ACCOUNT_ID
    region: str = field(default_factory=domain_region)
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client of this emulator over verified HTTPS; ``options`` go to boto3 and win."""
        defaults = {"endpoint_url": self.https, "region_name": self.region, "verify": str(self.ca_bundle)}
        with _client_lock:  # boto3 sessions are not thread-safe while they make clients
            session = _session(self.access_key_id, self.secret_access_key, self.session_token)
            return session.client(service, **(defaults | options))  # type: ignore[call-overload]

    def flush_access_logs(self) -> None:
        """Have S3 deliver the access logs of all requests so far, instead of in a few seconds.

        Raises:
            EmulatorError: it does not.
        """
        import http.client

        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        request = AWSRequest("POST", self.http + FLUSH_ACCESS_LOGS)
        SigV4Auth(Credentials(self.access_key_id, self.secret_access_key), "meshtest", self.region).add_auth(
            request
        )
        address = self.http.removeprefix("http://")
        with contextlib.closing(http.client.HTTPConnection(address, timeout=30)) as connection:
            connection.request("POST", FLUSH_ACCESS_LOGS, headers=dict(request.headers))
            status = connection.getresponse().status
        if status != http.HTTPStatus.NO_CONTENT:
            raise EmulatorError(f"the emulator does not deliver its access logs: HTTP {status}")

    def move_clock(self, ahead: timedelta) -> None:
        """Set the scheduler's clock ahead of the real one: what is due in between starts within a second."""
        draft = clock_file(self.state_dir).with_suffix(".new")
        draft.write_text(str(ahead.total_seconds()))
        draft.replace(clock_file(self.state_dir))

    def environment(self) -> dict[str, str]:
        """The AWS_* variables that point a boto3-like client at this emulator and at nothing else."""
        token = {"AWS_SESSION_TOKEN": self.session_token} if self.session_token else {}
        return token | {
            "AWS_ENDPOINT_URL": self.https,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_CA_BUNDLE": str(self.ca_bundle),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }


@functools.lru_cache(maxsize=8)
def _session(access_key_id: str, secret_access_key: str, token: str) -> Session:
    import boto3.session

    return boto3.session.Session(access_key_id, secret_access_key, token or None)


# ─── Start and Stop ───


def start(
    state_dir: Path, http_port: int = 0, https_port: int = 0, timeout: float = START_TIMEOUT_S
) -> Endpoint:
    """Start an emulator that outlives this process, or return the one that already runs there.

    Port 0 takes any free one; ``timeout`` is in seconds.

    Raises:
        EmulatorError: a port is taken, or the server is not ready in time.
    """
    if endpoint := find(state_dir):
        return endpoint
    server = _spawn(state_dir, http_port, https_port, subprocess.DEVNULL, ())
    _children[server.pid] = server
    return _await_ready(server, state_dir, timeout, adopt=True)


def stop(state_dir: Path, timeout: float = STOP_TIMEOUT_S) -> bool:
    """Stop the emulator of a state directory and wait until it is gone; False if none ran.

    Raises:
        EmulatorError: it still runs after ``timeout`` seconds and a SIGKILL.
    """
    endpoint = find(state_dir)
    if endpoint is None:
        endpoint_file(state_dir).unlink(missing_ok=True)
        return False
    for request in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(endpoint.pid, request)
        if _await_gone(state_dir, timeout):
            if child := _children.pop(endpoint.pid, None):
                child.wait()
            endpoint_file(state_dir).unlink(missing_ok=True)
            return True
    raise EmulatorError(f"the emulator (pid {endpoint.pid}) does not end: kill it by hand")


def find(state_dir: Path) -> Endpoint | None:
    """The endpoint of the emulator that runs in a state directory, None if there is none."""
    try:
        described = json.loads(endpoint_file(state_dir).read_text())
        return _endpoint(described, state_dir) if is_held(state_dir) else None
    except (OSError, ValueError, KeyError):  # there is none, or it is about to begin
        return None


@contextlib.contextmanager
def running(state_dir: Path, timeout: float = START_TIMEOUT_S) -> Iterator[Endpoint]:
    """A fresh emulator on free ports that lives no longer than this block, nor than this process.

    Raises:
        EmulatorError: one already runs in this state directory, or it is not ready in time.
    """
    if endpoint := find(state_dir):
        raise EmulatorError(f"{state_dir} already has an emulator (pid {endpoint.pid}): stop it first")
    # The server watches the read end: it sees the end of file however this process ends.
    read_end, write_end = os.pipe()
    try:
        server = _spawn(state_dir, 0, 0, read_end, ("--die-with-stdin",))
    finally:
        os.close(read_end)
    try:
        yield _await_ready(server, state_dir, timeout, adopt=False)
    finally:
        os.close(write_end)
        _reap(server)
        endpoint_file(state_dir).unlink(missing_ok=True)


def _spawn(
    state_dir: Path, http_port: int, https_port: int, stdin: int, flags: tuple[str, ...]
) -> subprocess.Popen[bytes]:
    state_dir.mkdir(parents=True, exist_ok=True)
    state_dir.chmod(0o700)
    ports = ("--http-port", str(http_port), "--https-port", str(https_port))
    command = [
        sys.executable,
        "-m",
        __name__,
        "serve",
        "--state-dir",
        str(state_dir.resolve()),
        *ports,
        *flags,
    ]
    if not is_held(state_dir):
        log_file(state_dir).unlink(missing_ok=True)
    with open(log_file(state_dir), "ab", opener=_private) as log:
        return subprocess.Popen(
            command,
            stdin=stdin,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=surroundings.inherited() | {toolchain.ROOT_VARIABLE: _CHECKOUT, "PYTHONUNBUFFERED": "1"},
            cwd=state_dir,
            start_new_session=True,
        )


def _private(path: str, flags: int) -> int:
    """Open a file that nobody else may read."""
    return os.open(path, flags, 0o600)


def _await_ready(
    server: subprocess.Popen[bytes], state_dir: Path, timeout: float, *, adopt: bool
) -> Endpoint:
    """Wait for the endpoint of ``server``; with ``adopt`` also take that of one that was quicker."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        endpoint = find(state_dir)
        if endpoint and (endpoint.pid == server.pid or (adopt and server.poll() == ALREADY_RUNNING)):
            return endpoint
        if server.poll() not in (None, ALREADY_RUNNING):
            raise EmulatorError(_last_line(state_dir))
        time.sleep(0.02)
    _reap(server)
    raise EmulatorError(f"the emulator is not ready after {timeout:g} s: see {log_file(state_dir)}")


def _reap(server: subprocess.Popen[bytes]) -> None:
    """End a server that this process started, and wait until it is gone."""
    server.terminate()
    try:
        server.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _await_gone(state_dir: Path, timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while is_held(state_dir):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


# ─── State Directory ───


def endpoint_file(state_dir: Path) -> Path:
    """The file that says where the emulator listens; written when it is ready."""
    return state_dir / "endpoint.json"


def clock_file(state_dir: Path) -> Path:
    """The file that says by how many seconds the scheduler's clock is ahead."""
    return state_dir / "clock"


def credentials_file(state_dir: Path) -> Path:
    """The file with the emulator's credentials, in the form of AWS's shared ones; its owner's alone."""
    return state_dir / "credentials"


def write_credentials(state_dir: Path) -> tuple[str, str]:
    """Make new credentials, write them for clients of this user, and return id and secret."""
    key_id = "AKIA" + "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16))
    secret = secrets.token_urlsafe(30)
    file = credentials_file(state_dir)
    file.unlink(missing_ok=True)
    with open(file, "x", opener=_private) as target:
        target.write(f"[default]\naws_access_key_id = {key_id}\naws_secret_access_key = {secret}\n")
    return key_id, secret


def _read_credentials(state_dir: Path) -> tuple[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(credentials_file(state_dir))
    own = parser["default"]
    return own["aws_access_key_id"], own["aws_secret_access_key"]


def log_file(state_dir: Path) -> Path:
    """The file that takes the server's output."""
    return state_dir / "server.log"


def hold(state_dir: Path) -> IO[bytes] | None:
    """Lock a state directory for as long as the returned file is open; None if another holds it."""
    file = os.fdopen(_private(str(state_dir / "lock"), os.O_WRONLY | os.O_CREAT), "wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def is_held(state_dir: Path) -> bool:
    """Whether a server lives in a state directory."""
    try:
        with (state_dir / "lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def _endpoint(described: dict[str, Any], state_dir: Path) -> Endpoint:
    key_id, secret = _read_credentials(state_dir)
    return Endpoint(
        access_key_id=key_id,
        secret_access_key=secret,
        http=described["http"],
        https=described["https"],
        pid=described["pid"],
        state_dir=state_dir.resolve(),
        ca_bundle=state_dir.resolve() / "ca.pem",
        truststore=state_dir.resolve() / "truststore.p12",
        region=described["region"],
    )


def _last_line(state_dir: Path) -> str:
    lines = log_file(state_dir).read_text(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "the emulator ended at once")
    return last.removeprefix("error: ")
