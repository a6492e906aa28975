"""From an empty AWS account to the first deployment: ``setup/bootstrap.sh aws``, signed in to it.

Applies infrastructure/bootstrap (the buckets of the Terraform states, the roles of GitHub Actions) and moves
its own state into the bucket that it has made. Every step looks first at what is there: run again, it changes
nothing, and a run that was cut off goes on where it stopped. Another checkout finds the state by itself.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshtest.tools import folders, toolchain
from meshtest.tools.toolchain import ToolMissing

if TYPE_CHECKING:
    from boto3.session import Session

STATE_KEY = "bootstrap/terraform.tfstate"
ROOT = toolchain.ROOT / "infrastructure" / "bootstrap"
SUBJECTS = ROOT / "terraform.tfvars.json"
BACKEND = ROOT / "backend_override.tf"
LOCAL_STATE = ROOT / "terraform.tfstate"
# What Terraform remembers of the backend; `init -reconfigure` alone does not forget one that is gone.
REMEMBERED_BACKEND = ROOT / ".terraform" / "terraform.tfstate"
ISSUER = "token.actions.githubusercontent.com"
PROVIDER = "aws_iam_openid_connect_provider.github[0]"
# Who plans: pull requests, and what looks for drift on a schedule, which GitHub runs on the default branch.
PLANNERS = ("pull_request", "ref:refs/heads/main")
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+")
_REPOSITORY_WITH_IDS = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*@\d+/[A-Za-z0-9._-]+@\d+")
# The tokens of a repository made or renamed since then name it with its ids.
_IDS_SINCE = "2026-07-15"
_REMOTE = re.compile(r"github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?$")
_CHANGES = 2  # terraform plan -detailed-exitcode


class BootstrapError(Exception):
    """The account cannot be bootstrapped; the message says what to do, in one line."""


@dataclass(frozen=True)
class Bootstrap:
    """The bootstrap of some environments of a domain in the account that `session` is signed in to."""

    session: Session
    domain: str
    environments: tuple[str, ...]
    repository: str | None
    by_name: bool = False

    # ─── What Is There ───

    @cached_property
    def account(self) -> str:
        """The account's id."""
        return str(self.session.client("sts").get_caller_identity()["Account"])

    @cached_property
    def bucket(self) -> str:
        """Where bootstrap's own state is, else where it goes: among production's, or the last environment's.

        Raises:
            BootstrapError: a bucket is another account's.
        """
        s3 = self.session.client("s3")
        names = {env: f"{self.domain}-tfstate-{self.account}-{env}" for env in self.environments}
        for name in names.values():
            if _answers(lambda name=name: s3.head_object(Bucket=name, Key=STATE_KEY), name):
                return name
        return names.get("prod", names[self.environments[-1]])

    def is_moved(self) -> bool:
        """Whether bootstrap's state is in the bucket.

        Raises:
            BootstrapError: the bucket is another account's, or it is there and nobody knows its state.
        """
        s3 = self.session.client("s3")
        if not _answers(lambda: s3.head_bucket(Bucket=self.bucket), self.bucket):
            return False
        if _answers(lambda: s3.head_object(Bucket=self.bucket, Key=STATE_KEY), self.bucket):
            return True
        if not LOCAL_STATE.exists():
            raise BootstrapError(
                f"bucket {self.bucket} exists, but neither it nor this checkout has bootstrap's state: run "
                "this where it was begun, or import what is there, or name other environments (--env)"
            )
        return False

    def makes_provider(self) -> bool:
        """Whether GitHub's identity provider is this domain's to make, or there from elsewhere."""
        if PROVIDER in _terraform("state", "list", check=False).splitlines():
            return True
        found = self.session.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
        return not any(each["Arn"].endswith(f"/{ISSUER}") for each in found)

    # ─── Files ───

    def subjects(self) -> tuple[str, bool]:
        """What terraform.tfvars.json has to say, and whether it says so already.

        Raises:
            BootstrapError: no repository is named, or `repositories` cannot tell how its tokens name it.
        """
        now = SUBJECTS.read_text() if SUBJECTS.exists() else ""
        if not self.repository and now:
            return now, True
        repository = self.repository or _origin()
        if not repository:
            raise BootstrapError("which GitHub repository deploys? name it: --repository ORG/REPO")
        names = repositories(repository, by_name=self.by_name)
        known = folders.environments(toolchain.ROOT)
        content = {
            "deploy_subjects": {env: [f"repo:{name}:environment:{env}" for name in names] for env in known},
            "plan_subjects": {
                env: [f"repo:{name}:{who}" for name in names for who in PLANNERS] for env in known
            },
        }
        text = json.dumps(content, indent=2) + "\n"
        return text, text == now

    def backend(self) -> str:
        """The file that tells Terraform where the state has moved; never committed."""
        region = self.session.region_name
        return f"""# Written by setup/bootstrap.sh aws: the state is in the bucket that it describes.
terraform {{
  backend "s3" {{
    bucket       = "{self.bucket}"
    key          = "{STATE_KEY}"
    region       = "{region}"
    use_lockfile = true
  }}
}}
"""


