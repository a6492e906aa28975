"""The foundation, as environments/dev plans it: each improvement's acceptance criterion."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
import tftest

from meshtest.testing.plans import REGION, refusal, resources, statements, the, unknown

ACCOUNT = "123456789012"
DATA = ("artifacts", "curated", "raw", "refined")
LOGS = f"exa-logs-{ACCOUNT}-dev"
FOUNDATION = "module.foundation"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:exa-alarms-dev"


def bucket(purpose: str) -> str:
    return f"exa-{purpose}-{ACCOUNT}-dev"


@pytest.fixture(scope="module")
def dev(plan, infrastructure):
    return plan(infrastructure / "environments" / "dev")


def by_bucket(plan, kind: str) -> dict[str, dict]:
    return {values["bucket"]: values for values in resources(plan, kind).values()}


# ─── P0-01: HTTPS only ───


@pytest.mark.proves("s3-https-only")
def test_every_bucket_denies_plain_http(dev):
    policies = by_bucket(dev, "aws_s3_bucket_policy")
    assert set(policies) == {*map(bucket, DATA), LOGS}
    for name, policy in policies.items():
        denial = statements(policy["policy"])["DenyInsecureTransport"]
        assert (denial["Effect"], denial["Principal"], denial["Action"]) == ("Deny", "*", ["s3:*"])
        assert set(denial["Resource"]) == {f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"}
        assert denial["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


# ─── P1-01: flow log ───


@pytest.mark.proves("vpc-flow-log", "vpc-flow-log-retention")
def test_all_traffic_of_the_vpc_is_logged(dev):
    flow_log = the(dev, "aws_flow_log")
    group = f"{FOUNDATION}.aws_cloudwatch_log_group.vpc_flow_logs"
    assert flow_log["traffic_type"] == "ALL"
    assert flow_log["log_destination_type"] == "cloud-watch-logs"
    assert flow_log["log_destination"].endswith(":log-group:/aws/vpc/exa-vpc-dev/flow-logs")
    assert flow_log["iam_role_arn"] == f"arn:aws:iam::{ACCOUNT}:role/exa-vpc-flow-logs-dev"
    assert resources(dev, "aws_cloudwatch_log_group")[group]["retention_in_days"] == 90
    assert unknown(dev, group)["kms_key_id"] is True  # the domain's key


def test_the_first_delivery_of_the_flow_log_is_not_refused(dev):
    """Its role's name says nothing of the role's policy."""
    (flow_log,) = configured(dev, "aws_flow_log").values()
    assert flow_log["depends_on"] == ["aws_iam_role_policy.vpc_flow_logs"]


@pytest.mark.proves("vpc-flow-log-role")
def test_the_flow_log_role_is_held_to_this_accounts_flow_logs_and_their_group(dev):
    (trust,) = json.loads(the(dev, "aws_iam_role")["assume_role_policy"])["Statement"]
    assert trust["Principal"] == {"Service": "vpc-flow-logs.amazonaws.com"}
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:ec2:{REGION}:{ACCOUNT}:vpc-flow-log/*"},
    }
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/vpc/exa-vpc-dev/flow-logs"
    permission = statements(the(dev, "aws_iam_role_policy")["policy"])["WriteFlowLog"]
    assert set(permission["Resource"]) == {group, f"{group}:*"}
    assert {"logs:CreateLogStream", "logs:PutLogEvents"} <= set(permission["Action"])


# ─── P1-02: access logs ───


@pytest.mark.proves("s3-access-logging")
def test_each_data_bucket_logs_under_its_own_prefix(dev):
    assert {
        name: (logging["target_bucket"], logging["target_prefix"])
        for name, logging in by_bucket(dev, "aws_s3_bucket_logging").items()
    } == {bucket(purpose): (LOGS, f"{purpose}/") for purpose in DATA}


@pytest.mark.proves("s3-log-delivery")
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
    assert f"{FOUNDATION}.module.s3_logs.terraform_data.destroy_guard[0]" in resources(dev, "terraform_data")
    rules = by_bucket(dev, "aws_s3_bucket_lifecycle_configuration")[LOGS]["rule"]
    expiring = {
        rule["filter"][0]["prefix"]: rule["expiration"][0]["days"] for rule in rules if rule["expiration"]
    }
    assert expiring == {f"{purpose}/": 365 for purpose in DATA}


def test_replaced_files_are_kept_for_a_week_where_every_commit_replaces_some(dev):
    kept = {
        name: [
            each["noncurrent_version_expiration"][0]["noncurrent_days"]
            for each in values["rule"]
            if each["noncurrent_version_expiration"]
        ]
        for name, values in by_bucket(dev, "aws_s3_bucket_lifecycle_configuration").items()
    }
    days = {"artifacts": 90, "curated": 7, "raw": 90, "refined": 7}
    assert kept == {LOGS: [], **{bucket(purpose): [days[purpose]] for purpose in DATA}}


# ─── P1-03: encryption ───


def test_the_data_key_is_guarded(dev):
    """By what hangs on its id: a plan that destroys or replaces the key is refused (test_destroy)."""
    guard = f"{FOUNDATION}.terraform_data.destroy_guard[0]"
    assert guard in resources(dev, "terraform_data")
    (found,) = configured(dev, "terraform_data").values()
    assert found["expressions"]["triggers_replace"]["references"][0] == "aws_kms_key.data_lake.id"


@pytest.mark.proves("s3-own-key")
def test_the_data_buckets_refuse_other_keys_and_other_encryption(dev):
    header = "s3:x-amz-server-side-encryption"
    own = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/*"
    for purpose in DATA:
        policy = statements(by_bucket(dev, "aws_s3_bucket_policy")[bucket(purpose)]["policy"])
        conditions = {sid: policy[sid]["Condition"] for sid in policy if sid.startswith("Deny")}
        key = f"{header}-aws-kms-key-id"
        assert conditions["DenyForeignKeys"] == {"ArnNotLike": {key: own}, "Null": {key: "false"}}
        assert conditions["DenyOtherEncryption"] == {
            "StringNotEquals": {header: "aws:kms"},
            "Null": {header: "false"},
        }
        assert conditions["DenyKeysOfRequests"] == {"Null": {f"{header}-customer-algorithm": "false"}}
        assert policy["DenyForeignKeys"]["Resource"] == [f"arn:aws:s3:::{bucket(purpose)}/*"]
    assert "DenyForeignKeys" not in statements(by_bucket(dev, "aws_s3_bucket_policy")[LOGS]["policy"])


def test_an_organization_is_the_perimeter_of_the_data_buckets(plan, infrastructure):
    """The log bucket is written by AWS's log delivery alone, and read by nobody but the account."""
    given = GIVEN | {"perimeter_org_id": "o-a1b2c3d4e5"}
    planned = plan(infrastructure / "foundation", given)
    policies = by_bucket(planned, "aws_s3_bucket_policy")
    held = {name for name, values in policies.items() if "DataPerimeter" in statements(values["policy"])}
    assert held == {bucket(purpose) for purpose in DATA}


