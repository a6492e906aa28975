"""Whether a command may run on the warm provider: only where plain Terraform would run it, to the same end.

Terraform takes a provider to which it attaches as it is: it checks no version constraint and no lock file,
asks for no `init`, and all configurations of the provider are one. Where one of these matters is found
here. Such a command runs by the plain binary, which refuses in its own words.

Sources:
https://developer.hashicorp.com/terraform/plugin/debugging#running-terraform-with-a-provider-in-debug-mode
and https://developer.hashicorp.com/terraform/language/files/dependency-lock
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tree_sitter import Node

from meshtest.terraform import syntax
from meshtest.tools import toolchain

_SOURCES = ("hashicorp/aws", toolchain.PROVIDER)
# Commands that ask no provider; every other one is refused before an init.
_WITHOUT_PROVIDER = frozenset({"fmt", "force-unlock", "get", "output", "version", "workspace"})
# What an init may be asked for that has nothing to do with providers.
_PLAIN_OPTIONS = re.compile(
    r"-(input|no-color|backend|backend-config|force-copy|reconfigure|migrate-state|lock|lock-timeout)(=.*)?",
    re.DOTALL,
)
_BUILT_IN = ("aws", "terraform")
_CONSTRAINT = re.compile(r"(=|!=|>=|<=|>|<|~>)?\s*(\d+(?:\.\d+){0,2})")
_LOCKED = re.compile(rf'provider "{re.escape(toolchain.PROVIDER)}" \{{(.*?)\n\}}', re.DOTALL)
_LOCKED_VERSION = re.compile(r'version\s*=\s*"([^"]+)"')
_Version = tuple[int, ...]


@dataclass
class Facts:
    """What a module's files say about providers."""

    constraints: list[str] = field(default_factory=list)
    aws_names: set[str] = field(default_factory=set)
    configurations: int = 0
    is_special: bool = False
    types: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)
    starts_programs: bool = False


def starts_programs(directory: Path, environment: Mapping[str, str]) -> bool:
    """Whether a configuration starts programs, which may read any variable of the environment."""
    try:
        found = _facts(directory, environment)
    except (OSError, ValueError, syntax.SyntaxProblem):
        return True
    return bool(found.others) or found.starts_programs


