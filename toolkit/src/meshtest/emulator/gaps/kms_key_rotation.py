"""KMS key rotation has a period and a next date.

moto 5.2.5 lacks: EnableKeyRotation's RotationPeriodInDays, and all of GetKeyRotationStatus but
KeyRotationEnabled; the provider sees the missing period as drift.

https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyRotationStatus.html
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from moto.core.utils import unix_time, utcnow
from moto.kms.exceptions import ValidationException
from moto.kms.responses import KmsResponse

DEFAULT_PERIOD_DAYS = 365
PERIOD_DAYS = range(90, 2561)

_enable_key_rotation = KmsResponse.enable_key_rotation


def install() -> None:
    """Patch moto's rotation calls."""
    response: Any = KmsResponse
    response.enable_key_rotation = _enable
    response.get_key_rotation_status = _status


def _enable(self: Any) -> str:
    period = self._get_param("RotationPeriodInDays")
    if period is not None and int(period) not in PERIOD_DAYS:
        raise ValidationException(
            f"RotationPeriodInDays is {period}: expected {PERIOD_DAYS.start} to {PERIOD_DAYS.stop - 1}"
        )
    answer: str = _enable_key_rotation(self)
    key = _key(self)
    key.meshtest_rotation_period = int(
        period or vars(key).get("meshtest_rotation_period", DEFAULT_PERIOD_DAYS)
    )
    key.meshtest_rotation_enabled = utcnow()
    return answer


def _status(self: Any) -> str:
    self._validate_cmk_id(self._get_param("KeyId"))
    key = _key(self)
    status: dict[str, Any] = {"KeyId": key.arn, "KeyRotationEnabled": key.key_rotation_status}
    if key.key_rotation_status:
        period: int = vars(key).get("meshtest_rotation_period", DEFAULT_PERIOD_DAYS)
        since = vars(key).get("meshtest_rotation_enabled") or utcnow()
        status |= {
            "RotationPeriodInDays": period,
            "NextRotationDate": unix_time(since + timedelta(days=period)),
        }
    return json.dumps(status)


def _key(self: Any) -> Any:
    return self.kms_backend.describe_key(self._get_param("KeyId"))
