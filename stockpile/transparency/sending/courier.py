"""One POST to an address outside: to a public machine that was looked up once, in limited time, led nowhere else."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

from stockpile.transparency.sending.rules import LONGEST_ANSWER, PATIENCE_SECONDS, Address, may_reach

HEADERS: Final = {"Content-Type": "application/json", "User-Agent": "stockpile", "Connection": "close"}


class Unreachable(Exception):
    """Nothing was sent, or nothing whole came back; the message says why."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a POST: accepted (2xx) or not, the status if one came, words for it, and how long it took."""

    accepted: bool
    status: int | None
    said: str
    milliseconds: int


@dataclass(slots=True)
class _Errand:
    """A POST under way in a thread of its own, so that nothing outside can hold up who sends."""

    address: Address
    body: bytes
    this_machine: bool
    patience: float
    connection: HTTPConnection | None = None
    status: int | None = None
    said: str = ""
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Send and read the beginning of the answer; what goes wrong is put into words."""
        try:
            self.status, self.said = self._exchange()
        except TimeoutError:  # one wait took all the patience: the same as all of them together
            self.said = _impatient(self.patience)
        except (OSError, HTTPException, UnicodeError, Unreachable) as failure:
            self.said = _plain(f"{type(failure).__name__}: {failure}")
        finally:
            if self.connection is not None:
                self.connection.close()
            self.over.set()

    def _exchange(self) -> tuple[int, str]:
        to = self.address
        number = _looked_up(to, this_machine=self.this_machine)
        kind = HTTPSConnection if to.scheme == "https" else HTTPConnection
        self.connection = kind(to.host, to.port, timeout=self.patience)
        plain = socket.create_connection((number, to.port), self.patience)
        self.connection.sock = plain
        if to.scheme == "https":
            self.connection.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=to.host)
        self.connection.request("POST", to.target, self.body, HEADERS)
        answer = self.connection.getresponse()
        if 300 <= answer.status < 400:
            return answer.status, _plain(_led_on(answer.getheader("Location") or ""))
        return answer.status, _plain(answer.read(LONGEST_ANSWER).decode("utf-8", "replace") or answer.reason)

    def give_up(self) -> None:
        """End the connection under the thread that waits on it."""
        held = self.connection.sock if self.connection is not None else None
        if held is not None:
            try:
                held.shutdown(socket.SHUT_RDWR)
            except OSError:  # it has just ended by itself
                return


def deliver(address: Address, body: bytes, *, this_machine: bool, patience: float = PATIENCE_SECONDS) -> Answered:
    """POST the body (JSON) and tell what came of it; never raises for what the other side does or is.

    The name is looked up once, and the connection goes to what was found: were it looked up again, another answer
    could lead inside. A redirection is not followed. `patience`: seconds for all of it together.
    """
    started = time.monotonic()
    errand = _Errand(address, body, this_machine, patience)
    threading.Thread(target=errand.run, daemon=True, name="head to a witness").start()
    came = errand.over.wait(patience)
    taken = int((time.monotonic() - started) * 1000)
    if not came:
        errand.give_up()
        return Answered(False, None, _impatient(patience), taken)
    accepted = errand.status is not None and 200 <= errand.status < 300
    return Answered(accepted, errand.status, errand.said, taken)


def _looked_up(to: Address, *, this_machine: bool) -> str:
    """The machine's number; refuses a name that leads to any machine that is not reached from here."""
    found = [str(one[4][0]) for one in socket.getaddrinfo(to.host, to.port, type=socket.SOCK_STREAM)]
    here = this_machine and to.scheme == "http"
    wrong = [one for one in found if not _allowed(one, this_machine=this_machine, only_here=here)]
    if wrong or not found:
        raise Unreachable(f"{to.host} is {', '.join(sorted(set(wrong)))}: not a public address, nothing was sent")
    return found[0]


def _allowed(number: str, *, this_machine: bool, only_here: bool) -> bool:
    """Whether this number is reached; plain http goes to this machine and no other."""
    public = may_reach(number, this_machine=False)
    return may_reach(number, this_machine=this_machine) and not (only_here and public)


def _impatient(patience: float) -> str:
    """What is told of a server that was waited for in vain."""
    return f"no whole answer within {patience:g} seconds"


def _led_on(location: str) -> str:
    """What is told of a redirection: the host, and no more of what a stranger wrote."""
    try:
        host = urlsplit(location).hostname or "another path"
    except ValueError:
        host = "what is no address"
    return f"led on to {host}: not followed, register the address itself"


def _plain(text: str) -> str:
    """What a stranger sent, as one short line of visible characters."""
    return "".join(one if one.isprintable() else " " for one in text)[:LONGEST_ANSWER].strip()