@pytest.mark.proves("s3-customer-key", "s3-log-target-aes256")
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


@pytest.mark.proves("kms-rotation", "kms-alias")
def test_the_key_rotates_and_has_an_alias(dev):
    key = the(dev, "aws_kms_key")
    assert (key["enable_key_rotation"], key["deletion_window_in_days"]) == (True, 30)
    assert the(dev, "aws_kms_alias")["name"] == "alias/exa-data-lake-dev"


@pytest.mark.proves("kms-policy")
def test_the_key_is_for_the_account_and_for_the_domains_log_groups(dev):
    policy = statements(the(dev, "aws_kms_key")["policy"])
    assert policy["AccountThroughIAM"]["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert policy["CloudWatchLogs"]["Principal"] == {"Service": f"logs.{REGION}.amazonaws.com"}
    groups = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:"
    assert set(policy["CloudWatchLogs"]["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]) == {
        f"{groups}/aws-glue/jobs*",
        f"{groups}/aws/vendedlogs/states/exa-*-dev",
        f"{groups}/aws/vpc/exa-vpc-dev/flow-logs",
    }
    assert policy["Deployment"]["Condition"] == {
        "ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/exa-deploy-dev"}
    }
    assert policy["EventBridge"]["Condition"] == {
        "StringEquals": {"kms:EncryptionContext:aws:sns:topicArn": TOPIC}
    }
    assert set(policy) == {"AccountThroughIAM", "CloudWatchLogs", "Deployment", "EventBridge"}


@pytest.mark.proves("glue-security-configuration")
def test_what_glue_writes_by_itself_is_encrypted(dev):
    (encryption,) = the(dev, "aws_glue_security_configuration")["encryption_configuration"]
    assert encryption["cloudwatch_encryption"][0]["cloudwatch_encryption_mode"] == "SSE-KMS"
    assert encryption["job_bookmarks_encryption"][0]["job_bookmarks_encryption_mode"] == "CSE-KMS"
    assert encryption["s3_encryption"][0]["s3_encryption_mode"] == "SSE-KMS"


# ─── Alarms ───


@pytest.mark.proves("sns-encrypted")
def test_the_topic_of_alarms_is_encrypted_with_the_domains_key(dev):
    assert the(dev, "aws_sns_topic")["name"] == "exa-alarms-dev"
    assert references(dev, "aws_sns_topic", "kms_master_key_id") == {"alarms": "aws_kms_key.data_lake.arn"}


@pytest.mark.proves("sns-policy", "sns-reached-by-rules")
def test_the_topic_is_for_eventbridge_alone_and_never_by_plain_http(dev):
    """EventBridge names no source to SNS: a condition on it would keep every alarm away."""
    policy = statements(the(dev, "aws_sns_topic_policy")["policy"])
    assert policy == {
        "EventBridge": {
            "Sid": "EventBridge",
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": ["sns:Publish"],
            "Resource": [TOPIC],
        },
        "DenyPlainHTTP": {
            "Sid": "DenyPlainHTTP",
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["sns:Publish"],
            "Resource": [TOPIC],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    }


# ─── P1-04: no internet gateway ───


@pytest.mark.proves("vpc-no-internet")
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


def configured(plan, kind: str) -> dict[str, dict]:
    """What is written of the foundation's resources of a type, by name, for what only the apply tells."""
    module = plan["configuration"]["root_module"]["module_calls"]["foundation"]["module"]
    return {resource["name"]: resource for resource in module["resources"] if resource["type"] == kind}


def references(plan, kind: str, argument: str) -> dict[str, str | None]:
    """What an argument refers to, by the resource's name."""
    return {
        name: resource["expressions"].get(argument, {}).get("references", [None])[0]
        for name, resource in configured(plan, kind).items()
    }


@pytest.mark.proves("sg-egress", "sg-glue-jobs", "sg-ports")
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


@pytest.mark.proves("sg-ingress", "sg-ports")
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


@pytest.mark.proves("sg-described")
def test_every_rule_stands_alone_and_says_what_it_is_for(dev):
    kinds = ("aws_vpc_security_group_egress_rule", "aws_vpc_security_group_ingress_rule")
    assert all(rule["description"] for kind in kinds for rule in resources(dev, kind).values())
    assert not resources(dev, "aws_security_group_rule")
    kinds = ("aws_security_group", "aws_default_security_group")
    groups = [group for kind in kinds for group in configured(dev, kind).values()]
    assert len(groups) == 3
    for group in groups:
        assert not {"egress", "ingress"} & set(group["expressions"]), group["address"]


# ─── Network ───


@pytest.mark.proves("subnet-private")
def test_private_subnets_in_two_zones_are_sixteenths_of_the_vpc(dev):
    subnets = resources(dev, "aws_subnet").values()
    assert {subnet["availability_zone"]: subnet["cidr_block"] for subnet in subnets} == {
        f"{REGION}a": "10.0.0.0/20",
        f"{REGION}b": "10.0.16.0/20",
    }


def test_the_zones_are_none_that_an_account_has_to_opt_in_to(dev):
    """Local zones, which have no Glue."""
    (zones,) = configured(dev, "aws_availability_zones").values()
    (only,) = zones["expressions"]["filter"]
    assert only["name"]["constant_value"] == "opt-in-status"
    assert only["values"]["constant_value"] == ["opt-in-not-required"]


@pytest.mark.proves("vpc-endpoints")
def test_the_services_that_jobs_call_have_endpoints(dev):
    endpoints = resources(dev, "aws_vpc_endpoint").values()
    assert {e["service_name"].rsplit(".", 1)[1]: e["vpc_endpoint_type"] for e in endpoints} == {
        **dict.fromkeys(["glue", "kms", "logs", "monitoring", "sts"], "Interface"),
        "s3": "Gateway",
    }
    assert all(e["private_dns_enabled"] for e in endpoints if e["vpc_endpoint_type"] == "Interface")


@pytest.mark.proves("vpc-endpoint-policy")
def test_endpoints_serve_this_account_alone(dev):
    for endpoint in resources(dev, "aws_vpc_endpoint").values():
        for statement in statements(endpoint["policy"]).values():
            assert statement["Condition"] == {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}


@pytest.mark.proves("vpc-endpoint-policy")
def test_the_s3_endpoint_leads_to_the_domains_buckets_alone(dev):
    s3 = resources(dev, "aws_vpc_endpoint")[f"{FOUNDATION}.aws_vpc_endpoint.s3"]
    (statement,) = statements(s3["policy"]).values()
    names = [f"arn:aws:s3:::{bucket(purpose)}" for purpose in DATA]
    assert set(statement["Resource"]) == {*names, *(f"{name}/*" for name in names)}


# ─── Glue and Step Functions ───


def test_each_layer_has_a_database(dev):
    databases = resources(dev, "aws_glue_catalog_database").values()
    assert {database["name"]: database["location_uri"] for database in databases} == {
        f"exa_{layer}_dev": f"s3://{bucket(layer)}/" for layer in ("curated", "raw", "refined")
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


@pytest.mark.proves("bucket-names", "names-of-the-environment")
@pytest.mark.parametrize("env", ["dev", "prod"])
def test_names_follow_the_environment(env, plan, infrastructure):
    planned = plan(infrastructure / "environments" / env)
    assert set(by_bucket(planned, "aws_s3_bucket")) == {
        f"exa-{purpose}-{ACCOUNT}-{env}" for purpose in (*DATA, "logs")
    }
    assert the(planned, "aws_kms_alias")["name"] == f"alias/exa-data-lake-{env}"
    assert the(planned, "aws_glue_security_configuration")["name"] == f"exa-glue-{env}"


@pytest.mark.proves("tags")
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
        # These have a policy to read, too, which is another resource's.
        if change["type"] not in ("aws_s3_bucket", "aws_sns_topic")
        and change["change"]["after_unknown"].get(argument)
    }
    assert hidden == set()


def test_every_environment_exports_all_that_the_foundation_does(dev):
    foundation = dev["configuration"]["root_module"]["module_calls"]["foundation"]["module"]["outputs"]
    assert set(dev.outputs.keys()) == set(foundation)
    assert {"kms_key_arn", "kms_key_id", "s3_logs_bucket_id"} <= set(foundation)


def test_every_output_is_the_foundations_of_the_same_name(dev):
    outputs = dev["configuration"]["root_module"]["outputs"]
    assert {name: output["expression"]["references"][0] for name, output in outputs.items()} == {
        name: f"module.foundation.{name}" for name in outputs
    }


def test_ids_that_only_an_apply_tells_come_from_their_own_resource(dev):
    foundation = dev["configuration"]["root_module"]["module_calls"]["foundation"]["module"]["outputs"]
    sources = {name: output["expression"]["references"][0] for name, output in foundation.items()}
    assert {name: sources[name] for name in ("kms_key_arn", "kms_key_id", "vpc_id")} == {
        "kms_key_arn": "aws_kms_key.data_lake.arn",
        "kms_key_id": "aws_kms_key.data_lake.key_id",
        "vpc_id": "aws_vpc.main.id",
    }
    assert sources["glue_endpoint_security_group_id"] == "aws_security_group.glue_endpoint.id"
    assert sources["glue_job_security_group_id"] == "aws_security_group.glue_job.id"
    assert sources["private_subnet_ids"] == "aws_subnet.private"


def test_a_bad_domain_json_is_named(terraform, infrastructure):
    file = infrastructure.parent / "setup" / "domain.json"
    good, root = file.read_text(), terraform(infrastructure / "environments" / "int")
    file.write_text(json.dumps({"domain_name": "example", "domain_abbr": "Finance", "aws_region": REGION}))
    try:
        message = refusal(root)
    finally:
        file.write_text(good)
    assert (
        'setup/domain.json: domain_abbr is "Finance"; expected 2 to 8 lower-case letters and digits'
        in message
    )


# ─── What stands nowhere else ───


def allowed(document: str) -> dict[str, str]:
    """The actions of each statement, in one text; every statement allows."""
    found = statements(document)
    assert {statement["Effect"] for statement in found.values()} == {"Allow"}
    return {sid: " ".join(sorted(statement["Action"])) for sid, statement in found.items()}


def test_every_policy_allows_exactly_its_actions(dev):
    endpoints = resources(dev, "aws_vpc_endpoint")
    (trust,) = json.loads(the(dev, "aws_iam_role")["assume_role_policy"])["Statement"]
    assert (trust["Effect"], trust["Action"]) == ("Allow", "sts:AssumeRole")
    assert allowed(the(dev, "aws_iam_role_policy")["policy"]) == {
        "FindLogGroup": "logs:DescribeLogGroups",
        "WriteFlowLog": "logs:CreateLogStream logs:DescribeLogStreams logs:PutLogEvents",
    }
    # Its action has no resource type: a group's ARN would never match.
    assert statements(the(dev, "aws_iam_role_policy")["policy"])["FindLogGroup"]["Resource"] == ["*"]
    assert allowed(the(dev, "aws_kms_key")["policy"]) == {
        "AccountThroughIAM": "kms:*",
        "CloudWatchLogs": "kms:Decrypt kms:DescribeKey kms:Encrypt kms:GenerateDataKey* kms:ReEncrypt*",
        # What follows CreateKey, before the key's tags count.
        "Deployment": "kms:CreateAlias kms:Decrypt kms:DescribeKey kms:EnableKeyRotation kms:Encrypt"
        " kms:GenerateDataKey* kms:GetKeyPolicy kms:GetKeyRotationStatus kms:ListResourceTags"
        " kms:PutKeyPolicy",
        "EventBridge": "kms:Decrypt kms:GenerateDataKey*",
    }
    assert allowed(the(dev, "aws_iam_policy")["policy"]) == {
        "CloudWatchLogs": "logs:CreateLogDelivery logs:DeleteLogDelivery logs:DescribeLogGroups"
        " logs:DescribeResourcePolicies logs:GetLogDelivery logs:ListLogDeliveries logs:PutResourcePolicy"
        " logs:UpdateLogDelivery",
        "XRayTracing": "xray:GetSamplingRules xray:GetSamplingTargets xray:PutTelemetryRecords"
        " xray:PutTraceSegments",
    }
    assert allowed(endpoints[f"{FOUNDATION}.aws_vpc_endpoint.s3"]["policy"]) == {
        "DomainBuckets": "s3:AbortMultipartUpload s3:DeleteObject s3:GetBucketLocation s3:GetObject"
        " s3:ListBucket s3:ListMultipartUploadParts s3:PutObject"
    }
    for address, endpoint in endpoints.items():
        if endpoint["vpc_endpoint_type"] == "Interface":
            assert allowed(endpoint["policy"]) == {"IdentitiesOfThisAccount": "*"}, address


@pytest.mark.proves("glue-in-the-vpc", "vpc-endpoints")
def test_the_names_in_the_vpc_resolve_and_its_parts_belong_together(dev):
    vpc = the(dev, "aws_vpc")
    assert (vpc["cidr_block"], vpc["enable_dns_hostnames"], vpc["enable_dns_support"]) == (
        "10.0.0.0/16",
        True,
        True,
    )
    assert len(resources(dev, "aws_route_table_association")) == len(resources(dev, "aws_subnet"))
    endpoint = "aws_vpc_endpoint"
    assert references(dev, endpoint, "route_table_ids")["s3"] == "aws_route_table.private.id"
    assert (
        references(dev, endpoint, "security_group_ids")["interface"] == "aws_security_group.glue_endpoint.id"
    )
    assert references(dev, endpoint, "subnet_ids")["interface"] == "aws_subnet.private"
    (connection,) = configured(dev, "aws_glue_connection").values()
    (placed,) = connection["expressions"]["physical_connection_requirements"]
    assert placed["security_group_id_list"]["references"][0] == "aws_security_group.glue_job.id"
    for kind in ("aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule"):
        groups = references(dev, kind, "security_group_id")
        assert groups == {
            name: f"aws_security_group.glue_{'job' if name.startswith('job_') else 'endpoint'}.id"
            for name in groups
        }


def test_glue_uses_the_domains_key_for_all_that_it_writes(dev):
    address = f"{FOUNDATION}.aws_glue_security_configuration.main"
    (hidden,) = unknown(dev, address)["encryption_configuration"]
    kinds = ("cloudwatch_encryption", "job_bookmarks_encryption", "s3_encryption")
    assert {kind: hidden[kind][0].get("kms_key_arn") for kind in kinds} == dict.fromkeys(kinds, True)


def test_what_has_a_name_of_its_own_carries_it_as_a_tag(dev):
    kinds = ("aws_vpc", "aws_default_security_group", "aws_security_group", "aws_subnet", "aws_route_table")
    names = {
        address.removeprefix(f"{FOUNDATION}."): values["tags"].get("Name")
        for kind in (*kinds, "aws_vpc_endpoint", "aws_flow_log")
        for address, values in resources(dev, kind).items()
    }
    assert {address for address, name in names.items() if not name} == set()
    assert len(set(names.values())) == len(names)
    assert all(name.startswith("exa-") and name.endswith("-dev") for name in names.values())
    groups = resources(dev, "aws_security_group").values()
    assert {group["name"] for group in groups} == {"exa-glue-endpoint-dev", "exa-glue-job-dev"}
    assert all(group["name"] == group["tags"]["Name"] for group in groups)


def test_what_jobs_leave_behind_expires_after_a_week(dev):
    rules = by_bucket(dev, "aws_s3_bucket_lifecycle_configuration")[bucket("artifacts")]["rule"]
    expiring = {
        r["filter"][0]["prefix"]: r["expiration"][0]["days"] for r in rules if r["id"] == "expire-temp"
    }
    assert expiring == {"temp/": 7}


def test_projects_are_told_where_everything_is(dev):
    known = {name: value for name, value in dict(dev.outputs).items() if value is not None}
    assert {name: known[name] for name in known if "subnet" not in name} == {
        "alarms_topic_arn": TOPIC,
        "domain_abbr": "exa",
        "domain_name": "example",
        "glue_connection_names": [f"exa-network-{REGION}a-dev", f"exa-network-{REGION}b-dev"],
        "glue_security_configuration": "exa-glue-dev",
        "permissions_boundary_arn": f"arn:aws:iam::{ACCOUNT}:policy/exa-boundary-dev",
        "sfn_observability_policy_arn": f"arn:aws:iam::{ACCOUNT}:policy/exa-sfn-observability-dev",
        **{f"glue_database_{layer}": f"exa_{layer}_dev" for layer in ("curated", "raw", "refined")},
        **{f"s3_{purpose}_bucket_id": bucket(purpose) for purpose in (*DATA, "logs")},
    }


# ─── Inputs ───

GIVEN = {"aws_region": REGION, "domain_abbr": "exa", "domain_name": "example", "env": "dev"}
REFUSED = [
    ("alarm_subscribers", [{"protocol": "email", "endpoint": "on call"}]),
    ("alarm_subscribers", [{"protocol": "http", "endpoint": "http://alarms.example.com"}]),
    ("alarm_subscribers", [{"protocol": "https", "endpoint": "http://alarms.example.com"}]),
    ("alarm_subscribers", [{"protocol": "sqs", "endpoint": "alarms"}]),
    ("alarm_subscribers", [{"protocol": "sms", "endpoint": ""}]),
    ("access_log_retention_days", 89),
    ("access_log_retention_days", 90.5),
    ("availability_zone_count", 1),
    ("availability_zone_count", 5),
    ("aws_region", "Ireland"),
    ("databases", {"erp": {"cidr": "10.0.0.0/23", "port": 5432}}),
    ("databases", {"erp": {"cidr": "10.0.0.0/24", "port": 0}}),
    ("databases", {"erp": {"cidr": "10.0.0.0/24", "port": 65536}}),
    ("domain_abbr", "f"),
    ("domain_name", "Finance"),
    ("env", "pre-prod"),
    ("flow_log_retention_days", 91),
    ("interface_endpoints", ["glue"]),
    ("noncurrent_version_days", {"temp": 1}),
    ("noncurrent_version_days", {"raw": 0}),
    ("permissions_boundary", "Admin"),
    ("vpc_cidr", "10.0.0.0/15"),
    ("vpc_cidr", "10.0.0.0/25"),
    ("vpc_cidr", "10.0.0.0"),
]
TAKEN = [
    (
        "alarm_subscribers",
        [
            {"protocol": "email", "endpoint": "on-call@example.com"},
            {"protocol": "https", "endpoint": "https://alarms.example.com/hook"},
            {"protocol": "sqs", "endpoint": f"arn:aws:sqs:{REGION}:{ACCOUNT}:alarms"},
        ],
    ),
    ("access_log_retention_days", 90),
    *(("availability_zone_count", number) for number in (2, 3, 4)),
    ("databases", {"erp": {"cidr": "10.0.0.0/24", "port": 65535}}),
    *(("env", env) for env in ("dev", "int", "prod")),
    ("permissions_boundary", ""),
    ("vpc_cidr", "10.0.0.0/16"),
    ("vpc_cidr", "10.0.0.0/24"),
]


@pytest.fixture(scope="module")
def refusals(terraform, infrastructure):
    """refusals(inputs) → the variables that `terraform validate` refuses, by the position of their input."""

    def refusals(inputs: list[tuple]) -> dict[str, str]:
        # Beside infrastructure/: a source by an absolute path is copied without the modules that it uses.
        root = Path(tempfile.mkdtemp(dir=infrastructure.parent))
        calls = {
            f"case-{position}": {"source": "../infrastructure/foundation", **GIVEN, field: value}
            for position, (field, value) in enumerate(inputs)
        }
        (root / "main.tf.json").write_text(json.dumps({"module": calls}))
        runner = terraform(root)
        try:
            said = runner.execute_command("validate", "-json").out
        except tftest.TerraformTestError as error:
            said = error.args[0]
        document, _ = json.JSONDecoder().raw_decode(said[said.index("{") :])
        return {
            each["snippet"]["context"].removeprefix("module."): each["detail"]
            for each in document["diagnostics"]
            if each["severity"] == "error"
        }

    return refusals


def test_a_bad_input_is_refused_by_its_name(refusals):
    details = refusals(REFUSED)
    named = [details.get(f"case-{position}", "") for position in range(len(REFUSED))]
    assert [field for (field, _), detail in zip(REFUSED, named, strict=True) if field not in detail] == []


def test_what_lies_on_a_bound_is_taken(refusals):
    assert refusals(TAKEN) == {}


@pytest.mark.parametrize("field", ["aws_region", "domain_abbr", "domain_name"])
def test_a_field_of_the_domain_is_told_as_it_is_or_as_missing(refusals, field):
    details = refusals([(field, ""), (field, "Finance")])
    assert f"setup/domain.json: {field} is missing; expected" in details["case-0"]
    assert f'setup/domain.json: {field} is "Finance"; expected' in details["case-1"]
