"""Hold the gate beside checkov on a few thousand generated plans: ``make bench-gate [CASES=500]``.

Each case is a small plan in which one thing decides on a control, in one spelling. What is right is known by
construction: the case holds, fails, or hides a value so that nobody can tell. Printed for each control: the
cases, the gate's precision and recall, and how often checkov says otherwise where it states the same rule.
Each kind of difference is listed with its reason, by AWS's documentation.

Exit status 1: what fails, or what nobody can tell, passes a critical or high control; or a difference has no
reason.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from meshtest.check.controls import all_controls
from meshtest.check.gate import judge
from meshtest.tools import toolchain

CHECKOV = toolchain.ROOT / ".tools" / "checkov" / "bin" / "checkov"
BATCH = 200  # plans for one start of checkov
BUCKET, PAB = "aws_s3_bucket", "aws_s3_bucket_public_access_block"
KEY_ARN = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"

# ─── Rules that Both State ───

CHECKS = {
    "iam-no-administrator": ("CKV_AWS_62", "CKV_AWS_274"),
    "kms-rotation": ("CKV_AWS_7",),
    "logs-encrypted": ("CKV_AWS_158",),
    "logs-retention": ("CKV_AWS_66",),
    "s3-access-logging": ("CKV_AWS_18",),
    "s3-customer-key": ("CKV_AWS_145",),
    "s3-owner-enforced": ("CKV2_AWS_65",),
    "s3-public-access-block": ("CKV2_AWS_6",),
    "s3-versioning": ("CKV_AWS_21",),
    "sg-egress": ("CKV_AWS_382",),
    "sg-ingress": ("CKV_AWS_24", "CKV_AWS_25", "CKV_AWS_260", "CKV_AWS_277"),
    "subnet-private": ("CKV_AWS_130",),
    "vpc-flow-log": ("CKV2_AWS_11",),
}


@dataclass(frozen=True)
class Case:
    """A plan, the control that it is for, and what is right: "holds", "fails" or "hidden"."""

    control: str
    spelling: str
    truth: str
    plan: Mapping[str, Any]


# ─── Plans ───


class Root:
    """A root module that is being planned: its blocks, and the instances of each."""

    def __init__(self) -> None:
        self.changes: list[dict[str, Any]] = []
        self.blocks: list[dict[str, Any]] = []

    def add(
        self,
        label: str,
        values: Mapping[str, Any],
        *,
        keys: Iterable[str | int | None] = (None,),
        refs: Mapping[str, list[str]] = {},
        unknown: Iterable[str] = (),
        sensitive: Iterable[str] = (),
        **meta: Any,
    ) -> Root:
        """Add a block with its instances; texts may hold {key}, `refs` stand instead of constants."""
        kind, name = label.split(".")
        expressions = {argument: _expression(value) for argument, value in values.items()}
        expressions |= {argument: {"references": names} for argument, names in refs.items()}
        self.blocks.append(
            {
                "address": label,
                "mode": "managed",
                "type": kind,
                "name": name,
                "expressions": expressions,
                **meta,
            }
        )
        for key in keys:
            index = {} if key is None else {"index": key}
            after = {
                argument: _filled(value, key) for argument, value in values.items() if argument not in unknown
            }
            address = label if key is None else f"{label}[{json.dumps(key)}]"
            change = {
                "actions": ["create"],
                "before": None,
                "after": after,
                "after_unknown": {"id": True, "arn": True} | dict.fromkeys(unknown, True),
                "after_sensitive": dict.fromkeys(sensitive, True),
            }
            entry = {"address": address, "mode": "managed", "type": kind, "name": name, **index}
            self.changes.append({**entry, "change": change})
        return self

    def plan(self) -> dict[str, Any]:
        """The plan in Terraform's JSON."""
        planned = [
            {**{name: each[name] for name in each if name != "change"}, "values": each["change"]["after"]}
            for each in self.changes
        ]
        return {
            "format_version": "1.2",
            "terraform_version": "1.14.9",
            "planned_values": {"root_module": {"resources": planned}},
            "resource_changes": self.changes,
            "configuration": {"root_module": {"resources": self.blocks}},
        }


