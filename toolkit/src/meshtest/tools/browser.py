"""Find a Chromium for the tests of the pages, or install one: ``python -m meshtest.tools.browser``.

Taken are, in this order: ``$CHROMIUM``, the system's, and what was installed here: Playwright's, in
.tools/browsers, or as root Debian's package.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from meshtest.tools import toolchain

NAMES = ("chromium", "chromium-browser", "google-chrome")
OF_PLAYWRIGHT = toolchain.ROOT / ".tools" / "browsers"
REMEDY = "apt-get install chromium, or name one by CHROMIUM=/path/to/chrome"


def find() -> Path | None:
    """Return the browser's program; None if ``$CHROMIUM`` names none, or there is none."""
    named = os.environ.get("CHROMIUM")
    found = next(filter(None, map(shutil.which, [named] if named else NAMES)), None)
    if found or named:
        return Path(found) if found else None
    return next(iter(sorted(OF_PLAYWRIGHT.glob("chromium_headless_shell-*/*/chrome-headless-shell"))), None)


def missing() -> str:
    """Say in one line that there is no browser, and what to do."""
    named = os.environ.get("CHROMIUM")
    return f"{f'CHROMIUM={named} is no program' if named else 'no Chromium'}: {REMEDY}"


def install() -> Path | None:
    """Install a browser by the first way that gives one which starts, and return its program."""
    for name, commands in _ways():
        print(f"==> Chromium: none here, so {name}", flush=True)
        succeeded = all(_run(command) for command in commands)
        if succeeded and (program := find()) and _run([str(program), "--version"]):
            return program
    return None


def _ways() -> list[tuple[str, list[list[str]]]]:
    playwright = [sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"]
    ways = [("Playwright's (about 110 MB to download)", [playwright])]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        package = ["apt-get", "install", "--quiet=2", "--no-install-recommends", "chromium"]
        ways.append(("Debian's package", [["apt-get", "update", "--quiet=2"], package]))
    return ways


def _run(command: list[str]) -> bool:
    """Whether a command succeeds; the last line of what it says is shown if not."""
    environment = os.environ | {
        "PLAYWRIGHT_BROWSERS_PATH": str(OF_PLAYWRIGHT),
        "DEBIAN_FRONTEND": "noninteractive",
    }
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        said = next((line for line in done.stdout.splitlines() if line.startswith(("Error", "E:"))), "")
        print(f"    {command[0]} gave {done.returncode}: {said}", flush=True)
    return done.returncode == 0


def is_needed() -> bool:
    """Whether having no browser is an error: one was named, or nobody would read here what was skipped."""
    return bool(os.environ.get("CHROMIUM")) or os.environ.get("CI", "").lower() in ("true", "1")


def main() -> int:
    """Install a browser if there is none."""
    if find() or (not os.environ.get("CHROMIUM") and install()):
        return 0
    print(missing(), file=sys.stderr)
    return int(is_needed())


if __name__ == "__main__":
    sys.exit(main())
