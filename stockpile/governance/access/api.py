"""Keys, sign-ins, the second factor, lent roles, and roles taken in an emergency.

Replies that carry a secret are not kept under an Idempotency-Key: the secret is shown once and stored nowhere.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act, Grant
from stockpile.db import transact
from stockpile.governance import queries as accounts
from stockpile.governance.access.limits import Guard, guard
from stockpile.governance.caller import After, Caller, Key, SignedIn, SignedInGuest
from stockpile.governance.keys import operations, queries, rules
from stockpile.governance.keys.vault import Vault, vault
from stockpile.governance.rules import require_any
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["access"])
Hours = Annotated[int, Field(ge=1, le=rules.LONGEST_BROKEN_HOURS)]
Days = Annotated[int, Field(ge=1, le=rules.LONGEST_KEY_DAYS)]
Code = Annotated[str, Field(pattern=r"^[0-9]{6}$")]


class KeyBody(http.Body):
    """What a key is for, the rights it is narrowed to beside reading, and how many days it lasts."""

    label: Annotated[Text, Field(max_length=100)]
    rights: Annotated[tuple[Text, ...], Field(max_length=100, strict=False)] = ()
    days: Days = 90


class CodeBody(http.Body):
    """The six digits that the device shows now."""

    code: Code


class ReasonBody(http.Body):
    """Why it is done."""

    reason: Text


class DemandBody(http.Body):
    """Whether everybody shows a second factor at approvals."""

    demanded: bool


class LendBody(http.Body):
    """A role for another account, within a member and a site, until an instant."""

    account: Text
    role: Text
    member: Text | None = None
    site: Text | None = None
    until: http.Instant
    reason: Text


class GlassBody(http.Body):
    """A role taken in an emergency, for so many hours."""

    role: Text
    member: Text | None = None
    site: Text | None = None
    hours: Hours = 4
    reason: Text


class ReviewBody(http.Body):
    """Whether the emergency justified the role that was taken."""

    justified: bool
    note: Text


@router.get("/sign-ins")
def sign_ins(caller: SignedInGuest, account: Note = "") -> list[dict[str, Any]]:
    """Your running sign-ins and keys; those of another account for administrators."""
    with caller.reading() as session:
        given = {"name": account or None, "real_now": caller.real_now, "current": caller.token or ""}
        return [http.plain(row) for row in queries.sign_ins(session, caller.actor, **given)]  # type: ignore[arg-type]


@router.delete("/sign-ins/{id}", status_code=204)
def end_sign_in(caller: SignedInGuest, id: Text) -> None:
    """End a sign-in or key at once; an administrator ends anybody's."""
    transact(caller.engine, lambda session: operations.end_sign_in(session, caller.act(session), shown=id))


@router.post("/keys", status_code=201)
def add_key(caller: SignedInGuest, body: KeyBody) -> dict[str, Any]:
    """Make an API key for a machine; the secret is shown this once, and is sent as a bearer token."""

    def make(session: Session) -> dict[str, Any]:
        secret, key = operations.add_key(
            session, caller.act(session), label=body.label, rights=body.rights, days=body.days
        )
        shown = {"id": key.digest[: queries.SHOWN_OF_DIGEST], "rights": key.scopes.split(",")}
        return {**shown, "key": secret, "expires_at": http.plain(key.expires_at)}

    return transact(caller.engine, make)


@router.post("/me/second-factor", status_code=201)
def begin_factor(caller: SignedInGuest, request: Request) -> dict[str, str]:
    """Set up a device for one-time codes (TOTP); it counts once you have sent a code of it to .../proof."""

    def begin(session: Session) -> dict[str, str]:
        secret = operations.begin_factor(session, caller.act(session), _vault(request))
        title = accounts.region(session).title
        return {"address": rules.device_address(secret, name=caller.actor.name, issuer=title)}

    return transact(caller.engine, begin)


@router.post("/me/second-factor/proof")
def prove_factor(caller: SignedInGuest, request: Request, body: CodeBody) -> dict[str, Any]:
    """Show a code: this sign-in may approve for some hours. After five wrong codes wait some minutes."""

    def prove(session: Session) -> Any:
        return operations.prove_factor(
            session, caller.act(session), _vault(request), code=body.code, token=caller.token or ""
        )

    with _guarded(caller):
        return {"proven_until": http.plain(transact(caller.engine, prove))}


