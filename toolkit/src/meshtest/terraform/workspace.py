"""A working copy of the stacks, wired to the embedded AWS.

Terraform writes into the directories it runs in, and the embedded AWS needs two settings that must
not reach a real account (path-style S3 addresses, and an endpoint). Both stay out of the sources:
stacks run in a copy, and what differs is an override file there
(https://developer.hashicorp.com/terraform/language/files/override) or the environment.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Set
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from meshtest.tools import environment as surroundings
from meshtest.tools import folders, toolchain

if TYPE_CHECKING:
    from meshtest.tools.account import Account

OVERRIDE = "embedded_override.tf"
# A domain that is planned and never applied: tests expect these names, whatever the domain's own are.
EXAMPLE = {"domain_name": "example", "domain_abbr": "exa"}
# By itself the provider tries 25 times: it takes four minutes to say that nothing is there any more.
MAX_RETRIES = 3
# The S3 backend reads only the service's own variable, the provider reads the first one.
ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_STS")


# ─── Working copy ───


def prepare(
    target: Path, settings: Mapping[str, str] = MappingProxyType({}), *, is_emulated: bool = True
) -> Path:
    """Copy ``setup/`` and ``infrastructure/`` below `target`, with the override files in each root.

    Files that changed since the last copy are replaced, removed ones go, and what Terraform keeps
    there (``.terraform``) stays, so that a second ``init`` is quick. `settings` win over those of
    ``setup/domain.json``; a real account has no override. Returns ``target/infrastructure``.
    """
    for folder in ("setup", "infrastructure"):
        _mirror(toolchain.ROOT / folder, target / folder, _left_out())
    if settings:
        file = target / "setup" / "domain.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | settings, indent=2) + "\n")
    infrastructure = target / "infrastructure"
    for root in roots(infrastructure) if is_emulated else ():
        (root / OVERRIDE).write_text(_override(is_project=root.parent.name == "projects"))
    return infrastructure


def roots(infrastructure: Path) -> list[Path]:
    """Every root module: bootstrap, the environments, and the projects that have a ``project.json``."""
    bootstrap = infrastructure.glob("bootstrap/main.tf")
    environments = (infrastructure / "environments").glob("*/main.tf")
    projects = [
        infrastructure / "projects" / name / "project.json"
        for name in folders.project_folders(infrastructure.parent)
    ]
    found = (*bootstrap, *environments, *projects)
    return sorted(file.parent for file in found if file.is_file())


def _left_out() -> set[Path]:
    """The folders beside the projects that are none."""
    place, projects = toolchain.ROOT / folders.PROJECTS, folders.project_folders(toolchain.ROOT)
    return {folder for folder in place.glob("*/") if folder.name not in projects}


def _mirror(source: Path, target: Path, left_out: Set[Path]) -> None:
    wanted = {
        file.relative_to(source)
        for file in source.rglob("*")
        if file.is_file() and not _is_local(file) and not left_out & set(file.parents)
    }
    present = {
        file.relative_to(target) for file in target.rglob("*") if file.is_file() and not _is_local(file)
    }
    for stale in present - wanted:
        (target / stale).unlink()
    for name in wanted:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / name, target / name)


def _is_local(file: Path) -> bool:
    """Whether Terraform or a person made this file for one machine only (see .gitignore)."""
    is_state = ".tfstate" in file.name or file.suffix == ".tfplan"
    is_setting = file.name == "backend.conf" or file.name.endswith("_override.tf")
    return ".terraform" in file.parts or is_state or is_setting


def _override(*, is_project: bool) -> str:
    # Go ignores SSL_CERT_FILE on macOS: there, and only there, the certificate is not checked.
    insecure = str(sys.platform == "darwin").lower()
    text = f"""
provider "aws" {{
  insecure          = {insecure}
  max_retries       = {MAX_RETRIES}
  s3_use_path_style = true
}}
"""
    if not is_project:
        return text
    return f"""{text}
data "terraform_remote_state" "foundation" {{
  config = merge(module.project.foundation_state, {{ insecure = {insecure}, use_path_style = true }})
}}
"""


# ─── State bucket ───


def make_bucket(account: Account, name: str) -> None:
    """Make a bucket in the account's Region.

    S3 refuses us-east-1 as a location, and takes it where none is named:
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucketConfiguration.html
    """
    located = {"CreateBucketConfiguration": {"LocationConstraint": account.region}}
    account.client("s3").create_bucket(Bucket=name, **({} if account.region == "us-east-1" else located))


# ─── Environment ───


def environment(account: Account, build: Path = toolchain.BUILD) -> dict[str, str]:
    """The environment in which Terraform finds the provider, and the account and no other one.

    ``AWS_CA_BUNDLE`` is empty on purpose, also where this is added to a larger environment: the provider
    fails when one process is configured twice with it. Go trusts ``SSL_CERT_FILE`` instead.
    """
    variables = account.environment()
    if url := variables.get("AWS_ENDPOINT_URL"):
        variables |= dict.fromkeys(ENDPOINT_VARIABLES, url)
    if account.ca_bundle:
        variables["SSL_CERT_FILE"] = str(account.ca_bundle)
    return {
        **surroundings.inherited(),
        **variables,
        "AWS_CA_BUNDLE": "",
        "CHECKPOINT_DISABLE": "1",
        "TF_CLI_CONFIG_FILE": str(_cli_configuration(build)),
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
    }


def _cli_configuration(build: Path) -> Path:
    """Write Terraform's CLI configuration: the provider from a mirror, else the registry, cached."""
    mirror = toolchain.provider_mirror()
    if mirror:
        text = f"""
provider_installation {{
  filesystem_mirror {{
    path    = "{mirror}"
    include = ["{toolchain.PROVIDER}"]
  }}
  direct {{
    exclude = ["{toolchain.PROVIDER}"]
  }}
}}
"""
    else:
        toolchain.PROVIDER_CACHE.mkdir(parents=True, exist_ok=True)
        text = f'plugin_cache_dir = "{toolchain.PROVIDER_CACHE}"\n'
    build.mkdir(parents=True, exist_ok=True)
    file = build / "terraform.rc"
    if not file.exists() or file.read_text() != text:
        file.write_text(text)
    return file
