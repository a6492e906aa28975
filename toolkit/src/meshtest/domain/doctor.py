"""What this machine has of what the domain needs: ``python -m meshtest.domain.doctor``.

Nothing is installed or changed, and nothing but a Python (3.9 or newer) is needed to run it, so it also helps
where ``make setup`` fails. The exit code is 1 if there is a problem; a warning is something to know.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from meshtest import emulator
from meshtest.tools import browser as chromium
from meshtest.tools import environment, toolchain
from meshtest.tools.toolchain import ToolMissing

# The targets' shell options (.SHELLFLAGS) came with it; macOS ships 3.81.
MAKE_MINIMUM = (3, 82)
SETUP_GB = 4.0  # .venv, .tools and a demo's build folder, and what pip unpacks meanwhile
RUN_GB = 1.0
MEMORY_GB = 6.0  # the embedded AWS, two Terraform providers and a Spark of 2 GB side by side
CORES = 2
CONSOLE_PORT = 5090
PORTS = {
    emulator.HTTP_PORT: "the embedded AWS",
    emulator.HTTPS_PORT: "the embedded AWS over TLS",
    CONSOLE_PORT: "make console",
}
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
MIRRORS = (
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_CONFIG_FILE",
    "TF_PLUGIN_MIRROR",
    "TF_CLI_CONFIG_FILE",
)
_MARKS = {"ok": "\033[32m✓\033[0m", "warning": "\033[33m!\033[0m", "problem": "\033[31m✗\033[0m"}


@dataclass(frozen=True)
class Line:
    """What was found of one topic; `todo` is empty where there is nothing to do.

    `status` is "ok", "warning" (something to know, or that some targets need) or "problem".
    """

    topic: str
    status: str
    found: str
    todo: str = ""


def examine() -> list[Line]:
    """Everything, topic by topic."""
    installed = is_installed()
    return [
        operating_system(),
        python(),
        command("bash", (3, 2), "install it by your system's packages"),
        command("make", MAKE_MINIMUM, "install GNU make; on macOS: brew install make, and call gmake"),
        command("git", (2,), "install it by your system's packages"),
        packages(installed),
        tool("Terraform", installed, _terraform),
        provider(),
        tool("Java", installed, _java),
        tool("Spark", installed, _spark),
        tool("Spark jars", installed, _jars),
        checkov(),
        browser(),
        docker(),
        *(port(number, purpose) for number, purpose in PORTS.items()),
        *states(),
        disk(installed),
        memory(),
        cores(),
        *network(),
        shell(),
    ]


# ─── System ───


def operating_system() -> Line:
    """Linux on x86-64 is what the project is tried on."""
    name = f"{platform.system()} {platform.release()} {platform.machine()}"
    if "microsoft" in platform.release().lower() and str(toolchain.ROOT).startswith("/mnt/"):
        return Line(
            "system", "warning", name, f"{toolchain.ROOT} is a Windows disk, which is slow: clone below ~"
        )
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        return Line("system", "warning", name, "not tried here: Linux x86_64 is")
    return Line("system", "ok", name)


def disk(installed: bool) -> Line:
    """Free space where the checkout is."""
    needed = RUN_GB if installed else SETUP_GB
    free = shutil.disk_usage(toolchain.ROOT).free / 1e9
    found = f"{free:.1f} GB free at {toolchain.ROOT}"
    if free < needed:
        return Line(
            "disk", "problem", found, f"make room: {needed:g} GB are needed (make clean removes build/)"
        )
    return Line("disk", "ok", found)


def memory() -> Line:
    """All memory of the machine, in GB."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (OSError, ValueError):
        return Line("memory", "warning", "unknown", f"{MEMORY_GB:g} GB are needed")
    if total < MEMORY_GB:
        todo = f"{MEMORY_GB:g} GB are needed; end other programs, or run one target at a time"
        return Line("memory", "warning", f"{total:.1f} GB", todo)
    return Line("memory", "ok", f"{total:.1f} GB")


