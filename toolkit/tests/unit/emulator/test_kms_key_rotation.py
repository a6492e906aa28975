"""Gap 3: the period of KMS key rotation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.mark.parametrize(("given", "days"), [({}, 365), ({"RotationPeriodInDays": 180}, 180)])
def test_rotation_has_a_period_and_a_next_date(aws: Any, given: dict[str, int], days: int) -> None:
    kms = aws("kms")
    key = kms.create_key()["KeyMetadata"]
    kms.enable_key_rotation(KeyId=key["KeyId"], **given)
    status = kms.get_key_rotation_status(KeyId=key["KeyId"])
    assert (status["KeyId"], status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (
        key["Arn"],
        True,
        days,
    )
    expected = datetime.now(UTC) + timedelta(days=days)
    assert abs(status["NextRotationDate"] - expected) < timedelta(minutes=5)


def test_rotation_enabled_again_keeps_its_period(aws: Any) -> None:
    kms = aws("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.enable_key_rotation(KeyId=key_id, RotationPeriodInDays=90)
    kms.disable_key_rotation(KeyId=key_id)
    assert "RotationPeriodInDays" not in kms.get_key_rotation_status(KeyId=key_id)
    kms.enable_key_rotation(KeyId=key_id)
    assert kms.get_key_rotation_status(KeyId=key_id)["RotationPeriodInDays"] == 90


def test_a_period_out_of_range_is_refused(aws: Any) -> None:
    kms = aws("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    with pytest.raises(ClientError, match="RotationPeriodInDays"):
        kms.enable_key_rotation(KeyId=key_id, RotationPeriodInDays=2561)
