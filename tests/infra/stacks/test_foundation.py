"""The foundation, as environments/dev plans it: each improvement's acceptance criterion."""

from __future__ import annotations

import ipaddress
import json

import pytest
from plans import refusal, resources, statements, the, unknown

ACCOUNT = "123456789012"
DATA = ("artifacts", "curated", "raw", "refined")
LOGS = f"f01-logs-{ACCOUNT}-dev"
FOUNDATION = "module.foundation"


def bucket(purpose: str) -> str:
    return f"f01-{purpose}-{ACCOUNT}-dev"


@pytest.fixture(scope="module")
def dev(plan, infrastructure):
    return plan(infrastructure / "environments" / "dev")


def by_bucket(plan, kind: str) -> dict[str, dict]:
    return {values["bucket"]: values for values in resources(plan, kind).values()}


# ─── P0-01: HTTPS only ───


def test_every_bucket_denies_plain_http(dev):
    policies = by_bucket(dev, "aws_s3_bucket_policy")
    assert set(policies) == {*map(bucket, DATA), LOGS}
    for name, policy in policies.items():
        denial = statements(policy["policy"])["DenyInsecureTransport"]
        assert (denial["Effect"], denial["Principal"], denial["Action"]) == ("Deny", "*", ["s3:*"])
        assert set(denial["Resource"]) == {f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"}
        assert denial["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


# ─── P1-01: flow log ───


def test_all_traffic_of_the_vpc_is_logged(dev):
    flow_log = the(dev, "aws_flow_log")
    group = f"{FOUNDATION}.aws_cloudwatch_log_group.vpc_flow_logs"
    assert flow_log["traffic_type"] == "ALL"
    assert flow_log["log_destination_type"] == "cloud-watch-logs"
    assert flow_log["log_destination"].endswith(":log-group:/aws/vpc/f01-vpc-dev/flow-logs")
    assert flow_log["iam_role_arn"] == f"arn:aws:iam::{ACCOUNT}:role/f01-vpc-flow-logs-dev"
    assert resources(dev, "aws_cloudwatch_log_group")[group]["retention_in_days"] == 90
    assert unknown(dev, group)["kms_key_id"] is True  # the domain's key


def test_the_flow_log_role_is_held_to_this_accounts_flow_logs_and_their_group(dev):
    (trust,) = json.loads(the(dev, "aws_iam_role")["assume_role_policy"])["Statement"]
    assert trust["Principal"] == {"Service": "vpc-flow-logs.amazonaws.com"}
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:ec2:eu-west-1:{ACCOUNT}:vpc-flow-log/*"},
    }
    group = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/aws/vpc/f01-vpc-dev/flow-logs"
    (permission,) = statements(the(dev, "aws_iam_role_policy")["policy"]).values()
    assert set(permission["Resource"]) == {group, f"{group}:*"}
    assert {"logs:CreateLogStream", "logs:PutLogEvents"} <= set(permission["Action"])


# ─── P1-02: access logs ───


def test_each_data_bucket_logs_under_its_own_prefix(dev):
    assert {
        name: (logging["target_bucket"], logging["target_prefix"])
        for name, logging in by_bucket(dev, "aws_s3_bucket_logging").items()
    } == {bucket(purpose): (LOGS, f"{purpose}/") for purpose in DATA}


def test_the_log_bucket_takes_each_buckets_logs_under_its_prefix_and_no_others(dev):
    policy = statements(by_bucket(dev, "aws_s3_bucket_policy")[LOGS]["policy"])
    allowed = [statement for statement in policy.values() if statement["Effect"] == "Allow"]
    assert {
        statement["Condition"]["ArnLike"]["aws:SourceArn"]: statement["Resource"] for statement in allowed
    } == {f"arn:aws:s3:::{bucket(purpose)}": [f"arn:aws:s3:::{LOGS}/{purpose}/*"] for purpose in DATA}
    for statement in allowed:
        assert statement["Principal"] == {"Service": "logging.s3.amazonaws.com"}
        assert statement["Action"] == ["s3:PutObject"]
        assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}


def test_the_log_bucket_is_guarded_and_its_logs_expire(dev):
    assert list(resources(dev, "terraform_data")) == [
        f"{FOUNDATION}.module.s3_logs.terraform_data.destroy_guard[0]"
    ]
    rules = by_bucket(dev, "aws_s3_bucket_lifecycle_configuration")[LOGS]["rule"]
    expiring = {
        rule["filter"][0]["prefix"]: rule["expiration"][0]["days"] for rule in rules if rule["expiration"]
    }
    assert expiring == {f"{purpose}/": 365 for purpose in DATA}


# ─── P1-03: encryption ───


def test_the_data_buckets_use_the_domains_key_and_the_log_bucket_cannot(dev):
    encrypted = {}
    for address, values in resources(dev, "aws_s3_bucket_server_side_encryption_configuration").items():
        (rule,) = values["rule"]
        (default,) = rule["apply_server_side_encryption_by_default"]
        (hidden,) = unknown(dev, address)["rule"][0]["apply_server_side_encryption_by_default"]
        given = hidden.get("kms_master_key_id", False)  # unknown: it is the key that this plan makes
        encrypted[values["bucket"]] = (default["sse_algorithm"], rule["bucket_key_enabled"], given)
    assert encrypted == {
        **{bucket(purpose): ("aws:kms", True, True) for purpose in DATA},
        LOGS: ("AES256", False, False),
    }


def test_the_key_rotates_and_has_an_alias(dev):
    key = the(dev, "aws_kms_key")
    assert (key["enable_key_rotation"], key["deletion_window_in_days"]) == (True, 30)
    assert the(dev, "aws_kms_alias")["name"] == "alias/f01-data-lake-dev"


def test_the_key_is_for_the_account_and_for_the_domains_log_groups(dev):
    policy = statements(the(dev, "aws_kms_key")["policy"])
    assert policy["AccountThroughIAM"]["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert policy["CloudWatchLogs"]["Principal"] == {"Service": "logs.eu-west-1.amazonaws.com"}
    groups = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:"
    assert set(policy["CloudWatchLogs"]["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]) == {
        f"{groups}/aws-glue/jobs/*",
        f"{groups}/aws/vendedlogs/states/f01-*-dev",
        f"{groups}/aws/vpc/f01-vpc-dev/flow-logs",
    }
    assert set(policy) == {"AccountThroughIAM", "CloudWatchLogs"}


def test_what_glue_writes_by_itself_is_encrypted(dev):
    (encryption,) = the(dev, "aws_glue_security_configuration")["encryption_configuration"]
    assert encryption["cloudwatch_encryption"][0]["cloudwatch_encryption_mode"] == "SSE-KMS"
    assert encryption["job_bookmarks_encryption"][0]["job_bookmarks_encryption_mode"] == "CSE-KMS"
    assert encryption["s3_encryption"][0]["s3_encryption_mode"] == "SSE-KMS"


# ─── P1-04: no internet gateway ───


def test_nothing_leads_to_the_internet(dev):
    kinds = {change["type"] for change in dev.resource_changes.values()}
    assert not kinds & {
        "aws_internet_gateway",
        "aws_egress_only_internet_gateway",
        "aws_nat_gateway",
        "aws_route",
    }
    assert not the(dev, "aws_route_table").get("route")
    assert [s["map_public_ip_on_launch"] for s in resources(dev, "aws_subnet").values()] == [False, False]


# ─── P1-05: egress ───


def rules(plan, kind: str) -> dict[str, tuple]:
    return {
        address.rsplit(".", 1)[1]: (
            rule["ip_protocol"],
            rule["from_port"],
            rule["to_port"],
            rule["cidr_ipv4"],
        )
        for address, rule in resources(plan, kind).items()
    }


def references(plan, kind: str, argument: str) -> dict[str, str | None]:
    """What an argument refers to in the configuration, for what only the apply tells."""
    module = plan["configuration"]["root_module"]["module_calls"]["foundation"]["module"]
    found = {}
    for resource in module["resources"]:
        if resource["type"] == kind:
            refers = resource["expressions"].get(argument, {}).get("references", [None])
            found[resource["name"]] = refers[0]
    return found


def test_egress_goes_to_the_vpc_to_s3_and_among_the_workers_only(dev):
    kind = "aws_vpc_security_group_egress_rule"
    assert rules(dev, kind) == {
        "endpoint_https_to_vpc": ("tcp", 443, 443, "10.0.0.0/16"),
        "job_https_to_s3": ("tcp", 443, 443, None),
        "job_https_to_vpc": ("tcp", 443, 443, "10.0.0.0/16"),
        "job_shuffle": ("tcp", 0, 65535, None),
    }
    groups = references(dev, kind, "security_group_id")
    assert groups["endpoint_https_to_vpc"] == "aws_security_group.glue_endpoint.id"
    assert {groups[name] for name in groups if name.startswith("job_")} == {"aws_security_group.glue_job.id"}
    assert references(dev, kind, "prefix_list_id")["job_https_to_s3"] == "aws_vpc_endpoint.s3.prefix_list_id"
    assert (
        references(dev, kind, "referenced_security_group_id")["job_shuffle"]
        == "aws_security_group.glue_job.id"
    )


def test_ingress_comes_from_the_jobs_only(dev):
    kind = "aws_vpc_security_group_ingress_rule"
    assert rules(dev, kind) == {
        "endpoint_https_from_jobs": ("tcp", 443, 443, None),
        "job_shuffle": ("tcp", 0, 65535, None),
    }
    assert references(dev, kind, "referenced_security_group_id") == {
        "endpoint_https_from_jobs": "aws_security_group.glue_job.id",
        "job_shuffle": "aws_security_group.glue_job.id",
    }


def test_every_rule_stands_alone_and_says_what_it_is_for(dev):
    kinds = ("aws_vpc_security_group_egress_rule", "aws_vpc_security_group_ingress_rule")
    assert all(rule["description"] for kind in kinds for rule in resources(dev, kind).values())
    assert not resources(dev, "aws_security_group_rule")
    configured = dev["configuration"]["root_module"]["module_calls"]["foundation"]["module"]["resources"]
    groups = [r for r in configured if r["type"] in ("aws_security_group", "aws_default_security_group")]
    assert len(groups) == 3
    for group in groups:
        assert not {"egress", "ingress"} & set(group["expressions"]), group["address"]


# ─── Network ───


def test_private_subnets_in_two_zones_do_not_overlap(dev):
    subnets = resources(dev, "aws_subnet").values()
    networks = sorted(ipaddress.ip_network(subnet["cidr_block"]) for subnet in subnets)
    assert len({subnet["availability_zone"] for subnet in subnets}) == len(networks) == 2
    assert not networks[0].overlaps(networks[1])
    assert all(network.subnet_of(ipaddress.ip_network("10.0.0.0/16")) for network in networks)


def test_the_services_that_jobs_call_have_endpoints(dev):
    endpoints = resources(dev, "aws_vpc_endpoint").values()
    assert {e["service_name"].rsplit(".", 1)[1]: e["vpc_endpoint_type"] for e in endpoints} == {
        **dict.fromkeys(["glue", "kms", "logs", "monitoring", "secretsmanager", "sts"], "Interface"),
        "s3": "Gateway",
    }
    assert all(e["private_dns_enabled"] for e in endpoints if e["vpc_endpoint_type"] == "Interface")


def test_endpoints_serve_this_account_alone(dev):
    for endpoint in resources(dev, "aws_vpc_endpoint").values():
        for statement in statements(endpoint["policy"]).values():
            assert statement["Condition"] == {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}


def test_the_s3_endpoint_leads_to_the_domains_buckets_alone(dev):
    s3 = resources(dev, "aws_vpc_endpoint")[f"{FOUNDATION}.aws_vpc_endpoint.s3"]
    (statement,) = statements(s3["policy"]).values()
    names = [f"arn:aws:s3:::{bucket(purpose)}" for purpose in DATA]
    assert set(statement["Resource"]) == {*names, *(f"{name}/*" for name in names)}


# ─── Glue and Step Functions ───


def test_each_layer_has_a_database(dev):
    databases = resources(dev, "aws_glue_catalog_database").values()
    assert {database["name"]: database["location_uri"] for database in databases} == {
        f"f01_{layer}_dev": f"s3://{bucket(layer)}/" for layer in ("curated", "raw", "refined")
    }


def test_a_network_connection_for_each_subnet(dev):
    connections = resources(dev, "aws_glue_connection").values()
    assert {c["connection_type"] for c in connections} == {"NETWORK"}
    zones = {c["physical_connection_requirements"][0]["availability_zone"] for c in connections}
    assert zones == {subnet["availability_zone"] for subnet in resources(dev, "aws_subnet").values()}


def test_log_delivery_of_state_machines_is_left_as_it_was(dev):
    """P0-03 is not to be implemented: eight actions, on everything."""
    policy = statements(the(dev, "aws_iam_policy")["policy"])
    assert len(policy["CloudWatchLogs"]["Action"]) == 8
    assert {"logs:PutResourcePolicy", "logs:DeleteLogDelivery"} <= set(policy["CloudWatchLogs"]["Action"])
    assert policy["CloudWatchLogs"]["Resource"] == ["*"]
    assert set(policy) == {"CloudWatchLogs", "XRayTracing"}
    assert all(action.startswith("xray:") for action in policy["XRayTracing"]["Action"])


# ─── Names, tags, and what a plan knows ───


@pytest.mark.parametrize("env", ["dev", "prod"])
def test_names_follow_the_environment(env, plan, infrastructure):
    planned = plan(infrastructure / "environments" / env)
    assert set(by_bucket(planned, "aws_s3_bucket")) == {
        f"f01-{purpose}-{ACCOUNT}-{env}" for purpose in (*DATA, "logs")
    }
    assert the(planned, "aws_kms_alias")["name"] == f"alias/f01-data-lake-{env}"
    assert the(planned, "aws_glue_security_configuration")["name"] == f"f01-glue-{env}"


def test_everything_that_can_be_tagged_names_its_domain_and_environment(dev):
    untagged = {
        address
        for address, change in dev.resource_changes.items()
        if "tags" in (change["change"]["after"] or {})
        and not {"Domain", "Environment", "ManagedBy", "Owner", "Project"}
        <= set(change["change"]["after"]["tags"] or {})
    }
    assert untagged == set()


def test_every_policy_is_known_in_the_first_plan(dev):
    hidden = {
        (address, argument)
        for address, change in dev.resource_changes.items()
        for argument in ("assume_role_policy", "policy")
        if change["type"] != "aws_s3_bucket"  # has a policy to read, too, which is another resource's
        and change["change"]["after_unknown"].get(argument)
    }
    assert hidden == set()


def test_every_environment_exports_all_that_the_foundation_does(dev):
    foundation = dev["configuration"]["root_module"]["module_calls"]["foundation"]["module"]["outputs"]
    assert set(dev.outputs.keys()) == set(foundation)
    assert {"kms_key_arn", "kms_key_id", "s3_logs_bucket_id"} <= set(foundation)


def test_a_bad_domain_json_is_named(terraform, infrastructure):
    file = infrastructure.parent / "setup" / "domain.json"
    good = file.read_text()
    file.write_text(
        json.dumps({"domain_name": "finance01", "domain_abbr": "Finance", "aws_region": "eu-west-1"})
    )
    try:
        message = refusal(terraform(infrastructure / "environments" / "int"))
    finally:
        file.write_text(good)
    assert (
        'setup/domain.json: domain_abbr is "Finance"; expected 2 to 8 lower-case letters and digits'
        in message
    )
