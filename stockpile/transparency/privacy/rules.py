"""What may be kept of people, how long, and how it is committed to. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

KEEP: Final = {"grievance": timedelta(days=730), "contact": timedelta(days=365)}
"""How long a record of each kind is kept when nobody renews or erases it."""

_PATIENT: Final = re.compile(
    r"patient|diagnos|date_?of_?birth|birth_?date|\bdob\b|bsn|burgerservice|national_?number|rijksregister|"
    r"versichertennummer|insurance_?number|medical_?record|health_?record",
    re.IGNORECASE,
)


def commitment(salt: bytes, content: Mapping[str, Any]) -> str:
    """SHA-256 over the salt and the canonical content, in hexadecimal: without the salt nobody can guess at it."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(salt + text.encode()).hexdigest()


def patient_field(name: str) -> bool:
    """Whether a field of this name would hold what only a hospital may know of a patient.

    >>> patient_field("patient_name"), patient_field("dateOfBirth"), patient_field("quantity")
    (True, True, False)
    """
    return _PATIENT.search(name) is not None


def personal_number(text: str) -> str | None:
    """The kind of a person's number that stands in the text, or None: Dutch BSN, Belgian national number.

    >>> personal_number("my number is 111222333"), personal_number("order 123456789")
    ('a Dutch citizen service number', None)
    """
    for found in re.findall(r"(?<!\d)(\d{9}|\d{2}\.?\d{2}\.?\d{2}-?\d{3}\.?\d{2})(?!\d)", text):
        digits = re.sub(r"\D", "", found)
        if len(digits) == 9 and digits != "0" * 9 and _eleven(digits):
            return "a Dutch citizen service number"
        if len(digits) == 11 and any((97 - int(lead + digits[:9]) % 97) == int(digits[9:]) for lead in ("", "2")):
            return "a Belgian national number"
    return None


def _eleven(digits: str) -> bool:
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    return sum(int(d) * w for d, w in zip(digits, weights, strict=True)) % 11 == 0