def _expression(value: Any) -> Any:
    is_block = isinstance(value, list) and value and isinstance(value[0], dict)
    return (
        [{k: _expression(v) for k, v in each.items()} for each in value]
        if is_block
        else {"constant_value": value}
    )


def _filled(value: Any, key: Any) -> Any:
    return value.replace("{key}", str(key)) if isinstance(value, str) else value


# ─── How a Setting Names Its Bucket ───


def linked(
    style: str, settings: Iterable[tuple[str, Mapping[str, Any]]], *, is_for_all: bool = True
) -> Root | None:
    """A root with buckets, and settings that name them in a style; None if the style has no such root.

    Not for all: the last bucket is left without.
    """
    root = Root()
    block = f"{BUCKET}.b"
    name = "acme-{key}" if style in ("count", "each.key", "each.value", "index") else "acme"
    keys: list[Any] = {"count": [0, 1], "index": [0, 1]}.get(style) or (
        ["a.x", "b"] if style.startswith("each") else [None]
    )
    meta = {"count_expression": {"constant_value": 2}} if isinstance(keys[0], int) else {}
    root.add(block, {"bucket": name}, keys=keys, **meta)
    if style in ("name", "id", "local", "attribute"):
        if not is_for_all:
            root.add(f"{BUCKET}.other", {"bucket": "acme-other"})
        own: list[Any] = [None]
    else:
        own = keys if is_for_all else keys[:-1]
    for kind, values in settings:
        if style in ("name", "attribute"):
            refs = {"bucket": [f"{block}.bucket", block]} if style == "attribute" else {}
            root.add(f"{kind}.s", {"bucket": "acme", **values}, refs=refs)
        elif style in ("id", "local"):
            refs = {"bucket": ["local.bucket"] if style == "local" else [f"{block}.id", block]}
            root.add(f"{kind}.s", values, refs=refs, unknown=["bucket"])
        elif style == "index":
            for key in own:
                refs = {"bucket": [f"{block}[{key}].id", f"{block}[{key}]", block]}
                own_values = json.loads(json.dumps(values).replace("{key}", str(key)))
                root.add(f"{kind}.s{key}", own_values, refs=refs, unknown=["bucket"])
        else:
            refs, meta = {
                "count": (
                    {"bucket": [block, "count.index"]},
                    {"count_expression": {"constant_value": len(own)}},
                ),
                "each.key": (
                    {"bucket": [block, "each.key"]},
                    {"for_each_expression": {"references": ["var.m"]}},
                ),
                "each.value": (
                    {"bucket": ["each.value.id", "each.value"]},
                    {"for_each_expression": {"references": [block]}},
                ),
            }[style]
            root.add(f"{kind}.s", values, keys=own, refs=refs, unknown=["bucket"], **meta)
    return root


STYLES = ("attribute", "count", "each.key", "each.value", "id", "index", "local", "name")


def by_bucket(
    control: str, kind: str, variants: Mapping[str, tuple[str, Mapping[str, Any]]]
) -> Iterator[Case]:
    """A setting of buckets in every style: on all of them, on some, on none, with each of its variants."""
    for style, (variant, (truth, values)), is_for_all in product(STYLES, variants.items(), (True, False)):
        root = linked(style, [(kind, values)], is_for_all=is_for_all)
        right = truth if is_for_all or truth == "fails" else "fails"
        if style == "local" and not is_for_all:
            right = "hidden"  # which of two buckets the local names is not in the plan
        if root:
            reach = "on all" if is_for_all else "not on all"
            yield Case(control, f"{style}, {variant}, {reach}", right, root.plan())
    yield Case(control, "none", "fails", Root().add(f"{BUCKET}.b", {"bucket": "acme"}).plan())


