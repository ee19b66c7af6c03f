"""A region of any size as the tables that `stockpile import region` reads, and a ledger of any length in it.

`factor` 1 is about the demonstration's size: 200 municipalities, 100 items, 50,000 lots and 500,000 movements; 20 is
4,000 municipalities, 2,000 items, a million lots and ten million movements. The ledger is written by its only writer,
many postings a transaction, which PostgreSQL takes by COPY: so the books hold, and can be verified.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from random import Random

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from stockpile.actor import Act, Actor, Grant
from stockpile.catalogue import queries as catalogue
from stockpile.db import transact
from stockpile.governance import operations as governance
from stockpile.inventory import ledger, opening, rules
from stockpile.inventory.ledger import Account, Intent, Move
from stockpile.inventory.tables import Lot
from stockpile.region import loading
from stockpile.region.reading import read
from tests.conftest import SMALL_REGION, acting

ROLES = ("logistics", "coordinator", "buyer", "requester", "auditor")
COUNTRIES = ("BE", "DE", "NL")
MEMBERS, ITEMS, LOTS, MOVEMENTS = 200, 100, 50_000, 500_000
OPENING, LINES, POSTINGS = 10_000, 10, 500
"""Base units that a lot opens with, movements of one posting, postings of one transaction."""
FIRST_EXPIRY = date(2020, 6, 1)
Rows = Sequence[Sequence[object]]


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is of everything."""

    members: int
    depots: int
    items: int
    lots: int
    movements: int

    @classmethod
    def of(cls, factor: float) -> Size:
        """So many times the demonstration."""
        members = max(6, round(MEMBERS * factor))
        lots, movements = max(60, round(LOTS * factor)), max(600, round(MOVEMENTS * factor))
        return cls(members, max(3, members // 20), max(3, round(ITEMS * factor)), lots, movements)


def member(number: int) -> str:
    """The code of a municipality."""
    return f"{COUNTRIES[number % 3]}-{number}"


def item(number: int) -> str:
    """The code of an item."""
    return f"I{number:04}"


def depot(number: int) -> str:
    """The code of a depot."""
    return f"D-{number:03}"


def write(folder: Path, size: Size) -> None:
    """Write the region's tables; what is not said here is the small region's."""
    for name in ("region", "suppliers", "policy"):
        shutil.copy(SMALL_REGION / f"{name}.csv", folder)
    for name, rows in _tables(size).items():
        head = (SMALL_REGION / f"{name}.csv").read_text().splitlines()[0]
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(head.split(","))
            writer.writerows(rows)
    text = (folder / "policy.csv").read_text().replace("D-BE", depot(0))
    (folder / "policy.csv").write_text(text)


def _tables(size: Size) -> dict[str, Iterable[Sequence[object]]]:
    chance = Random(1)
    places = [(50 + chance.random(), 5 + chance.random()) for _ in range(size.members)]
    homes = [f"H-{number}" for number in range(size.members)]
    owner = [number * size.members // size.depots for number in range(size.depots)]
    zones = {"BE": "Europe/Brussels", "DE": "Europe/Berlin", "NL": "Europe/Amsterdam"}

    def site(code: str, kind: str, number: int) -> Sequence[object]:
        country = COUNTRIES[number % 3]
        return (code, code, kind, country, member(number), *places[number], zones[country])

    def near(number: int) -> list[int]:
        return chance.sample(range(size.depots), min(3, size.depots))

    numbers = range(size.members)
    days = [date(2020, 3, 20) + timedelta(days=day) for day in range(11)]
    return {
        "members": [
            (member(n), f"Town {n}", "", COUNTRIES[n % 3], "Region", 5000 + 37 * n, 2020, *places[n], homes[n])
            for n in numbers
        ],
        "sites": [
            *(site(depot(n), "depot", owner[n]) for n in range(size.depots)),
            *(site(homes[n], "point_of_use", n) for n in numbers),
        ],
        "lanes": [(depot(d), homes[n], 60 + 7 * d % 90, 10 + d % 9, 1) for n in numbers for d in near(n)],
        "items": [_item(n) for n in range(size.items)],
        "licences": [(item(n), country) for n in range(size.items) for country in COUNTRIES],
        "contracts": [("UC-1", "SUP-1", "2019-01-01", "2022-12-31", "EUR", 10_000, 10**12, 7)],
        "contract_lines": [("UC-1", item(n), 5, 5, 300) for n in range(size.items)],
        "price_tiers": [("UC-1", item(n), 1, 500 + n) for n in range(size.items)],
        "caseload": [(day, member(n), 20 + n % 50, 0, 5 + n % 11, "reported") for day in days for n in numbers],
        "floors": [],
        "lots": [],
        "own_stock": [],
    }


def _item(number: int) -> Sequence[object]:
    body = f"0{952_000_000_000 + number:012}"
    check = -sum(int(digit) * (3, 1)[at % 2] for at, digit in enumerate(body)) % 10
    named = (item(number), "medicine", f"Item {number}", "H02AB02", "", f"{body}{check}", "tablet", 10)
    return (*named, 0, "<=25C", 0, 0, 730, 7, 100, 1 + number % 3, 20_000, 0)


@dataclass(frozen=True, slots=True)
class Filled:
    """What stands in the database: the numbers of the lots in their order, and who acts."""

    size: Size
    lots: list[int]
    act: Act


def fill(engine: Engine, folder: Path, factor: float, *, say: Callable[[str], None]) -> Filled:
    """Fill an empty migrated database."""
    size = Size.of(factor)
    write(folder, size)
    act = acting(governance.founder())

    def load(session: Session) -> int:
        loading.installation_account(session)
        loading.load(session, act, read(folder))
        governance.add_scheduler(session, act)
        grants = [Grant(role) for role in ROLES]
        given = {"name": "clerk", "title": "clerk", "password": "scan and go", "grants": grants}
        clerk = governance.add_account(session, act, **given)
        assert clerk.id is not None
        return clerk.id

    clerk = transact(engine, load)
    say(f"{size.members:,} municipalities, {size.depots:,} depots, {size.items:,} items")
    lots = _lots(engine, act, size)
    say(f"{len(lots):,} lots")
    working = acting(Actor(clerk, "clerk", tuple(Grant(role) for role in ROLES)))
    _post(engine, working, lots, size, say=say)
    return Filled(size, lots, working)


def _post(engine: Engine, working: Act, lots: Sequence[int], size: Size, *, say: Callable[[str], None]) -> None:
    done = 0
    for part in _batches(working, lots, size):
        transact(engine, partial(ledger.post_each, intents=part))
        done += sum(len(one.moves) for one in part)
        if done // 500_000 != (done - LINES * POSTINGS) // 500_000:
            say(f"{done:,} movements")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("ANALYZE")
        connection.exec_driver_sql("RESET statement_timeout")


def _lots(engine: Engine, act: Act, size: Size) -> list[int]:
    chance = Random(2)
    for start in range(0, size.lots, 20_000):
        numbers = range(start, min(start + 20_000, size.lots))

        def opened(session: Session, numbers: range = numbers) -> None:
            gtins = [catalogue.product_of(session, catalogue.item(session, item(n)), "") for n in range(size.items)]
            wanted = {
                opening.Batch(item(n % size.items), gtins[n % size.items], f"S{n:07}"): FIRST_EXPIRY
                + timedelta(days=chance.randrange(900))
                for n in numbers
            }
            opening.open_lots(session, act, wanted)

        transact(engine, opened)
    with Session(engine) as session:
        found = session.exec(select(Lot.id).where(col(Lot.code).startswith("S")).order_by(col(Lot.code)))
        return [number for number in found if number is not None]


def _batches(act: Act, lots: Sequence[int], size: Size) -> Iterator[list[Intent]]:
    """Postings of some lines each: first what every lot opens with, then issues and returns of any of them."""
    chance, part = Random(3), list[Intent]()
    for number in range(size.movements // LINES):
        first = number * LINES
        chosen = lots[first : first + LINES] if first < len(lots) else chance.sample(lots, LINES)
        kind = "receipt" if first < len(lots) else "issue"
        part.append(Intent(act, kind, f"scale/{number}", [_move(lot, kind, size) for lot in chosen]))
        if len(part) == POSTINGS:
            yield part
            part = []
    if part:
        yield part


def _move(lot: int, kind: str, size: Size) -> Move:
    shelf = Account(lot, depot(lot % size.depots), rules.POOL, rules.AVAILABLE)
    if kind == "receipt":
        return Move(lot, OPENING, rules.SUPPLIER, shelf, "opening")
    return Move(lot, 1, shelf, rules.CONSUMPTION, "issue")
