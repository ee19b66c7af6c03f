"""Where a crisis begins: a surge declared with its evidence, municipalities that ask, and the first plan of both."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from nicegui import ui
from nicegui.events import UploadEventArguments
from sqlmodel import Session

from stockpile.actor import Act
from stockpile.allocation import asked, operations, planning, queries, rules, sheet
from stockpile.allocation.asked import Needed
from stockpile.allocation.operations import RequestDraft
from stockpile.allocation.planning import Watch
from stockpile.allocation.tables import Surge
from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.tables import Item
from stockpile.governance import queries as governance
from stockpile.governance.rules import RIGHTS
from stockpile.governance.tables import Member
from stockpile.web.acting import Done, fresh_key, given_text, known_caller, once, wrong
from stockpile.web.parts import button, text, told
from stockpile.web.sign_in import SignedIn
from stockpile.web.speech import N_, amount, instant, ngettext, number, say
from stockpile.web.working import Working

COVER_DAYS: Final = 3
REVIEW_DAYS: Final = 14
NOON: Final = time(12)
LEVELS: Final = {1: N_("1: one municipality is short"), 2: "2", 3: "3", 4: N_("4: aid from outside is needed")}
HAZARD, EVIDENCE, WHY = N_("What happens"), N_("Evidence"), N_("Why it is needed")
REVIEW_ON, NEEDED_ON, QUANTITY = N_("To be reviewed on"), N_("Needed by noon of"), N_("Asked, in base units")
Changed = Callable[[int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Beginning:
    """What there is to begin with: open surges with their open requests, and for whom this account may ask."""

    surges: dict[int, Surge]
    waiting: dict[int, int]
    members: dict[str, Member]
    items: dict[str, Item]
    zone: str
    now: datetime

    @property
    def today(self) -> date:
        """The region's day."""
        return self.now.astimezone(ZoneInfo(self.zone)).date()

    def noon(self, on: date) -> datetime:
        """Noon of a day on the region's clocks."""
        return datetime.combine(on, NOON, tzinfo=ZoneInfo(self.zone)).astimezone(UTC)


def beginning(session: Session, act: Act) -> Beginning:
    """Read it."""
    found = {s.id: s for s in queries.surges(session) if s.id and s.state == rules.DECLARED and s.review_by > act.at}
    roles = RIGHTS["request.submit"]
    may = {grant.member for grant in act.actor.grants if grant.role in roles and grant.site is None}
    members = {code: one for code, one in governance.members(session).items() if None in may or code in may}
    waiting = {one: len(queries.open_requests(session, one, at=act.at)) for one in found}
    zone = governance.region(session).time_zone
    return Beginning(found, waiting, members, catalogue.items(session), zone, act.at)


def computed(signed: SignedIn, surge: int, key: str, watch: Watch, *, limit_seconds: float) -> Done:
    """A plan of the open requests of a surge, computed and stored once for this key, as over HTTP."""
    caller = known_caller(signed, limit_seconds)
    made = planning.draft(signed.engine, caller.act_now(), surge_id=surge, limit_seconds=limit_seconds, watch=watch)

    def work(session: Session, act: Act) -> Any:
        operations.lapse(session, act)
        return {"id": planning.store(session, act, made=made).id}

    return once(signed, f"/api/v1/surges/{surge}/plans", {}, work, key=key)


