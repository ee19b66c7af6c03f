"""To which addresses a head may be sent, how long a failed one waits, and which machines are never reached. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv6Address, ip_address
from typing import Final
from urllib.parse import urlsplit

from stockpile.errors import Invalid

LONGEST: Final = 500
MOST_ADDRESSES: Final = 200
"""Living addresses of one installation: each is asked in its turn."""
PATIENCE_SECONDS: Final = 10.0
"""For so long an address may take, name, connection, and answer together."""
LEASE: Final = timedelta(minutes=2)
"""For so long a sender keeps an address to itself; who died while sending frees it so."""
SPACING: Final = timedelta(minutes=1)
"""An address that has accepted a head gets the next one after this: its proof covers all heads between."""
FIRST_WAIT: Final = timedelta(minutes=1)
LONGEST_WAIT: Final = timedelta(hours=6)
LONGEST_ANSWER: Final = 200
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_TEXT: Final = re.compile(rf"[!-~]{{1,{LONGEST}}}")
HERE: Final = "localhost"


class BadAddress(Invalid):
    """Heads are not sent to such an address; the message says why."""

    code = "bad_address"


@dataclass(frozen=True, slots=True)
class Address:
    """An address in its parts: `scheme` https or http, `host` in small letters, `target` path and query."""

    scheme: str
    host: str
    port: int
    target: str


def read_address(text: str, *, this_machine: bool) -> Address:
    """The parts of an address; refuses all but https to a name or a public number.

    `this_machine`: the installation lets heads be sent to itself, and there by http too.

    >>> read_address("https://Audit.example:8443/heads?of=1", this_machine=False)
    Address(scheme='https', host='audit.example', port=8443, target='/heads?of=1')
    """
    if not _TEXT.fullmatch(text) or "\\" in text:
        raise BadAddress(f"an address is at most {LONGEST} letters, digits and signs, without spaces", field="url")
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as failure:
        raise BadAddress(f"this is no address: {failure}", field="url") from failure
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise BadAddress("an address holds no account, no password and no #", field="url")
    if parts.scheme not in ("https", "http") or port == 0:
        raise BadAddress("an address begins with https://", field="url")
    _check_host(host, this_machine=this_machine)
    if parts.scheme == "http" and not (this_machine and _is_here(host)):
        raise BadAddress("heads are sent by https alone", field="url")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Address(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), target)


def _check_host(host: str, *, this_machine: bool) -> None:
    if _number(host):
        if not may_reach(host, this_machine=this_machine):
            raise BadAddress(f"{host} is not a public address", field="url")
    elif not _HOST.fullmatch(host) or host.rpartition(".")[2].isdigit():
        raise BadAddress("this is no host: write its name, such as audit.example.org", field="url")
    elif _is_here(host) and not this_machine:
        raise BadAddress(f"{host} is this machine: that is no other's hands", field="url")


def _number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_here(host: str) -> bool:
    return host == HERE or host.endswith(f".{HERE}") or (_number(host) and ip_address(host).is_loopback)


def may_reach(number: str, *, this_machine: bool) -> bool:
    """Whether a head may be sent to the machine of this number (IPv4 or IPv6): public ones, and itself if so set.

    Forms of IPv6 that wrap another number are not reached: what they lead to is not seen in them.

    >>> [may_reach(one, this_machine=False) for one in ("93.184.216.34", "10.0.0.1", "169.254.169.254", "127.0.0.1")]
    [True, False, False, False]
    >>> may_reach("::1", this_machine=True), may_reach("::ffff:10.0.0.1", this_machine=True)
    (True, False)
    """
    ip = ip_address(number)
    if ip.is_loopback:
        return this_machine
    wraps = isinstance(ip, IPv6Address) and bool(ip.ipv4_mapped or ip.sixtofour or ip.teredo or ip.is_site_local)
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or wraps)


def wait(failures: int) -> timedelta:
    """How long an address is left alone after so many failures in a row: twice as long each time, up to a limit.

    >>> [wait(n).total_seconds() / 60 for n in (1, 2, 3, 9, 10, 500)]
    [1.0, 2.0, 4.0, 256.0, 360.0, 360.0]
    """
    doubled: int = 2 ** min(failures - 1, 20)
    return min(FIRST_WAIT * doubled, LONGEST_WAIT)
