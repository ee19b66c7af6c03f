"""The key under which secrets that must be read again are kept: made once, readable by this user alone."""

from __future__ import annotations

import base64
import os
from contextlib import suppress
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import Final

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_MARK: Final = b"gcm:"
_NONCE_BYTES: Final = 12


class Vault:
    """Seals secrets with AES-256-GCM, and opens them; what was sealed before that with Fernet is opened too.

    >>> key = Fernet.generate_key()
    >>> Vault(key).decrypt(Vault(key).encrypt(b"a secret").decode()), Vault(key).decrypt(Fernet(key).encrypt(b"before"))
    (b'a secret', b'before')
    """

    def __init__(self, key: bytes) -> None:
        self._before = Fernet(key)
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"stockpile factors, AES-256-GCM")
        self._cipher = AESGCM(derived.derive(base64.urlsafe_b64decode(key)))

    def encrypt(self, secret: bytes) -> bytes:
        """The secret sealed, as text."""
        nonce = token_bytes(_NONCE_BYTES)
        return _MARK + base64.urlsafe_b64encode(nonce + self._cipher.encrypt(nonce, secret, None))

    def decrypt(self, sealed: str | bytes) -> bytes:
        """What was sealed; raises InvalidTag or InvalidToken where it was not sealed with this key, or was changed."""
        given = sealed.encode() if isinstance(sealed, str) else sealed
        if not given.startswith(_MARK):
            return self._before.decrypt(given)
        whole = base64.urlsafe_b64decode(given.removeprefix(_MARK))
        return self._cipher.decrypt(whole[:_NONCE_BYTES], whole[_NONCE_BYTES:], None)


def vault(home: Path) -> Vault:
    """What seals and opens the secrets of devices, with the key in `home`/factors.key; several servers share the file.

    >>> import tempfile
    >>> home = Path(tempfile.mkdtemp())
    >>> vault(home).decrypt(vault(home).encrypt(b"a secret")), oct((home / "factors.key").stat().st_mode)[-3:]
    (b'a secret', '600')
    """
    path = home / "factors.key"
    if not path.exists():
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f"factors.key.{token_hex(8)}")
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(Fernet.generate_key())
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return Vault(path.read_bytes())
