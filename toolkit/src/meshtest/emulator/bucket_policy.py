"""Check a bucket policy as PutBucketPolicy does, and say whether it is public.

A policy that S3 refuses is refused with S3's sentence, so that it is not AWS that finds it first.

The sentences are those that users report of S3: its documentation names the code MalformedPolicy alone.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html,
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html (s3_actions.json),
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html (global keys),
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html (public).

Pure: nothing here knows moto.
"""

from __future__ import annotations

import base64
import binascii
import functools
import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshtest.check.states_language import unique_members
from meshtest.emulator import policy as policies
from meshtest.emulator.policy import ACCOUNT, PolicyError, like, listed

LARGEST = 20 * 1024
SYNTAX = "Invalid policy syntax."
PRINCIPAL = "Invalid principal in policy"
RESOURCE = "Policy has invalid resource"
ACTION = "Policy has invalid action"
NOT_APPLICABLE = "Action does not apply to any resource(s) in statement"
CONDITION_KEY = "Policy has an invalid condition key"
CONDITION_NOT_APPLICABLE = "Conditions do not apply to combination of actions and resources in statement"

_PRINCIPAL_ARN = re.compile(
    r"arn:aws[a-z-]*:(iam::\d{12}:(root|(user|role)/[\w+=,.@/-]+)"
    r"|sts::\d{12}:(assumed-role/[\w+=,.@-]+/[\w+=,.@-]+|federated-user/[\w+=,.@-]+)"
    r"|iam::cloudfront:user/[\w +=,.@/-]+)"
)
_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.(amazonaws\.com(\.cn)?|aws\.internal)")
_FEDERATED = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(saml|oidc)-provider/.+|[a-z0-9.-]+\.(com|net|org)")
_CANONICAL_USER = re.compile(r"[0-9a-f]{64}")
_STATEMENT = frozenset(
    {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource"}
) | {"Condition"}
# Keys of identity providers and of STS, that no list of S3's has: what they are called is theirs.
_OTHER_KEYS = (
    "accounts.google.com:",
    "cognito-identity.amazonaws.com:",
    "graph.facebook.com:",
    "saml:",
    "sts:",
    "www.amazon.com:",
)
_GLOBAL_NAMES = """
    AssumedRoot CalledVia CalledViaFirst CalledViaLast CurrentTime Ec2InstanceSourcePrivateIPv4
    Ec2InstanceSourceVpc EpochTime FederatedProvider MultiFactorAuthAge MultiFactorAuthPresent
    PrincipalAccount PrincipalArn PrincipalIsAWSService PrincipalOrgID PrincipalOrgPaths PrincipalServiceName
    PrincipalServiceNamesList PrincipalTag PrincipalType Referer RequestTag RequestedRegion ResourceAccount
    ResourceOrgID ResourceOrgPaths ResourceTag SecureTransport SourceAccount SourceArn SourceIdentity SourceIp
    SourceOrgID SourceOrgPaths SourceOwner SourceVpc SourceVpcArn SourceVpce TagKeys TokenIssueTime UserAgent
    ViaAWSService VpcSourceIp VpceAccount VpceOrgID VpceOrgPaths userid username
"""
_GLOBAL_KEYS = frozenset(f"aws:{name}".lower() for name in _GLOBAL_NAMES.split())
# Keys that hold access to what is known, with the operators that do.
_HOLDING_KEYS = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    }
)
_HOLDING_OPERATORS = frozenset(
    {"ArnEquals", "ArnLike", "IpAddress", "StringEquals", "StringEqualsIgnoreCase", "StringLike"}
)


@dataclass(frozen=True)
class _Action:
    resource: str
    keys: frozenset[str]


@functools.cache
def _actions() -> dict[str, _Action]:
    """Return the actions on buckets and objects by their lower-case names."""
    file = Path(__file__).with_name("s3_actions.json")
    return {
        f"s3:{name}".lower(): _Action(each["resource"], frozenset(key.lower() for key in each["keys"]))
        for name, each in json.loads(file.read_text())["actions"].items()
    }


