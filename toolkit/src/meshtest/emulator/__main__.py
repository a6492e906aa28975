"""Start, stop and look at the embedded AWS from the command line."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from meshtest import emulator
from meshtest.emulator import EmulatorError
from meshtest.tools import environment as surroundings
from meshtest.tools.toolchain import BUILD

NOT_RUNNING = 3  # the status of `status` for a stopped service, as init scripts have it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status, errors are one line on stderr."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.command(options)
    except (EmulatorError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    place = BUILD / "emulator"
    common.add_argument(
        "--state-dir", type=Path, default=place, help=f"where its files are (default {place})"
    )
    ports = argparse.ArgumentParser(add_help=False)
    for scheme, port in (("http", emulator.HTTP_PORT), ("https", emulator.HTTPS_PORT)):
        ports.add_argument(
            f"--{scheme}-port",
            type=_port,
            default=port,
            metavar="N",
            help=f"default {port}; 0 takes any free one",
        )
    parser = argparse.ArgumentParser(prog="python -m meshtest.emulator", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("start", parents=[common, ports], help="start it in the background").set_defaults(
        command=_start
    )
    commands.add_parser("stop", parents=[common], help="stop it and wait until it is gone").set_defaults(
        command=_stop
    )
    commands.add_parser("status", parents=[common], help="say where it listens").set_defaults(command=_status)
    serve = commands.add_parser("serve", parents=[common, ports], help="run it in the foreground")
    serve.add_argument("--die-with-stdin", action="store_true", help="end when standard input does")
    serve.set_defaults(command=_serve)
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: expected 0 to 65535")
    return int(text)


def _start(options: argparse.Namespace) -> int:
    if endpoint := emulator.find(options.state_dir):
        print(f"already running (pid {endpoint.pid}): {endpoint.https} and {endpoint.http}")
        return 0
    _report_stale(options.state_dir)
    endpoint = emulator.start(options.state_dir, options.http_port, options.https_port)
    print(f"running (pid {endpoint.pid}): {endpoint.https} and {endpoint.http}")
    return 0


def _stop(options: argparse.Namespace) -> int:
    _report_stale(options.state_dir)
    print("stopped" if emulator.stop(options.state_dir) else "not running")
    return 0


def _status(options: argparse.Namespace) -> int:
    endpoint = emulator.find(options.state_dir)
    if endpoint is None:
        _report_stale(options.state_dir)
        print("not running")
        return NOT_RUNNING
    print(f"running (pid {endpoint.pid}): {endpoint.https} and {endpoint.http}")
    print(f"certificate authority: {os.path.relpath(endpoint.ca_bundle)}")
    print(f"credentials: {os.path.relpath(emulator.credentials_file(options.state_dir))}")
    return 0


def _serve(options: argparse.Namespace) -> int:
    os.environ.update(emulator.server_environment())  # moto reads its settings when it is imported
    from meshtest.emulator.server import serve

    options.state_dir.mkdir(parents=True, exist_ok=True)
    return serve(
        options.state_dir, options.http_port, options.https_port, die_with_stdin=options.die_with_stdin
    )


def _report_stale(state_dir: Path) -> None:
    """Say so if the last emulator died without taking its endpoint.json with it."""
    if emulator.find(state_dir) is None and emulator.endpoint_file(state_dir).exists():
        print(
            f"{emulator.endpoint_file(state_dir)} is stale (its emulator is dead): ignored", file=sys.stderr
        )


if __name__ == "__main__":
    surroundings.clean()
    sys.exit(main())
