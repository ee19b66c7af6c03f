"""The key under which secrets that must be read again are kept: made once, readable by this user alone."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from cryptography.fernet import Fernet


def vault(home: Path) -> Fernet:
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
    return Fernet(path.read_bytes())