def check(text: bytes | str, bucket: str, exists: Callable[[str], bool] = lambda arn: True) -> dict[str, Any]:
    """Read the policy of a bucket.

    Args:
        text: JSON.
        bucket: the bucket that it is put to.
        exists: whether the user or role of an ARN is there, as far as that can be known.

    Raises:
        PolicyError: S3 refuses it; the message is S3's.
    """
    document = _parsed(text)
    if len(json.dumps(document, separators=(",", ":"))) > LARGEST:
        raise PolicyError(f"Normalized policy document exceeds the maximum allowed size of {LARGEST} bytes")
    if document.get("Version", "2008-10-17") not in ("2008-10-17", "2012-10-17"):
        raise PolicyError("The policy must contain a valid version string")
    for name in document:
        if name not in ("Version", "Id", "Statement"):
            raise PolicyError(f"Unknown field {name}")
    if "Statement" not in document:
        raise PolicyError("Missing required field Statement")
    statements = listed(document["Statement"])
    if not statements:
        raise PolicyError("Could not parse the policy: Statement is empty!")
    sids = [each["Sid"] for each in statements if isinstance(each, dict) and "Sid" in each]
    if len(set(map(str, sids))) < len(sids):
        raise PolicyError("Statement IDs (SID) in a single policy must be unique.")
    for statement in statements:
        _check_statement(statement, bucket, exists)
    return document


def is_public(document: Mapping[str, Any]) -> bool:
    """Say whether a policy lets in whoever is not known beforehand."""
    return any(map(_is_public, listed(document.get("Statement"))))


def _parsed(text: bytes | str) -> dict[str, Any]:
    try:
        document = json.loads(text, object_pairs_hook=unique_members)
    except ValueError as error:
        raise PolicyError("Policies must be valid JSON and the first byte must be '{'") from error
    if not isinstance(document, dict):
        raise PolicyError("Policies must be valid JSON and the first byte must be '{'")
    return document


# ─── Statements ───


def _check_statement(statement: Any, bucket: str, exists: Callable[[str], bool]) -> None:
    _check_elements(statement)
    _check_principal(statement.get("Principal", statement.get("NotPrincipal")), exists)
    resources = _texts(statement.get("Resource", statement.get("NotResource")), RESOURCE)
    for resource in resources:
        _check_resource(resource, bucket)
    patterns = _texts(statement.get("Action", statement.get("NotAction")), ACTION)
    named = [_named_actions(pattern) for pattern in patterns]
    if "Action" in statement and "Resource" in statement:
        _check_combination(named, resources)
    _check_condition(statement.get("Condition", {}), named if "Action" in statement else [])


def _check_elements(statement: Any) -> None:
    if not isinstance(statement, dict):
        raise PolicyError(SYNTAX)
    for name in statement:
        if name not in _STATEMENT:
            raise PolicyError(f"Unknown field {name}")
    if "Effect" not in statement:
        raise PolicyError("Missing required field Effect")
    if statement["Effect"] not in ("Allow", "Deny"):
        raise PolicyError(f"Invalid effect: {statement['Effect']}")
    for element in ("Principal", "Action", "Resource"):
        if element not in statement and f"Not{element}" not in statement:
            raise PolicyError(f"Missing required field {element}")
        if element in statement and f"Not{element}" in statement:
            raise PolicyError(SYNTAX)
    if "NotPrincipal" in statement and statement["Effect"] == "Allow":
        raise PolicyError("Allow with NotPrincipal is not supported: " + PRINCIPAL)


def _check_principal(principal: Any, exists: Callable[[str], bool]) -> None:
    if principal == "*":
        return
    if not isinstance(principal, dict) or not principal:
        raise PolicyError(PRINCIPAL)
    forms: dict[str, Callable[[str], bool]] = {
        "AWS": lambda name: (
            name == "*"
            or bool(ACCOUNT.match(name))
            or (bool(_PRINCIPAL_ARN.fullmatch(name)) and (":root" in name or exists(name)))
        ),
        "CanonicalUser": lambda name: bool(_CANONICAL_USER.fullmatch(name)),
        "Federated": lambda name: bool(_FEDERATED.fullmatch(name)),
        "Service": lambda name: bool(_SERVICE.fullmatch(name)),
    }
    for kind, names in principal.items():
        if kind not in forms or not all(forms[kind](name) for name in _texts(names, PRINCIPAL)):
            raise PolicyError(PRINCIPAL)


def _check_resource(resource: str, bucket: str) -> None:
    parts = resource.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn" or not parts[1].startswith("aws") or parts[2:5] != ["s3", "", ""]:
        raise PolicyError(RESOURCE)
    name = parts[5].partition("/")[0]
    if not like(re.sub(r"\$\{[^}]*\}", "*", name), bucket):
        raise PolicyError(RESOURCE)


