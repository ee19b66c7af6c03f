"""The settlement: what a period cost by kind, who owes whom, and one party's statement with what is behind it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from nicegui import ui
from sqlmodel import Session

from stockpile.governance import queries as governance
from stockpile.settlement import queries, rules, storing
from stockpile.settlement.queries import Recorded, Statement
from stockpile.settlement.tables import SettlementPeriod, StorageRate
from stockpile.web.desk import Desk, facts, figures
from stockpile.web.parts import text
from stockpile.web.speech import N_, day, money, ngettext, number, say

MOST_ROWS: Final = 40
MOST_PAYMENTS: Final = 10
KINDS: Final = {
    rules.PURCHASE: N_("Purchases"),
    rules.TRANSPORT: N_("Transport"),
    rules.STORAGE: N_("Storage"),
    rules.OPTION: N_("Option fees"),
    rules.EXPIRY: N_("Expired stock"),
    rules.LOAN: N_("Loans that became sales"),
    rules.OTHER: N_("Other costs"),
}
KEYS: Final = {
    rules.POPULATION: N_("by population"),
    rules.RESERVATION: N_("by what is reserved"),
    rules.USE: N_("by what was used"),
    rules.MIXED: N_("by a mixed key"),
}
STORAGE: Final = {
    "ambient": N_("at room temperature"),
    "cold": N_("cold"),
    "frozen": N_("frozen"),
    "controlled": N_("controlled"),
}
STATES: Final = {
    rules.OPEN: N_("open: costs can be booked"),
    rules.CALCULATED: N_("calculated: another person closes it"),
    rules.CLOSED: N_("closed for ever"),
}


@dataclass(frozen=True, slots=True)
class Books:
    """All periods; costs (entries, minor units) by kind and nets of the one shown, else what the records cost."""

    periods: list[SettlementPeriod]
    costs: dict[str, tuple[int, int]]
    nets: dict[str, int]
    rates: list[StorageRate]
    names: dict[str, str]


def books(session: Session, number: int | None, *, at: datetime) -> Books:
    """The books of a period; None: of the newest."""
    periods = queries.periods(session)
    shown = number if number is not None else next((one.id for one in periods), None)
    names = {code: member.name for code, member in governance.members(session).items()}
    return Books(
        periods,
        queries.by_kind(session, shown) if shown else by_kind(queries.recorded(session, until=at)),
        queries.nets(session, shown) if shown else {},
        list(storing.rates(session)),
        names | {rules.POOL: say("the pool")},
    )


def by_kind(costs: Iterable[Recorded]) -> dict[str, tuple[int, int]]:
    """Entries and minor units by kind, in the order of the kinds."""
    found: dict[str, list[int]] = defaultdict(list)
    for one in costs:
        found[one.kind].append(one.amount_minor)
    return {kind: (len(found[kind]), sum(found[kind])) for kind in rules.KINDS if found[kind]}


class SettlementPart:
    """A period's costs and payments, and below them the statement of one party."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._number: int | None = None
        with ui.element("section").classes("panel desk-stack"):
            text("h2", say("Settlement"))
            with ui.element("div").classes("asking"):
                self._choice = ui.select({}, label=say("Period"), on_change=self._period_chosen)
                self._choice.props("outlined dense options-dense").classes("choose-item")
            self._box = ui.element("div").classes("desk-stack")
        with ui.element("section").classes("panel desk-stack") as self._below:
            text("h2", say("Statement"))
            with ui.element("div").classes("asking"):
                self._party = ui.select({}, label=say("Whose statement"), with_input=True, on_change=self._party_chosen)
                self._party.props("outlined dense options-dense").classes("choose-item")
            self._statement = ui.element("div").classes("desk-stack").props("aria-live=polite")

    async def show(self) -> None:
        """Read and show the books of the chosen period as they stand now."""
        desk = self._desk
        found = await desk.signed.read(lambda session: books(session, self._number, at=desk.now))
        names = {one.id: one.name for one in found.periods if one.id is not None}
        self._number = self._number if self._number in names else next(iter(names), None)
        self._choice.set_options(names, value=self._number)
        self._choice.set_visibility(bool(names))
        self._below.set_visibility(bool(found.nets))
        self._box.clear()
        with self._box:
            _books(desk, found, self._number)
        parties = {party: found.names[party] for party in sorted(found.nets, key=lambda one: found.names[one])}
        first = max(found.nets, key=lambda one: found.nets[one], default=None)
        before, chosen = self._party.value, self._party.value if self._party.value in parties else first
        if parties != self._party.options:
            self._party.set_options(parties, value=chosen)
        if chosen == before:
            await self._show_statement()

    async def _period_chosen(self) -> None:
        if self._choice.value is not None and self._choice.value != self._number:
            self._number = int(self._choice.value)
            await self.show()

    async def _party_chosen(self) -> None:
        await self._show_statement()

    async def _show_statement(self) -> None:
        """Read and show the statement of the chosen party; a later choice wins."""
        asked, desk = (self._number, self._party.value), self._desk
        number_, party = asked
        if number_ is None or party is None:
            return
        found = await desk.signed.read(lambda session: queries.statement(session, number_, str(party)))
        if asked == (self._number, self._party.value):
            self._statement.clear()
            with self._statement:
                _statement(desk, found)