def repositories(given: str, *, by_name: bool = False) -> list[str]:
    """Return the ways in which a repository's tokens may name it: ``ORG@ID/REPO@ID``, ``ORG/REPO``, or both.

    GitHub is asked for the ids. A repository from before they came may have been renamed since: then both are
    right.
    Source: https://docs.github.com/en/actions/reference/security/oidc

    Raises:
        BootstrapError: it is none of these, or GitHub cannot be asked: nothing is guessed.
    """
    if _REPOSITORY_WITH_IDS.fullmatch(given):
        return [given]
    if not _REPOSITORY.fullmatch(given):
        raise BootstrapError(f"--repository is '{given}'; expected ORG/REPO or ORG@ID/REPO@ID")
    if by_name:
        return [given]
    found = _ask_github(given)
    owner, name = found["owner"]["login"], found["name"]
    with_ids = f"{owner}@{found['owner']['id']}/{name}@{found['id']}"
    return [with_ids] if found["created_at"] >= _IDS_SINCE else [with_ids, f"{owner}/{name}"]


def _ask_github(repository: str) -> Any:
    try:
        answer = subprocess.run(["gh", "api", f"repos/{repository}"], capture_output=True, text=True)
        said = answer.stderr.strip().splitlines()
        why = said[-1] if said else f"gh ended with {answer.returncode}"
    except FileNotFoundError:
        answer, why = None, "gh is not installed"
    if answer is None or answer.returncode:
        raise BootstrapError(
            f"the ids of {repository}, which tokens name since {_IDS_SINCE}, are not known ({why}): give "
            "them, --repository ORG@ID/REPO@ID, or say that it is older and was not renamed since, --by-name"
        )
    return json.loads(answer.stdout)


def _answers(call: Any, bucket: str) -> bool:
    from botocore.exceptions import ClientError

    try:
        call()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in ("404", "NoSuchBucket", "NoSuchKey"):
            return False
        if code in ("403", "AccessDenied"):
            raise BootstrapError(
                f"bucket {bucket} cannot be read: sign in as an administrator of its account"
            ) from None
        raise
    return True


