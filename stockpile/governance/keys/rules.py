"""Time-based one-time passwords (RFC 6238), and how long keys and lent roles may last. Pure."""

from __future__ import annotations

import base64
import hmac
from hashlib import sha1
from typing import Final
from urllib.parse import quote

from stockpile.governance.rules import COORDINATOR, LOGISTICS, PHARMACIST, RIGHTS, approves

STEP_SECONDS: Final = 30
DIGITS: Final = 6
STEPS_EITHER_SIDE: Final = 1
"""A device's clock may be off by so many steps of 30 seconds."""
LONGEST_KEY_DAYS: Final = 366
LONGEST_LENT_DAYS: Final = 366
LONGEST_BROKEN_HOURS: Final = 12
PROOF_HOURS: Final = 8
BREAKABLE: Final = frozenset({LOGISTICS, COORDINATOR, PHARMACIST})
"""Roles that may be taken in an emergency: never one that approves, audits or manages accounts."""
KEY_RIGHTS: Final = tuple(right for right in RIGHTS if not approves(right))
"""Rights that a key may be narrowed to: it acts for a machine, and no machine approves."""


def code_at(secret: bytes, step: int, *, digits: int = DIGITS) -> str:
    """The code of a step of 30 seconds since 1970 (RFC 4226 on HMAC-SHA-1, as every device speaks it).

    >>> code_at(b"12345678901234567890", 59 // 30, digits=8)
    '94287082'
    """
    mac = hmac.digest(secret, step.to_bytes(8, "big"), sha1)
    start = mac[-1] & 15
    number = int.from_bytes(mac[start : start + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def step_of(secret: bytes, code: str, *, seconds: int, after: int) -> int | None:
    """The step whose code this is, near `seconds` since 1970 and later than step `after`; None where there is none.

    A code counts once: the caller keeps the step as the next `after`.
    """
    now, given = seconds // STEP_SECONDS, code.encode("utf-8", "replace")
    near = range(now - STEPS_EITHER_SIDE, now + STEPS_EITHER_SIDE + 1)
    return next((s for s in near if s > after and hmac.compare_digest(code_at(secret, s).encode(), given)), None)


def device_address(secret: bytes, *, name: str, issuer: str) -> str:
    """What a device reads, as text or drawn as a QR code.

    >>> device_address(b"12345678901234567890", name="anna", issuer="Region")
    'otpauth://totp/Region:anna?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Region&period=30&digits=6'
    """
    label = f"{quote(issuer, safe='')}:{quote(name, safe='')}"
    return (
        f"otpauth://totp/{label}?secret={base64.b32encode(secret).decode()}&issuer={quote(issuer, safe='')}"
        f"&period={STEP_SECONDS}&digits={DIGITS}"
    )
