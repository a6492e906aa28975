"""Events reach the targets of EventBridge rules: SNS topics and Step Functions state machines.

moto 5.2.5 lacks: those targets (it raises NotImplementedError), rules that are disabled, Input and InputPath,
and input transformers as AWS has them: a variable in JSON stands for its value as JSON, one that the event
lacks for an empty text.

Delivery is asynchronous, as on AWS, and asks for the rights that AWS asks for: a topic's policy and its key's
policy, a state machine's role. What may not be delivered is dropped, with a warning in the server's log.

EventBridge tells SNS and KMS no source: aws:SourceArn and aws:SourceAccount are absent from its requests, and
a policy that demands them lets no event through.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html,
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-troubleshooting.html and
https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
"""

from __future__ import annotations

import copy
import json
import logging
import re
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import ClientError
from moto.events.models import Rule

from meshtest.emulator import service_rights, sessions

SERVICE: Final = "events.amazonaws.com"
_PLACEHOLDER = re.compile(r"<([\w.-]+)>")
_send_elsewhere = Rule.send_to_targets
_delivery = ThreadPoolExecutor(max_workers=4, thread_name_prefix="events")

log = logging.getLogger("meshtest.emulator")


def install() -> None:
    """Replace the delivery of rules."""
    rule: Any = Rule
    rule.send_to_targets = _send_to_targets


def _send_to_targets(self: Any, original_event: dict[str, Any], transform_input: bool = True) -> None:
    """Begin to deliver an event to the rule's targets; those of other services are left to moto."""
    if self.state != "ENABLED" or not self.event_pattern.matches_event(original_event):
        return
    event = as_delivered(original_event)
    rest = copy.copy(self)
    rest.targets = []
    for target in self.targets:
        if deliver := _DELIVERIES.get(target["Arn"].split(":")[2]):
            _delivery.submit(_deliver, deliver, self.arn, dict(target), event)
        else:
            rest.targets.append(target)
    _send_elsewhere(rest, original_event, transform_input)  # type: ignore[arg-type]


def as_delivered(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event as targets get it: its time as text, and nothing of moto's own."""
    delivered = {name: value for name, value in event.items() if name != "ingestion-time"}
    if not isinstance(moment := event["time"], str):
        delivered["time"] = datetime.fromtimestamp(float(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return delivered


def _deliver(
    deliver: Callable[[str, dict[str, Any], str], None],
    rule_arn: str,
    target: dict[str, Any],
    event: dict[str, Any],
) -> None:
    try:
        deliver(rule_arn, target, text_of(target, event))
    except (service_rights.Denied, sessions.NotTrusted, ClientError) as denied:
        log.warning("no event of %s to %s: %s", rule_arn, target["Arn"], denied)
    except Exception:
        log.exception("no event of %s to %s", rule_arn, target["Arn"])


# ─── Input ───


def text_of(target: dict[str, Any], event: dict[str, Any]) -> str:
    """Return what a target is given of an event."""
    if "Input" in target:
        return str(target["Input"])
    if path := target.get("InputPath"):
        return json.dumps(_at(path, event))
    if transformer := target.get("InputTransformer"):
        return transformed(transformer["InputTemplate"], transformer.get("InputPathsMap") or {}, event)
    return json.dumps(event)


def transformed(template: str, paths: dict[str, str], event: dict[str, Any]) -> str:
    """Fill in a template; a variable outside of quotes in JSON stands for its value as JSON."""
    values = {name: _at(path, event) for name, path in paths.items()}
    is_json = template.lstrip().startswith("{")

    def value(found: re.Match[str]) -> str:
        given = values.get(found[1], "")
        within_text = template[: found.start()].replace('\\"', "").count('"') % 2 == 1
        if is_json and not within_text:
            return json.dumps(given)
        text = given if isinstance(given, str) else json.dumps(given)
        return json.dumps(text)[1:-1] if within_text else text

    filled = _PLACEHOLDER.sub(value, template)
    return filled if is_json else "\n".join(_unquoted(line) for line in filled.splitlines())


def _unquoted(line: str) -> str:
    try:
        text = json.loads(line)
    except ValueError:
        return line
    return text if isinstance(text, str) else line


def _at(path: str, event: dict[str, Any]) -> Any:
    """Return the value at a path, an empty text if there is none, or null."""
    from jsonpath_ng.ext.parser import parse

    quoted = re.sub(r"\.([\w]+-[\w-]+)", r'."\1"', path)
    found = parse(quoted).find(event)
    return "" if not found or found[0].value is None else found[0].value


# ─── Targets ───


def _to_topic(rule_arn: str, target: dict[str, Any], text: str) -> None:
    from moto.sns.models import sns_backends

    _, _, _, region, account, _ = target["Arn"].split(":", 5)
    backend = sns_backends[account][region]
    topic = backend.get_topic(target["Arn"])
    service_rights.ask_policy(topic.policy, SERVICE, "sns:Publish", topic.arn)
    if topic.kms_master_key_id:
        through = {
            "kms:EncryptionContext:aws:sns:topicArn": topic.arn,
            "kms:ViaService": f"sns.{region}.amazonaws.com",
        }
        for action in ("kms:GenerateDataKey", "kms:Decrypt"):
            service_rights.ask_key(region, topic.kms_master_key_id, SERVICE, action, through)
    topic.publish(text)


def _to_state_machine(rule_arn: str, target: dict[str, Any], text: str) -> None:
    from meshtest.emulator import server

    machine, role = target["Arn"], str(target.get("RoleArn"))
    acting = sessions.kept(server.current_endpoint(), role, SERVICE, "events", rule_arn)
    acting.client("stepfunctions", region_name=machine.split(":")[3]).start_execution(
        stateMachineArn=machine, name=f"{uuid.uuid4()}_{uuid.uuid4()}", input=text
    )


_DELIVERIES: Final = {"sns": _to_topic, "states": _to_state_machine}