@router.post("/me/second-factor/end", status_code=204)
def give_up_factor(caller: SignedInGuest, request: Request, body: CodeBody) -> None:
    """Give up your device, with a last code of it."""
    sealed = _vault(request)
    with _guarded(caller):
        transact(caller.engine, lambda s: operations.give_up_factor(s, caller.act(s), sealed, code=body.code))


@router.post("/accounts/{name}/second-factor/take")
def take_factor(caller: SignedIn, request: Request, name: Text, body: ReasonBody, key: Key = None) -> JSONResponse:
    """Take a lost device off another account, as administrator; its sign-ins end."""

    def take(session: Session, act: Act) -> dict[str, str]:
        operations.take_factor(session, act, name=name, reason=body.reason)
        return {"name": name}

    return caller.effect(request, body, key, take)


@router.put("/second-factor")
def demand_factor(caller: SignedIn, request: Request, body: DemandBody, key: Key = None) -> JSONResponse:
    """Ask everybody for a second factor at approvals, or only those who have one."""

    def demand(session: Session, act: Act) -> dict[str, bool]:
        operations.demand_factor(session, act, demanded=body.demanded)
        return {"demanded": body.demanded}

    return caller.effect(request, body, key, demand)


@router.get("/lent-roles")
def lent_roles(caller: SignedIn) -> list[dict[str, Any]]:
    """Roles that end by themselves: yours, and those that you gave; all of them for administrators."""
    with caller.reading() as session:
        return [{**_role(row), "account": name} for row, name in queries.lent(session, caller.actor)]


@router.post("/lent-roles", status_code=201)
def lend(caller: SignedIn, request: Request, body: LendBody, key: Key = None) -> JSONResponse:
    """Lend another account a role of yours, at a member or site of yours, until an instant."""
    grant = Grant(body.role, body.member, body.site)

    def work(session: Session, act: Act) -> dict[str, Any]:
        given = {"name": body.account, "grant": grant, "until": body.until, "reason": body.reason}
        return {**_role(operations.lend(session, act, **given)), "account": body.account}  # type: ignore[arg-type]

    return caller.effect(request, body, key, work, status=201)


@router.post("/lent-roles/{number}/end")
def end_lent(
    caller: SignedIn, request: Request, number: http.Number, body: ReasonBody, key: Key = None
) -> JSONResponse:
    """End a lent or taken role before its time."""
    return caller.effect(
        request, body, key, lambda s, act: _role(operations.end_lent(s, act, number=number, reason=body.reason))
    )


@router.get("/emergencies")
def emergencies(caller: SignedIn, after: After = 0, limit: http.Limit = 100, waiting: bool = False) -> dict[str, Any]:
    """Roles taken in emergencies; `waiting`: those that nobody has reviewed. For who reviews them, and who took one."""
    require_any(caller.actor, "glass.review")
    with caller.reading() as session:
        rows = queries.emergencies(session, after=after, limit=limit + 1, waiting=waiting)
        return http.paged(rows, limit=limit, key=lambda row: row.id)


@router.post("/emergencies", status_code=201)
def break_glass(caller: SignedIn, request: Request, body: GlassBody, key: Key = None) -> JSONResponse:
    """Take a role yourself in an emergency, for some hours, with a reason; another person reviews it afterwards."""
    grant = Grant(body.role, body.member, body.site)
    return caller.effect(
        request,
        body,
        key,
        lambda s, act: operations.break_glass(s, act, grant=grant, hours=body.hours, reason=body.reason),
        status=201,
    )


@router.post("/emergencies/{number}/review")
def review_glass(
    caller: SignedIn, request: Request, number: http.Number, body: ReviewBody, key: Key = None
) -> JSONResponse:
    """Judge an emergency that is over, once, by another person than who took the role."""
    return caller.effect(
        request,
        body,
        key,
        lambda s, act: operations.review_glass(s, act, number=number, justified=body.justified, note=body.note),
    )


def _role(row: Any) -> dict[str, Any]:
    fields = ("id", "role", "member_code", "site_code", "ends_at")
    return {name: http.plain(getattr(row, name)) for name in fields}


def _vault(request: Request) -> Vault:
    return vault(request.app.state.settings.home)


def _guarded(caller: Caller) -> Guard:
    return guard(caller.engine, f"code:{caller.actor.id}", real_now=caller.real_now)
