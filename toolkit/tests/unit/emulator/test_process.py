"""The emulator as a process: start, stop, status, and what happens when either side dies."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from meshtest import emulator
from meshtest.emulator import EmulatorError, domain_region
from meshtest.terraform import workspace

REGION = domain_region()

SOURCE = Path(emulator.__file__).parents[2]


def cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    return subprocess.run(
        [sys.executable, "-m", "meshtest.emulator", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def await_end(pid: int, timeout: float = 10) -> bool:
    deadline = time.monotonic() + timeout
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not is_alive(pid)


# ─── Start and Stop ───


def test_a_block_ends_with_its_emulator_gone(tmp_path: Path) -> None:
    with emulator.running(tmp_path) as endpoint:
        assert emulator.find(tmp_path) == endpoint
    assert not is_alive(endpoint.pid)
    assert emulator.find(tmp_path) is None
    assert not (tmp_path / "endpoint.json").exists()


def test_a_block_does_not_share_its_emulator(tmp_path: Path) -> None:
    with (
        emulator.running(tmp_path),
        pytest.raises(EmulatorError, match="stop it first"),
        emulator.running(tmp_path),
    ):
        pass


def test_a_second_start_finds_the_first(tmp_path: Path) -> None:
    first = emulator.start(tmp_path)
    try:
        assert emulator.start(tmp_path) == first
    finally:
        assert emulator.stop(tmp_path)
    assert not is_alive(first.pid)
    assert not emulator.stop(tmp_path)


def test_starts_at_once_make_one_emulator(tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        try:
            endpoints = list(pool.map(lambda _: emulator.start(tmp_path), range(3)))
        finally:
            emulator.stop(tmp_path)
    assert len({endpoint.pid for endpoint in endpoints}) == 1


def test_each_start_has_a_new_state(tmp_path: Path) -> None:
    for _ in range(2):
        with emulator.running(tmp_path) as endpoint:
            s3 = endpoint.client("s3")
            assert s3.list_buckets()["Buckets"] == []
            workspace.make_bucket(endpoint, "lake")


def test_the_endpoint_file_says_it_all(tmp_path: Path) -> None:
    with emulator.running(tmp_path) as endpoint:
        described = json.loads((tmp_path / "endpoint.json").read_text())
    assert (described["http"], described["https"], described["pid"]) == (
        endpoint.http,
        endpoint.https,
        endpoint.pid,
    )
    assert (described["account_id"], described["region"]) == ("123456789012", REGION)


def test_it_listens_on_loopback_only(tmp_path: Path) -> None:
    with emulator.running(tmp_path) as endpoint:
        for url in (endpoint.http, endpoint.https):
            port = int(url.rsplit(":", 1)[1])
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.2", port), timeout=2)


# ─── Death ───

PARENT = """
import sys, time
from pathlib import Path
from meshtest import emulator
with emulator.running(Path(sys.argv[1])) as endpoint:
    print(endpoint.pid, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_it_does_not_outlive_its_parent(tmp_path: Path, how: signal.Signals) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout
    pid = int(parent.stdout.readline())
    parent.send_signal(how)
    parent.wait(10)
    parent.stdout.close()
    assert await_end(pid)


def test_a_detached_one_outlives_whoever_started_it(tmp_path: Path) -> None:
    started = cli("start", "--state-dir", str(tmp_path), "--http-port", "0", "--https-port", "0")
    try:
        assert started.returncode == 0, started.stderr
        assert emulator.find(tmp_path)
    finally:
        emulator.stop(tmp_path)


def test_what_a_killed_one_leaves_behind_is_stale(tmp_path: Path) -> None:
    killed = emulator.start(tmp_path)
    os.kill(killed.pid, signal.SIGKILL)
    assert await_end(killed.pid)
    deadline = time.monotonic() + 10  # its other threads go a little later, and the lock with the last one
    while emulator.find(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert emulator.find(tmp_path) is None
    assert (tmp_path / "endpoint.json").exists()
    status = cli("status", "--state-dir", str(tmp_path))
    assert (status.returncode, status.stdout) == (3, "not running\n")
    assert "stale" in status.stderr
    started = cli("start", "--state-dir", str(tmp_path), "--http-port", "0", "--https-port", "0")
    try:
        assert started.returncode == 0, started.stderr
    finally:
        emulator.stop(tmp_path)


# ─── Command Line ───


def test_the_commands_tell_what_they_do(tmp_path: Path) -> None:
    place = ("--state-dir", str(tmp_path))
    ports = ("--http-port", "0", "--https-port", "0")
    first = cli("start", *place, *ports)
    try:
        endpoint = emulator.find(tmp_path)
        assert endpoint
        where = f"(pid {endpoint.pid}): {endpoint.https} and {endpoint.http}\n"
        assert (first.returncode, first.stdout) == (0, "running " + where)
        second = cli("start", *place, *ports)
        assert (second.returncode, second.stdout) == (0, "already running " + where)
        status = cli("status", *place)
        assert (status.returncode, status.stdout.splitlines(keepends=True)[0]) == (0, "running " + where)
    finally:
        stopped = cli("stop", *place)
    assert (stopped.returncode, stopped.stdout) == (0, "stopped\n")
    again = cli("stop", *place)
    assert (again.returncode, again.stdout) == (0, "not running\n")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_busy_port_is_named_with_the_remedy(tmp_path: Path, scheme: str) -> None:
    other = {"http": "https", "https": "http"}[scheme]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        arguments = (f"--{scheme}-port", str(port), f"--{other}-port", "0")
        started = cli("start", "--state-dir", str(tmp_path), *arguments)
    assert started.returncode == 1
    (line,) = started.stderr.splitlines()
    assert f"port {port}" in line
    assert f"--{scheme}-port N" in line
    assert emulator.find(tmp_path) is None


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_what_is_no_port_is_refused(tmp_path: Path, port: str) -> None:
    refused = cli("start", "--state-dir", str(tmp_path), f"--http-port={port}")
    assert refused.returncode == 2
    assert f"{port!r} is not a port" in refused.stderr


@pytest.mark.parametrize("command", [[], ["start"], ["stop"], ["status"], ["serve"]])
def test_every_command_has_help(command: list[str]) -> None:
    answer = cli(*command, "--help")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.startswith("usage: python -m meshtest.emulator")