def buckets() -> Iterator[Case]:
    """The settings of buckets."""
    flags = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
    blocks = {
        f"flags {''.join(str(int(each)) for each in chosen)}": (
            "holds" if all(chosen) else "fails",
            dict(zip(flags, chosen, strict=True)),
        )
        for chosen in product((True, False), repeat=4)
    }
    blocks["a flag left out"] = "fails", dict.fromkeys(flags[1:], True)
    yield from by_bucket("s3-public-access-block", PAB, blocks)
    owners = {
        each: ("fails", {"rule": [{"object_ownership": each}]})
        for each in ("ObjectWriter", "BucketOwnerPreferred")
    }
    owners["enforced"] = "holds", {"rule": [{"object_ownership": "BucketOwnerEnforced"}]}
    yield from by_bucket("s3-owner-enforced", "aws_s3_bucket_ownership_controls", owners)
    versions = {
        each: ("holds" if each == "Enabled" else "fails", {"versioning_configuration": [{"status": each}]})
        for each in ("Enabled", "Suspended", "Disabled")
    }
    yield from by_bucket("s3-versioning", "aws_s3_bucket_versioning", versions)
    encryption = {}
    for algorithm, key, cheap in product(
        ("aws:kms", "aws:kms:dsse", "AES256"), (KEY_ARN, None, "alias/aws/s3"), (True, False)
    ):
        rule = {"sse_algorithm": algorithm, "kms_master_key_id": key}
        good = key == KEY_ARN and (algorithm == "aws:kms:dsse" or (algorithm == "aws:kms" and cheap))
        words = f"{algorithm}, {'own' if key == KEY_ARN else 'no' if key is None else 'the service'} key, "
        encryption[words + ("bucket keys" if cheap else "no bucket keys")] = (
            "holds" if good else "fails",
            {"rule": [{"apply_server_side_encryption_by_default": [rule], "bucket_key_enabled": cheap}]},
        )
    yield from by_bucket("s3-customer-key", "aws_s3_bucket_server_side_encryption_configuration", encryption)
    logging = {
        "a prefix": ("holds", {"target_bucket": "acme-logs", "target_prefix": "b/{key}"}),
        "no prefix": ("fails", {"target_bucket": "acme-logs", "target_prefix": ""}),
    }
    yield from by_bucket("s3-access-logging", "aws_s3_bucket_logging", logging)
    yield from transport()


def transport() -> Iterator[Case]:
    """The bucket's policy: every way to write that plain HTTP is denied, and ways that do not."""
    arn = "arn:aws:s3:::acme"
    parts = {
        "Action": ({"s3:*", "S3:*", "*", "s3:**"}, {"s3:Get*", "s3:GetObject"}),
        "Principal": (
            {"*", '{"AWS": "*"}', '{"AWS": ["*"]}'},
            {'{"AWS": "arn:aws:iam::123456789012:root"}', '{"Service": "*"}'},
        ),
        "Resource": ({f'["{arn}", "{arn}/*"]', "*", f"{arn}*"}, {arn, f"{arn}/*", "arn:aws:s3:::acme2*"}),
        "Condition": (
            {
                '{"Bool": {"aws:SecureTransport": "false"}}',
                '{"Bool": {"AWS:SECURETRANSPORT": [false]}}',
                '{"BoolIfExists": {"aws:SecureTransport": "false"}}',
            },
            {
                '{"Bool": {"aws:SecureTransport": "true"}}',
                '{"Bool": {"aws:SecureTransport": "false"}, "StringLike": {"aws:userid": "x"}}',
            },
        ),
    }
    names = list(parts)
    choices = [[(each, side == 0) for side in (0, 1) for each in sorted(parts[name][side])] for name in names]
    for chosen in product(*choices):
        statement = {"Effect": "Deny"} | {
            name: _loaded(each) for name, (each, _) in zip(names, chosen, strict=True)
        }
        truth = "holds" if all(good for _, good in chosen) else "fails"
        spelling = "; ".join(each for each, _ in chosen)
        for listed in (True, False):
            document = json.dumps({"Statement": [statement] if listed else statement})
            root = Root().add(f"{BUCKET}.b", {"bucket": "acme"})
            root.add("aws_s3_bucket_policy.p", {"bucket": "acme", "policy": document})
            yield Case("s3-https-only", f"{spelling} {'listed' if listed else 'alone'}", truth, root.plan())


def _loaded(text: str) -> Any:
    return json.loads(text) if text[0] in "[{" else text


# ─── Security Groups ───