def _origin() -> str | None:
    """The repository on GitHub that this checkout is a clone of."""
    command = ["git", "-C", str(toolchain.ROOT), "remote", "get-url", "origin"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        return None
    found = _REMOTE.search(answer.stdout.strip())
    return found.group(1) if found else None


# ─── Terraform ───


def _terraform(*arguments: str, check: bool = True) -> str:
    """Run Terraform in the root and return its output.

    Raises:
        BootstrapError: it failed; its own words are on standard error.
    """
    answer = _run(*arguments)
    if check and answer.returncode:
        raise _failure(arguments[0], answer)
    return answer.stdout


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    # All of the caller's environment: it is Terraform on an account, as whoever is signed in has set it up.
    environment = {**os.environ, "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
    command = [str(toolchain.terraform()), f"-chdir={ROOT}", *arguments]
    return subprocess.run(command, capture_output=True, env=environment, stdin=subprocess.DEVNULL, text=True)


def _follow(*arguments: str) -> None:
    """Run Terraform with its output shown as it comes."""
    environment = {**os.environ, "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
    command = [str(toolchain.terraform()), f"-chdir={ROOT}", *arguments]
    if subprocess.run(command, env=environment, stdin=subprocess.DEVNULL).returncode:
        raise BootstrapError(
            f"terraform {arguments[0]} failed (its words are above); mend it and run this again"
        )


def _failure(command: str, answer: subprocess.CompletedProcess[str]) -> BootstrapError:
    print(answer.stdout + answer.stderr, file=sys.stderr)
    return BootstrapError(f"terraform {command} failed (its words are above); mend it and run this again")


# ─── The Walk ───


def walk(bootstrap: Bootstrap, *, dry: bool, yes: bool) -> None:
    """Every step, each told; with `dry` nothing is written or made.

    Raises:
        BootstrapError: a step cannot be done, or the plan is not agreed to.
    """
    step = _Steps()
    step("Account")
    print(f"    account       {bootstrap.account}, {bootstrap.session.region_name}")
    print(f"    environments  {', '.join(bootstrap.environments)}")

    step("Who may deploy: infrastructure/bootstrap/terraform.tfvars.json")
    text, is_there = bootstrap.subjects()
    _write(SUBJECTS, text, is_there=is_there, dry=dry)
    for line in sorted(
        {each for subjects in json.loads(text).values() for env in subjects.values() for each in env}
    ):
        print(f"    {line}")

    step("Where the state is")
    moved = bootstrap.is_moved()
    print(f"    s3://{bootstrap.bucket}/{STATE_KEY}" if moved else "    here, until its bucket is there")
    _place_backend(bootstrap, moved=moved)
    _terraform("init", "-no-color", "-reconfigure", "-lockfile=readonly")

    step("Plan")
    variables = [
        f"-var=create_oidc_provider={json.dumps(bootstrap.makes_provider())}",
        f"-var=environments={json.dumps(bootstrap.environments)}",
        *(f"-var={name}={json.dumps(value)}" for name, value in json.loads(text).items()),
    ]
    has_changes = _plan(variables, dry=dry)

    step("Apply")
    if dry:
        print(
            "    not done: this is a dry run. Without --dry-run what the plan shows is made, the state moves"
        )
        print(f"    to s3://{bootstrap.bucket}/{STATE_KEY}, and each environment gets its backend.conf.")
        return
    if has_changes:
        _agree(yes=yes)
        _follow("apply", "-no-color", "bootstrap.tfplan")
    else:
        print("    nothing to change")
    (ROOT / "bootstrap.tfplan").unlink(missing_ok=True)

    step(f"State: s3://{bootstrap.bucket}/{STATE_KEY}")
    print("    there already" if moved else "    moved")
    if not moved:
        _move(bootstrap)

    step("Backends: setup/init-terraform.sh")
    for env in bootstrap.environments:
        command = [
            str(toolchain.ROOT / "setup" / "init-terraform.sh"),
            "--account-id",
            bootstrap.account,
            "--env",
            env,
        ]
        answer = subprocess.run(command, capture_output=True, text=True)
        if answer.returncode:
            raise BootstrapError(answer.stderr.strip())
        print(f"    {answer.stdout.strip()}")

    step("What is left to do, on GitHub")
    _tell_github(json.loads(_terraform("output", "-json")), json.loads(text))


class _Steps:
    """Numbers the steps as they begin."""

    def __init__(self) -> None:
        self._number = 0

    def __call__(self, title: str) -> None:
        self._number += 1
        print(f"==> {self._number}. {title}", flush=True)


def _write(file: Path, text: str, *, is_there: bool, dry: bool) -> None:
    if is_there:
        print("    unchanged")
    elif dry:
        print("    would be written; then commit it: who may deploy is worth a review")
    else:
        file.write_text(text)
        print("    written; commit it: who may deploy is worth a review")


def _place_backend(bootstrap: Bootstrap, *, moved: bool) -> None:
    if moved:
        BACKEND.write_text(bootstrap.backend())
    else:
        BACKEND.unlink(missing_ok=True)
        REMEMBERED_BACKEND.unlink(missing_ok=True)


def _plan(variables: Sequence[str], *, dry: bool) -> bool:
    """Show the plan; whether it changes anything."""
    kept = [] if dry else ["-out=bootstrap.tfplan"]
    answer = _run(
        "plan", "-no-color", "-detailed-exitcode", *([] if not dry else ["-lock=false"]), *kept, *variables
    )
    if answer.returncode not in (0, _CHANGES):
        raise _failure("plan", answer)
    print(answer.stdout.strip() if answer.returncode else "    no changes")
    return answer.returncode == _CHANGES


def _agree(*, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise BootstrapError("nobody is there to agree to the plan: run it in a terminal, or with --yes")
    if input("    Make this? Only 'yes' is taken: ").strip() != "yes":
        raise BootstrapError("not agreed to: nothing was made")


def _move(bootstrap: Bootstrap) -> None:
    """Move the state into its bucket, and remove it here once it is there."""
    BACKEND.write_text(bootstrap.backend())
    _terraform("init", "-no-color", "-migrate-state", "-force-copy", "-lockfile=readonly")
    if not bootstrap.is_moved():
        raise BootstrapError(
            f"the state is not in s3://{bootstrap.bucket}/{STATE_KEY}; it is still in {LOCAL_STATE}"
        )
    for file in (LOCAL_STATE, LOCAL_STATE.with_suffix(".tfstate.backup")):
        file.unlink(missing_ok=True)


def _tell_github(outputs: dict[str, Any], subjects: dict[str, dict[str, list[str]]]) -> None:
    found = re.match(
        r"repo:([\w-]+)(?:@\d+)?/([\w.-]+?)(?:@\d+)?:", next(iter(subjects["deploy_subjects"].values()))[0]
    )
    repository = f"{found[1]}/{found[2]}" if found else "ORG/REPO"
    for env, arn in outputs["deploy_role_arns"]["value"].items():
        print(f"    gh api --method PUT repos/{repository}/environments/{env}")
        print(f"    gh secret set AWS_ROLE_ARN_{env.upper()} --repo {repository} --body {arn}")
        plan = outputs["plan_role_arns"]["value"][env]
        print(f"    gh variable set AWS_PLAN_ROLE_ARN_{env.upper()} --repo {repository} --body {plan}")
    print("    Then protect those that follow the first: docs/deploy.md.")


# ─── Command Line ───


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and walk; returns the exit status, errors are one line on standard error."""
    options = _parser().parse_args(arguments)
    from boto3.exceptions import Boto3Error
    from boto3.session import Session
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        domain, region = _domain("domain_abbr"), _domain("aws_region")
        known = folders.environments(toolchain.ROOT)
        environments = tuple(env for env in known if env in (options.env or known))
        bootstrap = Bootstrap(
            Session(region_name=region), domain, environments, options.repository, options.by_name
        )
        walk(bootstrap, dry=options.dry_run, yes=options.yes)
    except (BootstrapError, Boto3Error, BotoCoreError, ClientError, ToolMissing) as error:
        print(f"bootstrap: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bootstrap: interrupted; run it again to go on", file=sys.stderr)
        return 130
    return 0


def _domain(field: str) -> str:
    file = toolchain.ROOT / "setup" / "domain.json"
    try:
        return str(json.loads(file.read_text())[field])
    except (OSError, ValueError, KeyError, TypeError):
        raise BootstrapError(
            f"setup/domain.json: {field} cannot be read; expected a JSON object with it"
        ) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="setup/bootstrap.sh aws",
        description="Make what the first deployment needs, in the AWS account that you are signed in to: the "
        "buckets of the Terraform states, and the roles of GitHub Actions. May be run again at any time.",
        epilog="Exit status: 0 done, 1 it could not be done, 2 bad arguments.",
    )
    parser.add_argument(
        "--repository",
        metavar="ORG/REPO",
        help="the repository that deploys, or ORG@ID/REPO@ID; without the ids gh is asked for them "
        "(default: what terraform.tfvars.json has, else git's origin)",
    )
    parser.add_argument(
        "--by-name",
        action="store_true",
        help=f"the repository was made before {_IDS_SINCE} and not renamed since: its tokens have no ids",
    )
    parser.add_argument(
        "--env",
        action="append",
        choices=folders.environments(toolchain.ROOT),
        help="an environment of this account, if the others have accounts of their own; may be given again",
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would be made, and make nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask before the plan is applied")
    return parser


if __name__ == "__main__":
    sys.exit(main())
