"""Hold a Terraform plan against the controls.

    terraform plan -out=plan.bin && terraform show -json plan.bin > plan.json
    python -m meshtest.check.gate plan.json --fail-on high --output build/gate.sarif

Exit status: 0 nothing stops the plan, 1 findings or an expired exception, 2 bad input (one line on stderr).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import meshtest
from meshtest.check.controls import all_controls
from meshtest.check.gate import SEVERITIES, Report, exceptions, judge
from meshtest.check.gate.exceptions import ExceptionsError
from meshtest.check.gate.reading import read
from meshtest.check.gate.rendering import as_json, markdown, text
from meshtest.check.gate.sarif import sarif
from meshtest.check.plan import PlanError
from meshtest.tools import environment as surroundings

RENDERERS: dict[str, Callable[[Report], str]] = {
    "text": text,
    "markdown": markdown,
    "sarif": sarif,
    "json": as_json,
}
_SUFFIXES = {".txt": "text", ".md": "markdown", ".sarif": "sarif", ".json": "json"}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"gate: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge one plan; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        report = _judge(options)
        for file in options.output:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(RENDERERS[_SUFFIXES[file.suffix]](report), "utf-8", errors="backslashreplace")
    except PlanError as error:
        return _refuse(f"{options.plan}: {error}")
    except RecursionError:
        return _refuse(f"{options.plan}: the plan is nested too deeply")
    except (ExceptionsError, OSError) as error:
        return _refuse(str(error))
    # What the terminal has no letter for is shown by its number.
    encoding = sys.stdout.encoding or "utf-8"
    shown = RENDERERS[options.format](report).encode(encoding, errors="backslashreplace")
    sys.stdout.write(shown.decode(encoding))
    return 0 if report.passed else 1


def _refuse(problem: str) -> int:
    print(f"gate: {problem}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="meshtest-gate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("plan", metavar="PLAN.json", help="what `terraform show -json` wrote; - reads stdin")
    parser.add_argument(
        "--fail-on",
        choices=[*SEVERITIES, "none"],
        default="low",
        help="the least severity that stops the plan (default low: any finding)",
    )
    parser.add_argument(
        "--exceptions", type=Path, metavar="FILE.toml", help="findings that somebody answers for"
    )
    parser.add_argument(
        "--format", choices=list(RENDERERS), default="text", help="of standard output (default text)"
    )
    parser.add_argument(
        "--output",
        type=_output,
        action="append",
        default=[],
        metavar="FILE",
        help=f"write the report there, too, as its ending says: {', '.join(_SUFFIXES)}; may be repeated",
    )
    parser.add_argument("--name", help="what to call the plan (default: the root's path)")
    parser.add_argument(
        "--root", type=Path, default=Path(), help="the folder that was planned; findings then name its files"
    )
    parser.add_argument(
        "--only", type=_control, action="append", metavar="CONTROL", help="this control; may be repeated"
    )
    parser.add_argument(
        "--skip", type=_control, action="append", default=[], metavar="CONTROL", help="not this control"
    )
    parser.add_argument("--list", action=_List, nargs=0, help="list the controls and exit")
    parser.add_argument("--version", action="version", version=f"%(prog)s {meshtest.__version__}")
    return parser


class _List(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        for each in all_controls():
            print(f"{each.severity:8}  {each.id:30}  {each.title}")
        parser.exit()


def _output(name: str) -> Path:
    file = Path(name)
    if file.suffix not in _SUFFIXES:
        raise argparse.ArgumentTypeError(f"{name!r} ends in none of {', '.join(_SUFFIXES)}")
    return file


def _control(name: str) -> str:
    if name not in {each.id for each in all_controls()}:
        raise argparse.ArgumentTypeError(f"there is no control {name!r}; --list shows them")
    return name


def _judge(options: argparse.Namespace) -> Report:
    ids = [each.id for each in all_controls()]
    wanted = [each for each in ids if each in (options.only or ids) and each not in options.skip]
    return judge(
        read(options.plan),
        options.name or (options.root.as_posix() if options.root != Path() else options.plan),
        exceptions=exceptions.load(options.exceptions, ids) if options.exceptions else (),
        fail_on=options.fail_on,
        ids=wanted,
        root=options.root,
    )


if __name__ == "__main__":
    surroundings.clean()
    sys.exit(main())