NETWORKS = {
    "everywhere": ("fails", ["0.0.0.0/0"], []),
    "everywhere by IPv6": ("fails", [], ["::/0"]),
    "everywhere by long IPv6": ("fails", [], ["0:0:0:0:0:0:0:0/0"]),
    "two halves": ("fails", ["0.0.0.0/1", "128.0.0.0/1"], []),
    "halves by IPv6": ("fails", [], ["::/1", "8000::/1"]),
    "among others": ("fails", ["10.0.0.0/8", "0.0.0.0/0"], []),
    "private": ("holds", ["10.0.0.0/8", "192.168.0.0/16"], []),
    "one half": ("holds", ["0.0.0.0/1"], []),
    "private by IPv6": ("holds", [], ["fd00::/8"]),
}
PORTS = {"22": ("tcp", 22, 22), "80": ("tcp", 80, 80), "3389": ("tcp", 3389, 3389), "all": ("-1", 0, 0)}
CARRIERS = ("aws_security_group", "aws_security_group_rule", "aws_vpc_security_group_{}_rule")


def groups() -> Iterator[Case]:
    """The rules of security groups, inline and as resources."""
    for way, carrier, (words, (truth, four, six)), (port, (protocol, first, last)) in product(
        ("egress", "ingress"), CARRIERS, NETWORKS.items(), PORTS.items()
    ):
        ports = {"from_port": first, "to_port": last}
        for hidden in ("", "unknown", "sensitive"):
            root = Root()
            old = {"protocol": protocol, **ports, "cidr_blocks": four, "ipv6_cidr_blocks": six}
            marks = {hidden: ["cidr_blocks" if four else "ipv6_cidr_blocks"]} if hidden else {}
            group = {"name": "x", "description": "x"}
            if carrier == "aws_security_group":
                root.add("aws_security_group.g", {**group, way: [{**old, "description": "x"}]})
                if hidden:
                    root.changes[0]["change"][f"after_{hidden}"] = {way: [dict.fromkeys(marks[hidden], True)]}
            elif carrier == "aws_security_group_rule":
                root.add(
                    f"{carrier}.r",
                    {"type": way, "security_group_id": "sg-1", "description": "x", **old},
                    **marks,
                )
            else:
                networks = [("cidr_ipv4", each) for each in four] + [("cidr_ipv6", each) for each in six]
                for position, (name, network) in enumerate(networks):
                    values = {"ip_protocol": protocol, **ports, name: network, "security_group_id": "sg-1"}
                    mark = {hidden: [name]} if hidden else {}
                    root.add(f"{carrier.format(way)}.r{position}", {"description": "x", **values}, **mark)
            spelling = f"{carrier.format(way)}, {words}, port {port}{', ' + hidden if hidden else ''}"
            yield Case(f"sg-{way}", spelling, "hidden" if hidden else truth, root.plan())


# ─── Identities ───

DOORS = {
    "aws_iam_role.managed_policy_arns": lambda arn: {
        "name": "r",
        "assume_role_policy": "{}",
        "managed_policy_arns": [arn],
    },
    "aws_iam_policy_attachment.policy_arn": lambda arn: {"name": "x", "roles": ["x"], "policy_arn": arn},
    "aws_iam_role_policy_attachment.policy_arn": lambda arn: {"role": "x", "policy_arn": arn},
    "aws_iam_user_policy_attachment.policy_arn": lambda arn: {"user": "x", "policy_arn": arn},
    "aws_iam_group_policy_attachment.policy_arn": lambda arn: {"group": "x", "policy_arn": arn},
    "aws_iam_role_policy_attachments_exclusive.policy_arns": lambda arn: {
        "role_name": "x",
        "policy_arns": [arn],
    },
    "aws_iam_user_policy_attachments_exclusive.policy_arns": lambda arn: {
        "user_name": "x",
        "policy_arns": [arn],
    },
    "aws_iam_group_policy_attachments_exclusive.policy_arns": lambda arn: {
        "group_name": "x",
        "policy_arns": [arn],
    },
}
ARNS = {
    ADMIN: "fails",
    ADMIN.replace(":aws:", ":aws-cn:", 1): "fails",
    "arn:aws:iam::aws:policy/ReadOnlyAccess": "holds",
}
POLICIES = (
    "aws_iam_policy",
    "aws_iam_role_policy",
    "aws_iam_user_policy",
    "aws_iam_group_policy",
    "inline_policy",
)


