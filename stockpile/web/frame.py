"""What surrounds every signed-in screen: the region, its clock, the mark of simulation, who is signed in, languages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from fastapi.responses import RedirectResponse
from nicegui import ui

from stockpile.governance.rules import RIGHTS
from stockpile.governance.tables import Region
from stockpile.web import words
from stockpile.web.parts import button, text
from stockpile.web.places import CRISIS_ROOM, DEVICE, open_to
from stockpile.web.sign_in import SHOWN_TO, SignedIn
from stockpile.web.speech import instant, language, say, speak

KEPT_FOR: Final = timedelta(days=365)
UNFOLD_PAGES: Final = """(event) => {
    const open = event.currentTarget.closest(".top").classList.toggle("unfolded");
    event.currentTarget.setAttribute("aria-expanded", open);
}"""


def chosen_language() -> RedirectResponse | None:
    """Let the page speak the reader's language; where one was just chosen, keep it and show the page again."""
    request = ui.context.client.request
    asked, kept = request.query_params.get("lang"), request.cookies.get(words.LANGUAGE_COOKIE)
    speak(words.chosen(asked, kept, request.headers.get("accept-language", "")))
    ui.query("html").props(f"lang={language()}")
    if asked not in words.LANGUAGES or asked == kept:
        return None
    again = RedirectResponse(str(request.url.remove_query_params("lang").replace(scheme="", netloc="")))
    seconds = int(KEPT_FOR.total_seconds())
    again.set_cookie(words.LANGUAGE_COOKIE, asked, max_age=seconds, samesite="lax", httponly=True)
    return again


def header(signed: SignedIn, region: Region | None, now: datetime) -> None:
    """The head of a screen; without a region it still lets people sign out."""
    ui.context.client.storage[SHOWN_TO] = signed.name
    with ui.element("header").classes("top"):
        with ui.element("div").classes("top-title"):
            text("h1", region.title if region else "Stockpile")
            if region is not None and region.simulated:
                mark = text("strong", say("SIMULATED")).classes("simulated")
                mark.props["title"] = say("No real stock, no real orders")
            if region is not None:
                text("span", clock(region, now)).classes("clock")
            _menu()
        with ui.element("nav").classes("top-facts") as facts:
            facts.props["aria-label"] = say("Pages")
            _ways(signed)
            languages()
            text("span", say("Signed in: {who}", who=signed.name)).classes("who")
            ui.link(say("Device"), DEVICE).classes("way").props["title"] = say("Your device for codes")
            button(say("Sign out"), signed.end).props("dense").classes("sign-out")


def _menu() -> None:
    """On a phone the pages stand behind this button, so that the screen itself begins at the top."""
    made = text("button", say("Menu")).classes("menu").props("type=button aria-expanded=false")
    made.on("click", js_handler=UNFOLD_PAGES)


def _ways(signed: SignedIn) -> None:
    """A link to each screen that whoever is signed in may open; the one that is shown is marked."""
    here = ui.context.client.request.url.path
    for place in open_to(signed.roles):
        link = ui.link(say(place.name), place.path).classes("way")
        if here == place.path or (place.path != CRISIS_ROOM and here.startswith(f"{place.path}/")):
            link.props("aria-current=page")


def clock(region: Region, now: datetime) -> str:
    """What time it is in the region, and whether that is simulated."""
    shown = f"{instant(now, region.time_zone)} ({region.time_zone})"
    if region.simulated_now:
        return say("Simulated clock: {when}", when=shown)
    return say("As of {when}", when=shown)


def languages() -> None:
    """A link to the same page in each other language; the form still leads on to where one was going."""
    following = ui.context.client.request.query_params.get("next", "")
    kept = {"next": following} if following else {}
    for code, name in words.NAMES.items():
        if code != language():
            ui.link(name, f"?{urlencode({**kept, 'lang': code})}").props(f"lang={code} hreflang={code}")


def nothing_loaded(signed: SignedIn, now: datetime) -> None:
    """The screen of an installation into which no region is loaded yet: who sets it up, and where."""
    header(signed, None, now)
    if RIGHTS["region.import"] & signed.roles:
        empty(say("No region is loaded yet"), say("Set the region up: open Set-up above."))
        return
    empty(
        say("No region is loaded yet"),
        say("Ask an administrator to sign in here: the set-up begins by itself."),
        say("There is none yet? On this installation's command line: stockpile account add NAME --role administrator"),
    )


def empty(title: str, *steps: str) -> None:
    """An empty state: what is missing, and what to do next."""
    with ui.element("main").classes("empty"):
        text("h2", title)
        text("p", say("What to do next:"))
        with ui.element("ol"):
            for step in steps:
                text("li", step)
        button(say("Look again"), ui.navigate.reload, main=True)
