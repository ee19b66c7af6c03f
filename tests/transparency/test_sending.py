"""Signed heads leave the operator's hands: sent to real servers, that take them, fail, lead on, hang or are away."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from sqlalchemy import Engine
from sqlmodel import Session, select

from stockpile import journal
from stockpile.actor import Actor, Grant
from stockpile.db import reading, transact
from stockpile.governance.rules import Missing
from stockpile.journal import JournalEntry
from stockpile.transparency.sealing import operations as sealing
from stockpile.transparency.sealing import rules as sealing_rules
from stockpile.transparency.sealing import verifier
from stockpile.transparency.sending import courier, operations, queries, rules
from stockpile.transparency.sending.tables import HeadAddress, HeadDelivery
from tests.conftest import NOW, Cast, acting
from tests.transparency.witness import Witness, witness

WHY = "the council wants its own copy"
PATIENCE = 3.0
"""Seconds that a server which hangs is given; every other test waits as long as it must."""


@pytest.fixture
def signer(tmp_path: Path) -> sealing_rules.Signer:
    """The key of this test's installation."""
    return sealing.signer(tmp_path, log="stockpile/test")


@pytest.fixture
def taker() -> Iterator[Witness]:
    """A witness on this machine that takes what it is sent."""
    with witness() as found:
        yield found


class Sender:
    """An installation that seals and sends, at instants of the test's own."""

    def __init__(self, engine: Engine, signer: sealing_rules.Signer, actor: Actor) -> None:
        self.engine, self.signer, self.actor = engine, signer, actor

    def register(self, url: str, *, member: str | None = "BE-1", actor: Actor | None = None) -> int:
        """An address that heads are sent to."""

        def work(session: Session) -> HeadAddress:
            given = {"url": url, "recipient": "the audit office", "reason": WHY, "member": member}
            return operations.register(session, acting(actor or self.actor), this_machine=True, **given)

        return transact(self.engine, work).id or 0

    def happen(self, what: str, *, at: datetime = NOW) -> int:
        """Something is journalled and sealed; the size of the newest head."""

        def note(session: Session) -> None:
            journal.record(session, acting(self.actor), action="test.note", subject=what, payload={}, reason=what)

        transact(self.engine, note)
        return sealing.seal(self.engine, self.signer, at=at)

    def send(self, *, minutes: float = 0, this_machine: bool = True, patience: float = 60) -> list[HeadDelivery]:
        """Send what is due so many minutes from NOW."""
        at = NOW + timedelta(minutes=minutes)
        return operations.send_due(self.engine, at=at, this_machine=this_machine, patience=patience)

    def address(self, number: int) -> HeadAddress:
        """An address as it stands."""
        with reading(self.engine) as session:
            return queries.address(session, number)


@pytest.fixture
def sender(region: Engine, cast: Cast, signer: sealing_rules.Signer) -> Sender:
    """The small region, with an auditor who registers addresses."""
    return Sender(region, signer, cast["auditor"])


