"""The key that signs the screens' cookies: random, made once, readable by nobody else."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from stockpile.errors import Conflict

SHORTEST_KEY = 32


class KeyUnusable(Conflict):
    """The key file is there and holds no key."""

    code = "key_unusable"


def secret_key(home: Path) -> str:
    """The key of this installation from `home`/secret.key, made when first asked for; refuses a damaged file.

    >>> import tempfile
    >>> home = Path(tempfile.mkdtemp())
    >>> secret_key(home) == secret_key(home), oct((home / "secret.key").stat().st_mode)[-3:]
    (True, '600')
    """
    path = home / "secret.key"
    if not path.exists():
        _make(path)
    found = path.read_text(encoding="ascii").strip()
    if len(found) < SHORTEST_KEY:
        raise KeyUnusable(f"{path} holds no key: delete it, and everyone signs in again", path=str(path))
    return found


def _make(path: Path) -> None:
    """Write it whole under another name first: a second process never reads half a key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"secret.key.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(48))
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
