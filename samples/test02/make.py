"""Generate payments as JSON lines, and say what a correct pipeline makes of them.

The same seed gives the same bytes. The lines arrive roughly in the order in which they were written, with
exact duplicates, newer versions of earlier payments, records that come months late, and malformed lines.
The expected numbers are counted while the lines are made, not by reading them back.

``python make.py FOLDER`` writes the sample below the folder, where the landing zone has it.
"""

from __future__ import annotations

import datetime
import json
import random
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FIRST_DAY = datetime.date(2024, 1, 1)
LAST_DAY = datetime.date(2026, 10, 30)

# Weights, roughly those of a European business. The lev ended with 2025 (the euro came), the ECB quotes
# neither the dirham nor the Kuwaiti dinar: payments that have no rate and must still be counted.
CURRENCIES: Mapping[str, int] = {
    "EUR": 30, "USD": 18, "GBP": 12, "CHF": 6, "JPY": 4, "SEK": 4, "PLN": 4, "CZK": 3, "DKK": 3, "NOK": 3,
    "HUF": 2, "RON": 2, "TRY": 2, "BGN": 2, "AUD": 1, "BRL": 1, "CAD": 1, "CNY": 1, "INR": 1, "ZAR": 1,
    "AED": 1, "KWD": 1,
}  # fmt: skip
LAST_QUOTED: Mapping[str, datetime.date] = {
    "BGN": datetime.date(2025, 12, 31),
    "AED": datetime.date.min,
    "KWD": datetime.date.min,
}
# As in the pipeline's documentation: a rate holds for weekends and holidays, not for longer.
MAX_RATE_AGE = datetime.timedelta(days=10)

NEWER_VERSION, EXACT_DUPLICATE, LATE, MALFORMED = 0.04, 0.02, 0.03, 0.02

NOT_JSON = "line is not one JSON object"
NO_PAYMENT_ID = "payment_id is missing"
NO_NUMBER = "amount is not a decimal number"
NOT_POSITIVE = "amount is not above zero"
TOO_PRECISE = "amount does not fit decimal(18,2)"
NO_CURRENCY = "currency is not an ISO 4217 code"
NO_TIMESTAMP = "paid_at is not an ISO 8601 timestamp with a zone"

Payment = dict[str, str]


@dataclass(frozen=True)
class Summary:
    """What the generated file holds.

    Attributes:
        lines: all lines.
        payments: distinct valid payments; refined.payments has as many rows.
        superseded: valid lines that are a duplicate or an older version.
        rejected: malformed lines; refined.payments_rejected has as many rows.
        late: valid lines that come at least 30 days after the day of the payment.
        unconverted: distinct valid payments for which no recent rate is published.
        reasons: for each reason the rejected lines that have it; a line may have two.

    """

    lines: int
    payments: int
    superseded: int
    rejected: int
    late: int
    unconverted: int
    reasons: Mapping[str, int]


def generate(path: Path, rows: int = 20_000, seed: int = 1) -> Summary:
    """Write ``rows`` lines to ``path`` and return what they hold.

    Raises:
        ValueError: fewer than 1000 rows: too few for every kind of line to appear.

    """
    if rows < 1000:
        raise ValueError(f"rows={rows}: expected at least 1000, so that every kind of line appears")
    chance = random.Random(seed)  # noqa: S311 - a sample, not a secret
    late = round(rows * LATE)
    bad = round(rows * MALFORMED)
    newer, copies = round(rows * NEWER_VERSION), round(rows * EXACT_DUPLICATE)
    first = [_payment(chance, number) for number in range(rows - bad - newer - copies)]
    versions = [_newer_version(chance, payment) for payment in chance.sample(first, newer)]
    duplicates = chance.sample(first, copies)
    late_ones = {payment["payment_id"] for payment in chance.sample(first, late)}

    arrivals = [(_arrival(chance, payment, late_ones), json.dumps(payment)) for payment in first]
    arrivals += [(payment["updated_at"], json.dumps(payment)) for payment in (*versions, *duplicates)]
    reasons: Counter[str] = Counter()
    for number in range(bad):
        spoil = _SPOILERS[number % len(_SPOILERS)]
        payment = _payment(chance, rows + number)
        arrived = payment["updated_at"]
        line, broken = spoil(payment)
        reasons.update(broken)
        arrivals.append((arrived, line))
    arrivals.sort()
    path.write_text("".join(f"{line}\n" for _, line in arrivals), encoding="utf-8")
    return Summary(
        lines=rows,
        payments=len(first),
        superseded=newer + copies,
        rejected=bad,
        late=late,
        unconverted=sum(_is_unconverted(payment) for payment in first),
        reasons=dict(sorted(reasons.items())),
    )


