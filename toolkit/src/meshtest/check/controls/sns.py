"""Topics: encrypted with a customer-managed key, not public, reached by the rules that publish to them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from meshtest.check.controls import Seen, control
from meshtest.check.plan import Plan, Resource, Unknown, companions
from meshtest.check.policies import EVERYONE, NAMING, Statement, covers_action, names_account, planned

_TOPICS = ("aws_sns_topic",)
_IDENTITIES = ("arn", "id")
_EVENTBRIDGE = ("Service", "events.amazonaws.com")
_SOURCE = ("aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths")
_TOPIC_ARN = re.compile(r"arn:[\w-]+:sns:[^:]*:\d{12}:[\w.-]+")


def _policy(topic: Resource) -> list[Statement]:
    """The statements of a topic's policy, from its own argument or from a resource beside it."""
    owners = companions(topic, "aws_sns_topic_policy", "arn", *_IDENTITIES)
    own = [topic] if topic.declares("policy") else []
    return [each for owner in [*owners, *own] for each in planned(owner)]


def _rules_topics(plan: Plan) -> Iterator[Resource | Unknown]:
    """The topics that take events of EventBridge's rules, by their policies."""
    for topic in plan.resources(*_TOPICS):
        try:
            if any(each.allows and _EVENTBRIDGE in each.principals for each in _policy(topic)):
                yield topic
        except Unknown as problem:
            yield problem


@control(
    "sns-encrypted",
    "Every topic is encrypted with a customer-managed key",
    "medium",
    of=_TOPICS,
    checkov="CKV_AWS_26",
)
def encrypted(topic: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/sns/latest/dg/sns-server-side-encryption.html."""
    own = topic.has("kms_master_key_id")
    if own and topic.is_known("kms_master_key_id"):
        own = not str(topic.get("kms_master_key_id")).endswith("alias/aws/sns")
    yield Seen(
        topic, own, True, "name a key of yours in kms_master_key_id: AWS's own lets no service publish"
    )


@control(
    "sns-policy",
    "Every topic has a policy: plain HTTP denied, services held to an account, nobody in general let in",
    "high",
    of=_TOPICS,
    checkov="CKV_AWS_169",
)
def policy(topic: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/sns/latest/dg/sns-security-best-practices.html.

    EventBridge names no source to SNS (sns-reached-by-rules): it is held to publishing on one topic instead.
    """
    found = _policy(topic)
    denies = any(map(_denies_plain_http, found))
    yield Seen(topic, denies, True, "deny sns:Publish to everyone where aws:SecureTransport is false")
    wide = [each.name for each in found if each.allows and not _is_limited(each)]
    advice = f"hold {', '.join(wide)} to the account by aws:SourceAccount or aws:SourceArn"
    yield Seen(topic, wide, [], f"{advice}; EventBridge's to sns:Publish on the topic's ARN")


def _denies_plain_http(statement: Statement) -> bool:
    return (
        statement.effect == "Deny"
        and statement.is_for_everyone
        and covers_action(statement, "sns:Publish")
        and dict(statement.conditions) == {("Bool", "aws:securetransport"): ("false",)}
    )


def _is_limited(statement: Statement) -> bool:
    if statement.negated or not statement.principals:
        return False
    if set(statement.principals) == {_EVENTBRIDGE}:
        is_to_publish = [each.lower() for each in statement.actions] == ["sns:publish"]
        return is_to_publish and all(map(_TOPIC_ARN.fullmatch, statement.resources))
    if all(kind == "AWS" and (kind, each) != EVERYONE for kind, each in statement.principals):
        return True
    return any(
        operator in NAMING and all(map(names_account, values))
        for (operator, _), values in statement.conditions.items()
    )


@control(
    "sns-reached-by-rules",
    "No condition on the source keeps EventBridge's events from a topic, or from its key",
    "high",
    of=_rules_topics,
)
def reached_by_rules(topic: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html.

    EventBridge names no source to SNS, nor to the key of a topic: a statement that asks for it never applies.
    """
    yield Seen(topic, _shut_out(_policy(topic)), [], "take the conditions off EventBridge's statement")
    for key in _keys(topic):
        statements = [each for each in planned(key) if _EVENTBRIDGE in each.principals]
        advice = "allow kms:Decrypt and kms:GenerateDataKey* to events.amazonaws.com in the key's policy"
        usable = [each for each in statements if each.allows and not _asks_for_source(each)]
        rights = {
            action
            for action in ("kms:Decrypt", "kms:GenerateDataKey")
            if any(covers_action(each, action) for each in usable)
        }
        yield Seen(
            key, sorted(rights), ["kms:Decrypt", "kms:GenerateDataKey"], f"{advice}, by the topic's ARN"
        )


def _keys(topic: Resource) -> list[Resource]:
    """The keys of this plan that a topic is encrypted with."""
    named = [topic.plan.resource(each.address) for each in topic.origins("kms_master_key_id") or ()]
    return [each for each in named if each and each.type == "aws_kms_key"]


def _shut_out(statements: list[Statement]) -> list[str]:
    mine = [each for each in statements if each.allows and _EVENTBRIDGE in each.principals]
    return [each.name for each in mine if each.conditions]


def _asks_for_source(statement: Statement) -> bool:
    return any(key in _SOURCE for _, key in statement.conditions)
