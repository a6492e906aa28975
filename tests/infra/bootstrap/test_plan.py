"""infrastructure/bootstrap as it is planned: states that are kept, trust by exact subject, sizes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from meshtest.check import controls
from meshtest.check.plan import Plan
from meshtest.deploy.bootstrap_inputs import ENVIRONMENTS, INPUTS, REPOSITORY
from meshtest.terraform import workspace
from meshtest.terraform.engine import TerraformTest
from meshtest.testing.plans import refusal, statements

ACCOUNT = "123456789012"
ISSUER = "token.actions.githubusercontent.com"


def trust(planned, role: str) -> dict:
    (found,) = (each for each in planned.resources("aws_iam_role") if each.get("name") == role)
    (statement,) = json.loads(found.get("assume_role_policy"))["Statement"]
    return statement


def of_module(planned, kind: str, env: str, module: str):
    """The only resource of a type in a module of an environment."""
    instance = f'module.environment["{env}"].module.{module}'
    (found,) = (each for each in planned.resources(kind) if each.instance == instance)
    return found


# ─── States ───


def test_each_environment_has_the_bucket_that_its_backend_names(planned, infrastructure, tmp_path):
    """Held against what setup/init-terraform.sh really writes."""
    shutil.copytree(infrastructure.parent / "setup", tmp_path / "setup")
    for env in ENVIRONMENTS:
        folder = tmp_path / "infrastructure" / "environments" / env
        folder.mkdir(parents=True)
        (folder / "main.tf").touch()
    script = tmp_path / "setup" / "init-terraform.sh"
    subprocess.run(["bash", script, "--account-id", ACCOUNT], check=True, capture_output=True)
    written = {
        re.search(r'bucket\s+= "(.+)"', file.read_text())[1]
        for file in Path(tmp_path).glob("infrastructure/environments/*/backend.conf")
    }
    buckets = {each.get("bucket") for each in planned.resources("aws_s3_bucket")}
    assert written == {name for name in buckets if "-logs-" not in name}
    assert len(written) == len(ENVIRONMENTS)


def test_states_are_versioned_and_kept_for_a_year_and_cannot_be_destroyed(planned):
    guards = {each.address for each in planned.resources("terraform_data")}
    for env in ENVIRONMENTS:
        state = f'module.environment["{env}"].module.state'
        assert {
            f"{state}.terraform_data.destroy_guard[0]",
            f"{state}_logs.terraform_data.destroy_guard[0]",
        } <= guards
        rules = of_module(planned, "aws_s3_bucket_lifecycle_configuration", env, "state").get("rule")
        days = [
            rule["noncurrent_version_expiration"][0]["noncurrent_days"]
            for rule in rules
            if rule["noncurrent_version_expiration"]
        ]
        assert days == [365]


def test_who_read_or_wrote_a_state_is_kept_for_a_year(planned):
    for env in ENVIRONMENTS:
        rules = of_module(planned, "aws_s3_bucket_lifecycle_configuration", env, "state_logs").get("rule")
        expired = {
            rule["filter"][0]["prefix"]: rule["expiration"][0]["days"] for rule in rules if rule["expiration"]
        }
        assert expired == {"tfstate/": 365}


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_the_logs_of_a_state_are_delivered_and_no_others(planned, env):
    policy = of_module(planned, "aws_s3_bucket_policy", env, "state_logs").get("policy")
    delivery = statements(policy)["AccessLogDelivery"]
    assert delivery["Principal"] == {"Service": "logging.s3.amazonaws.com"}
    assert delivery["Resource"] == [f"arn:aws:s3:::exa-tfstate-logs-{ACCOUNT}-{env}/tfstate/*"]
    assert delivery["Condition"] == {
        "ArnLike": {"aws:SourceArn": f"arn:aws:s3:::exa-tfstate-{ACCOUNT}-{env}"},
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
    }


def test_a_states_key_can_be_kept_from_deletion_for_a_month(planned):
    keys = planned.resources("aws_kms_key")
    assert {each.get("deletion_window_in_days") for each in keys} == {30}


def test_the_repository_is_told_its_roles_and_buckets(plan, infrastructure):
    """setup/bootstrap.sh reads these outputs (`meshtest.deploy.bootstrap`)."""
    told = plan(infrastructure / "bootstrap", INPUTS).outputs
    assert {name: told[name] for name in ("deploy_role_arns", "plan_role_arns", "state_buckets")} == {
        "deploy_role_arns": {env: f"arn:aws:iam::{ACCOUNT}:role/exa-deploy-{env}" for env in ENVIRONMENTS},
        "plan_role_arns": {env: f"arn:aws:iam::{ACCOUNT}:role/exa-plan-{env}" for env in ENVIRONMENTS},
        "state_buckets": {env: f"exa-tfstate-{ACCOUNT}-{env}" for env in ENVIRONMENTS},
    }


def test_everything_that_can_be_tagged_names_its_domain_and_environment(planned):
    untagged = [
        each.address
        for each in planned.resources()
        if "tags" in each.values
        and not (each.get("tags") or {}).keys() >= {"Domain", "Environment", "ManagedBy", "Owner", "Project"}
    ]
    assert untagged == []
    assert {each.get("tags.Environment") for each in planned.resources("aws_kms_key")} == set(ENVIRONMENTS)


def test_every_control_that_applies_holds(planned):
    results = controls.evaluate(planned)
    assert [controls.describe(each) for each in results if each.status in ("failed", "error")] == []
    passed = {each.control.id for each in results if each.status == "passed"}
    assert {
        "iam-boundary-holds",
        "iam-oidc-trust",
        "iam-role-boundary",
        "kms-rotation",
        "s3-customer-key",
        "s3-https-only",
    } <= passed


# ─── Trust ───


@pytest.mark.proves("iam-oidc-trust")
@pytest.mark.parametrize("env", ENVIRONMENTS)
@pytest.mark.parametrize(
    ("role", "subject"), [("deploy", "environment:{}"), ("plan", ["pull_request", "ref:refs/heads/main"])]
)
def test_a_role_is_for_exactly_its_subjects(planned, env, role, subject):
    expected = (
        [f"repo:{REPOSITORY}:{each}" for each in subject]
        if isinstance(subject, list)
        else f"repo:{REPOSITORY}:{subject.format(env)}"
    )
    assert trust(planned, f"exa-{role}-{env}") == {
        "Sid": "GitHubActions",
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"},
        "Condition": {
            "StringEquals": {
                f"{ISSUER}:aud": "sts.amazonaws.com",
                f"{ISSUER}:sub": expected,
            }
        },
    }


def test_the_provider_is_githubs_and_there_is_one(planned):
    (provider,) = planned.resources("aws_iam_openid_connect_provider")
    assert (provider.get("url"), provider.get("client_id_list")) == (
        f"https://{ISSUER}",
        ["sts.amazonaws.com"],
    )


def test_a_role_comes_after_its_boundary_and_the_provider_that_it_trusts(plan, infrastructure):
    """It names both by ARNs made of names, which depend on nothing."""
    root = plan(infrastructure / "bootstrap", INPUTS)["configuration"]["root_module"]
    environment = root["module_calls"]["environment"]
    (roles,) = (each for each in environment["module"]["resources"] if each["address"] == "aws_iam_role.this")
    assert roles["depends_on"] == ["aws_iam_policy.boundary", "var.made_before"]
    assert "aws_iam_openid_connect_provider.github" in environment["expressions"]["made_before"]["references"]


def test_a_session_lasts_an_hour(planned):
    assert {each.get("max_session_duration") for each in planned.resources("aws_iam_role")} == {3600}


def test_an_account_of_one_environment_gets_that_one_alone(plan, infrastructure):
    found = Plan(plan(infrastructure / "bootstrap", {**INPUTS, "environments": ["prod"]}))
    assert {each.get("name") for each in found.resources("aws_iam_role")} == {
        "exa-deploy-prod",
        "exa-plan-prod",
    }


def test_a_provider_that_the_account_has_is_not_made_again(plan, infrastructure):
    found = Plan(plan(infrastructure / "bootstrap", {**INPUTS, "create_oidc_provider": False}))
    assert not found.resources("aws_iam_openid_connect_provider")
    assert trust(found, "exa-deploy-dev")["Principal"]["Federated"].endswith(f":oidc-provider/{ISSUER}")


# ─── Sizes ───


def test_no_policy_is_larger_than_iam_takes(planned):
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html, without white space."""
    assert too_large(planned) == {}


