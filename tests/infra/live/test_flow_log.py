"""The VPC's flow log: active, to its group, by a role that the delivery service alone can assume."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from meshtest.domain.backends import Ability
from meshtest.domain.domain import Domain
from meshtest.emulator.policy import Decision, Principal, Request, evaluate

SERVICE = "vpc-flow-logs.amazonaws.com"


@pytest.fixture(scope="module")
def flow_log(domain: Domain) -> dict:
    """The flow log of the domain's VPC."""
    name = f"{domain.abbreviation}-vpc-{domain.env}"
    ec2 = domain.endpoint.client("ec2")
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": [name]}])["Vpcs"]
    filters = [{"Name": "resource-id", "Values": [vpc["VpcId"]]}]
    (found,) = ec2.describe_flow_logs(Filters=filters)["FlowLogs"]
    return found


@pytest.fixture(scope="module")
def role(domain: Domain, flow_log) -> dict:
    name = flow_log["DeliverLogsPermissionArn"].rpartition("/")[2]
    return domain.endpoint.client("iam").get_role(RoleName=name)["Role"]


@pytest.mark.proves("vpc-flow-log")
def test_it_is_active_and_goes_to_its_group(domain, flow_log):
    group = f"/aws/vpc/{domain.abbreviation}-vpc-{domain.env}/flow-logs"
    assert (flow_log["FlowLogStatus"], flow_log["TrafficType"]) == ("ACTIVE", "ALL")
    assert flow_log["LogDestination"].split(":log-group:")[1].removesuffix(":*") == group
    (found,) = domain.endpoint.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert (found["logGroupName"], found["retentionInDays"]) == (group, 90)


def trusts(role: dict, principal: Principal, **context: str) -> bool:
    """Whether the trust policy that is in force lets a principal assume the role."""
    document = role["AssumeRolePolicyDocument"]
    statements = [{"Resource": "*"} | statement for statement in document["Statement"]]
    request = Request(principal, "sts:AssumeRole", role["Arn"], context)
    return evaluate(document | {"Statement": statements}, request) is Decision.ALLOW


@pytest.mark.proves("vpc-flow-log-role")
def test_its_role_trusts_the_delivery_service_for_this_account_only(domain, role):
    account, region = domain.endpoint.account_id, domain.endpoint.region
    source = {
        "aws:SourceAccount": account,
        "aws:SourceArn": f"arn:aws:ec2:{region}:{account}:vpc-flow-log/fl-1",
    }
    service = Principal(service=SERVICE)
    assert trusts(role, service, **source)
    assert not trusts(role, service, **source | {"aws:SourceAccount": "999999999999"})
    assert not trusts(
        role, service, **source | {"aws:SourceArn": f"arn:aws:ec2:{region}:{account}:vpc/vpc-1"}
    )
    assert not trusts(role, service)
    assert not trusts(role, Principal(service="logs.amazonaws.com"), **source)
    assert not trusts(role, Principal(f"arn:aws:iam::{account}:root", account), **source)


@pytest.mark.proves("vpc-flow-log-role")
@pytest.mark.needs(Ability.TRUST_POLICIES)
def test_nobody_of_the_account_can_assume_its_role(domain, role):
    """And a role that trusts the account can be: the refusal is the trust policy's."""
    iam, sts = domain.endpoint.client("iam"), domain.endpoint.client("sts")
    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_role(RoleArn=role["Arn"], RoleSessionName="probe")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": domain.endpoint.account_id},
        "Action": "sts:AssumeRole",
    }
    name = f"{domain.abbreviation}-probe-{domain.env}"
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    try:
        answer = sts.assume_role(RoleArn=arn, RoleSessionName="probe")
    finally:
        iam.delete_role(RoleName=name)
    assert f"/{name}/probe" in answer["AssumedRoleUser"]["Arn"]


@pytest.mark.proves("vpc-flow-log")
@pytest.mark.needs(Ability.FLOW_RECORDS)
def test_it_has_records_in_the_default_format(domain, flow_log):
    """Fourteen fields, version 2 first."""
    group = flow_log["LogDestination"].split(":log-group:")[1].removesuffix(":*")
    events = domain.endpoint.client("logs").filter_log_events(logGroupName=group, limit=10)["events"]
    assert events
    assert all(event["message"].split()[0] == "2" for event in events)
    assert {len(event["message"].split()) for event in events} == {14}
