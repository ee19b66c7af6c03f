"""The journal sealed: late entries are caught up, forgeries are named, and the file that outsiders run agrees."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlmodel import Session, select

from stockpile import journal, merkle
from stockpile.db import reading, transact
from stockpile.journal import JournalEntry
from stockpile.transparency.sealing import operations, queries, rules, verifier
from stockpile.transparency.sealing.tables import SealedEntry, SealGap
from tests.conftest import NOW, Cast, acting, unguard

FORGERIES = [
    ("an edited reason", "UPDATE journal_entry SET reason = 'forged' WHERE id = 5", "entry 5 "),
    ("an edited entry with its hash made to fit", "edit and rehash", "entry 5 "),
    ("a deleted entry", "DELETE FROM journal_entry WHERE id = 5", "entry 5,"),
    ("an entry slipped in below the head", "insert late", "was passed over"),
    ("two entries exchanged", "exchange", "is not what was sealed"),
    ("a leaf replaced", "UPDATE sealed_entry SET leaf_hash = '{zeros}' WHERE position = 3", "is not what was sealed"),
    ("a place taken out", "DELETE FROM sealed_entry WHERE position = 3", "place 3 of the tree is missing"),
    ("a head with another root", "UPDATE tree_head SET root = '{zeros}'", "another root"),
    ("the last leaves cut off", "DELETE FROM sealed_entry WHERE position > 8", "only 9 entries are sealed"),
]


@pytest.fixture
def signer(tmp_path: Path) -> rules.Signer:
    return operations.signer(tmp_path / "home", log="stockpile/test")


@pytest.fixture
def sealed(region: Engine, cast: Cast, signer: rules.Signer) -> Engine:
    """A region whose journal is sealed under two heads."""
    write(region, cast, 12)
    operations.seal(region, signer, at=NOW)
    write(region, cast, 30)
    operations.seal(region, signer, at=NOW + timedelta(seconds=1))
    return region


def write(engine: Engine, cast: Cast, count: int) -> None:
    """So many entries."""
    act = acting(cast["coordinator"])
    transact(
        engine,
        lambda session: journal.record_each(
            session, [journal.Note(act, "test.note", f"note:{n}", {"n": n}, "a note") for n in range(count)]
        ),
    )


def faults(engine: Engine, signer: rules.Signer) -> list[str]:
    with reading(engine) as session:
        return list(queries.discrepancies(session, verifier_key=signer.verifier_key))


def forge(engine: Engine, how: str) -> None:
    """Do one forgery behind the application's back."""
    with Session(engine) as session:
        unguard(session.connection())
        entry = session.get(JournalEntry, 5)
        other = session.get(JournalEntry, 6)
        assert entry is not None
        assert other is not None
        if how == "edit and rehash":
            entry.reason = "forged"
            entry.leaf_hash = journal.leaf_hash(entry)
        elif how == "insert late":
            late = JournalEntry(**{**entry.model_dump(exclude={"id"}), "reason": "slipped in"})
            late.recorded_at -= timedelta(days=2)
            late.leaf_hash = journal.leaf_hash(late)
            session.add(late)
        elif how == "exchange":
            mine, its = entry.model_dump(exclude={"id"}), other.model_dump(exclude={"id"})
            for row, columns in ((entry, its), (other, mine)):
                for name, value in columns.items():
                    setattr(row, name, value)
        else:
            session.connection().execute(text(how.format(zeros="00" * 32)))
        session.commit()


def test_a_sealed_journal_verifies_and_its_heads_grow_out_of_one_another(sealed: Engine, signer: rules.Signer) -> None:
    with reading(sealed) as session:
        new, old = queries.heads(session, below=None, limit=10)
        entries = list(session.exec(select(JournalEntry).order_by(JournalEntry.id)))  # type: ignore[arg-type]
        told = queries.consistency(session, old=old.size, size=None)
    assert new.root == merkle.root(bytes.fromhex(entry.leaf_hash) for entry in entries).hex()
    steps = [bytes.fromhex(step) for step in told["proof"]]
    verifier.consistency(old.size, bytes.fromhex(old.root), new.size, bytes.fromhex(new.root), steps)
    assert verifier.open_checkpoint(new.checkpoint, signer.verifier_key) == (new.size, bytes.fromhex(new.root))
    assert faults(sealed, signer) == []


@pytest.mark.parametrize(("what", "how", "told"), FORGERIES, ids=[row[0] for row in FORGERIES])
def test_every_forgery_is_found_and_named(sealed: Engine, signer: rules.Signer, what: str, how: str, told: str) -> None:
    forge(sealed, how)
    found = faults(sealed, signer)
    assert any(told in fault for fault in found), f"{what}: {found}"


