"""IAM decides what a role's session does: the error, the code and the sentence are AWS's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from meshtest.emulator import ACCOUNT_ID as ACCOUNT
from meshtest.emulator import decisions
from meshtest.terraform import workspace
from meshtest.testing.roles import make_policy, make_role, policy, session_of, trusting

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshtest.emulator import Endpoint

OK = ("OK", "")
EVENT = {"timestamp": 1, "message": "m"}
TABLES = {"Action": ["glue:GetTable", "glue:GetTables"]}


def answer(call: Callable[[], Any]) -> tuple[str, str]:
    """Return code and message of a refusal; OK without one, or if only what is asked for is not there."""
    try:
        call()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        absent = {"EntityNotFoundException", "NoSuchKey", "ResourceNotFoundException", "NoSuchEntity"}
        return OK if code in absent else (code, error.response["Error"]["Message"])
    return OK


def sentence(name: str, action: str, resource: str, reason: str = "") -> str:
    """Return what AWS says to the session "run" of a role."""
    user = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/run"
    why = reason or f"because no identity-based policy allows the {action} action"
    return f"User: {user} is not authorized to perform: {action} on resource: {resource} {why}"


def glue_arn(endpoint: Endpoint, rest: str) -> str:
    return f"arn:aws:glue:{endpoint.region}:{ACCOUNT}:{rest}"


# ─── Each Service's Words ───


def test_a_denial_is_told_as_each_service_tells_it(endpoint: Endpoint, name: str) -> None:
    client = session_of(endpoint, make_role(endpoint, name))
    at = f"{endpoint.region}:{ACCOUNT}"
    calls: list[tuple[Callable[[], Any], str, str, str]] = [
        (
            lambda: client("glue").get_job(JobName="x"),
            "AccessDeniedException",
            "glue:GetJob",
            f"arn:aws:glue:{at}:job/x",
        ),
        (
            lambda: client("stepfunctions").start_execution(
                stateMachineArn=f"arn:aws:states:{at}:stateMachine:x"
            ),
            "AccessDeniedException",
            "states:StartExecution",
            f"arn:aws:states:{at}:stateMachine:x",
        ),
        (
            lambda: client("logs").put_log_events(logGroupName="/a/b", logStreamName="s", logEvents=[EVENT]),
            "AccessDeniedException",
            "logs:PutLogEvents",
            f"arn:aws:logs:{at}:log-group:/a/b:log-stream:s",
        ),
        (
            lambda: client("logs").create_log_group(logGroupName="/a/b"),
            "AccessDeniedException",
            "logs:CreateLogGroup",
            f"arn:aws:logs:{at}:log-group:/a/b:log-stream:",
        ),
        (
            lambda: client("logs").describe_log_groups(logGroupNamePrefix="/a"),
            "AccessDeniedException",
            "logs:DescribeLogGroups",
            f"arn:aws:logs:{at}:log-group::log-stream:",
        ),
        (lambda: client("kms").create_key(), "AccessDeniedException", "kms:CreateKey", "*"),
        (
            lambda: client("iam").get_role(RoleName=name),
            "AccessDenied",
            "iam:GetRole",
            f"arn:aws:iam::{ACCOUNT}:role/{name}",
        ),
    ]
    for call, code, action, resource in calls:
        assert answer(call) == (code, sentence(name, action, resource))
    code, message = answer(lambda: client("ec2").create_vpc(CidrBlock="10.0.0.0/16"))
    of_ec2 = sentence(name, "ec2:CreateVpc", f"arn:aws:ec2:{at}:vpc/*")
    assert (code, message) == (
        "UnauthorizedOperation",
        f"You are not authorized to perform this operation. {of_ec2}",
    )
    assert client("sts").get_caller_identity()["Account"] == ACCOUNT  # which everybody may


def test_s3_tells_a_denial_with_the_resource_between_quotes(endpoint: Endpoint, name: str) -> None:
    workspace.make_bucket(endpoint, name)
    endpoint.client("s3").put_object(Bucket=name, Key="k", Body=b"value")
    s3 = session_of(endpoint, make_role(endpoint, name))("s3")
    code, message = answer(lambda: s3.get_object(Bucket=name, Key="k"))
    assert (code, message) == ("AccessDenied", sentence(name, "s3:GetObject", f'"arn:aws:s3:::{name}/k"'))
    assert answer(s3.list_buckets)[1] == sentence(name, "s3:ListAllMyBuckets", '"*"')
    location = {"LocationConstraint": endpoint.region}
    code, message = answer(
        lambda: s3.create_bucket(Bucket=f"{name}-other", CreateBucketConfiguration=location)
    )
    assert message == sentence(name, "s3:CreateBucket", f'"arn:aws:s3:::{name}-other"')


def test_a_call_that_is_not_mapped_is_denied_and_says_so(endpoint: Endpoint, name: str) -> None:
    client = session_of(endpoint, make_role(endpoint, name, {"Action": "*"}))
    code, message = answer(lambda: client("sqs").create_queue(QueueName=name))
    assert code in {"AccessDenied", "AccessDeniedException"}
    assert "the embedded AWS does not know which rights sqs:CreateQueue needs" in message


# ─── Resources ───


def test_a_table_needs_its_catalog_and_its_database_too(endpoint: Endpoint, name: str) -> None:
    """In this order, as AWS's messages tell: catalog, database, table."""
    parts = [glue_arn(endpoint, rest) for rest in ("catalog", f"database/{name}", f"table/{name}/orders")]
    for number, lacking in enumerate(parts):
        role = make_role(
            endpoint, f"{name}-{number}", TABLES | {"Resource": parts[:number] or "arn:aws:s3:::x"}
        )
        glue = session_of(endpoint, role)("glue")
        told = answer(lambda glue=glue: glue.get_table(DatabaseName=name, Name="orders"))  # type: ignore[misc]
        assert told == ("AccessDeniedException", sentence(f"{name}-{number}", "glue:GetTable", lacking))
    glue = session_of(endpoint, make_role(endpoint, name, TABLES | {"Resource": parts}))("glue")
    assert answer(lambda: glue.get_table(DatabaseName=name, Name="orders")) == OK
    denied = answer(lambda: glue.get_table(DatabaseName=name, Name="customers"))
    other = glue_arn(endpoint, f"table/{name}/customers")
    assert denied == ("AccessDeniedException", sentence(name, "glue:GetTable", other))
    every = glue_arn(endpoint, f"table/{name}/*")
    assert answer(lambda: glue.get_tables(DatabaseName=name))[1] == sentence(name, "glue:GetTables", every)