def _named_actions(pattern: str) -> dict[str, _Action]:
    lower = pattern.lower()
    named = {
        name: action
        for name, action in _actions().items()
        if lower == "*" or (lower.startswith("s3:") and like(lower, name))
    }
    if not named:
        raise PolicyError(ACTION)
    return named


def _check_combination(named: list[dict[str, _Action]], resources: list[str]) -> None:
    """Check that each action fits one of the resources: a bucket, or objects in it."""
    paths = [resource.split(":", 5)[5] for resource in resources]
    fitting = {"object"} if any("/" in path or "*" in path for path in paths) else set()
    fitting |= {"bucket"} if any("/" not in path for path in paths) else set()
    for actions in named:
        if not any(action.resource in fitting for action in actions.values()):
            raise PolicyError(NOT_APPLICABLE)


# ─── Conditions ───


def _check_condition(condition: Any, named: list[dict[str, _Action]]) -> None:
    if not isinstance(condition, dict):
        raise PolicyError(SYNTAX)
    for operator, tests in condition.items():
        try:
            _, base, _ = policies.parse_operator(operator)
        except PolicyError as error:
            raise PolicyError(f"Invalid Condition type : {operator}") from error
        if not isinstance(tests, dict) or not tests:
            raise PolicyError(SYNTAX)
        for key, values in tests.items():
            _check_key(key, named)
            for value in _values(values):
                _check_value(base, value)


def _check_key(key: str, named: list[dict[str, _Action]]) -> None:
    name, slash, _ = key.lower().partition("/")
    if name.startswith(_OTHER_KEYS):
        return
    if name.startswith("aws:"):
        takes_name = name in ("aws:principaltag", "aws:requesttag", "aws:resourcetag")
        if name not in _GLOBAL_KEYS or bool(slash) != takes_name:
            raise PolicyError(CONDITION_KEY)
        return
    if not any(name in action.keys for action in _actions().values()):
        raise PolicyError(CONDITION_KEY)
    for actions in named:
        if not any(name in action.keys for action in actions.values()):
            raise PolicyError(CONDITION_NOT_APPLICABLE)


def _values(values: Any) -> Iterator[str]:
    for value in listed(values):
        if not isinstance(value, str | bool | int | float):
            raise PolicyError(SYNTAX)
        yield str(value).lower() if isinstance(value, bool) else str(value)


def _check_value(operator: str, value: str) -> None:
    if "${" in value:
        return
    if operator.endswith("IpAddress"):
        try:
            ipaddress.ip_network(value, strict=False)
        except ValueError as error:
            raise PolicyError("Invalid IP address in Conditions") from error
    elif not _is_of_type(operator, value):
        raise PolicyError(f"Invalid value in Conditions for operator {operator}: {value}")


def _is_of_type(operator: str, value: str) -> bool:
    try:
        if operator.startswith("Numeric"):
            float(value)
        elif operator.startswith("Date"):
            policies.epoch(value)
        elif operator == "BinaryEquals":
            base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        return False
    if operator in ("Bool", "Null"):
        return value.lower() in ("true", "false")
    return not operator.startswith("Arn") or value == "*" or len(value.split(":", 5)) == 6


# ─── Public ───


def _is_public(statement: Mapping[str, Any]) -> bool:
    if statement.get("Effect") != "Allow":
        return False
    principal = statement.get("Principal")
    named = principal.get("AWS") if isinstance(principal, dict) else principal
    if "*" not in listed(named):
        return False
    condition = statement.get("Condition") or {}
    return not any(
        operator in _HOLDING_OPERATORS and key.lower() in _HOLDING_KEYS and _is_fixed(key.lower(), values)
        for operator, tests in condition.items()
        for key, values in tests.items()
    )


def _is_fixed(key: str, values: Any) -> bool:
    """Say whether values are fixed: no wildcard, no variable, and no address range that is half the world."""
    texts = list(_values(values))
    if key == "aws:sourceip":
        networks = [ipaddress.ip_network(text, strict=False) for text in texts]
        return all(network.prefixlen >= {4: 8, 6: 32}[network.version] for network in networks)
    if key == "aws:userid":  # AROLEID:* is one role
        texts = [re.sub(r"^(A[A-Z0-9]{15,}):\*$", r"\1", text) for text in texts]
    return not any(re.search(r"[*?]|\$\{", text) for text in texts)


def _texts(value: Any, fault: str) -> list[str]:
    texts = listed(value)
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise PolicyError(fault)
    return texts