@pytest.mark.parametrize("column", ["reason", "payload"])
def test_an_entry_blanked_while_it_waits_for_its_seal_is_named_and_nothing_else_is(
    region: Engine, cast: Cast, signer: rules.Signer, column: str
) -> None:
    """Before the first seal, and after one."""
    write(region, cast, 4)
    with reading(region) as session:
        (*_, number) = [entry.id for entry in journal.entries(session)]
    assert faults(region, signer) == []
    blanked = f"journal entry {number} (test.note note:3), which waits for a seal, is not what was written"
    with Session(region) as session:
        unguard(session.connection())
        session.connection().execute(text(f"UPDATE journal_entry SET {column} = '' WHERE id = {number}"))
        (told,) = queries.discrepancies(session, verifier_key=signer.verifier_key)
        session.rollback()
    assert told.startswith(blanked)
    operations.seal(region, signer, at=NOW)
    write(region, cast, 4)
    forge(region, f"UPDATE journal_entry SET {column} = '' WHERE id = {(number or 0) + 4}")
    (told,) = faults(region, signer)
    assert told.startswith(f"journal entry {(number or 0) + 4} (test.note note:3), which waits for a seal")


def test_an_entry_slipped_in_and_sealed_later_betrays_itself_by_its_time(
    sealed: Engine, cast: Cast, signer: rules.Signer
) -> None:
    forge(sealed, "insert late")
    operations.seal(sealed, signer, at=NOW + timedelta(seconds=2))
    assert any("an earlier head has it not" in fault for fault in faults(sealed, signer))


def test_sealing_again_with_nothing_new_changes_nothing(sealed: Engine, signer: rules.Signer) -> None:
    with reading(sealed) as session:
        before = queries.latest_size(session)
    assert operations.seal(sealed, signer, at=NOW + timedelta(hours=1)) == before


def test_a_number_that_commits_late_is_sealed_out_of_its_gap(region: Engine, cast: Cast, signer: rules.Signer) -> None:
    write(region, cast, 6)
    with Session(region) as session:
        late = [session.get_one(JournalEntry, number).model_dump() for number in (3, 4)]
        unguard(session.connection())
        session.connection().execute(text("DELETE FROM journal_entry WHERE id IN (3, 4)"))
        session.commit()
    operations.seal(region, signer, at=NOW)
    with Session(region) as session:
        assert [(gap.first_id, gap.last_id) for gap in session.exec(select(SealGap))] == [(3, 4)]
        session.add(JournalEntry(**late[1]))
        session.commit()
    operations.seal(region, signer, at=NOW + timedelta(seconds=1))
    with Session(region) as session:
        assert [(gap.first_id, gap.last_id) for gap in session.exec(select(SealGap))] == [(3, 3)]
        places = [row.entry_id for row in session.exec(select(SealedEntry).order_by(SealedEntry.position))]  # type: ignore[arg-type]
    assert places[-1] == 4
    assert faults(region, signer) == []


def test_a_gap_is_forgotten_when_nothing_can_come_any_more(region: Engine, cast: Cast, signer: rules.Signer) -> None:
    write(region, cast, 6)
    with Session(region) as session:
        unguard(session.connection())
        session.connection().execute(text("DELETE FROM journal_entry WHERE id = 3"))
        session.commit()
    operations.seal(region, signer, at=NOW)
    write(region, cast, 1)
    operations.seal(region, signer, at=NOW + timedelta(hours=2))
    with reading(region) as session:
        assert list(session.exec(select(SealGap))) == []


@dataclass(frozen=True, slots=True)
class Overtaken(rules.Signer):
    """A sealer whom another overtakes while it signs."""

    overtake: Callable[[], int]

    def checkpoint(self, *, size: int, root: bytes, sealed_at: datetime) -> str:
        self.overtake()
        return rules.Signer(self.log, self.key).checkpoint(size=size, root=root, sealed_at=sealed_at)


@pytest.mark.parametrize("count", [3, 700])
def test_a_sealer_that_is_overtaken_stores_nothing(
    sealed: Engine, cast: Cast, signer: rules.Signer, count: int
) -> None:
    write(sealed, cast, count)
    slow = Overtaken(signer.log, signer.key, lambda: operations.seal(sealed, signer, at=NOW + timedelta(seconds=3)))
    operations.seal(sealed, slow, at=NOW + timedelta(seconds=2))
    with reading(sealed) as session:
        assert queries.head(session, None).sealed_at == NOW + timedelta(seconds=3)
        assert queries.unsealed(session) == 0
    assert faults(sealed, signer) == []