def checked(body: bytes, signer: sealing_rules.Signer, folder: Path) -> tuple[int, str]:
    """What the stand-alone verifier, run by itself as outsiders do, says of what a witness was sent."""
    (folder / "sent.json").write_bytes(body)
    (folder / "key.txt").write_text(signer.verifier_key, encoding="utf-8")
    command = [sys.executable, "-I", str(verifier.__file__), "key.txt", "consistency", "sent.json"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return ran.returncode, ran.stdout


def test_each_new_head_is_sent_with_the_proof_that_it_continues_the_one_taken_before(
    sender: Sender, taker: Witness, signer: sealing_rules.Signer, tmp_path: Path
) -> None:
    number = sender.register(taker.url)
    sizes = [sender.happen("one")]
    [first] = sender.send()
    assert sender.send() == [], "nothing new, nothing sent"
    for minutes, what in ((2, "two"), (4, "three")):
        sender.happen(f"{what} in part")
        sizes.append(sender.happen(what))
        sender.send(minutes=minutes)
    assert [(first.accepted, first.status, first.answer, first.since_size)] == [(True, 200, "kept", None)]
    told = [json.loads(body) for body in taker.got]
    assert [(one["old_size"], one["size"]) for one in told] == [
        (sizes[0], sizes[0]), (sizes[0], sizes[1]), (sizes[1], sizes[2])
    ]  # fmt: skip
    assert told[1]["old"] == told[0]["new"], "what was taken is what the next one continues"
    for body, size in zip(taker.got, sizes, strict=True):
        assert checked(body, signer, tmp_path) == (0, f"proven: consistency, under a head of {size} entries\n")
    assert sender.address(number).accepted_size == sizes[-1]
    assert taker.heard[0]["content-type"] == "application/json"


def test_a_witness_sees_that_the_journal_was_rewritten(
    sender: Sender, taker: Witness, signer: sealing_rules.Signer, tmp_path: Path
) -> None:
    """Were another history sent after the one that it keeps, the verifier of the witness would say so."""
    sender.register(taker.url)
    sender.happen("one")
    sender.send()
    sender.happen("two")
    sender.send(minutes=2)
    kept, later = (json.loads(body) for body in taker.got)
    forged = signer.checkpoint(size=kept["size"], root=b"\1" * 32, sealed_at=NOW)
    code, said = checked(json.dumps({**later, "old": forged}).encode(), signer, tmp_path)
    assert (code, said.startswith("NOT proven")) == (1, True)


def test_a_server_that_is_down_fails_and_gets_the_head_when_it_is_back(sender: Sender, taker: Witness) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    number = sender.register(f"http://127.0.0.1:{port}/heads")
    sender.happen("one")
    [failed] = sender.send()
    assert (failed.accepted, failed.status) == (False, None)
    assert "refused" in failed.answer
    moved = sender.address(number)
    assert (moved.failures, moved.accepted_size, bool(moved.fault)) == (1, None, True)


def test_failures_wait_twice_as_long_each_time_and_a_restart_changes_nothing(
    sender: Sender, taker: Witness, region: Engine, signer: sealing_rules.Signer
) -> None:
    number = sender.register(taker.url)
    sender.happen("one")
    taker.status, taker.words = 500, b"out of order"
    minutes, tried = 0.0, []
    for wait in (1, 2, 4):
        [delivery] = sender.send(minutes=minutes)
        tried.append((delivery.accepted, delivery.status, delivery.answer))
        again = Sender(region, signer, sender.actor)  # nothing but the database is remembered
        assert again.send(minutes=minutes + wait - 0.5) == []
        minutes += wait
    assert tried == [(False, 500, "out of order")] * 3
    assert sender.address(number).failures == 3
    taker.status, taker.words = 204, b""
    [taken] = sender.send(minutes=minutes)
    found = sender.address(number)
    assert (taken.accepted, found.failures, found.fault, found.accepted_size) == (True, 0, "", taken.size)


def test_a_redirection_to_another_host_is_not_followed(sender: Sender, taker: Witness) -> None:
    with witness() as other:
        taker.status, taker.leads_to = 307, f"http://localhost:{other.port}/elsewhere"
        sender.register(taker.url)
        sender.happen("one")
        [sent] = sender.send()
        assert (sent.accepted, sent.status) == (False, 307)
        assert sent.answer == "led on to localhost: not followed, register the address itself"
        assert (len(taker.got), other.got) == (1, [])


@pytest.mark.parametrize("how", ["says nothing", "never ends"])
def test_a_server_that_hangs_holds_up_nobody(sender: Sender, taker: Witness, how: str) -> None:
    if how == "says nothing":
        taker.hangs.set()
    taker.drips = True
    with witness() as other:
        sender.register(taker.url)
        sender.register(other.url, member=None)
        sender.happen("one")
        hung, taken = sender.send(patience=PATIENCE)
    assert (hung.accepted, hung.answer) == (False, f"no whole answer within {PATIENCE:g} seconds")
    assert taken.accepted


def test_over_https_the_server_must_be_who_it_says(
    sender: Sender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = certified(tmp_path, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with witness(tls=context) as taker:
        sender.register(f"https://localhost:{taker.port}/heads")
        sender.register(f"https://127.0.0.1:{taker.port}/heads")
        sender.happen("one")
        strangers = sender.send()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        known = sender.send(minutes=2)
    assert [("certificate" in one.answer.lower(), one.accepted) for one in strangers] == [(True, False)] * 2
    assert [one.accepted for one in known] == [True, False], "the certificate is for the name, not for the number"
    assert len(taker.got) == 1


def certified(folder: Path, name: str) -> Path:
    """A certificate that this machine gives itself for a name, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(datetime(2020, 1, 1, tzinfo=UTC)).not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    signed = made.sign(key, hashes.SHA256())
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = folder / "certificate.pem"
    file.write_bytes(plain + signed.public_bytes(Encoding.PEM))
    return file


def test_what_a_stranger_answers_is_kept_short_and_in_one_line(sender: Sender, taker: Witness) -> None:
    taker.status, taker.words = 503, b"no\r\nSet-Cookie: x\x1b[31m" + b"a" * 5000
    sender.register(taker.url)
    sender.happen("one")
    [sent] = sender.send()
    assert sent.answer.isprintable()
    assert len(sent.answer) <= rules.LONGEST_ANSWER


@pytest.mark.parametrize("number", ["10.0.0.7", "127.0.0.1", "169.254.169.254", "::1", "fd00::1", "64:ff9b::a00:1"])
def test_a_public_name_that_leads_inside_gets_nothing(
    sender: Sender, taker: Witness, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    """A name is looked up when a head is sent: whoever lets it point inside afterwards is not served either."""

    def looked_up(host: str, port: int, **_: object) -> list[Any]:
        return [(0, 0, 0, "", ("93.184.216.34", port)), (0, 0, 0, "", (number, port))]

    monkeypatch.setattr(courier.socket, "getaddrinfo", looked_up)
    sender.register("https://audit.example/heads")
    sender.happen("one")
    [sent] = sender.send(this_machine=False)
    assert (sent.accepted, sent.status) == (False, None)
    assert "not a public address, nothing was sent" in sent.answer
    assert number in sent.answer


def test_the_connection_goes_to_what_was_looked_up_once(
    sender: Sender, taker: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that answers otherwise the second time leads nowhere else: nobody asks a second time."""
    asked: list[str] = []

    def looked_up(host: str, port: int, **_: object) -> list[Any]:
        asked.append(host)
        assert len(asked) == 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", taker.port))]

    real = socket.getaddrinfo

    def only_numbers(host: str, port: int, *more: object, **named: object) -> list[Any]:
        return real(host, port, *more, **named) if host == "127.0.0.1" else looked_up(host, port)  # type: ignore[arg-type]

    monkeypatch.setattr(courier.socket, "getaddrinfo", only_numbers)
    sender.register(f"http://heads.localhost:{taker.port}/heads")
    sender.happen("one")
    [sent] = sender.send()
    assert (sent.accepted, asked) == (True, ["heads.localhost"])
    assert taker.heard[0]["host"] == f"heads.localhost:{taker.port}"


def test_a_setting_taken_back_ends_what_goes_to_this_machine(sender: Sender, taker: Witness) -> None:
    sender.register(taker.url)
    sender.happen("one")
    [sent] = sender.send(this_machine=False)
    assert (sent.accepted, taker.got) == (False, [])


def test_two_senders_send_a_head_once_and_one_that_died_lets_go(sender: Sender, taker: Witness) -> None:
    number = sender.register(taker.url)
    sender.happen("one")
    taken = transact(sender.engine, lambda session: operations._take(session, number, at=NOW))
    assert taken is not None
    assert sender.send(minutes=1) == [], "another one is sending there"
    [later] = sender.send(minutes=rules.LEASE.total_seconds() / 60)
    assert later.accepted


def test_whoever_registers_ends_or_asks_needs_the_right_and_is_on_record(
    sender: Sender, taker: Witness, cast: Cast
) -> None:
    own = cast.engage("of one member", Grant("requester", member="BE-1"))
    number = sender.register(taker.url, actor=own)
    for refused in (cast["administrator"], cast["logistics"], cast.engage("other", Grant("requester", member="NL-1"))):
        with pytest.raises(Missing):
            sender.register("https://audit.example/", actor=refused)
        for operation in (operations.end, operations.ask):
            with pytest.raises(Missing):
                transact(sender.engine, partial(operation, act=acting(refused), number=number, reason=WHY))
    with pytest.raises(Missing):
        sender.register("https://audit.example/", member=None, actor=own)
    with pytest.raises(operations.AddressTaken):
        sender.register(taker.url)
    transact(sender.engine, lambda session: operations.ask(session, acting(own), number=number, reason=WHY))
    transact(sender.engine, lambda session: operations.end(session, acting(own), number=number, reason="moved"))
    sender.happen("later")
    assert sender.send(minutes=10) == []
    sender.register(taker.url)
    with reading(sender.engine) as session:
        query = select(JournalEntry).where(JournalEntry.subject == f"address:{number}")
        told = [(one.action, one.actor_name, one.reason) for one in session.exec(query)]
        assert "heads" not in "".join(one.payload for one in session.exec(query)), "the host alone is on record"
    assert told == [
        ("head.address", "of one member", WHY),
        ("head.send", "of one member", WHY),
        ("head.address.end", "of one member", "moved"),
    ]
