"""Faults, one at a time, put into a real plan: after each of them its control must not hold.

An alteration is (control, stack, what is wrong, the change), and the change returns the address that the
finding has to name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from meshtest.testing.plans import REGION

Change = Callable[[dict[str, Any]], str]
FOUNDATION = "module.foundation"
RAW = f"{FOUNDATION}.module.s3_raw"
LOGS = f"{FOUNDATION}.module.s3_logs"
BUCKET = f"{RAW}.aws_s3_bucket.this"
LOG_BUCKET = f"{LOGS}.aws_s3_bucket.this"
KEY = f"{FOUNDATION}.aws_kms_key.data_lake"
VPC = f"{FOUNDATION}.aws_vpc.main"
FLOW_LOG = f"{FOUNDATION}.aws_flow_log.main"
FLOW_GROUP = f"{FOUNDATION}.aws_cloudwatch_log_group.vpc_flow_logs"
FLOW_ROLE = f"{FOUNDATION}.aws_iam_role.vpc_flow_logs"
FLOW_POLICY = f"{FOUNDATION}.aws_iam_role_policy.vpc_flow_logs"
SUBNET = f'{FOUNDATION}.aws_subnet.private["{REGION}a"]'
GLUE_GROUP = f"{FOUNDATION}.aws_security_group.glue_job"
DEFAULT_GROUP = f"{FOUNDATION}.aws_default_security_group.main"
TO_VPC = f"{FOUNDATION}.aws_vpc_security_group_egress_rule.job_https_to_vpc"
FROM_JOBS = f"{FOUNDATION}.aws_vpc_security_group_ingress_rule.endpoint_https_from_jobs"
ENDPOINT = f'{FOUNDATION}.aws_vpc_endpoint.interface["glue"]'
S3_ENDPOINT = f"{FOUNDATION}.aws_vpc_endpoint.s3"
CONNECTION = f'{FOUNDATION}.aws_glue_connection.network["{REGION}a"]'
TOPIC = f"{FOUNDATION}.aws_sns_topic.alarms"
TOPIC_POLICY = f"{FOUNDATION}.aws_sns_topic_policy.alarms"
PROJECT = "module.project"
JOB = f'{PROJECT}.module.glue_job["refine"].aws_glue_job.this'
JOB_ROLE = f"{PROJECT}.module.iam_glue_job.aws_iam_role.this"
JOB_POLICY = f"{PROJECT}.module.iam_glue_job.aws_iam_role_policy.this"
ATTACHMENT = f'{PROJECT}.module.iam_pipeline["daily"].aws_iam_role_policy_attachment.this["observability"]'
TABLE = f'{PROJECT}.module.iceberg_table["refined.example_records"].aws_glue_catalog_table.this'
MACHINE = f'{PROJECT}.module.pipeline["daily"].aws_sfn_state_machine.this'
MACHINE_LOGS = f'{PROJECT}.module.pipeline["daily"].aws_cloudwatch_log_group.this'

DATABASE = f'{FOUNDATION}.module.glue_database["raw"].aws_glue_catalog_database.this'
_PERMISSIONS = "create_table_default_permission"
ENVIRONMENT = 'module.environment["dev"]'
DEPLOY_ROLE = f'{ENVIRONMENT}.aws_iam_role.this["deploy"]'
DEPLOY_DATA = f'{ENVIRONMENT}.aws_iam_policy.this["deploy-data"]'
DEPLOY_NETWORK = f'{ENVIRONMENT}.aws_iam_policy.this["deploy-network"]'
BOUNDARY = f"{ENVIRONMENT}.aws_iam_policy.boundary"
STATE_KEY = f"{ENVIRONMENT}.aws_kms_key.state"
OIDC = "aws_iam_openid_connect_provider.github[0]"
GITHUB = "token.actions.githubusercontent.com"


# ─── Changes ───


def find(plan: dict[str, Any], address: str) -> dict[str, Any]:
    (found,) = (each for each in plan["resource_changes"] if each["address"] == address)
    return found


def at(values: Any, path: str) -> tuple[Any, str | int]:
    """The object or list that holds what a path names, and its key there."""
    *steps, last = (int(step) if step.isdigit() else step for step in path.split("."))
    for step in steps:
        values = values[step]
    return values, last


def put(address: str, path: str, value: Any, finding: str | None = None) -> Change:
    """Another value for an argument."""

    def change(plan: dict[str, Any]) -> str:
        planned = find(plan, address)["change"]
        planned["after_unknown"].pop(path, None)
        place, last = at(planned["after"], path)
        assert place.get(last) != value
        place[last] = value
        return finding or address

    return change


def both(first: Change, second: Change) -> Change:
    """Two changes, of which the second one's finding counts."""

    def change(plan: dict[str, Any]) -> str:
        first(plan)
        return second(plan)

    return change


def hide(address: str, path: str) -> Change:
    """A value that is known only after the apply, and refers to nothing."""

    def change(plan: dict[str, Any]) -> str:
        planned = find(plan, address)["change"]
        planned["after"].pop(path, None)
        planned["after_unknown"][path] = True
        return address

    return change


def drop(address: str, finding: str) -> Change:
    """A resource that is not there."""

    def change(plan: dict[str, Any]) -> str:
        plan["resource_changes"].remove(find(plan, address))
        return finding

    return change


def add(address: str, kind: str, values: dict[str, Any], finding: str | None = None) -> Change:
    """One more resource."""

    def change(plan: dict[str, Any]) -> str:
        module, _, rest = address.rpartition(f".{kind}")
        plan["resource_changes"].append(
            {
                "address": address,
                "module_address": module,
                "mode": "managed",
                "type": kind,
                "name": rest,
                "change": {"actions": ["create"], "after": values, "after_unknown": {}},
            }
        )
        return finding or address

    return change