def test_proofs_of_larger_trees_use_stored_nodes_and_hold(region: Engine, cast: Cast, signer: rules.Signer) -> None:
    write(region, cast, 700)
    operations.seal(region, signer, at=NOW)
    seeded = random.Random(3)
    with reading(region) as session:
        top = queries.head(session, None)
        for number in seeded.sample(range(1, top.size + 1), 12):
            told = queries.inclusion(session, entry_id=number, size=None)
            steps = [bytes.fromhex(step) for step in told["proof"]]
            leaf = verifier.leaf(told["entry"])
            verifier.inclusion(leaf, told["index"], top.size, steps, bytes.fromhex(top.root))
            told["entry"]["reason"] = "forged"
            with pytest.raises(verifier.Unproven, match="does not lead to the signed root"):
                verifier.inclusion(
                    verifier.leaf(told["entry"]), told["index"], top.size, steps, bytes.fromhex(top.root)
                )


def test_the_file_that_outsiders_run_proves_and_refuses(sealed: Engine, signer: rules.Signer, tmp_path: Path) -> None:
    with reading(sealed) as session:
        top, old = queries.heads(session, below=None, limit=2)
        inclusion = queries.inclusion(session, entry_id=7, size=None)
        consistency = queries.consistency(session, old=old.size, size=None)
        leaves = "\n".join(queries.leaves(session, size=top.size))
    files = {
        "key": signer.verifier_key,
        "head": top.checkpoint,
        "in": json.dumps(inclusion),
        "grow": json.dumps(consistency),
        "leaves": leaves,
        "forged": json.dumps({**inclusion, "entry": {**inclusion["entry"], "reason": "forged"}}),
        "forked": json.dumps({**consistency, "proof": ["00" * 32, *consistency["proof"][1:]]}),
        "short": leaves[:-65],
        "unsigned": top.checkpoint.replace(f"\n{top.size}\n", f"\n{top.size + 1}\n", 1),
        "nonsense": "nonsense",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    table = [
        (("checkpoint", "head"), 0, "proven: checkpoint"),
        (("inclusion", "in"), 0, "proven: inclusion"),
        (("consistency", "grow"), 0, "proven: consistency"),
        (("leaves", "leaves", "head"), 0, "proven: leaves"),
        (("inclusion", "forged"), 1, "does not lead to the signed root"),
        (("consistency", "forked"), 1, "NOT proven"),
        (("leaves", "short", "head"), 1, "do not give the signed root"),
        (("checkpoint", "unsigned"), 1, "is not signed with this key"),
        (("checkpoint", "nonsense"), 1, "not in its form"),
        (("inclusion", "nonsense"), 2, ""),
        (("inclusion", "missing"), 2, ""),
        (("dance", "head"), 2, ""),
    ]
    for arguments, status, words in table:
        ran = subprocess.run(
            [sys.executable, "-I", verifier.__file__, "key", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert (ran.returncode, words in ran.stdout) == (status, True), (arguments, ran.stdout, ran.stderr)


def test_the_file_that_outsiders_run_is_short_and_needs_nothing() -> None:
    source = Path(verifier.__file__).read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 150
    assert "stockpile." not in source
    assert "cryptography" not in source


def test_the_key_is_made_once_and_belongs_to_its_owner(tmp_path: Path) -> None:
    first, second = (operations.signer(tmp_path, log="stockpile/test") for _ in range(2))
    assert first.verifier_key == second.verifier_key
    assert (tmp_path / "seal.pem").stat().st_mode & 0o077 == 0
    (tmp_path / "seal.pem").write_text("not a key")
    with pytest.raises(operations.NoKey, match="cannot be read"):
        operations.signer(tmp_path, log="stockpile/test")


def test_another_key_does_not_pass_for_ours(sealed: Engine, tmp_path: Path) -> None:
    stranger = operations.signer(tmp_path / "stranger", log="stockpile/test")
    assert any("is not signed with this key" in fault for fault in faults(sealed, stranger))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(words=st.tuples(*[st.text()] * 5), actor=st.integers(0, 2**62), at=st.datetimes(timezones=st.just(UTC)))
def test_the_text_that_is_hashed_is_canonical_json_however_it_is_written(
    words: tuple[str, ...], actor: int, at: datetime
) -> None:
    name, action, subject, reason, payload = words
    entry = JournalEntry(
        recorded_at=at, effective_at=at, actor_id=actor, actor_name=name, action=action, subject=subject,
        reason=reason, payload=payload, leaf_hash="",
    )  # fmt: skip
    row = SimpleNamespace(**journal.content(entry))
    assert journal.hash_of_row(row).hex() == journal.leaf_hash(entry)


def test_a_member_takes_a_head_once(sealed: Engine, cast: Cast) -> None:
    act = acting(cast["requester"])
    with reading(sealed) as session:
        size = queries.latest_size(session)
    taken = [
        transact(sealed, lambda session: operations.witness(session, act, size=size, member="NL-1")) for _ in range(2)
    ]
    assert taken == [True, False]
    with reading(sealed) as session, pytest.raises(queries.NoSuchHead, match="no head covers 3 entries"):
        queries.head(session, 3)