def identities() -> Iterator[Case]:
    """Administrators through every door, and what only looks like one."""
    for (door, values), (arn, truth), hidden in product(
        DOORS.items(), ARNS.items(), ("", "unknown", "sensitive")
    ):
        kind, argument = door.split(".")
        marks = {hidden: [argument]} if hidden else {}
        root = Root().add(f"{kind}.x", values(arn), **marks)
        spelling = f"{door} {arn}{', ' + hidden if hidden else ''}"
        yield Case("iam-no-administrator", spelling, "hidden" if hidden else truth, root.plan())
    actions = {
        "*": True,
        "*:*": True,
        "**": True,
        ("s3:GetObject", "*"): True,
        "s3:GetObject": False,
        "s3:*": False,
    }
    resources = {"*": True, ("arn:aws:s3:::acme", "*"): True, "arn:aws:s3:::acme/*": False}
    for kind, (action, all_of), (resource, everywhere), effect in product(
        POLICIES, actions.items(), resources.items(), ("Allow", "Deny")
    ):
        statement = {"Effect": effect, "Action": _listed(action), "Resource": _listed(resource)}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        root = Root()
        if kind == "inline_policy":
            block = {"inline_policy": [{"name": "x", "policy": document}]}
            root.add("aws_iam_role.x", {"name": "x", "assume_role_policy": "{}", **block})
        else:
            root.add(f"{kind}.x", {"name": "x", "policy": document})
        fails = all_of and everywhere and effect == "Allow"
        spelling = f"{kind} {effect} {action} on {resource}"
        yield Case("iam-no-administrator", spelling, "fails" if fails else "holds", root.plan())


def _listed(value: str | tuple[str, ...]) -> str | list[str]:
    return list(value) if isinstance(value, tuple) else value


# ─── Single Values ───


def values() -> Iterator[Case]:
    """Arguments that decide by themselves: good, bad, left out, unknown, sensitive."""
    singles = (
        ("kms-rotation", "aws_kms_key", "enable_key_rotation", True, (False, None)),
        ("subnet-private", "aws_subnet", "map_public_ip_on_launch", False, (True,)),
        ("logs-encrypted", "aws_cloudwatch_log_group", "kms_key_id", KEY_ARN, (None,)),
        ("logs-retention", "aws_cloudwatch_log_group", "retention_in_days", 365, (0, None)),
    )
    for control, kind, argument, good, bad in singles:
        label = f"{kind}.x"
        yield Case(control, "good", "holds", Root().add(label, {argument: good}).plan())
        for value in bad:
            yield Case(control, f"{value}", "fails", Root().add(label, {argument: value}).plan())
        yield Case(
            control, "unknown", "hidden", Root().add(label, {argument: good}, unknown=[argument]).plan()
        )
        yield Case(
            control, "sensitive", "hidden", Root().add(label, {argument: good}, sensitive=[argument]).plan()
        )
    for traffic, linked_by in product(("ALL", "ACCEPT", "REJECT"), ("id", "each.value", "another", "none")):
        keys: list[Any] = ["a", "b"] if linked_by == "each.value" else [None]
        root = (
            Root()
            .add("aws_vpc.v", {"cidr_block": "10.0.0.0/16"}, keys=keys)
            .add("aws_vpc.w", {"cidr_block": "10.1.0.0/16"})
        )
        root.add("aws_cloudwatch_log_group.g", {"name": "flow"})
        goal = {
            "log_destination": "arn:aws:logs:us-east-1:123456789012:log-group:flow",
            "traffic_type": traffic,
        }
        other = {"vpc_id": ["aws_vpc.w.id", "aws_vpc.w"]}
        root.add("aws_flow_log.w", {**goal, "traffic_type": "ALL"}, refs=other, unknown=["vpc_id"])
        names = {"id": ["aws_vpc.v.id", "aws_vpc.v"], "each.value": ["each.value.id", "each.value"]}.get(
            linked_by
        )
        if names:
            meta = {"for_each_expression": {"references": ["aws_vpc.v"]}} if linked_by == "each.value" else {}
            root.add("aws_flow_log.v", goal, keys=keys, refs={"vpc_id": names}, unknown=["vpc_id"], **meta)
        truth = "holds" if names and traffic == "ALL" else "fails"
        yield Case("vpc-flow-log", f"{linked_by}, {traffic}", truth, root.plan())


# ─── Why Checkov Says Otherwise ───

