"""docs/deploy.md, run as it stands on an embedded AWS: from an empty account to jobs in their bucket.

One embedded AWS and one checkout for the whole module: the tests follow each other as a team's days do.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from meshtest import emulator
from meshtest.domain import projects
from meshtest.emulator import Endpoint
from meshtest.terraform import workspace
from meshtest.tools import folders, toolchain

ACCOUNT = "123456789012"
STATE = f"exa-tfstate-{ACCOUNT}-prod"
KEY = "bootstrap/terraform.tfstate"
BLOCKS = re.findall(r"^```sh\n(.*?)^```", (toolchain.ROOT / "docs/deploy.md").read_text(), re.M | re.S)
TAKE_DOWN = re.findall(r"^```text\n(.*?)^```", (toolchain.ROOT / "docs/deploy.md").read_text(), re.M | re.S)[
    -1
]


@dataclass(frozen=True)
class Team:
    """A checkout, and the AWS that its shell is signed in to."""

    checkout: Path
    endpoint: Endpoint

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """One command in a shell of the checkout, set up as the page says."""
        environment = {
            **workspace.environment(self.endpoint, self.checkout),
            "PATH": f"{self.checkout}/.tools/bin:{os.environ['PATH']}",
            "TERRAFORM": str(toolchain.terraform()),
            # The checkout's own toolkit: the environment's is installed from this repository.
            # The embedded AWS has no addresses of the form bucket.host.
            "TF_CLI_ARGS_init": "-backend-config=use_path_style=true",
            # For boto3, whose processes are not the provider.
            "AWS_CA_BUNDLE": "" if command.startswith("terraform") else str(self.endpoint.ca_bundle),
        }
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            capture_output=True,
            cwd=self.checkout,
            env=environment,
            text=True,
        )

    def bootstrap(self, *words: str) -> str:
        answer = self.run(f"setup/bootstrap.sh aws {' '.join(words)}")
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    def client(self, service: str):
        return self.endpoint.client(service)

    @property
    def root(self) -> Path:
        return self.checkout / "infrastructure" / "bootstrap"


def clone(folder: Path) -> Path:
    """A checkout of this repository with one commit, its stacks wired to an embedded AWS, its tools ours."""
    folder.mkdir()
    workspace.prepare(folder, workspace.EXAMPLE)
    for name in (".gitattributes", ".gitignore", ".python-version", ".terraform-version", "Makefile"):
        shutil.copy(toolchain.ROOT / name, folder)
    for file in toolchain.ROOT.glob("*.lock"):
        shutil.copy(file, folder)
    shutil.copy(toolchain.ROOT / "pyproject.toml", folder)
    for name in ("src", "samples/template", "tests/spark/template"):
        shutil.copytree(toolchain.ROOT / name, folder / name, symlinks=True, ignore=projects.LOCAL)
    if not (folder / "infrastructure" / "projects" / "orders").exists():  # the page's project
        projects.new(projects.Wanted("orders", "Orders", "orders@example.com"), folder)
        template = folder / "infrastructure" / "projects" / "_template"
        shutil.copy(template / workspace.OVERRIDE, template.with_name("orders"))
    (folder / ".venv").symlink_to(toolchain.ROOT / ".venv")
    (folder / ".tools").mkdir()
    (folder / ".tools" / "bin").symlink_to(toolchain.ROOT / ".tools" / "bin")
    script = (folder / "setup" / "bootstrap.sh").read_text()
    inputs = re.search(r"^inputs=\((.*?)\)", script, re.M | re.S)[1].split()
    stamp = f"{{ pwd; cat {' '.join(inputs)}; }} | cksum > .tools/setup.stamp"
    who = "-c user.name=a -c user.email=a@example.com"
    subprocess.run(
        ["bash", "-c", f"{stamp}; git init -q && git add . && git {who} commit -qm first"],
        check=True,
        cwd=folder,
    )
    return folder


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    folder = tmp_path_factory.mktemp("team")
    with emulator.running(folder / "emulator") as endpoint:
        yield Team(clone(folder / "checkout"), endpoint)


@pytest.fixture(scope="module")
def deployed(team) -> dict[str, str]:
    """Every command of the page has been run; what each said."""
    said = {}
    for block in BLOCKS:
        for command in block.strip().splitlines():
            answer = team.run(command)
            assert answer.returncode == 0, f"{command}\n{answer.stdout}{answer.stderr}"
            said[command] = answer.stdout
            if "--dry-run" in command:
                # Nothing was made, here or there, but what Terraform needs to plan.
                assert team.client("s3").list_buckets()["Buckets"] == []
                assert team.client("iam").list_roles()["Roles"] == []
                assert not list(team.root.glob("*.tfstate*"))
                assert not (team.root / "terraform.tfvars.json").exists()
                assert "Plan: " in answer.stdout
    return said


# ─── The page ───


def test_the_page_leads_from_an_empty_account_to_the_first_deployment(deployed, team):
    first, *_, last = deployed
    assert first.startswith("setup/bootstrap.sh aws ")
    assert last == "make deployed ENV=dev"
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, cwd=team.checkout, text=True)
    assert f"deployed   1.0.0+g{commit.stdout[:8]} (commit {commit.stdout.strip()})" in deployed[last]
    assert team.client("stepfunctions").list_state_machines()["stateMachines"]
    keys = {
        found["Key"]
        for found in team.client("s3").list_objects_v2(Bucket=STATE.replace("prod", "dev"))["Contents"]
    }
    assert keys == {"foundation/terraform.tfstate", "projects/orders/terraform.tfstate"}


def test_nobody_agrees_where_nobody_is_asked(team, deployed):
    """Standard input is no terminal here; a change is needed for the question to come up."""
    text = (team.root / "terraform.tfvars.json").read_text()
    answer = team.run("setup/bootstrap.sh aws --repository acme@1/renamed@2 < /dev/null")
    assert answer.returncode == 1
    assert answer.stderr == (
        "bootstrap: nobody is there to agree to the plan: run it in a terminal, or with --yes\n"
    )
    (team.root / "terraform.tfvars.json").write_text(text)


# ─── What bootstrap leaves ───


def test_its_state_lies_in_the_bucket_and_nowhere_else(team, deployed):
    assert not list(team.root.glob("*.tfstate*"))
    assert team.client("s3").head_object(Bucket=STATE, Key=KEY)
    assert "use_lockfile = true" in (team.root / "backend_override.tf").read_text()


@pytest.mark.parametrize("env", ["dev", "prod"])
def test_states_are_encrypted_with_the_environments_own_key(team, deployed, env):
    """With `encrypt = true` in a backend it would be AES256, whatever the bucket says."""
    key = "foundation/terraform.tfstate" if env == "dev" else KEY
    found = team.client("s3").head_object(Bucket=f"exa-tfstate-{ACCOUNT}-{env}", Key=key)
    alias = team.client("kms").describe_key(KeyId=f"alias/exa-tfstate-{env}")["KeyMetadata"]
    assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", alias["Arn"])
    assert found["VersionId"] != "null"


def test_the_roles_are_there_with_their_trust_and_boundary(team, deployed):
    iam = team.client("iam")
    for env in folders.environments(toolchain.ROOT):
        role = iam.get_role(RoleName=f"exa-deploy-{env}")["Role"]
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        subject = statement["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"]
        assert subject == f"repo:acme@1234567/example@7654321:environment:{env}"
        boundary = f"arn:aws:iam::{ACCOUNT}:policy/exa-boundary-{env}"
        assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
        assert iam.get_policy(PolicyArn=boundary)
    (provider,) = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert provider["Arn"] in json.dumps(statement["Principal"])
    pipeline = iam.get_role(RoleName="exa-orders-glue-job-dev")["Role"]
    assert pipeline["PermissionsBoundary"]["PermissionsBoundaryArn"].endswith("/exa-boundary-dev")


def test_it_tells_github_the_roles_that_there_are(deployed):
    said = next(text for command, text in deployed.items() if "--yes" in command)
    for env in folders.environments(toolchain.ROOT):
        for line in (
            f"gh api --method PUT repos/acme/example/environments/{env}",
            f"gh secret set AWS_ROLE_ARN_{env.upper()} --repo acme/example "
            f"--body arn:aws:iam::{ACCOUNT}:role/exa-deploy-{env}",
            f"gh variable set AWS_PLAN_ROLE_ARN_{env.upper()} --repo acme/example "
            f"--body arn:aws:iam::{ACCOUNT}:role/exa-plan-{env}",
        ):
            assert f"    {line}\n" in said


# ─── Again ───


def serial(team: Team) -> int:
    body = team.client("s3").get_object(Bucket=STATE, Key=KEY)["Body"].read()
    return json.loads(body)["serial"]


def test_a_second_run_changes_nothing(team, deployed):
    before = serial(team)
    said = team.bootstrap("--yes")
    for line in ("unchanged", "no changes", "nothing to change", "there already"):
        assert f"    {line}\n" in said
    assert said.count("unchanged  infrastructure/environments/") == len(folders.environments(toolchain.ROOT))
    assert serial(team) == before


def test_another_checkout_finds_the_state(team, deployed, tmp_path):
    other = Team(clone(tmp_path / "other"), team.endpoint)
    before = serial(team)
    said = other.bootstrap("--repository", "acme@1234567/example@7654321", "--yes")
    assert "    nothing to change\n" in said
    assert (other.root / "terraform.tfvars.json").read_text() == (
        team.root / "terraform.tfvars.json"
    ).read_text()
    assert serial(team) == before


def test_a_run_that_was_cut_off_before_the_state_moved_goes_on(team, deployed):
    s3 = team.client("s3")
    body = s3.get_object(Bucket=STATE, Key=KEY)["Body"].read()
    s3.delete_object(Bucket=STATE, Key=KEY)
    (team.root / "backend_override.tf").unlink()
    (team.root / "terraform.tfstate").write_bytes(body)
    said = team.bootstrap("--yes")
    assert "    here, until its bucket is there\n" in said
    assert "    moved\n" in said
    assert s3.head_object(Bucket=STATE, Key=KEY)
    assert not list(team.root.glob("*.tfstate*"))


# ─── What it refuses ───


def test_a_state_that_nobody_has_is_not_guessed(team, deployed, tmp_path):
    s3 = team.client("s3")
    body = s3.get_object(Bucket=STATE, Key=KEY)["Body"].read()
    s3.delete_object(Bucket=STATE, Key=KEY)
    try:
        answer = team.run("setup/bootstrap.sh aws --dry-run")
    finally:
        s3.put_object(Bucket=STATE, Key=KEY, Body=body)
    assert answer.returncode == 1
    assert answer.stderr.startswith(f"bootstrap: bucket {STATE} exists, but neither it nor this checkout has")


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        ("--repository example", 1, "bootstrap: --repository is 'example'; expected ORG/REPO"),
        ("--repository 'acme/*'", 1, "bootstrap: --repository is 'acme/*'; expected ORG/REPO"),
        ("--env qa", 2, "invalid choice: 'qa'"),
        ("--force", 2, "unrecognized arguments: --force"),
    ],
)
def test_bad_arguments_are_named(team, deployed, words, status, message):
    answer = team.run(f"setup/bootstrap.sh aws {words}")
    assert answer.returncode == status
    assert message in answer.stderr


# ─── An account that is not empty ───


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """A team without a commit of its own, in an account that has GitHub's identity provider already."""
    folder = tmp_path_factory.mktemp("another")
    with emulator.running(folder / "emulator") as endpoint:
        endpoint.client("iam").create_open_id_connect_provider(
            Url="https://token.actions.githubusercontent.com", ClientIDList=["sts.amazonaws.com"]
        )
        yield Team(clone(folder / "checkout"), endpoint)