def test_a_role_has_its_path_and_what_is_to_be_made_that_of_the_call(endpoint: Endpoint, name: str) -> None:
    make_role(endpoint, f"{name}-there", Path="/data/")
    arns = [f"arn:aws:iam::{ACCOUNT}:role/data/{name}-there", f"arn:aws:iam::{ACCOUNT}:role/data/{name}-new"]
    role = make_role(endpoint, name, {"Action": ["iam:GetRole", "iam:CreateRole"], "Resource": arns})
    iam = session_of(endpoint, role)("iam")
    assert answer(lambda: iam.get_role(RoleName=f"{name}-there")) == OK
    trust = trusting({"AWS": ACCOUNT})
    new = {"RoleName": f"{name}-new", "AssumeRolePolicyDocument": trust}
    assert answer(lambda: iam.create_role(Path="/data/", **new)) == OK
    assert answer(lambda: iam.create_role(**new))[0] == "AccessDenied"


def test_tags_of_request_and_resource_count(endpoint: Endpoint, name: str) -> None:
    needed = {"StringEquals": {"aws:RequestTag/team": "blue"}}
    there = {"StringEquals": {"aws:ResourceTag/team": "blue"}}
    statements = (
        {"Action": "kms:CreateKey", "Condition": needed},
        {"Action": "kms:TagResource"},
        {"Action": "kms:DescribeKey", "Condition": there},
        {"Action": "ec2:CreateVpc", "Condition": needed},
        {"Action": "ec2:DeleteVpc", "Condition": there},
    )
    client = session_of(endpoint, make_role(endpoint, name, *statements))
    kms, ec2 = client("kms"), client("ec2")
    key = kms.create_key(Tags=[{"TagKey": "team", "TagValue": "blue"}])["KeyMetadata"]["KeyId"]
    assert answer(lambda: kms.describe_key(KeyId=key)) == OK
    assert answer(lambda: kms.create_key(Tags=[{"TagKey": "team", "TagValue": "red"}])) != OK
    assert (
        answer(lambda: kms.describe_key(KeyId=endpoint.client("kms").create_key()["KeyMetadata"]["KeyId"]))
        != OK
    )
    tags = [{"ResourceType": "vpc", "Tags": [{"Key": "team", "Value": "blue"}]}]
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tags)["Vpc"]["VpcId"]
    other = endpoint.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    assert answer(lambda: ec2.delete_vpc(VpcId=other))[0] == "UnauthorizedOperation"
    assert answer(lambda: ec2.delete_vpc(VpcId=vpc)) == OK


# ─── Kinds of Policies ───


