"""The storeroom's page: one field for any scan or search, and what to do next.

It is a plain page, so that it lives on without a connection: what staff record
is kept in the browser and sent to the same routes as everybody else's, in order
and each under a key of its own.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from nicegui import app as screens
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile.actor import Actor
from stockpile.catalogue import queries as catalogue
from stockpile.db import reading
from stockpile.governance import queries as region
from stockpile.governance.operations import SignInRefused
from stockpile.governance.queries import NoRegion
from stockpile.inventory import queries as inventory
from stockpile.inventory.worklist import queries as worklist
from stockpile.web import frame, refusals, sign_in, words
from stockpile.web.places import STOREROOM, open_to
from stockpile.web.speech import speaking

PATH: Final = STOREROOM
TEMPLATES: Final = Path(__file__).parent / "templates"
ITEM_FIELDS: Final = ("code", "name", "base_unit", "pack_size", "storage")
SITE_FIELDS: Final = ("code", "name", "kind", "member_code", "time_zone")
YEAR_SECONDS: Final = 365 * 86_400
SAFE: Final = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def add_storeroom(engine: Engine) -> None:
    """Add the page at /storeroom to the screens, where the browser's sign-in is known."""
    screens.remove_route(PATH)

    @screens.get(PATH, include_in_schema=False)
    def storeroom(request: Request, lang: str | None = None) -> Response:
        language = words.chosen(
            lang, request.cookies.get(words.LANGUAGE_COOKIE), request.headers.get("accept-language", "")
        )
        try:
            page = _page(engine, sign_in.kept_token(), language)
        except NoRegion:
            return RedirectResponse("/")
        if page is None:
            return RedirectResponse("/login?next=/storeroom")
        shown = HTMLResponse(page, headers=SAFE)
        if lang in words.LANGUAGES:
            shown.set_cookie(words.LANGUAGE_COOKIE, language, max_age=YEAR_SECONDS, samesite="lax", httponly=True)
        return shown


def _page(engine: Engine, token: str, language: str) -> str | None:
    """The page as HTML, or None where nobody is signed in."""
    if not token:
        return None
    real_now = datetime.now(UTC)
    with reading(engine) as session:
        try:
            actor = sign_in.reader(session, token)
        except SignInRefused:
            return None
        found = region.region(session)
        now = region.effective_now(session, real_now=real_now)
        boot = _boot(session, actor, token, language)
    with speaking(language):
        facts = {"title": found.title, "simulated": found.simulated, "clock": frame.clock(found, now)}
    template = environment(language).get_template("storeroom.html")
    return template.render(
        **facts,
        language=language,
        languages=words.NAMES,
        who=actor.name,
        places=open_to(grant.role for grant in actor.grants),
        sites=boot["sites"],
        boot=as_script(boot),
    )


def _boot(session: Session, actor: Actor, token: str, language: str) -> dict[str, Any]:
    """What the page's script begins with."""
    places = [site for site in inventory.sites(session).values() if _works_at(actor, site.code)]
    waits = worklist.waiting(session)
    ordered = sorted(places, key=lambda site: (site.kind, site.name))
    return {
        "token": token,
        "account": actor.name,
        "words": words.words_of(language, "storeroom.js"),
        "refusals": refusals_in(language),
        "items": [{name: getattr(item, name) for name in ITEM_FIELDS} for item in catalogue.items(session).values()],
        "sites": [{name: getattr(site, name) for name in SITE_FIELDS} for site in ordered],
        "busiest": max(ordered, key=lambda site: waits.get(site.code, 0)).code if ordered else "",
    }


def refusals_in(language: str) -> dict[str, str]:
    """What refusals mean, by their codes; empty in English."""
    with speaking(language):
        return refusals.in_words()


def _works_at(actor: Actor, site: str) -> bool:
    """Whether any of the account's roles reaches that site."""
    return any(grant.site in {None, site} for grant in actor.grants)


def as_script(value: Any) -> str:
    """JSON that may stand inside a script element.

    >>> as_script({"name": "</script>"})
    '{"name": "\\\\u003c/script>"}'
    """
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


def environment(language: str) -> Environment:
    """Templates of plain pages, speaking that language."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, extensions=["jinja2.ext.i18n"]
    )
    environment.install_gettext_translations(words.catalogue(language), newstyle=True)  # type: ignore[attr-defined]
    return environment