def document(address: str, argument: str, edit: Callable[[Any], Any], finding: str | None = None) -> Change:
    """Another JSON document: what `edit` leaves of it."""

    def change(plan: dict[str, Any]) -> str:
        after = find(plan, address)["change"]["after"]
        before = json.loads(after[argument])
        edited = deepcopy(before)
        edited = edit(edited) or edited
        assert edited != before
        after[argument] = json.dumps(edited)
        return finding or address

    return change


def named(policy: Any, sid: str) -> dict[str, Any]:
    """A policy's only statement of that Sid."""
    (found,) = (each for each in policy["Statement"] if each.get("Sid", "") == sid)
    return found


def statement(sid: str, **changes: Any) -> Callable[[Any], None]:
    """Change members of a policy's statement; None removes one."""

    def edit(policy: Any) -> None:
        found = named(policy, sid)
        for name, value in changes.items():
            found.pop(name, None) if value is None else found.update({name: value})

    return edit


def without(sid: str) -> Callable[[Any], None]:
    """Remove a policy's statement."""

    def edit(policy: Any) -> None:
        policy["Statement"] = [each for each in policy["Statement"] if each.get("Sid") != sid]

    return edit


def task(**changes: Any) -> Callable[[Any], None]:
    """Change members of a machine's first task; None removes one."""

    def edit(machine: Any) -> None:
        found = next(state for state in machine["States"].values() if state["Type"] == "Task")
        for name, value in changes.items():
            found.pop(name, None) if value is None else found.update({name: value})

    return edit


def renamed(pattern: str, replacement: str) -> Callable[[Any], Any]:
    """Replace a text in the whole document."""
    return lambda content: json.loads(re.sub(pattern, replacement, json.dumps(content)))


def operator(sid: str, old: str, new: str) -> Callable[[Any], None]:
    """Another operator for a condition of a policy's statement."""

    def edit(policy: Any) -> None:
        conditions = named(policy, sid)["Condition"]
        conditions[new] = conditions.pop(old)

    return edit


def condition(sid: str, operator: str, key: str) -> Callable[[Any], None]:
    """Remove a condition of a policy's statement, by the end of its key."""

    def edit(policy: Any) -> None:
        keys = named(policy, sid)["Condition"][operator]
        (name,) = (each for each in keys if each.endswith(key))
        del keys[name]

    return edit


def expressions(plan: dict[str, Any], module: str, label: str) -> dict[str, Any]:
    """What the configuration gives the arguments of a module's resource."""
    found = plan["configuration"]["root_module"]
    for name in module.split("."):
        found = found["module_calls"][name]["module"]
    (block,) = (each for each in found["resources"] if each["address"] == label)
    return block["expressions"]


def reference(module: str, label: str, argument: str, target: str, finding: str) -> Change:
    """An argument that refers to something else in the configuration."""

    def change(plan: dict[str, Any]) -> str:
        expressions(plan, module, label)[argument] = {"references": [target]}
        return finding

    return change


def unset(label: str, path: str, finding: str) -> Change:
    """An argument of the foundation that is not set: neither in the configuration nor in the plan."""

    def change(plan: dict[str, Any]) -> str:
        planned = find(plan, finding)["change"]
        configured = expressions(plan, "foundation", label)
        for values in (configured, planned["after"], planned["after_unknown"]):
            place, last = at(values, path)
            place.pop(last, None)
        return finding

    return change


def https(**changes: Any) -> Change:
    return document(
        f"{RAW}.aws_s3_bucket_policy.this", "policy", statement("DenyInsecureTransport", **changes), BUCKET
    )


def tls(**changes: Any) -> Change:
    return document(
        f"{RAW}.aws_s3_bucket_policy.this", "policy", statement("DenyOutdatedTLS", **changes), BUCKET
    )


def delivery(number: int, **changes: Any) -> Change:
    def edit(policy: Any) -> None:
        found = [each for each in policy["Statement"] if "Service" in (each["Principal"] or {})]
        statement(found[number]["Sid"], **changes)(policy)

    return document(f"{LOGS}.aws_s3_bucket_policy.this", "policy", edit, LOG_BUCKET)


NAME = "exa-raw-123456789012-dev"
ENCRYPTION = "aws_s3_bucket_server_side_encryption_configuration.this"
DEFAULT = "rule.0.apply_server_side_encryption_by_default.0"
EVERYONE_S3 = {"AWS": "arn:aws:iam::123456789012:root"}


def _federated(trust: Any) -> None:
    """GitHub's users assume the role."""
    provider = f"arn:aws:iam::123456789012:oidc-provider/{GITHUB}"
    trust["Statement"][0]["Principal"] = {"Federated": provider}


def _of_account(trust: Any) -> None:
    trust["Statement"][0]["Principal"] = {"AWS": "arn:aws:iam::210987654321:root"}


def _long(characters: int) -> Callable[[Any], None]:
    """A statement that alone is as long as the quota."""

    def edit(policy: Any) -> None:
        policy["Statement"].append(
            {"Sid": "x" * characters, "Effect": "Deny", "Action": "*", "Resource": "*"}
        )

    return edit


def _attached(number: int) -> Change:
    """So many managed policies on the jobs' role."""

    def change(plan: dict[str, Any]) -> str:
        kind = "aws_iam_role_policy_attachment"
        for each in range(number):
            values = {
                "policy_arn": f"arn:aws:iam::123456789012:policy/p{each}",
                "role": "exa-example-glue-job-dev",
            }
            add(f"{PROJECT}.{kind}.own[{each}]", kind, values)(plan)
        return JOB_ROLE

    return change