def test_each_kind_of_policy_denies_in_its_words(endpoint: Endpoint, name: str) -> None:
    other = make_policy(endpoint, f"{name}-other", {"Action": "s3:*"})
    never = make_policy(endpoint, f"{name}-never", {"Action": "*"}, {"Effect": "Deny", "Action": "glue:*"})
    all_of_it = {"Action": "glue:*"}
    cases: list[tuple[tuple[dict[str, Any], ...], dict[str, str], dict[str, Any], str]] = [
        ((all_of_it,), {}, {}, ""),
        (
            (all_of_it, {"Effect": "Deny", **all_of_it}),
            {},
            {},
            "with an explicit deny in an identity-based policy",
        ),
        (
            (all_of_it,),
            {"PermissionsBoundary": other},
            {},
            "because no permissions boundary allows the {} action",
        ),
        ((all_of_it,), {"PermissionsBoundary": never}, {}, "with an explicit deny in a permissions boundary"),
        (
            (all_of_it,),
            {},
            {"Policy": policy({"Action": "s3:*"})},
            "because no session policy allows the {} action",
        ),
        ((all_of_it,), {}, {"PolicyArns": [{"arn": never}]}, "with an explicit deny in a session policy"),
        ((all_of_it,), {}, {"Policy": policy(all_of_it)}, ""),
    ]
    for number, (own, of_role, of_session, reason) in enumerate(cases):
        role = make_role(endpoint, f"{name}-{number}", *own, **of_role)
        glue = session_of(endpoint, role, **of_session)("glue")
        told = answer(lambda glue=glue: glue.get_job(JobName="x"))  # type: ignore[misc]
        job = glue_arn(endpoint, "job/x")
        expected = sentence(f"{name}-{number}", "glue:GetJob", job, reason.format("glue:GetJob"))
        assert told == (("AccessDeniedException", expected) if reason else OK)


def test_managed_policies_count_in_their_default_version(endpoint: Endpoint, name: str) -> None:
    iam, arn = endpoint.client("iam"), make_policy(endpoint, name, {"Action": "glue:*"})
    glue = session_of(endpoint, make_role(endpoint, name))("glue")
    assert answer(lambda: glue.get_job(JobName="x"))[0] == "AccessDeniedException"
    iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    assert answer(lambda: glue.get_job(JobName="x")) == OK
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy({"Action": "s3:*"}), SetAsDefault=True)
    assert answer(lambda: glue.get_job(JobName="x"))[0] == "AccessDeniedException"


def test_users_have_the_rights_of_their_groups(endpoint: Endpoint, name: str) -> None:
    iam = endpoint.client("iam")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    own = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    glue = endpoint.client("glue", **own)
    assert answer(lambda: glue.get_job(JobName="x"))[0] == "AccessDeniedException"
    iam.create_group(GroupName=name)
    iam.put_group_policy(GroupName=name, PolicyName="own", PolicyDocument=policy({"Action": "glue:*"}))
    iam.add_user_to_group(GroupName=name, UserName=name)
    assert answer(lambda: glue.get_job(JobName="x")) == OK


