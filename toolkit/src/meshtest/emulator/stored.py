"""Look up what is in moto's services and decides about rights: roles, users, keys and tags.

Nothing here takes a lock: each look reads one dictionary. A service is imported when it is asked for.
"""

from __future__ import annotations

from typing import Any

from moto.backends import get_backend
from moto.iam.models import iam_backends

from meshtest.emulator import ACCOUNT_ID

# The services of ARNs, with moto's names of those that keep tags.
_TAGGED: dict[str, Any] = {
    "ec2": "ec2",
    "glue": "glue",
    "kms": "kms",
    "logs": "logs",
    "states": "stepfunctions",
}


def role_of(name: str) -> Any:
    """Return the role of an ARN or of a name; None if there is none."""
    roles = list(iam_backends[ACCOUNT_ID]["aws"].roles.values())
    return next((role for role in roles if name in {role.arn, role.name}), None)


def user_of(name: str) -> Any:
    """Return the user of an ARN or of a name; None if there is none."""
    users = list(iam_backends[ACCOUNT_ID]["aws"].users.values())
    return next((user for user in users if name in {user.arn, user.name}), None)


def role_arn(name: str) -> str:
    """Return the ARN of a role that is named by it or, as Glue lets one, by its name."""
    found = role_of(name)
    fallback = name if name.startswith("arn:") else f"arn:aws:iam::{ACCOUNT_ID}:role/{name}"
    return str(found.arn) if found else fallback


def key_of(region: str, name: str) -> Any:
    """Return a key of this account by its id, alias or ARN; None if there is none."""
    parts = name.split(":")
    backend: Any = get_backend("kms")[ACCOUNT_ID][parts[3] if len(parts) > 5 else region]
    named = backend.get_alias_name(name)
    if named.startswith("alias/"):
        return next((key for key in list(backend.keys.values()) if named in key.aliases), None)
    return backend.keys.get(backend.get_key_id(name))


def key_context(key: Any) -> dict[str, str | list[str]]:
    """Return what conditions may ask about a key."""
    context: dict[str, str | list[str]] = {
        f"aws:ResourceTag/{name}": value for name, value in tags_of(str(key.arn)).items()
    }
    if key.aliases:
        context["kms:ResourceAliases"] = list(key.aliases)
    return context | {"kms:CallerAccount": ACCOUNT_ID}


def tags_of(arn: str) -> dict[str, str]:
    """Return the tags of what an ARN names; none if it is not there, or has none."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or "*" in parts[5]:
        return {}
    service, region, name = parts[2], parts[3], parts[5]
    if service == "iam":
        return tags_of_identity(role_of(arn))
    if service not in _TAGGED:
        return {}
    backend: Any = get_backend(_TAGGED[service])[ACCOUNT_ID][region]
    if service == "ec2":
        return dict(backend.tags.get(name.rpartition("/")[2], {}))
    tagged = name.rpartition("/")[2] if service == "kms" else arn.partition(":log-stream:")[0]
    found: dict[str, str] = backend.tagger.get_tag_dict_for_resource(tagged)
    return found


def tags_of_identity(identity: Any) -> dict[str, str]:
    """Return the tags of a role, which moto keeps as a list or by their lower-case names."""
    tags = getattr(identity, "tags", None) or []
    return {tag["Key"]: tag["Value"] for tag in (tags.values() if isinstance(tags, dict) else tags)}