def _books(desk: Desk, found: Books, number_: int | None) -> None:
    """The costs of a period by kind and who pays whom, or what the records cost while no period is opened."""
    period = next((one for one in found.periods if one.id == number_), None)
    if period is None:
        text("p", say("No period is opened yet. What the records cost until now, nothing of it booked:"))
        _kinds(desk, found.costs)
        text("p", say("A buyer or a coordinator opens a period: stockpile settle open")).classes("quiet")
    else:
        span = say("{first} to {last}", first=desk.on(period.starts_at), last=desk.on(period.ends_at))
        state = say(STATES[period.state])
        facts([(say("Period"), span), (say("Shared"), say(KEYS[period.cost_key])), (say("State"), state)])
        _kinds(desk, found.costs)
        _payments(desk, found)
    _rates(found.rates)


def _kinds(desk: Desk, found: dict[str, tuple[int, int]]) -> None:
    if not found:
        text("p", say("No cost is booked. What the records cost is booked by: stockpile settle book-recorded"))
        return
    currency = desk.region.currency
    rows = [(say(KINDS[kind]), number(n), money(minor, currency)) for kind, (n, minor) in found.items()]
    rows.append((say("All costs"), number(sum(n for n, _ in found.values())), money(_total(found), currency)))
    figures((say("Kind of cost"), say("Entries"), say("Amount")), rows, title=say("Costs by kind"))


def _total(found: dict[str, tuple[int, int]]) -> int:
    return sum(minor for _, minor in found.values())


def _payments(desk: Desk, found: Books) -> None:
    """The payments that make everybody even, the largest in front."""
    paid = sorted(rules.payments(found.nets), key=lambda one: -one[2])
    if not paid:
        text("p", say("Nobody pays anybody: the costs are not divided yet, or come out even.")).classes("quiet")
        return
    shown, currency = paid[:MOST_PAYMENTS], desk.region.currency
    rows = [(found.names[a], found.names[b], money(minor, currency)) for a, b, minor in shown]
    title = ngettext("{n} payment makes everybody even", "{n} payments make everybody even", len(paid))
    title = title if shown == paid else say("{title}; the largest {most}", title=title, most=MOST_PAYMENTS)
    figures((say("From"), say("To"), say("Amount")), rows, title=title, words=(1,))


def _rates(found: list[StorageRate]) -> None:
    """What storing costs at each site, with where that is written."""
    if not found:
        text("p", say("What storing costs is not noted for any site: stockpile settle rate")).classes("quiet")
        return
    heads = (say("Site"), say("Storage"), say("From"), say("Cents a cubic metre and day"), say("Source"))
    rows = [
        (one.site_code, say(STORAGE[one.storage_class]), day(one.effective_from), _cents(one), f"en:{one.source}")
        for one in found[-MOST_ROWS:]
    ]
    figures(heads, rows, title=say("What storing costs"), words=(1, 4))


def _cents(one: StorageRate) -> str:
    return number(Decimal(one.milli_per_m3_day) / 1000)


def _statement(desk: Desk, found: Statement) -> None:
    """What a party bears, what it paid, and every cost behind it, the largest in front."""
    currency = desk.region.currency
    owes = say("It owes") if found.net_minor >= 0 else say("It is owed")
    facts(
        [
            (say("It bears"), money(found.borne_minor, currency)),
            (say("It paid"), money(found.paid_minor, currency)),
            (owes, money(abs(found.net_minor), currency)),
        ]
    )
    charges = sorted(found.charges, key=lambda one: -abs(one["share_minor"]))[:MOST_ROWS]
    rows = [_charge(one, currency) for one in charges]
    n = len(found.charges)
    title = ngettext("{n} cost that it bears a part of", "{n} costs that it bears a part of", n)
    title = title if n <= MOST_ROWS else say("{title}; the largest {most}", title=title, most=MOST_ROWS)
    figures((say("Document"), say("Kind of cost"), say("The whole"), say("Its part")), rows, title=title, words=(1,))


def _charge(one: dict[str, Any], currency: str) -> tuple[str, ...]:
    kind, shares = one["kind"], (money(one["amount_minor"], currency), money(one["share_minor"], currency))
    return (one["reference"], say(KINDS[kind]), *shares)