def test_a_bucket_lets_a_role_in_that_has_no_right_of_its_own(endpoint: Endpoint, name: str) -> None:
    workspace.make_bucket(endpoint, name)
    root, role = endpoint.client("s3"), make_role(endpoint, name)
    root.put_object(Bucket=name, Key="k", Body=b"value")
    s3 = session_of(endpoint, role)("s3")
    allow = {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}/*", "Principal": {"AWS": role}}
    root.put_bucket_policy(Bucket=name, Policy=policy(allow))
    assert answer(lambda: s3.get_object(Bucket=name, Key="k")) == OK
    root.put_bucket_policy(Bucket=name, Policy=policy(allow | {"Principal": {"AWS": ACCOUNT}}))
    assert answer(lambda: s3.get_object(Bucket=name, Key="k"))[0] == "AccessDenied"


def test_a_role_assumes_another_by_its_trust_or_by_a_right_of_its_own(endpoint: Endpoint, name: str) -> None:
    first = make_role(endpoint, f"{name}-first")
    by_name = make_role(endpoint, f"{name}-named", AssumeRolePolicyDocument=trusting({"AWS": first}))
    by_account = make_role(endpoint, f"{name}-account")
    sts = session_of(endpoint, first)("sts")
    assert answer(lambda: sts.assume_role(RoleArn=by_name, RoleSessionName="run")) == OK
    assert answer(lambda: sts.assume_role(RoleArn=by_account, RoleSessionName="run"))[0] == "AccessDenied"
    may = policy({"Action": "sts:AssumeRole", "Resource": by_account})
    endpoint.client("iam").put_role_policy(RoleName=f"{name}-first", PolicyName="own", PolicyDocument=may)
    assert answer(lambda: sts.assume_role(RoleArn=by_account, RoleSessionName="run")) == OK


# ─── Keys ───


def test_a_keys_policy_lets_iam_policies_count_or_not(endpoint: Endpoint, name: str) -> None:
    kms = endpoint.client("kms")
    client = session_of(endpoint, make_role(endpoint, name, {"Action": "kms:*"}))("kms")
    open_key = kms.create_key()["KeyMetadata"]["Arn"]
    statement = {"Action": "kms:*", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/nobody"}}
    closed = kms.create_key(Policy=policy(statement))["KeyMetadata"]["Arn"]
    assert answer(lambda: client.encrypt(KeyId=open_key, Plaintext=b"x")) == OK
    reason = "because no resource-based policy allows the kms:Encrypt action"
    told = answer(lambda: client.encrypt(KeyId=closed, Plaintext=b"x"))
    assert told == ("AccessDeniedException", sentence(name, "kms:Encrypt", closed, reason))
    kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=closed)
    by_alias = answer(lambda: client.encrypt(KeyId=f"alias/{name}", Plaintext=b"x"))
    assert by_alias == told


def test_an_encrypted_bucket_needs_the_right_to_its_key(endpoint: Endpoint, name: str) -> None:
    """To write GenerateDataKey, to read Decrypt: of the caller, and through S3 alone."""
    workspace.make_bucket(endpoint, name)
    key = endpoint.client("kms").create_key()["KeyMetadata"]["Arn"]
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    root = endpoint.client("s3")
    root.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    root.put_object(Bucket=name, Key="k", Body=b"value")
    s3 = session_of(endpoint, make_role(endpoint, name, {"Action": "s3:*"}))("s3")
    writing = answer(lambda: s3.put_object(Bucket=name, Key="new", Body=b"value"))
    assert writing == ("AccessDenied", sentence(name, "kms:GenerateDataKey", key))
    reading = answer(lambda: s3.get_object(Bucket=name, Key="k"))
    assert reading == ("AccessDenied", sentence(name, "kms:Decrypt", key))
    through = {"StringEquals": {"kms:ViaService": f"s3.{endpoint.region}.amazonaws.com"}}
    rights = ({"Action": "s3:*"}, {"Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Condition": through})
    client = session_of(endpoint, make_role(endpoint, f"{name}-key", *rights))
    assert answer(lambda: client("s3").put_object(Bucket=name, Key="new", Body=b"value")) == OK
    assert answer(lambda: client("s3").get_object(Bucket=name, Key="k")) == OK
    direct = answer(lambda: client("kms").generate_data_key(KeyId=key, KeySpec="AES_256"))
    assert direct[0] == "AccessDeniedException"


# ─── Passing Roles ───


@pytest.mark.parametrize("service", ["glue.amazonaws.com", "states.amazonaws.com"])
def test_a_role_is_passed_to_the_service_that_is_allowed(endpoint: Endpoint, name: str, service: str) -> None:
    passed = make_role(endpoint, f"{name}-passed")
    condition = {"StringEquals": {"iam:PassedToService": service}}
    may = {"Action": "iam:PassRole", "Resource": passed, "Condition": condition}
    role = make_role(endpoint, name, {"Action": ["glue:CreateJob", "states:CreateStateMachine"]}, may)
    client, command = session_of(endpoint, role), {"Name": "glueetl", "ScriptLocation": "s3://b/k.py"}
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
    glue, states = client("glue"), client("stepfunctions")
    told = {
        "glue.amazonaws.com": answer(lambda: glue.create_job(Name=name, Role=passed, Command=command)),
        "states.amazonaws.com": answer(
            lambda: states.create_state_machine(name=name, definition=definition, roleArn=passed)
        ),
    }
    assert told.pop(service) == OK
    assert set(told.values()) == {("AccessDeniedException", sentence(name, "iam:PassRole", passed))}


# ─── Record ───


def test_each_decision_is_recorded_with_the_statements_that_decided(endpoint: Endpoint, name: str) -> None:
    role = make_role(endpoint, name, {"Action": "glue:GetJob", "Sid": "ReadJobs"})
    glue = session_of(endpoint, role)("glue")
    for _ in range(2):
        answer(lambda: glue.get_job(JobName="x"))
        answer(lambda: glue.start_job_run(JobName="x"))
    found = [each for each in decisions.read(endpoint.state_dir) if each["principal"] == role]
    asked = [(each["action"], each["resource"], each["allowed"], each["statements"]) for each in found]
    job = glue_arn(endpoint, "job/x")
    assert asked == [
        ("glue:GetJob", job, True, [["identity-based policy", "own", "ReadJobs"]]),
        ("glue:StartJobRun", job, False, []),
    ]
    assert found[0]["context"]["aws:PrincipalArn"] == role
    assert found[1]["reason"] == "because no identity-based policy allows the glue:StartJobRun action"
