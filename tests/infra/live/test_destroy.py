"""Every stack goes without a trace, and the log bucket refuses to. The session's domain ends here."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from meshtest.domain.backends import Ability, Backend, unguard
from meshtest.domain.domain import FOUNDATION, Domain
from meshtest.terraform.stack import TerraformError

pytestmark = [pytest.mark.needs(Ability.WHOLE_DOMAIN), pytest.mark.last]
DATA = ("raw", "refined", "curated", "artifacts")
LOG_BUCKET = "module.foundation.module.s3_logs."
KEY_GUARD = "module.foundation.terraform_data.destroy_guard[0]"


def left_over(domain: Domain) -> dict[str, list[str]]:
    """Names of everything of the domain that is still there, by kind."""
    client, prefix = domain.endpoint.client, f"{domain.abbreviation}-"
    tag = [{"Name": "tag:Environment", "Values": [domain.env]}]
    ec2, glue, iam = client("ec2"), client("glue"), client("iam")
    keys = [client("kms").describe_key(KeyId=key["KeyId"]) for key in client("kms").list_keys()["Keys"]]
    found = {
        "aliases": [alias["AliasName"] for alias in client("kms").list_aliases()["Aliases"]],
        "buckets": [bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]],
        "connections": [each["Name"] for each in glue.get_connections()["ConnectionList"]],
        "databases": [each["Name"] for each in glue.get_databases()["DatabaseList"]],
        "endpoints": [
            each["VpcEndpointId"]
            for each in ec2.describe_vpc_endpoints(Filters=tag)["VpcEndpoints"]
            if each["State"] != "deleted"  # they are told for a while
        ],
        "groups": [each["logGroupName"] for each in client("logs").describe_log_groups()["logGroups"]],
        "jobs": glue.list_jobs()["JobNames"],
        "keys": [each["KeyMetadata"]["Description"] for each in keys if each["KeyMetadata"]["Enabled"]],
        "machines": [each["name"] for each in client("stepfunctions").list_state_machines()["stateMachines"]],
        "policies": [each["PolicyName"] for each in iam.list_policies(Scope="Local")["Policies"]],
        "roles": [each["RoleName"] for each in iam.list_roles()["Roles"]],
        "security configurations": [
            each["Name"] for each in glue.get_security_configurations()["SecurityConfigurations"]
        ],
        "VPCs": [each["VpcId"] for each in ec2.describe_vpcs(Filters=tag)["Vpcs"]],
    }
    if domain.endpoint.client("ec2").describe_flow_logs(Filters=tag)["FlowLogs"]:
        found["flow logs"] = ["flow log"]
    named = {
        kind: sorted(name for name in names if _is_of(name, prefix, domain.env))
        for kind, names in found.items()
    }
    return {kind: names for kind, names in named.items() if names}


def _is_of(name: str, prefix: str, env: str) -> bool:
    """Whether a name is of this domain and environment: by its parts, or an id that a tag has found."""
    underscored = prefix.replace("-", "_")
    return name.startswith(("vpc-", "vpce-", "flow")) or (
        (prefix in name or underscored in name or f"{prefix[:-1]} " in name) and env in name
    )


# ─── Other Environments and a New Project ───


def test_the_other_environments_are_applied_stay_and_go(domain: Domain, backend: Backend, tmp_path):
    """int and prod, both at once, beside dev: apply, an empty second plan, a refused destroy, a destroy."""
    if backend.name != "embedded":
        pytest.skip(f"backend {backend.name} holds one environment at a time, and never production")

    def come_and_go(env: str) -> tuple[int, str, list[str]]:
        other = Domain(domain.endpoint, tmp_path / env, env)
        (foundation, *_) = other.stacks
        other.prepare()
        foundation.init()
        foundation.apply()
        changes = foundation.pending_changes()
        try:
            foundation.destroy()
            refusal = ""
        except TerraformError as error:
            refusal = str(error)
        unguard(other, foundation)
        foundation.destroy()
        return changes, refusal, foundation.resources()

    with ThreadPoolExecutor(2) as both:
        outcomes = list(both.map(come_and_go, ("int", "prod")))
    for changes, refusal, rest in outcomes:
        assert (changes, rest) == (0, [])
        assert "Instance cannot be destroyed" in refusal
    for env in ("int", "prod"):
        other = Domain(domain.endpoint, tmp_path, env)
        assert left_over(other) == {"buckets": [other.bucket("tfstate")]}
        other.delete_bucket("tfstate")


def test_a_project_from_the_template_is_applied_stays_and_goes(domain: Domain):
    """With nothing but the name in its project.json edited."""
    root = domain.stack("probe").root
    shutil.copytree(root.parent / "_template", root, ignore=shutil.ignore_patterns(".terraform"))
    file = root / "project.json"
    file.write_text(file.read_text().replace('"template"', '"probe"'))
    probe = domain.stack("probe")
    probe.init()
    probe.apply()
    assert probe.resources()
    assert probe.pending_changes() == 0
    probe.destroy()
    assert probe.resources() == []
    shutil.rmtree(root)


# ─── The Domain ───


def test_a_destroy_of_the_foundation_is_refused_as_a_whole(domain: Domain):
    """By the log bucket's guard, which the message names, before anything is touched."""
    foundation = domain.stack(FOUNDATION)
    before = foundation.resources()
    with pytest.raises(TerraformError) as caught:
        foundation.destroy()
    assert "Instance cannot be destroyed" in str(caught.value)
    assert "module.s3_logs.terraform_data.destroy_guard[0]" in str(caught.value)
    assert foundation.resources() == before
    assert foundation.pending_changes() == 0


@pytest.mark.proves("s3-no-force-destroy")
@pytest.mark.parametrize("purpose", DATA)
def test_a_bucket_that_holds_objects_is_not_destroyed(domain: Domain, purpose):
    """Data buckets have no guard, and need none as long as there is something in them."""
    domain.endpoint.client("s3").put_object(Bucket=domain.bucket(purpose), Key="kept", Body=b"value")
    with pytest.raises(domain.endpoint.client("s3").exceptions.ClientError, match="BucketNotEmpty"):
        domain.endpoint.client("s3").delete_bucket(Bucket=domain.bucket(purpose))


def test_the_projects_leave_nothing(domain: Domain):
    for project in domain.projects:
        stack = domain.stack(project)
        stack.destroy()
        assert stack.resources() == []
    left = left_over(domain)
    assert not {"jobs", "machines"} & set(left)
    assert not [name for name in left["roles"] if any(project in name for project in domain.projects)]
    glue = domain.endpoint.client("glue")
    assert [glue.get_tables(DatabaseName=name)["TableList"] for name in left["databases"]] == [[], [], []]


def test_the_foundation_leaves_nothing_but_the_log_bucket(domain: Domain):
    """Once the stack has let go of the log bucket and of the key's guard; they stay, and the boundary."""
    foundation = domain.stack(FOUNDATION)
    logs = [address for address in foundation.resources() if address.startswith(LOG_BUCKET)]
    assert logs
    for purpose in DATA:
        domain.empty_bucket(purpose)
    foundation.forget(*logs, KEY_GUARD)
    foundation.destroy()
    assert foundation.resources() == []
    assert left_over(domain) == {
        "buckets": [domain.bucket("logs"), domain.bucket("tfstate")],
        "policies": [f"{domain.abbreviation}-boundary-{domain.env}"],
    }
    s3 = domain.endpoint.client("s3")
    assert "DenyInsecureTransport" in s3.get_bucket_policy(Bucket=domain.bucket("logs"))["Policy"]