def test_nor_is_it_with_the_longest_names_and_data_of_others(endpoint, tmp_path):
    """What setup/schemas allows for names, in a Region with a long one."""
    longest = {"domain_name": "n" * 63, "domain_abbr": "abcdefgh", "aws_region": "ap-southeast-1"}
    infrastructure = workspace.prepare(tmp_path, longest)
    environment = "stagings"
    subjects = {environment: [f"repo:{REPOSITORY}:environment:{environment}"]}
    database = {"cidr": "10.0.0.0/28", "secret": "erp/reader", "url": "jdbc:mysql://erp.example.com:3306/erp"}
    buckets = {"partner": {"bucket": "partner-exports", "prefix": "rates/daily"}, "open": {"bucket": "open"}}
    external = {"buckets": buckets, "databases": {"erp": database}}
    (tmp_path / "setup" / "external.json").write_text(json.dumps(external))
    runner = TerraformTest(infrastructure / "bootstrap", env=workspace.environment(endpoint, tmp_path))
    runner.init()
    given = {name: json.dumps(subjects) for name in ("deploy_subjects", "plan_subjects")}
    assert too_large(Plan(runner.plan(output=True, tf_vars=given, lock=False))) == {}


def too_large(planned: Plan) -> dict[str, int]:
    sizes = {
        each.address: len(re.sub(r"\s", "", each.get("policy")))
        for each in planned.resources("aws_iam_policy")
    }
    assert sizes
    return {address: size for address, size in sizes.items() if size > 6144}