# ─── Payments ───


def _payment(chance: random.Random, number: int) -> Payment:
    day = FIRST_DAY + datetime.timedelta(days=chance.randrange((LAST_DAY - FIRST_DAY).days + 1))
    paid = datetime.datetime.combine(day, datetime.time(), datetime.UTC) + datetime.timedelta(
        seconds=chance.randrange(24 * 3600)
    )
    return {
        "payment_id": f"P{number:09d}",
        "account_id": f"A{chance.randrange(2000):06d}",
        "amount": f"{chance.lognormvariate(4.5, 1.2) + 0.01:.2f}",
        "currency": chance.choices(list(CURRENCIES), list(CURRENCIES.values()))[0],
        "paid_at": _text(paid),
        "updated_at": _text(paid + datetime.timedelta(seconds=chance.randrange(600))),
    }


def _newer_version(chance: random.Random, payment: Payment) -> Payment:
    """Return a correction of the amount, some hours later; day and currency stay."""
    updated = datetime.datetime.fromisoformat(payment["updated_at"]) + datetime.timedelta(
        hours=chance.randrange(1, 48)
    )
    return {
        **payment,
        "amount": f"{chance.lognormvariate(4.5, 1.2) + 0.01:.2f}",
        "updated_at": _text(updated),
    }


def _arrival(chance: random.Random, payment: Payment, late: set[str]) -> str:
    if payment["payment_id"] not in late:
        return payment["updated_at"]
    days = datetime.timedelta(days=chance.randrange(31, 400))
    return _text(datetime.datetime.fromisoformat(payment["updated_at"]) + days)


def _text(moment: datetime.datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _is_unconverted(payment: Payment) -> bool:
    last = LAST_QUOTED.get(payment["currency"])
    if last is None:
        return False
    day = datetime.date.fromisoformat(payment["paid_at"][:10])
    return last == datetime.date.min or day > last + MAX_RATE_AGE


# ─── Malformed lines ───


def _cut_off(payment: Payment) -> tuple[str, list[str]]:
    return json.dumps(payment)[:-15], [NOT_JSON]


def _no_object(payment: Payment) -> tuple[str, list[str]]:
    return json.dumps(list(payment.values())), [NOT_JSON]


def _without_id(payment: Payment) -> tuple[str, list[str]]:
    del payment["payment_id"]
    return json.dumps(payment), [NO_PAYMENT_ID]


def _changed(reasons: list[str], **fields: str) -> Callable[[Payment], tuple[str, list[str]]]:
    return lambda payment: (json.dumps({**payment, **fields}), reasons)


_SPOILERS: tuple[Callable[[Payment], tuple[str, list[str]]], ...] = (
    _cut_off,
    _no_object,
    _without_id,
    _changed([NO_NUMBER], amount="12,50"),
    _changed([NOT_POSITIVE], amount="-3.00"),
    _changed([TOO_PRECISE], amount="0.123"),
    _changed([NO_CURRENCY], currency="EURO"),
    _changed([NO_TIMESTAMP], paid_at="2025-02-30T10:00:00Z"),
    _changed([NO_TIMESTAMP], paid_at="30/10/2026"),
    _changed([NO_NUMBER, NO_CURRENCY], amount="", currency="ZZZ"),
)


if __name__ == "__main__":
    sample = Path(sys.argv[1]) / "payments" / "payments.jsonl"
    sample.parent.mkdir(parents=True, exist_ok=True)
    generate(sample)