GUIDE = "https://docs.aws.amazon.com"
# By control, a pattern of spellings, and why the gate is right. The first that fits counts.
REASONS = (
    (
        "iam-no-administrator",
        r"aws-cn",
        f"the partition is part of an ARN: {GUIDE}/IAM/latest/UserGuide/reference-arns.html",
    ),
    (
        "iam-no-administrator",
        r"^inline_policy ",
        "inline_policy of a role is a policy: "
        f"{GUIDE}/IAM/latest/UserGuide/access_policies_managed-vs-inline.html",
    ),
    (
        "iam-no-administrator",
        r"Allow (\*\*|\*:\*) ",
        f"a * matches any characters: {GUIDE}/IAM/latest/UserGuide/reference_policies_elements_action.html",
    ),
    (
        "logs-retention",
        r"^0$",
        "0 keeps events for ever: "
        f"{GUIDE}/AmazonCloudWatch/latest/logs/Working-with-log-groups-and-streams.html",
    ),
    (
        "s3-access-logging",
        r"no prefix",
        "checkov asks for no prefix, the gate for one of its own: "
        f"{GUIDE}/AmazonS3/latest/userguide/ServerLogs.html",
    ),
    (
        "s3-customer-key",
        r"aws:kms, (no|the service) key",
        f"then the key is AWS's own: {GUIDE}/AmazonS3/latest/userguide/UsingKMSEncryption.html",
    ),
    (
        "s3-customer-key",
        r"aws:kms, own key, no bucket keys",
        f"checkov asks for no bucket keys: {GUIDE}/AmazonS3/latest/userguide/bucket-key.html",
    ),
    (
        "s3-customer-key",
        r"aws:kms:dsse",
        f"DSSE-KMS encrypts with the key, too: {GUIDE}/AmazonS3/latest/userguide/UsingDSSEncryption.html",
    ),
    (
        "s3-public-access-block",
        r"flags \d*0",
        "checkov reads fewer than the four flags: "
        f"{GUIDE}/AmazonS3/latest/userguide/access-control-block-public-access.html",
    ),
    (
        "s3-owner-enforced",
        r"not on all",
        "checkov looks at the setting, not at the bucket without one: "
        f"{GUIDE}/AmazonS3/latest/userguide/about-object-ownership.html",
    ),
    (
        "s3-",
        r"^(each\.value|index|local|name), ",
        "the setting names this bucket: https://developer.hashicorp.com/terraform/internals/json-format; "
        "checkov does not connect the two",
    ),
    (
        "sg-",
        r"halves",
        f"two halves are everything; rules add up: {GUIDE}/vpc/latest/userguide/security-group-rules.html",
    ),
    (
        "sg-",
        r"IPv6",
        "::/0 has other spellings, and is everywhere: "
        f"{GUIDE}/vpc/latest/userguide/security-group-rules.html",
    ),
    (
        "sg-egress",
        r"port \d|aws_vpc_security_group_egress_rule",
        f"checkov asks for all ports in one block: {GUIDE}/vpc/latest/userguide/security-group-rules.html",
    ),
    (
        "vpc-flow-log",
        r"ACCEPT|REJECT",
        f"checkov asks for no type of traffic: {GUIDE}/vpc/latest/userguide/flow-logs-basics.html",
    ),
    (
        "vpc-flow-log",
        r"^each\.value",
        "the flow log names this VPC: https://developer.hashicorp.com/terraform/internals/json-format; "
        "checkov does not connect the two",
    ),
)


# ─── Verdicts ───


def of_gate(case: Case) -> str:
    """The gate's verdict: "holds", "fails" or "hidden"."""
    report = judge(case.plan, case.spelling, ids=[case.control])
    if not report.items:
        return "holds" if report.count("passed") else "silent"
    return "hidden" if all(item.finding.error for item in report.items) else "fails"


def of_checkov(cases: list[Case]) -> Iterator[str]:
    """The verdict of checkov on each case: "holds", "fails", or "silent" where it looks at nothing."""
    for start in range(0, len(cases), BATCH):
        yield from _batch(cases[start : start + BATCH])