# ─── Refusals ───


def only(env: str, subject: str) -> dict[str, list[str]]:
    return {
        each: [subject if each == env else f"repo:{REPOSITORY}:environment:{each}"] for each in ENVIRONMENTS
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        *(
            ({"deploy_subjects": only("dev", subject)}, f'deploy_subjects are {{"dev":["{subject}"]')
            for subject in (
                "repo:acme/*:environment:dev",
                "repo:acme/example:*",
                "repo:acme/example:ref:refs/heads/*",
                "repo:acme/example:environment:de?",
                "*",
                "repo:acme/example:pull_request",
                "acme/example",
            )
        ),
        (
            {"deploy_subjects": only("dev", f"repo:{REPOSITORY}:environment:int")},
            "expected each subject once: what deploys one environment must not deploy another",
        ),
        (
            {
                "deploy_subjects": {"dev": [f"repo:{REPOSITORY}:environment:dev"]},
                "environments": ["dev", "int"],
            },
            'deploy_subjects name ["dev"]',
        ),
        (
            {"plan_subjects": only("dev", "repo:acme/*:pull_request")},
            'plan_subjects are {"dev":["repo:acme/*',
        ),
        ({"plan_subjects": {}}, "plan_subjects name []; expected at least one subject for each of"),
        ({"environments": ["pre-prod"]}, 'environments are ["pre-prod"]; expected at least one, each of '),
        ({"environments": ["qa"]}, 'expected at least one subject for each of ["qa"].'),
        ({"environments": []}, "environments are []"),
    ],
)
def test_what_is_too_wide_or_missing_is_refused(terraform, infrastructure, changes, message):
    arguments = {name: json.dumps(value) for name, value in {**INPUTS, **changes}.items()}
    assert message in refusal(terraform(infrastructure / "bootstrap"), tf_vars=arguments)


@pytest.mark.parametrize(
    ("field", "value"), [("aws_region", "Ireland"), ("domain_abbr", "Finance"), ("domain_name", "Finance 01")]
)
def test_a_bad_domain_json_is_named(terraform, infrastructure, field, value):
    file = infrastructure.parent / "setup" / "domain.json"
    good = file.read_text()
    file.write_text(json.dumps(json.loads(good) | {field: value}))
    arguments = {name: json.dumps(each) for name, each in INPUTS.items()}
    try:
        told = refusal(terraform(infrastructure / "bootstrap"), tf_vars=arguments)
    finally:
        file.write_text(good)
    assert f'setup/domain.json: {field} is "{value}"; expected' in told


@pytest.mark.parametrize(
    "subject", ["repo:acme@123/example@456:environment:dev", "repo:acme/example:ref:refs/heads/dev"]
)
def test_a_newer_repositorys_subject_and_a_branch_are_taken(plan, infrastructure, subject):
    found = Plan(plan(infrastructure / "bootstrap", {**INPUTS, "deploy_subjects": only("dev", subject)}))
    assert trust(found, "exa-deploy-dev")["Condition"]["StringEquals"][f"{ISSUER}:sub"] == subject
    controls.assert_hold(found, "iam-oidc-trust")
