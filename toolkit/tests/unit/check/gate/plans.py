"""Small plans in the JSON of ``terraform show -json``, made by hand: one bucket, one key."""

from __future__ import annotations

from typing import Any


def resource(address: str, after: dict[str, Any], **change: Any) -> dict[str, Any]:
    module, _, own = address.rpartition("module.")
    label, _, rest = own.partition(".") if module else ("", "", address)
    kind, name = (rest if module else address).split(".")[:2]
    entry = {
        "address": address,
        "mode": "managed",
        "type": kind,
        "name": name,
        "change": {"actions": ["create"], "before": None, "after": after, "after_unknown": {}, **change},
    }
    return {**entry, "module_address": f"module.{label}"} if module else entry


def plan(*resources: dict[str, Any], modules: dict[str, str] | None = None) -> dict[str, Any]:
    calls = {name: {"source": source, "module": {}} for name, source in (modules or {}).items()}
    return {
        "format_version": "1.2",
        "resource_changes": list(resources),
        "configuration": {"root_module": {"module_calls": calls}},
    }


# Breaks kms-policy (high), kms-rotation (medium) and kms-alias (low).
KEY = resource("aws_kms_key.this", {"enable_key_rotation": False})