def test_a_provider_that_is_there_is_left_to_whom_it_belongs(another):
    said = another.bootstrap("--repository acme/example --by-name --env dev --dry-run")
    assert "aws_iam_openid_connect_provider" not in said
    assert 'aws_iam_role.this["deploy"] will be created' in said


def test_without_a_repository_it_is_asked_for_or_taken_from_the_clone(another):
    answer = another.run("setup/bootstrap.sh aws --dry-run --env dev")
    assert (answer.returncode, answer.stderr) == (
        1,
        "bootstrap: which GitHub repository deploys? name it: --repository ORG/REPO\n",
    )
    another.run("git remote add origin git@github.com:acme/cloned.git")
    assert "repo:acme/cloned:environment:dev" in another.bootstrap("--by-name --dry-run --env dev")


# ─── Down ───


def test_the_page_takes_bootstrap_down(team, deployed):
    """Last of all: the state leaves the bucket, the guards go, and then everything does."""
    names = [
        f"exa-{kind}-{ACCOUNT}-{env}"
        for kind in ("tfstate", "tfstate-logs")
        for env in folders.environments(toolchain.ROOT)
    ]
    refused = team.run("terraform -chdir=infrastructure/bootstrap destroy -auto-approve")
    assert refused.returncode == 1
    for line in TAKE_DOWN.strip().splitlines():
        command = line.replace("BUCKET…", " ".join(names)).replace(
            "destroy", "destroy -auto-approve", 1 if line.endswith("destroy") else 0
        )
        answer = team.run(command)
        assert answer.returncode == 0, f"{command}\n{answer.stdout}{answer.stderr}"
        team.endpoint.flush_access_logs()  # the page waits for the last ones
    left = {found["Name"] for found in team.client("s3").list_buckets()["Buckets"]}
    assert left & set(names) == set()
    roles = {role["RoleName"] for role in team.client("iam").list_roles()["Roles"]}
    assert (
        not {
            f"exa-{kind}-{env}" for kind in ("deploy", "plan") for env in folders.environments(toolchain.ROOT)
        }
        & roles
    )
    assert team.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