def _any_key(policy: Any) -> None:
    named(policy, "DenyForeignKeys")["Condition"]["ArnNotLike"] = {
        "s3:x-amz-server-side-encryption-aws-kms-key-id": "arn:aws:kms:*:*:key/*"
    }


ALTERATIONS: list[tuple[str, str, str, Change]] = [
    # ─── Buckets ───
    ("s3-https-only", "foundation", "Allow instead of Deny", https(Effect="Allow")),
    ("s3-https-only", "foundation", "one principal only", https(Principal=EVERYONE_S3)),
    ("s3-https-only", "foundation", "objects left out", https(Resource=f"arn:aws:s3:::{NAME}")),
    ("s3-https-only", "foundation", "bucket left out", https(Resource=f"arn:aws:s3:::{NAME}/*")),
    (
        "s3-https-only",
        "foundation",
        "another bucket",
        https(Resource=["arn:aws:s3:::other", "arn:aws:s3:::other/*"]),
    ),
    (
        "s3-https-only",
        "foundation",
        "condition inverted",
        https(Condition={"Bool": {"aws:SecureTransport": "true"}}),
    ),
    (
        "s3-https-only",
        "foundation",
        "other operator",
        https(Condition={"Null": {"aws:SecureTransport": "false"}}),
    ),
    (
        "s3-https-only",
        "foundation",
        "narrowed by a second condition",
        https(Condition={"Bool": {"aws:SecureTransport": "false"}, "StringEquals": {"aws:userid": "x"}}),
    ),
    ("s3-https-only", "foundation", "reads only", https(Action="s3:GetObject")),
    ("s3-https-only", "foundation", "NotAction", https(Action=None, NotAction="s3:GetObject")),
    ("s3-https-only", "foundation", "no policy", drop(f"{RAW}.aws_s3_bucket_policy.this", BUCKET)),
    (
        "s3-https-only",
        "foundation",
        "no statement",
        document(f"{RAW}.aws_s3_bucket_policy.this", "policy", without("DenyInsecureTransport"), BUCKET),
    ),
    ("s3-https-only", "foundation", "unknown policy", hide(f"{RAW}.aws_s3_bucket_policy.this", "policy")),
    ("s3-tls-1-2", "foundation", "TLS 1.1", tls(Condition={"NumericLessThan": {"s3:TlsVersion": "1.1"}})),
    ("s3-tls-1-2", "foundation", "Allow", tls(Effect="Allow")),
    *(
        (
            "s3-own-key",
            "foundation",
            f"{sid} gone",
            document(f"{RAW}.aws_s3_bucket_policy.this", "policy", without(sid), BUCKET),
        )
        for sid in ("DenyForeignKeys", "DenyKeysOfRequests", "DenyOtherEncryption")
    ),
    (
        "s3-own-key",
        "foundation",
        "any account's keys",
        document(f"{RAW}.aws_s3_bucket_policy.this", "policy", _any_key, BUCKET),
    ),
    (
        "s3-one-policy",
        "foundation",
        "a second policy",
        add(
            f"{RAW}.aws_s3_bucket_policy.more",
            "aws_s3_bucket_policy",
            {"bucket": NAME, "policy": "{}"},
            BUCKET,
        ),
    ),
    *(
        (
            "s3-public-access-block",
            "foundation",
            flag,
            put(f"{RAW}.aws_s3_bucket_public_access_block.this", flag, False, BUCKET),
        )
        for flag in (
            "block_public_acls",
            "block_public_policy",
            "ignore_public_acls",
            "restrict_public_buckets",
        )
    ),
    (
        "s3-public-access-block",
        "foundation",
        "none",
        drop(f"{RAW}.aws_s3_bucket_public_access_block.this", BUCKET),
    ),
    (
        "s3-owner-enforced",
        "foundation",
        "the writer owns",
        put(
            f"{RAW}.aws_s3_bucket_ownership_controls.this", "rule.0.object_ownership", "ObjectWriter", BUCKET
        ),
    ),
    ("s3-owner-enforced", "foundation", "none", drop(f"{RAW}.aws_s3_bucket_ownership_controls.this", BUCKET)),
    (
        "s3-no-acl",
        "foundation",
        "an access list",
        add(f"{RAW}.aws_s3_bucket_acl.this", "aws_s3_bucket_acl", {"bucket": NAME, "acl": "private"}, BUCKET),
    ),
    (
        "s3-customer-key",
        "foundation",
        "SSE-S3",
        put(f"{RAW}.{ENCRYPTION}", f"{DEFAULT}.sse_algorithm", "AES256", BUCKET),
    ),
    (
        "s3-customer-key",
        "foundation",
        "no bucket key",
        put(f"{RAW}.{ENCRYPTION}", "rule.0.bucket_key_enabled", False, BUCKET),
    ),
    ("s3-customer-key", "foundation", "none", drop(f"{RAW}.{ENCRYPTION}", BUCKET)),
    (
        "s3-customer-key",
        "foundation",
        "AWS's own key",
        lambda plan: find(plan, f"{RAW}.{ENCRYPTION}")["change"].update(after_unknown={}) or BUCKET,
    ),
    (
        "s3-log-target-aes256",
        "foundation",
        "SSE-KMS",
        put(f"{LOGS}.{ENCRYPTION}", f"{DEFAULT}.sse_algorithm", "aws:kms", LOG_BUCKET),
    ),
    (
        "s3-versioning",
        "foundation",
        "suspended",
        put(f"{RAW}.aws_s3_bucket_versioning.this", "versioning_configuration.0.status", "Suspended", BUCKET),
    ),
    (
        "s3-lifecycle",
        "foundation",
        "uploads stay",
        put(f"{RAW}.aws_s3_bucket_lifecycle_configuration.this", "rule.0.status", "Disabled", BUCKET),
    ),
    (
        "s3-lifecycle",
        "foundation",
        "versions stay",
        put(f"{RAW}.aws_s3_bucket_lifecycle_configuration.this", "rule.1.status", "Disabled", BUCKET),
    ),
    ("s3-no-force-destroy", "foundation", "forced", put(BUCKET, "force_destroy", True)),
    ("s3-access-logging", "foundation", "none", drop(f"{RAW}.aws_s3_bucket_logging.this[0]", BUCKET)),
    (
        "s3-access-logging",
        "foundation",
        "another's prefix",
        put(
            f"{FOUNDATION}.module.s3_refined.aws_s3_bucket_logging.this[0]",
            "target_prefix",
            "raw/",
            f"{FOUNDATION}.module.s3_refined.aws_s3_bucket.this",
        ),
    ),
    (
        "s3-log-target-not-logged",
        "foundation",
        "a loop",
        add(
            f"{LOGS}.aws_s3_bucket_logging.this[0]",
            "aws_s3_bucket_logging",
            {
                "bucket": "exa-logs-123456789012-dev",
                "target_bucket": "exa-logs-123456789012-dev",
                "target_prefix": "l/",
            },
            LOG_BUCKET,
        ),
    ),
    (
        "s3-log-delivery",
        "foundation",
        "no source account",
        delivery(0, Condition={"ArnLike": {"aws:SourceArn": "*"}}),
    ),
    (
        "s3-log-delivery",
        "foundation",
        "another prefix",
        delivery(0, Resource="arn:aws:s3:::exa-logs-123456789012-dev/x/*"),
    ),
    ("s3-log-delivery", "foundation", "denied", delivery(0, Effect="Deny")),
    (
        "s3-log-delivery",
        "foundation",
        "another service",
        delivery(0, Principal={"Service": "s3.amazonaws.com"}),
    ),
    # ─── Keys ───
    ("kms-rotation", "foundation", "off", put(KEY, "enable_key_rotation", False)),
    ("kms-policy", "foundation", "none", put(KEY, "policy", None)),
    (
        "kms-policy",
        "foundation",
        "open to everyone",
        document(KEY, "policy", lambda policy: named(policy, "CloudWatchLogs").update(Principal="*")),
    ),
    (
        "kms-policy",
        "foundation",
        "no condition",
        document(KEY, "policy", lambda policy: named(policy, "CloudWatchLogs").pop("Condition") and None),
    ),
    (
        "kms-policy",
        "foundation",
        "any role",
        document(KEY, "policy", statement("Deployment", Condition={"ArnLike": {"aws:PrincipalArn": "*"}})),
    ),
    *(
        ("kms-policy", "foundation", fault, document(KEY, "policy", renamed(pattern, replacement)))
        for fault, pattern, replacement in (
            ("all but its own groups", "ArnLike", "ArnNotLike"),
            ("where no group is told", "ArnLike", "ArnLikeIfExists"),
            ("groups of any account", ":123456789012:log-group:", ":*:log-group:"),
        )
    ),
    ("kms-alias", "foundation", "none", drop(f"{FOUNDATION}.aws_kms_alias.data_lake", KEY)),
    ("kms-deletion-window", "foundation", "a week", put(KEY, "deletion_window_in_days", 7)),
    # ─── Network ───
    ("vpc-flow-log", "foundation", "accepted traffic only", put(FLOW_LOG, "traffic_type", "ACCEPT", VPC)),
    ("vpc-flow-log", "foundation", "none", drop(FLOW_LOG, VPC)),
    ("vpc-flow-log", "foundation", "another group", put(FLOW_LOG, "log_destination", "arn:aws:logs:x", VPC)),
    ("vpc-flow-log-retention", "foundation", "a month", put(FLOW_GROUP, "retention_in_days", 30)),
    (
        "vpc-flow-log-role",
        "foundation",
        "for any account",
        document(FLOW_ROLE, "assume_role_policy", statement("", Condition=None)),
    ),
    (
        "vpc-flow-log-role",
        "foundation",
        "every group",
        document(FLOW_POLICY, "policy", statement("WriteFlowLog", Resource="*")),
    ),
    (
        "vpc-no-internet",
        "foundation",
        "a gateway",
        add(f"{FOUNDATION}.aws_internet_gateway.main", "aws_internet_gateway", {"vpc_id": "vpc-1"}, VPC),
    ),
    (
        "vpc-no-internet",
        "foundation",
        "a route",
        add(f"{FOUNDATION}.aws_route.out", "aws_route", {"destination_cidr_block": "0.0.0.0/0"}),
    ),
    ("subnet-private", "foundation", "public addresses", put(SUBNET, "map_public_ip_on_launch", True)),
    ("sg-egress", "foundation", "everywhere", put(TO_VPC, "cidr_ipv4", "0.0.0.0/0")),
    ("sg-egress", "foundation", "everywhere by IPv6", put(TO_VPC, "cidr_ipv6", "::/0")),
    (
        "sg-egress",
        "foundation",
        "an inline block",
        put(DEFAULT_GROUP, "egress", [{"protocol": "-1", "cidr_blocks": ["0.0.0.0/0"]}]),
    ),
    (
        "sg-egress",
        "foundation",
        "the old kind of rule",
        add(
            f"{FOUNDATION}.aws_security_group_rule.out",
            "aws_security_group_rule",
            {"type": "egress", "cidr_blocks": ["0.0.0.0/0"]},
        ),
    ),
    ("sg-ingress", "foundation", "everywhere", put(FROM_JOBS, "cidr_ipv4", "0.0.0.0/0")),
    ("sg-described", "foundation", "no word", put(TO_VPC, "description", "")),
    ("sg-ports", "foundation", "all ports from the jobs", put(FROM_JOBS, "from_port", 0)),
    ("sg-ports", "foundation", "a range", put(TO_VPC, "to_port", 8443)),
    (
        "sg-ports",
        "foundation",
        "all ports from another stack's group",
        add(
            f"{FOUNDATION}.aws_vpc_security_group_ingress_rule.more",
            "aws_vpc_security_group_ingress_rule",
            {"from_port": 0, "ip_protocol": "tcp", "to_port": 65535},
        ),
    ),
    ("sg-ports", "foundation", "all protocols", put(FROM_JOBS, "ip_protocol", "-1")),
    (
        "sg-ports",
        "foundation",
        "shuffle with another group",
        reference(
            "foundation",
            "aws_vpc_security_group_ingress_rule.job_shuffle",
            "referenced_security_group_id",
            "aws_security_group.glue_endpoint",
            f"{FOUNDATION}.aws_vpc_security_group_ingress_rule.job_shuffle",
        ),
    ),
    ("sg-default-empty", "foundation", "none", drop(DEFAULT_GROUP, VPC)),
    (
        "sg-default-empty",
        "foundation",
        "a rule",
        put(DEFAULT_GROUP, "egress", [{"protocol": "-1", "cidr_blocks": ["10.0.0.0/8"]}], VPC),
    ),
    ("sg-glue-jobs", "foundation", "all ports to the VPC", put(TO_VPC, "from_port", 0, GLUE_GROUP)),
    (
        "sg-glue-jobs",
        "foundation",
        "a database's port to the VPC",
        both(put(TO_VPC, "from_port", 5432), put(TO_VPC, "to_port", 5432, GLUE_GROUP)),
    ),
    (
        "sg-glue-jobs",
        "foundation",
        "cut off from S3",
        drop(f"{FOUNDATION}.aws_vpc_security_group_egress_rule.job_https_to_s3", GLUE_GROUP),
    ),
    (
        "sg-glue-jobs",
        "foundation",
        "no shuffle",
        drop(f"{FOUNDATION}.aws_vpc_security_group_ingress_rule.job_shuffle", GLUE_GROUP),
    ),
    (
        "sg-glue-jobs",
        "foundation",
        "shuffle with another group",
        reference(
            "foundation",
            "aws_vpc_security_group_egress_rule.job_shuffle",
            "referenced_security_group_id",
            "aws_security_group.glue_endpoint",
            GLUE_GROUP,
        ),
    ),
    ("vpc-endpoints", "foundation", "one is missing", drop(ENDPOINT, VPC)),
    ("vpc-endpoints", "foundation", "no private name", put(ENDPOINT, "private_dns_enabled", False)),
    ("vpc-endpoints", "foundation", "no names in the VPC", put(VPC, "enable_dns_hostnames", False)),
    *(
        ("vpc-endpoints", "foundation", fault, unset(f"aws_vpc_endpoint.{name}", argument, finding))
        for fault, name, argument, finding in (
            ("in no subnet", "interface", "subnet_ids", ENDPOINT),
            ("in the default group", "interface", "security_group_ids", ENDPOINT),
            ("without a route", "s3", "route_table_ids", S3_ENDPOINT),
        )
    ),
    ("vpc-endpoint-policy", "foundation", "AWS's own policy", put(ENDPOINT, "policy", None)),
    ("vpc-endpoint-policy", "foundation", "unknown policy", hide(ENDPOINT, "policy")),
    *(
        ("vpc-endpoint-policy", "foundation", fault, document(address, "policy", change))
        for fault, address, change in (
            ("any account", ENDPOINT, statement("IdentitiesOfThisAccount", Condition=None)),
            ("where no account is told", ENDPOINT, renamed("StringEquals", "StringEqualsIfExists")),
            ("every account", ENDPOINT, renamed("123456789012", "*")),
            ("any bucket", S3_ENDPOINT, statement("DomainBuckets", Resource="*")),
            ("any bucket's objects", S3_ENDPOINT, renamed("arn:aws:s3:::exa-raw-", "arn:aws:s3:::*")),
            ("nobody", S3_ENDPOINT, statement("DomainBuckets", Effect="Deny")),
        )
    ),
    # ─── Roles ───
    (
        "iam-trust",
        "project",
        "no source",
        document(JOB_ROLE, "assume_role_policy", statement("", Condition=None)),
    ),
    (
        "iam-trust",
        "project",
        "any account",
        document(JOB_ROLE, "assume_role_policy", renamed("123456789012", "*")),
    ),
    (
        "iam-trust",
        "project",
        "any way in",
        document(JOB_ROLE, "assume_role_policy", statement("", Action="sts:*")),
    ),
    (
        "iam-trust",
        "project",
        "every source but its own",
        document(JOB_ROLE, "assume_role_policy", renamed("ArnLike", "ArnNotLike")),
    ),
    (
        "iam-trust",
        "project",
        "no account where none is told",
        document(JOB_ROLE, "assume_role_policy", renamed("StringEquals", "StringEqualsIfExists")),
    ),
    (
        "iam-trust",
        "project",
        "everyone",
        document(JOB_ROLE, "assume_role_policy", statement("", Principal="*")),
    ),
    (
        "iam-trust",
        "project",
        "nobody",
        document(JOB_ROLE, "assume_role_policy", statement("", Effect="Deny")),
    ),
    (
        "iam-no-wildcard-action",
        "project",
        "all of S3",
        document(JOB_POLICY, "policy", statement("ReadObjects", Action="s3:*")),
    ),
    (
        "iam-no-wildcard-action",
        "project",
        "all but one",
        document(JOB_POLICY, "policy", statement("ReadObjects", Action=None, NotAction="s3:DeleteBucket")),
    ),
    (
        "iam-no-wildcard-resource",
        "project",
        "every object",
        document(JOB_POLICY, "policy", statement("ReadObjects", Resource="*")),
    ),
    (
        "iam-no-wildcard-resource",
        "project",
        "one action more in an exception",
        document(JOB_POLICY, "policy", statement("EC2NetworkAccess", Action=["ec2:RunInstances"])),
    ),
    (
        "iam-no-wildcard-resource",
        "project",
        "metrics of any namespace",
        document(JOB_POLICY, "policy", statement("JobMetrics", Condition=None)),
    ),
    (
        "iam-key-use",
        "project",
        "every key",
        document(JOB_POLICY, "policy", statement("DataLakeKey", Resource="*")),
    ),
    (
        "iam-key-use",
        "project",
        "the right to delete it",
        document(JOB_POLICY, "policy", statement("DataLakeKey", Action=["kms:ScheduleKeyDeletion"])),
    ),
    (
        "iam-trust",
        "project",
        "a user of the account",
        document(JOB_ROLE, "assume_role_policy", statement("", Principal=EVERYONE_S3)),
    ),
    *(
        (
            "iam-oidc-trust",
            "bootstrap",
            fault,
            document(DEPLOY_ROLE, "assume_role_policy", statement("GitHubActions", **changes)),
        )
        for fault, changes in {
            "no condition": {"Condition": None},
            "no subject": {"Condition": {"StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com"}}},
            "another issuer": {"Principal": {"Federated": "arn:aws:iam::123456789012:saml-provider/x"}},
            "another way in": {"Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]},
            "nobody": {"Effect": "Deny"},
        }.items()
    ),
    *(
        (
            "iam-oidc-trust",
            "bootstrap",
            fault,
            document(DEPLOY_ROLE, "assume_role_policy", renamed(pattern, replacement)),
        )
        for fault, pattern, replacement in (
            ("any repository", "repo:acme/example:", "repo:acme/*:"),
            ("any subject", "repo:acme/example:environment:dev", "*"),
            ("a likeness", '"StringEquals"', '"StringLike"'),
            ("a condition that may be missing", '"StringEquals"', '"StringEqualsIfExists"'),
            ("another audience", "sts.amazonaws.com", "https://github.com/acme"),
        )
    ),
    ("iam-oidc-trust", "bootstrap", "an open provider", put(OIDC, "client_id_list", ["a", "b"])),
    (
        "iam-identity-providers",
        "project",
        "a provider of its own",
        add(
            "module.project.aws_iam_openid_connect_provider.own",
            "aws_iam_openid_connect_provider",
            {"client_id_list": ["sts.amazonaws.com"]},
        ),
    ),
    (
        "iam-identity-providers",
        "project",
        "GitHub's users",
        document(JOB_ROLE, "assume_role_policy", _federated),
    ),
    (
        "iam-identity-providers",
        "project",
        "another account",
        document(JOB_ROLE, "assume_role_policy", _of_account),
    ),
    (
        "iam-policy-quota",
        "project",
        "a long inline policy",
        document(JOB_POLICY, "policy", _long(10240), JOB_ROLE),
    ),
    ("iam-policy-quota", "bootstrap", "a long boundary", document(BOUNDARY, "policy", _long(6144))),
    ("iam-policy-quota", "project", "eleven managed policies", _attached(11)),
    ("iam-role-boundary", "project", "none", put(JOB_ROLE, "permissions_boundary", None)),
    *(
        ("iam-boundary-holds", "bootstrap", fault, document(BOUNDARY, "policy", change))
        for fault, change in {
            "everything": statement("OneRegion", Action="*"),
            "all of IAM": statement("DomainIdentities", Action="iam:*"),
            "other names": without("OtherNames"),
            "roles without it": without("NoRoleWithoutIt"),
            "roles without it, allowed": statement("NoRoleWithoutIt", Effect="Allow"),
            "roles with any": statement(
                "NoRoleWithoutIt", Condition={"Null": {"iam:PermissionsBoundary": "true"}}
            ),
            "policies of roles without it": statement("NoRoleWithoutIt", Action=["iam:CreateRole"]),
            "some roles only": statement("NoRoleWithoutIt", Resource="arn:aws:iam::123456789012:role/x"),
            "taken off": without("NoTakingOff"),
            "any Region": statement("OneRegion", Condition=None),
            "where no Region is told": renamed(
                '"StringEquals": {"aws:RequestedRegion"', '"StringEqualsIfExists": {"aws:RequestedRegion"'
            ),
            "another Region alone": renamed(
                '"StringEquals": {"aws:RequestedRegion"', '"StringNotEquals": {"aws:RequestedRegion"'
            ),
        }.items()
    ),
    (
        "iam-key-use",
        "bootstrap",
        "keys of anyone",
        document(DEPLOY_DATA, "policy", statement("ChangeKeys", Condition=None)),
    ),
    (
        "iam-key-use",
        "bootstrap",
        "use of every key",
        document(DEPLOY_DATA, "policy", statement("UseKeys", Condition=None)),
    ),
    (
        "iam-key-use",
        "bootstrap",
        "aliases of anyone",
        document(DEPLOY_DATA, "policy", renamed("alias/exa-data-lake-dev", "alias/*")),
    ),
    (
        "iam-no-wildcard-resource",
        "bootstrap",
        "keys without tags",
        document(DEPLOY_DATA, "policy", statement("CreateKeys", Condition=None)),
    ),
    *(
        ("iam-by-tags", "bootstrap", f"{sid}: {fault}", document(address, "policy", change(sid)))
        for sid, address in (("CreateKeys", DEPLOY_DATA), ("ChangeKeys", DEPLOY_DATA))
        for fault, change in {
            "no condition": lambda sid: statement(sid, Condition=None),
            "any environment": lambda sid: condition(sid, "StringEquals", "/Environment"),
            "any domain": lambda sid: condition(sid, "StringEquals", "/Domain"),
            "where no tag is told": lambda sid: operator(sid, "StringEquals", "StringEqualsIfExists"),
        }.items()
    ),
    *(
        ("iam-by-tags", "bootstrap", fault, document(DEPLOY_NETWORK, "policy", change))
        for fault, change in {
            "a VPC of anyone": statement("CreateVpc", Condition=None),
            "a VPC of another environment": condition("CreateVpc", "StringEquals", "/Environment"),
            "what is there, of anyone": statement("ChangeTagged", Condition=None),
            "what is there, but the domain's": operator("ChangeTagged", "StringEquals", "StringNotEquals"),
            "tags on what is there": statement("TagWhatIsMade", Condition=None),
            "tags on another's group": condition("TagDefaultGroup", "Null", "/Domain"),
            "tags of any environment": renamed('"aws:RequestTag/Environment": "dev"', '"aws:UserAgent": "*"'),
            "a domain by a pattern": renamed('Tag/Domain": "example"', 'Tag/Domain": "*"'),
        }.items()
    ),
    (
        "kms-alias",
        "bootstrap",
        "another instance's alone",
        drop(f"{ENVIRONMENT}.aws_kms_alias.state", STATE_KEY),
    ),
    (
        "s3-access-logging",
        "bootstrap",
        "no prefix",
        put(
            f"{ENVIRONMENT}.module.state.aws_s3_bucket_logging.this[0]",
            "target_prefix",
            "",
            f"{ENVIRONMENT}.module.state.aws_s3_bucket.this",
        ),
    ),
    (
        "iam-no-administrator",
        "project",
        "attached",
        put(ATTACHMENT, "policy_arn", "arn:aws:iam::aws:policy/AdministratorAccess"),
    ),
    # ─── Glue ───
    ("glue-version", "project", "5.0", put(JOB, "glue_version", "5.0")),
    ("glue-version", "project", "no version", put(JOB, "glue_version", "")),
    ("glue-version", "project", "a Python shell", put(JOB, "command.0.name", "pythonshell")),
    ("glue-job-security-configuration", "project", "none", put(JOB, "security_configuration", None)),
    *(
        (
            "glue-security-configuration",
            "foundation",
            f"{part} off",
            put(
                f"{FOUNDATION}.aws_glue_security_configuration.main",
                f"encryption_configuration.0.{part}.0.{mode}",
                "DISABLED",
            ),
        )
        for part, mode in (
            ("s3_encryption", "s3_encryption_mode"),
            ("cloudwatch_encryption", "cloudwatch_encryption_mode"),
            ("job_bookmarks_encryption", "job_bookmarks_encryption_mode"),
        )
    ),
    *(
        (
            "glue-security-configuration",
            "foundation",
            f"{part} by AWS's own key",
            unset(
                "aws_glue_security_configuration.main",
                f"encryption_configuration.0.{part}.0.kms_key_arn",
                f"{FOUNDATION}.aws_glue_security_configuration.main",
            ),
        )
        for part in ("s3_encryption", "cloudwatch_encryption", "job_bookmarks_encryption")
    ),
    ("glue-arguments", "project", "no metrics", put(JOB, "default_arguments.--enable-metrics", "false")),
    (
        "glue-arguments",
        "project",
        "no catalog",
        put(JOB, "default_arguments.--conf", "spark.ui.enabled=true"),
    ),
    (
        "glue-arguments",
        "project",
        "Hive's catalog as well",
        put(JOB, "default_arguments.--enable-glue-datacatalog", "true"),
    ),
    ("glue-s3a-region", "project", "no Region", put(JOB, "default_arguments.--conf", "a=b")),
    (
        "glue-s3a-region",
        "project",
        "an empty Region",
        put(JOB, "default_arguments.--conf", "spark.hadoop.fs.s3a.endpoint.region="),
    ),
    (
        "glue-table-location",
        "project",
        "a slash at the end",
        put(TABLE, "storage_descriptor.0.location", "s3://exa-refined-123456789012-dev/example/ecb_rates/"),
    ),
    ("glue-table-permissions", "foundation", "as the account says", hide(DATABASE, _PERMISSIONS)),
    ("glue-table-permissions", "foundation", "none", put(DATABASE, _PERMISSIONS, [])),
    ("glue-limits", "project", "two days", put(JOB, "timeout", 2880)),
    ("glue-limits", "project", "none", put(JOB, "timeout", None)),
    ("glue-in-the-vpc", "project", "outside", put(JOB, "connections", [])),
    *(
        (
            "glue-in-the-vpc",
            "foundation",
            fault,
            unset(
                "aws_glue_connection.network", f"physical_connection_requirements.0.{argument}", CONNECTION
            ),
        )
        for fault, argument in (
            ("in no subnet", "subnet_id"),
            ("in the default group", "security_group_id_list"),
        )
    ),
    *(
        (
            "glue-table-optimizers",
            "project",
            f"no {kind}",
            drop(TABLE.replace("table.this", f"table_optimizer.{kind}"), TABLE),
        )
        for kind in ("compaction", "orphan_file_deletion", "retention")
    ),
    (
        "glue-table-optimizers",
        "project",
        "off",
        put(
            TABLE.replace("table.this", "table_optimizer.retention"),
            "configuration.0.enabled",
            False,
        ),
    ),
    # ─── State machines ───
    (
        "sfn-definition",
        "project",
        "a state that is not there",
        document(MACHINE, "definition", task(Next="Nowhere")),
    ),
    (
        "sfn-definition",
        "project",
        "no start",
        document(MACHINE, "definition", lambda found: found.pop("StartAt") and None),
    ),
    (
        "sfn-definition",
        "project",
        "a long name",
        document(MACHINE, "definition", renamed("Run_02_", "Run_02_" + "x" * 80)),
    ),
    (
        "sfn-definition",
        "project",
        "no good end",
        document(MACHINE, "definition", renamed('"Type": "Succeed"', '"Type": "Fail"')),
    ),
    (
        "sfn-sync",
        "project",
        "not waited for",
        document(MACHINE, "definition", task(Resource="arn:aws:states:::glue:startJobRun")),
    ),
    ("sfn-retry", "project", "no retry", document(MACHINE, "definition", task(Retry=None))),
    (
        "sfn-retry",
        "project",
        "no attempt",
        document(MACHINE, "definition", renamed('"MaxAttempts": [0-9]+', '"MaxAttempts": 0')),
    ),
    ("sfn-catch", "project", "no catch", document(MACHINE, "definition", task(Catch=None))),
    *(
        ("sfn-catch", "project", fault, document(MACHINE, "definition", renamed(pattern, replacement)))
        for fault, pattern, replacement in (
            ("a failure that ends well", '"Next": "PipelineFailed"', '"Next": "PipelineSucceeded"'),
            ("a cause that is elsewhere", '"ResultPath": "\\$.failure"', '"ResultPath": "$.other"'),
            ("another cause", "failure.Cause", "failure.Error"),
        )
    ),
    (
        "sfn-timeout",
        "project",
        "an endless execution",
        document(MACHINE, "definition", lambda found: found.pop("TimeoutSeconds") and None),
    ),
    ("sfn-timeout", "project", "an endless task", document(MACHINE, "definition", task(TimeoutSeconds=None))),
    ("sfn-outlasts-jobs", "project", "a longer job", put(JOB, "timeout", 120, finding=MACHINE)),
    (
        "sfn-outlasts-jobs",
        "project",
        "a shorter execution",
        document(MACHINE, "definition", lambda found: found.update(TimeoutSeconds=3600)),
    ),
    ("sfn-logging", "project", "errors only", put(MACHINE, "logging_configuration.0.level", "ERROR")),
    ("sfn-logging", "project", "nowhere", put(MACHINE, "logging_configuration", [])),
    ("sfn-tracing", "project", "off", put(MACHINE, "tracing_configuration.0.enabled", False)),
    # ─── Topics ───
    ("sns-encrypted", "foundation", "no key", put(TOPIC, "kms_master_key_id", "")),
    ("sns-encrypted", "foundation", "AWS's key", put(TOPIC, "kms_master_key_id", "alias/aws/sns")),
    ("sns-policy", "foundation", "none", drop(TOPIC_POLICY, TOPIC)),
    *(
        ("sns-policy", "foundation", fault, document(TOPIC_POLICY, "policy", edit, TOPIC))
        for fault, edit in (
            ("everyone publishes", statement("EventBridge", Principal="*")),
            ("everyone signed in publishes", statement("EventBridge", Principal={"AWS": "*"})),
            ("EventBridge subscribes", statement("EventBridge", Action=["sns:Publish", "sns:Subscribe"])),
            ("EventBridge publishes anywhere", statement("EventBridge", Resource="*")),
            ("another service", statement("EventBridge", Principal={"Service": "s3.amazonaws.com"})),
            ("all but some", statement("EventBridge", Principal=None, NotPrincipal={"AWS": "123456789012"})),
            ("plain HTTP", without("DenyPlainHTTP")),
            ("plain HTTP for most", statement("DenyPlainHTTP", Principal={"AWS": "123456789012"})),
            (
                "plain HTTP from elsewhere",
                statement(
                    "DenyPlainHTTP",
                    Condition={
                        "Bool": {"aws:SecureTransport": "false"},
                        "StringEquals": {"aws:PrincipalAccount": "123456789012"},
                    },
                ),
            ),
        )
    ),
    ("sns-policy", "foundation", "unknown policy", hide(TOPIC_POLICY, "policy")),
    *(
        ("sns-reached-by-rules", "foundation", fault, document(address, "policy", edit, finding))
        for fault, address, edit, finding in (
            (
                "a topic that asks for the account",
                TOPIC_POLICY,
                statement("EventBridge", Condition={"StringEquals": {"aws:SourceAccount": "123456789012"}}),
                TOPIC,
            ),
            (
                "a key that asks for the account",
                KEY,
                statement("EventBridge", Condition={"StringEquals": {"aws:SourceAccount": "123456789012"}}),
                KEY,
            ),
            ("a key without EventBridge", KEY, without("EventBridge"), KEY),
            ("a key that encrypts nothing", KEY, statement("EventBridge", Action="kms:Decrypt"), KEY),
        )
    ),
    # ─── Logs, names, tags ───
    ("logs-encrypted", "project", "no key", put(MACHINE_LOGS, "kms_key_id", None)),
    ("logs-retention", "project", "for ever", put(MACHINE_LOGS, "retention_in_days", 0)),
    ("tags", "project", "no owner", put(JOB, "tags_all", {"Domain": "d", "Environment": "dev"})),
    ("bucket-names", "foundation", "no account", put(BUCKET, "bucket", "exa-raw-dev")),
    ("bucket-names", "foundation", "another environment", put(BUCKET, "bucket", "exa-raw-123456789012-prod")),
    ("names-of-the-environment", "project", "none", put(JOB, "name", "exa-example-refine")),
]
