"""What a head says and how it is signed: checkpoints of transparency logs (C2SP tlog-checkpoint).

A checkpoint is text: the log's name, the number of entries, the root in
base64, the instant of sealing, an empty line, and the signature line
"— NAME base64(key hash || Ed25519 signature of all above the empty line)".
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

STORED_LEVEL: Final = 8
"""Inner nodes from this level on are stored; smaller ones are recomputed from at most 256 leaves."""

MOST_AT_ONCE: Final = 20_000
"""Entries sealed under one head at most, so that a head never waits long."""

GAP_LIFE: Final = timedelta(hours=1)
"""A number skipped for longer than this belongs to a transaction that was rolled back."""

LATEST_ARRIVAL: Final = timedelta(minutes=10)
"""An entry that says it was recorded longer than this before an earlier head was slipped in."""

ED25519: Final = b"\x01"


@dataclass(frozen=True, slots=True)
class Signer:
    """The key that signs heads, under the log's name."""

    log: str
    key: Ed25519PrivateKey

    @property
    def public(self) -> bytes:
        """The 32 bytes of the public key."""
        return self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def verifier_key(self) -> str:
        """What a verifier is given: NAME+HASH+KEY, as transparency logs write it."""
        return f"{self.log}+{key_hash(self.log, self.public).hex()}+{_base64(ED25519 + self.public)}"

    def checkpoint(self, *, size: int, root: bytes, sealed_at: datetime) -> str:
        """The signed head."""
        body = f"{self.log}\n{size}\n{_base64(root)}\n{sealed_at.isoformat()}\n"
        signature = key_hash(self.log, self.public) + self.key.sign(body.encode())
        return f"{body}\n\u2014 {self.log} {_base64(signature)}\n"


def key_hash(log: str, public: bytes) -> bytes:
    """The four bytes that name a key."""
    return hashlib.sha256(log.encode() + b"\n" + ED25519 + public).digest()[:4]


def gaps(seen: list[int], *, after: int) -> list[tuple[int, int]]:
    """The ranges of numbers above `after` that were skipped before the last seen; `seen` is in rising order.

    >>> gaps([5, 6, 9], after=3)
    [(4, 4), (7, 8)]
    """
    ends = [after, *seen]
    return [(low + 1, high - 1) for low, high in zip(ends, seen, strict=False) if high > low + 1]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