def is_ready(directory: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Whether plain Terraform would run the command, and the warm provider does the same.

    Raises:
        ToolMissing: the provider is not to be had.
    """
    if not directory.is_dir() or environment.get("AWS_CA_BUNDLE"):
        # The provider fails when one process is configured twice with a bundle.
        return False
    command = arguments[0]
    if command in _WITHOUT_PROVIDER:
        return True
    try:
        found = _facts(directory, environment)
    except (OSError, ValueError, syntax.SyntaxProblem):
        return False
    if not found.aws_names:
        return True
    binary = toolchain.provider_binary()
    version = binary.parents[1].name
    if found.is_special or found.configurations > 1 or not _allowed(found.constraints, version):
        return False
    if command == "init":
        return _may_init(directory, arguments[1:], found, binary)
    return _link(directory, environment, binary).exists() and _locked_version(directory) == version


def after_init(directory: Path, environment: Mapping[str, str]) -> None:
    """Write what plain Terraform's init writes of the provider: a link to it, and its lock file entry."""
    found = _facts(directory, environment)
    if not found.aws_names:
        return
    binary = toolchain.provider_binary()
    link, lock = _link(directory, environment, binary), _lock(directory)
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.exists():
        link.symlink_to(binary.parent)
    if not lock.exists():
        constraints = ", ".join(sorted(set(found.constraints)))
        lock.write_text(
            '# This file is maintained automatically by "terraform init".\n'
            "# Manual edits may be lost in future updates.\n\n"
            f'provider "{toolchain.PROVIDER}" {{\n'
            f'  version     = "{binary.parents[1].name}"\n'
            + (f'  constraints = "{constraints}"\n' if constraints else "")
            + f'  hashes = [\n    "{_hash(binary.parent)}",\n  ]\n}}\n'
        )


def _may_init(directory: Path, options: Sequence[str], found: Facts, binary: Path) -> bool:
    if found.others or not all(_PLAIN_OPTIONS.fullmatch(option) for option in options):
        return False
    lock = _lock(directory)
    if not lock.exists():
        return True
    entry = _LOCKED.search(lock.read_text())
    is_ours = entry is not None and _locked_version(directory) == binary.parents[1].name
    return is_ours and entry is not None and f'"{_hash(binary.parent)}"' in entry[1]


def _link(directory: Path, environment: Mapping[str, str], binary: Path) -> Path:
    place = binary.parents[1].name, binary.parent.name
    return _data(directory, environment).joinpath("providers", toolchain.PROVIDER, *place)


def _data(directory: Path, environment: Mapping[str, str]) -> Path:
    return directory / (environment.get("TF_DATA_DIR") or ".terraform")


def _lock(directory: Path) -> Path:
    return directory / ".terraform.lock.hcl"


def _locked_version(directory: Path) -> str | None:
    lock = _lock(directory)
    entry = _LOCKED.search(lock.read_text()) if lock.exists() else None
    version = _LOCKED_VERSION.search(entry[1]) if entry else None
    return version[1] if version else None


@functools.cache
def _hash(package: Path) -> str:
    """The hash of an unpacked package as a lock file has it: https://pkg.go.dev/golang.org/x/mod/sumdb/dirhash."""
    content = hashlib.sha256()
    for file in sorted(file for file in package.rglob("*") if file.is_file()):
        with file.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        content.update(f"{digest}  {file.relative_to(package).as_posix()}\n".encode())
    return f"h1:{base64.b64encode(content.digest()).decode()}"


# ─── Version constraints ───


def _allowed(constraints: Sequence[str], version: str) -> bool:
    """Whether constraints allow a version; what is not understood does not."""
    return all(_allows(part.strip(), version) for each in constraints for part in each.split(","))


def _allows(constraint: str, version: str) -> bool:
    found = _CONSTRAINT.fullmatch(constraint)
    if not found:
        return False
    wanted, actual = _numbers(found[2]), _numbers(version)
    padded = (*wanted, 0, 0)[:3]
    upper = (*wanted[: max(len(wanted) - 2, 0)], wanted[max(len(wanted) - 2, 0)] + 1)
    return {
        "=": actual == padded,
        "!=": actual != padded,
        ">=": actual >= padded,
        "<=": actual <= padded,
        ">": actual > padded,
        "<": actual < padded,
        "~>": padded <= actual and actual[: len(upper)] < upper,
    }[found[1] or "="]


def _numbers(version: str) -> _Version:
    return tuple(map(int, version.split(".")))


# ─── What the files say ───


def folders(directory: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    """The folders of a root module and of all modules that its init has found."""
    yield directory
    manifest = _data(directory, environment) / "modules" / "modules.json"
    if manifest.exists():
        for module in json.loads(manifest.read_text()).get("Modules", []):
            if module["Key"]:
                yield directory / module["Dir"]


def _facts(directory: Path, environment: Mapping[str, str]) -> Facts:
    found = Facts()
    for folder in folders(directory, environment):
        for file in (*folder.glob("*.tf"), *folder.glob("*.tf.json")):
            status = file.stat()
            _add(found, _facts_of(file, status.st_mtime_ns, status.st_size))
    implied = {kind.partition("_")[0] for kind in found.types}
    found.aws_names |= {"aws"} & implied
    found.others |= implied - {*_BUILT_IN, *found.aws_names}
    return found


def _add(found: Facts, more: Facts) -> None:
    found.constraints += more.constraints
    found.aws_names |= more.aws_names
    found.configurations += more.configurations
    found.is_special |= more.is_special
    found.types |= more.types
    found.others |= more.others
    found.starts_programs |= more.starts_programs


@functools.lru_cache(maxsize=1000)
def _facts_of(file: Path, _changed: int, _size: int) -> Facts:
    content, found = file.read_bytes(), Facts()
    found.starts_programs = b"provisioner" in content
    if file.suffix == ".json":
        _of_json(found, json.loads(content))
        return found
    is_override = file.stem == "override" or file.stem.endswith("_override")
    for block in syntax.blocks(syntax.parse(content)):
        kind, names = syntax.block_type(block), syntax.labels(block)
        if kind == "terraform":
            for required in syntax.blocks(block, "required_providers"):
                for name, attribute in syntax.attributes(required).items():
                    _require(found, name, *_requirement(attribute))
        elif kind == "provider" and names == ["aws"]:
            found.aws_names.add("aws")
            found.configurations += not is_override
            found.is_special |= bool({"alias", "custom_ca_bundle"} & syntax.attributes(block).keys())
        elif kind in ("provider", "resource", "data", "ephemeral"):
            found.types.add(names[0])
    return found


def _requirement(attribute: Node) -> tuple[str | None, str | None]:
    written = syntax.text(syntax.value(attribute))
    if written.startswith('"'):
        return None, written.strip('"')
    found = {
        key: match[1] if (match := re.search(rf'\b{key}\s*[=:]\s*"([^"]*)"', written)) else None
        for key in ("source", "version")
    }
    if re.search(r"\bconfiguration_aliases\b", written):
        raise ValueError("a module with several configurations")
    return found["source"], found["version"]


def _of_json(found: Facts, content: dict[str, Any]) -> None:
    for kind in ("resource", "data", "ephemeral"):
        for each in _as_list(content.get(kind, {})):
            found.types |= each.keys()
    for each in _as_list(content.get("provider", {})):
        for name, written in each.items():
            settings = _as_list(written)
            if name == "aws":
                found.aws_names.add("aws")
                found.configurations += len(settings)
                found.is_special |= any({"alias", "custom_ca_bundle"} & one.keys() for one in settings)
            else:
                found.types.add(name)
    for terraform in _as_list(content.get("terraform", {})):
        for required in _as_list(terraform.get("required_providers", {})):
            for name, wanted in required.items():
                source, version = (
                    (None, wanted)
                    if isinstance(wanted, str)
                    else (wanted.get("source"), wanted.get("version"))
                )
                _require(found, name, source, version)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _require(found: Facts, name: str, source: str | None, version: str | None) -> None:
    is_aws = source in _SOURCES if source else name == "aws"
    if not is_aws:
        if source != "terraform.io/builtin/terraform" and name != "terraform":
            found.others.add(source or name)
        return
    found.aws_names.add(name)
    if name != "aws":  # its blocks would have to be told from those of others
        found.is_special = True
    if version:
        found.constraints.append(version)