class BeginPart:
    """The surges that are open, a form to declare one, a form to ask, and the button that computes a plan.

    `changed` is told the number of a plan that was computed.
    """

    def __init__(self, signed: SignedIn, limit_seconds: float, changed: Changed) -> None:
        self._signed, self._limit, self._changed = signed, limit_seconds, changed
        self._key = fresh_key()
        self._drawn: list[int] | None = None
        with ui.element("section").classes("panel wide-panel desk-stack"):
            text("h2", say("Declare and ask"))
            self._open = ui.element("div").classes("desk-stack")
            self._working = Working(signed)
            self._done = ui.element("div").props("role=status")
            self._forms = ui.element("div").classes("desk-stack")

    async def show(self) -> None:
        """Show the surges as they stand; the forms stay as they are typed unless a surge came or went."""
        found = await self._signed.read(lambda session: beginning(session, self._signed.act(session)))
        self._found = found
        self._open.clear()
        with self._open:
            if not found.surges:
                text("p", say("No surge is open. A coordinator declares one, then municipalities ask in it."))
            for one in found.surges:
                self._surge(one)
        if list(found.surges) != self._drawn:
            self._drawn = list(found.surges)
            self._forms.clear()
            with self._forms:
                self._form_to_ask()
                self._form_to_declare()

    def _surge(self, one: int) -> None:
        surge, waits = self._found.surges[one], self._found.waiting[one]
        with ui.element("div").classes("desk-card"):
            told_ = {"number": str(one), "what": surge.hazard, "level": number(surge.level)}
            text("h3", say("Surge {number}: {what}, level {level}", **told_))
            until = instant(surge.review_by, self._found.zone)
            days = number(surge.cover_days)
            text("p", say("Requests are validated for {days} days of use. Open until {until}.", days=days, until=until))
            text("p", ngettext("{n} open request", "{n} open requests", waits))
            if waits and RIGHTS["plan.compute"] & self._signed.roles:
                button(say("Compute a plan of the open requests"), lambda: self._compute(one), main=True)

    def _form_to_declare(self) -> None:
        if not RIGHTS["surge.declare"] & self._signed.roles:
            return
        with ui.element("details") as details:
            if not self._found.surges:
                details.props("open")
            text("summary", say("Declare a surge"))
            with ui.element("div").classes("asking request-form"):
                self._hazard = ui.input(say(HAZARD)).props("outlined dense")
                levels = {level: say(name) if level in (1, 4) else name for level, name in LEVELS.items()}
                self._level = ui.select(levels, value=2, label=say("Level")).props("outlined dense").classes("level")
                self._evidence = ui.input(say(EVIDENCE)).props("outlined dense").classes("wide")
                self._cover = ui.number(say("Days of use to cover"), value=COVER_DAYS, min=1, max=60, precision=0)
                self._cover.props("outlined dense")
                review = (self._found.today + timedelta(days=REVIEW_DAYS)).isoformat()
                self._review = ui.input(say(REVIEW_ON), value=review).props("outlined dense type=date")
                button(say("Declare it"), self._declare, main=True)

    def _form_to_ask(self) -> None:
        found = self._found
        if not found.surges or not found.members:
            return
        with ui.element("details").props("open"):
            text("summary", say("Ask for a municipality"))
            with ui.element("div").classes("asking request-form"):
                surges = {one: say("Surge {number}", number=str(one)) for one in found.surges}
                self._surge_choice = ui.select(surges, value=next(iter(surges)), label=say("Surge"))
                by_name = sorted(found.members.values(), key=lambda one: one.name)
                members = {one.code: f"{one.name} ({one.country})" for one in by_name}
                self._member = ui.select(members, label=say("Municipality"), with_input=True)
                items = {code: f"{code} {item.name}" for code, item in sorted(found.items.items())}
                self._item = ui.select(items, label=say("Item"), with_input=True)
                for choice in (self._surge_choice, self._member, self._item):
                    choice.props("outlined dense options-dense").classes("choose-item")
                    choice.on_value_change(self._prefill)
                self._basis = text("p", "").classes("wide quiet").props("aria-live=polite")
                self._quantity = ui.number(say(QUANTITY), min=1, precision=0).props("outlined dense")
                self._own = ui.number(say("Own stock, in base units"), value=0, min=0, precision=0)
                self._own.props("outlined dense")
                tomorrow = (found.today + timedelta(days=1)).isoformat()
                self._need_by = ui.input(say(NEEDED_ON), value=tomorrow).props("outlined dense type=date")
                self._why = ui.input(say(WHY)).props("outlined dense").classes("wide")
                button(say("Ask"), self._ask, main=True)
            self._form_of_a_file()

    def _form_of_a_file(self) -> None:
        """Many requests at once, all or none; what is wrong is said by row and column."""
        text("p", say("Many at once: a CSV file with the columns {columns}.", columns=", ".join(sheet.COLUMNS)))
        sender = ui.upload(auto_upload=True, max_file_size=sheet.LARGEST_BYTES, on_upload=self._sent)
        sender.props('accept=".csv"').classes("sender").mark("requests")
        sender.on_rejected(lambda: self._working.refuse(N_("Only CSV files of at most 1 MB are taken.")))
        send = button(say("Send a file of requests"), lambda: None)
        send.on("click", js_handler=f"() => getElement({sender.id}).$refs.qRef.pickFiles()")

    async def _sent(self, event: UploadEventArguments) -> None:
        content, surge = await event.file.read(), int(self._surge_choice.value)
        done = await self._working.run(lambda watch: self._filed(surge, content))
        if not self._kept(done):
            return
        assert done is not None, "what is kept was done"
        await self.show()
        whole = sum(1 for one in done.body if one["validated"])
        told_ = {"validated": number(whole), "n": number(len(done.body))}
        self._say(say("{n} requests are taken; {validated} of them are validated, in full or in part.", **told_))

    def _filed(self, surge: int, content: bytes) -> Done:
        rows = sheet.rows(content)
        drafts = [RequestDraft(**asdict(row) | {"need_by": self._found.noon(row.need_by)}) for row in rows]

        def work(session: Session, act: Act) -> Any:
            return operations.submit(session, act, surge_id=surge, drafts=drafts)

        asked_ = {"surge": surge, "file": hashlib.sha256(content).hexdigest()}
        return once(self._signed, "/api/v1/requests", asked_, work, key=self._key)

    async def _prefill(self) -> None:
        """Offer what a request would be validated for, from reported admissions and known cover."""
        surge, member, item = self._surge_choice.value, self._member.value, self._found.items.get(self._item.value)
        if not surge or not member or item is None:
            return
        need = await self._signed.read(
            lambda s: asked.needed(s, surge_id=surge, member=member, item=item, at=self._found.now)
        )
        self._basis.text = _basis(need, item)
        self._quantity.props(f"step={item.pack_size}")
        self._quantity.value, self._own.value = need.missing or item.pack_size, need.own

    async def _declare(self) -> None:
        typed = (str(self._hazard.value or ""), str(self._evidence.value or ""), str(self._review.value or ""))
        level, days = int(self._level.value), int(self._cover.value or 0)
        done = await self._working.run(lambda watch: self._declared(*typed, level=level, days=days))
        if self._kept(done):
            assert done is not None, "what is kept was done"
            await self.show()
            self._say(say("Surge {number} is declared.", number=str(done.body["id"])))

    def _declared(self, hazard: str, evidence: str, review: str, *, level: int, days: int) -> Done:
        given: dict[str, Any] = {"hazard": given_text(HAZARD, hazard), "evidence": given_text(EVIDENCE, evidence)}
        given |= {"level": level, "cover_days": days, "review_by": self._found.noon(_day(REVIEW_ON, review))}
        asked_ = given | {"review_by": given["review_by"].isoformat()}

        def work(session: Session, act: Act) -> Any:
            return operations.declare_surge(session, act, **given)

        return once(self._signed, "/api/v1/surges", asked_, work, key=self._key)

    async def _ask(self) -> None:
        surge = int(self._surge_choice.value)
        typed = {
            "member": str(self._member.value or ""),
            "item": str(self._item.value or ""),
            "quantity": int(self._quantity.value or 0),
            "own_stock": int(self._own.value or 0),
            "need_by": str(self._need_by.value or ""),
            "justification": str(self._why.value or ""),
        }
        done = await self._working.run(lambda watch: self._asked(surge, typed))
        if not self._kept(done):
            return
        assert done is not None, "what is kept was done"
        [made] = done.body
        self._why.value = ""
        await self.show()
        item = self._found.items[str(typed["item"])]
        facts = {"number": str(made["id"]), "need": amount(made["validated"], item.base_unit)}
        self._say(say("Request {number}: {need} are validated.", **facts), made["validation_reason"])

    def _asked(self, surge: int, typed: dict[str, Any]) -> Done:
        if not typed["member"] or not typed["item"]:
            raise wrong(N_("{field}: choose one first"), field="Item" if typed["member"] else "Municipality")
        given = typed | {"justification": given_text(WHY, typed["justification"])}
        draft = RequestDraft(**given | {"need_by": self._found.noon(_day(NEEDED_ON, typed["need_by"]))})

        def work(session: Session, act: Act) -> Any:
            return operations.submit(session, act, surge_id=surge, drafts=[draft])

        return once(self._signed, "/api/v1/requests", {"surge": surge, "requests": [given]}, work, key=self._key)

    async def _compute(self, surge: int) -> None:
        key = self._key
        done = await self._working.run(
            lambda watch: computed(self._signed, surge, key, watch, limit_seconds=self._limit)
        )
        if self._kept(done):
            assert done is not None, "what is kept was done"
            await self._changed(int(done.body["id"]))
            self._say(say("Plan {number} is computed: look at who gets what.", number=str(done.body["id"])))

    def _kept(self, done: Done | None) -> bool:
        """Whether it was done; what was refused is said. The next press is a new one."""
        self._done.clear()
        if done is None:
            return False
        self._key = fresh_key()
        if done.refusal:
            self._working.refuse(done.refusal)
        return not done.refusal

    def _say(self, words: str, reason: str = "") -> None:
        with self._done:
            text("p", words).classes("done")
            if reason:
                told("p", reason)


def _basis(need: Needed, item: Item) -> str:
    unit = item.base_unit
    facts = {"days": number(need.days), "use": amount(need.use, unit), "own": amount(need.own, unit)}
    facts |= {"there": amount(need.there, unit), "missing": amount(need.missing, unit)}
    if not need.use:
        return say("No admissions were reported that would use this in the next {days} days.", **facts)
    return say(
        "{days} days of reported admissions use {use}; {own} are its own, {there} are in its store or promised: "
        "{missing} are missing, in whole packs.",
        **facts,
    )


def _day(field: str, typed: str) -> date:
    try:
        return date.fromisoformat(typed.strip())
    except ValueError as fault:
        raise wrong(N_("{field}: a day is written year-month-day, such as 2020-06-30"), field=field) from fault