def _batch(cases: list[Case]) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{number:04}.json" for number in range(len(cases))]
        for file, case in zip(files, cases, strict=True):
            file.write_text(json.dumps(case.plan))
        ids = sorted({check for case in cases for check in CHECKS[case.control]})
        options = ("--framework", "terraform_plan", "--skip-download", "--compact", "--output", "json")
        named = [word for file in files for word in ("--file", str(file))]
        command = [str(CHECKOV), *named, *options, "--check", ",".join(ids), "--soft-fail"]
        run = subprocess.run(command, capture_output=True, text=True)
        if not run.stdout.strip().startswith(("{", "[")):
            sys.exit(f"checkov: {run.stderr.strip() or run.stdout.strip()}")
        found = json.loads(run.stdout)
    seen: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for word, name in (("fails", "failed_checks"), ("holds", "passed_checks")):
        for check in found.get("results", {}).get(name, []):
            seen[Path(check["file_path"]).name].add((check["check_id"], word))
    return [_verdict(case, seen[file.name]) for file, case in zip(files, cases, strict=True)]


def _verdict(case: Case, seen: set[tuple[str, str]]) -> str:
    words = {word for check, word in seen if check in CHECKS[case.control]}
    return "fails" if "fails" in words else "holds" if words else "silent"


def all_cases() -> list[Case]:
    """Every case, in a fixed order."""
    return [*buckets(), *groups(), *identities(), *values()]


def main() -> int:
    """Print the measure; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, help="so many of them, chosen at random (default: all)")
    options = parser.parse_args()
    cases = all_cases()
    if options.cases:
        cases = random.Random(0).sample(cases, min(options.cases, len(cases)))
    verdicts = {id(case): of_gate(case) for case in cases}
    compared = [case for case in cases if case.control in CHECKS and case.truth != "hidden"]
    others = dict(zip(map(id, compared), of_checkov(compared), strict=True))
    return report(cases, verdicts, others)


def report(cases: list[Case], verdicts: Mapping[int, str], others: Mapping[int, str]) -> int:
    """Print the table and the differences; returns the exit status."""
    severities = {each.id: each.severity for each in all_controls()}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    wrong: list[str] = []
    reasons: Counter[str] = Counter()
    for case in cases:
        found, count = verdicts[id(case)], counts[case.control]
        count["cases"] += 1
        is_found = found in ("fails", "hidden")
        count[
            "right finding" if is_found and case.truth != "holds" else "false finding" if is_found else ""
        ] += 1
        if case.truth != "holds" and not is_found:
            count["false pass"] += 1
        if (found != case.truth) and not (case.truth == "hidden" and found == "fails"):
            wrong.append(
                f"{severities[case.control]} {case.control}: {case.spelling}: {found}, right is {case.truth}"
            )
        other = others.get(id(case))
        if other in ("fails", "holds") and other != found:
            count["other than checkov"] += 1
            reasons[f"{case.control}: {reason(case)}"] += 1
    print(f"{'':24}{'cases':>6}{'precision':>11}{'recall':>8}{'false pass':>12}{'not as checkov':>16}")
    for control, count in sorted(counts.items()):
        right, extra, missed = (count[name] for name in ("right finding", "false finding", "false pass"))
        rates = f"{rate(right, right + extra):>11}{rate(right, right + missed):>8}"
        print(f"{control:24}{count['cases']:6}{rates}{missed:12}{count['other than checkov']:16}")
    print("\nWhere checkov says otherwise, and who is right:")
    for words, number in sorted(reasons.items()):
        print(f"{number:6}  {words}")
    print("".join(f"\nWRONG {each}" for each in wrong))
    passed = [each for each in wrong if each.startswith(("critical", "high")) and ": holds, " in each]
    unexplained = [words for words in reasons if words.endswith(UNEXPLAINED)]
    return 1 if passed or unexplained else 0


def rate(part: int, whole: int) -> str:
    """A part of a whole with three decimals; a dash if there is nothing to be part of."""
    return f"{part / whole:.3f}" if whole else "-"


UNEXPLAINED = "NO REASON IS GIVEN"


def reason(case: Case) -> str:
    """Why checkov's verdict on a case is another one."""
    for control, pattern, why in REASONS:
        if case.control.startswith(control) and re.search(pattern, case.spelling):
            return why
    return f"{case.spelling}: {UNEXPLAINED}"


if __name__ == "__main__":
    sys.exit(main())