def cores() -> Line:
    """Cores that this process may use."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if count < CORES:
        return Line("cores", "warning", str(count), f"{CORES} or more keep Terraform and Spark side by side")
    return Line("cores", "ok", str(count))


# ─── Programs ───


def python() -> Line:
    """The Python that ``make setup`` would take; `.python-version` names it."""
    wanted = (toolchain.ROOT / ".python-version").read_text().strip()
    named = os.environ.get("PYTHON")
    for name in [named] if named else [f"python{wanted}", "python3"]:
        path = shutil.which(name)
        version = _output(path, "-c", "import platform; print(platform.python_version())") if path else ""
        if not path or not version.startswith(f"{wanted}."):
            continue
        if not _output(path, "-c", "import ensurepip, venv; print('yes')"):
            todo = f"on Debian: apt-get install python{wanted}-venv"
            return Line("Python", "problem", f"{version} at {path}, without venv", todo)
        return Line("Python", "ok", f"{version} at {path}")
    todo = f"install Python {wanted}, or name it: PYTHON=/path/to/python{wanted}"
    return Line("Python", "problem", f"no Python {wanted}" + (f" at PYTHON={named}" if named else ""), todo)


def command(name: str, minimum: tuple[int, ...], remedy: str) -> Line:
    """A program of the system from a version on."""
    path = shutil.which(name)
    if not path:
        return Line(name, "problem", "missing", remedy)
    version = re.search(r"\d+(?:\.\d+)+", _output(path, "--version"))
    if not version or tuple(map(int, version[0].split("."))) < minimum:
        expected = ".".join(map(str, minimum))
        return Line(
            name,
            "problem",
            f"{version[0] if version else 'no version'} at {path}",
            f"{expected} or newer is needed: {remedy}",
        )
    return Line(name, "ok", f"{version[0]} at {path}")


def is_installed() -> bool:
    """Whether ``make setup`` has nothing to do."""
    script = toolchain.ROOT / "setup" / "bootstrap.sh"
    with contextlib.suppress(OSError):
        return subprocess.run([script, "--check"], capture_output=True).returncode == 0
    return False


def packages(installed: bool) -> Line:
    """What ``make setup`` installs."""
    if installed:
        return Line("packages", "ok", "as in requirements.lock")
    return Line(
        "packages", "warning", "missing or out of date", "make setup (every target does it by itself)"
    )


def tool(topic: str, installed: bool, find: Callable[[], str]) -> Line:
    """A program that comes with ``make setup`` or that the user names."""
    try:
        return Line(topic, "ok", find())
    except ToolMissing as missing:
        # Before the first set-up that is as it should be; what the user named wrongly never is.
        waits = not installed and "make setup" in str(missing)
        return Line(topic, "warning" if waits else "problem", "missing", str(missing))


def _terraform() -> str:
    path = toolchain.terraform()
    version = toolchain.terraform_version()
    if not version:
        raise ToolMissing(f"{path} does not answer: run `make setup`")
    origin = "its wheel" if path.is_relative_to(toolchain.ROOT) else "the system"
    return f"{'.'.join(map(str, version))} from {origin}: {path}"


def provider() -> Line:
    """Where Terraform gets the AWS provider from."""
    try:
        mirror = toolchain.provider_mirror()
    except ToolMissing as wrong:
        return Line("AWS provider", "problem", "missing", str(wrong))
    if mirror:
        return Line("AWS provider", "ok", f"mirror {mirror}")
    with contextlib.suppress(ToolMissing):
        return Line("AWS provider", "ok", str(toolchain.provider_binary()))
    return Line("AWS provider", "ok", "not here yet: the first init fetches it from registry.terraform.io")


def _java() -> str:
    return f"{toolchain.JAVA_MAJOR} at {toolchain.java_home()}"


def _spark() -> str:
    release = next(toolchain.ROOT.glob(".venv/lib/python*/site-packages/pyspark/version.py"), None)
    version = re.search(r"""__version__.*["'](.+)["']""", release.read_text()) if release else None
    if not version:
        raise ToolMissing("pyspark is missing in .venv: run `make setup`")
    return version[1]


def _jars() -> str:
    place = toolchain.spark_jars()
    return f"{len(list(place.glob('*.jar')))} in {place}"


def checkov() -> Line:
    """Its environment of its own."""
    program = toolchain.ROOT / ".tools" / "checkov" / "bin" / "checkov"
    if program.exists():
        return Line("checkov", "ok", str(program))
    return Line("checkov", "ok", "not here yet: the first make test-infra or make checkov installs it")


def browser() -> Line:
    """Chromium, for the tests of the pages."""
    if found := chromium.find():
        return Line("Chromium", "ok", str(found))
    if os.environ.get("CHROMIUM"):
        return Line("Chromium", "warning", "missing", chromium.missing())
    return Line("Chromium", "ok", "not here yet: the first make test-browser installs it")


def docker() -> Line:
    """Optional: the container and LocalStack."""
    path = shutil.which("docker")
    version = _output(path, "version", "--format", "{{.Server.Version}}") if path else ""
    if version:
        return Line("Docker", "ok", f"{version} at {path}")
    found = f"{path}, but no daemon answers" if path else "missing"
    return Line("Docker", "warning", found, "only make docker-… and localstack-… need it")


def _output(path: str, *arguments: str) -> str:
    """The first line that a program prints, "" if it fails or hangs."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        result = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=20)
        if result.returncode == 0:
            return result.stdout.strip().partition("\n")[0]
    return ""


# ─── The Domain ───


def port(number: int, purpose: str) -> Line:
    """Whether the domain has its port, or can get it."""
    topic = f"port {number}"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            if number in _own_ports():
                return Line(topic, "ok", f"the running domain ({purpose})")
            return Line(
                topic, "warning", "taken", f"{purpose} listens there: end the program that has the port"
            )
    return Line(topic, "ok", f"free ({purpose})")


def _own_ports() -> set[int | None]:
    endpoint = emulator.find(toolchain.BUILD / "emulator")
    return {urlsplit(address).port for address in (endpoint.http, endpoint.https)} if endpoint else set()


def states() -> Iterator[Line]:
    """The emulators of this checkout: running ones, and what dead ones left."""
    found = False
    for place in (toolchain.BUILD / "emulator", toolchain.BUILD / "demo" / "emulator"):
        name = place.relative_to(toolchain.ROOT)
        if endpoint := emulator.find(place):
            found = True
            yield Line("domain", "ok", f"running in {name} (pid {endpoint.pid}): {endpoint.https}")
        elif emulator.endpoint_file(place).exists():
            found = True
            todo = "make down" if place.parent == toolchain.BUILD else f"remove {name}"
            yield Line("domain", "warning", f"{name} is left of one that died", todo)
    if not found:
        yield Line("domain", "ok", "not running: make up starts it")


# ─── Network ───


def network() -> Iterator[Line]:
    """Proxies and mirrors, as they are set; what signs in to them is not shown."""
    proxies = {
        name: value for name in PROXIES if (value := os.environ.get(name) or os.environ.get(name.lower()))
    }
    shown = ", ".join(f"{name}={without_secret(value)}" for name, value in proxies.items())
    bypass = {
        part.strip() for part in (os.environ.get("NO_PROXY") or os.environ.get("no_proxy", "")).split(",")
    }
    if proxies and not bypass & {"127.0.0.1", "*"}:
        yield Line(
            "proxy",
            "problem",
            shown,
            "the embedded AWS is on this machine: export NO_PROXY=127.0.0.1,localhost",
        )
    else:
        yield Line("proxy", "ok", shown or "none")
    named = {name: os.environ[name] for name in MIRRORS if os.environ.get(name)}
    shown = ", ".join(f"{name}={without_secret(value)}" for name, value in named.items())
    gone = [name for name in named if name.endswith("_FILE") and not Path(named[name]).exists()]
    if gone:
        yield Line("mirrors", "warning", shown, f"{gone[0]} names no file: mend it, or unset it")
    else:
        yield Line("mirrors", "ok", shown or "none: PyPI and the Terraform registry")


def shell() -> Line:
    """The settings of other work in this shell, which nothing here reads, and packages that hide our own."""
    if hidden := environment.shadows():
        todo = "it is passed over; unset PYTHONPATH to be sure"
        return Line("shell", "warning", f"PYTHONPATH has other versions of our packages: {hidden[0]}", todo)
    found = ", ".join(environment.passed_over())
    return Line("shell", "ok", f"passed over: {found}" if found else "nothing to pass over")


def without_secret(address: str) -> str:
    """An address without the name and password in it."""
    return re.sub(r"//[^/@\s]*@", "//…@", address)


# ─── Command Line ───


def main(arguments: list[str] | None = None) -> int:
    """Print what was found; 1 if there is a problem, else 0."""
    parser = argparse.ArgumentParser(prog="python -m meshtest.domain.doctor", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print a list of topic, status, found and todo")
    options = parser.parse_args(arguments)
    lines = examine()
    print(json.dumps([asdict(line) for line in lines], indent=2) if options.json else text(lines))
    return int(any(line.status == "problem" for line in lines))


def text(lines: list[Line], *, colour: bool | None = None) -> str:
    """One line a topic, what to do below it, and a verdict."""
    coloured = sys.stdout.isatty() if colour is None else colour
    width = max(len(line.topic) for line in lines)
    shown = []
    for line in lines:
        mark = _MARKS[line.status] if coloured else f"{line.status:<7}"
        shown.append(f"{mark} {line.topic:<{width}}  {line.found}")
        if line.todo:
            shown.append(f"{' ' * (width + (2 if coloured else 8))}  → {line.todo}")
    counts = {status: sum(line.status == status for line in lines) for status in ("problem", "warning")}
    words = [f"{count} {status}{'s' if count > 1 else ''}" for status, count in counts.items() if count]
    return "\n".join([*shown, "", ", ".join(words) or "All is well."])


if __name__ == "__main__":
    sys.exit(main())
