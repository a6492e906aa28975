"""Serve the console of the running domain: ``python -m meshtest.reports.console``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from cheroot.wsgi import Server
from flask import Flask

from meshtest import emulator
from meshtest.tools import environment as surroundings
from meshtest.tools.toolchain import BUILD

PORT = 5090
ADDRESS = "127.0.0.1"


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted; 1 if the domain is not running or the port is taken."""
    options = _parser().parse_args(arguments)
    endpoint = emulator.find(options.state_dir)
    if endpoint is None:
        print("error: the domain is not running: `make up` starts it", file=sys.stderr)
        return 1
    # Arrow reads it once, when it is loaded; a domain that is started anew keeps the place.
    os.environ["SSL_CERT_FILE"] = str(endpoint.ca_bundle)
    from meshtest.domain.domain import Domain
    from meshtest.reports.console.app import create_app

    app = create_app(
        lambda: emulator.find(options.state_dir),
        lambda endpoint: Domain(endpoint, options.directory).stacks,
    )
    return serve(app, options.port)


def serve(app: Flask, port: int) -> int:
    """Serve the console on a port of this machine; 0 takes any free one."""
    server = Server((ADDRESS, port), app, numthreads=8)
    try:
        server.prepare()
    except (OSError, OverflowError) as error:
        print(f"error: {ADDRESS}:{port}: {error}; take another: PORT=5091", file=sys.stderr)
        return 1
    print(f"The console: http://{ADDRESS}:{server.bind_addr[1]} (Ctrl-C ends it)", flush=True)
    try:
        server.serve()
    except KeyboardInterrupt:
        print()
    finally:
        server.stop()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m meshtest.reports.console", description=__doc__)
    parser.add_argument(
        "--port", type=int, default=PORT, metavar="N", help=f"default {PORT}; 0 takes any free one"
    )
    for option, place, what in (
        ("--state-dir", BUILD / "emulator", "where the embedded AWS has its files"),
        ("--directory", BUILD / "domain", "the working copy of the stacks, for the controls"),
    ):
        parser.add_argument(option, type=Path, default=place, help=f"{what} (default {place})")
    return parser


if __name__ == "__main__":
    surroundings.clean()
    sys.exit(main())
