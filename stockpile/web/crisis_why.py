"""The panel "Why did we get less?": a municipality's items in a plan, and the whole answer for one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode

from nicegui import ui

from stockpile.web.crisis_answer import headline, pieces
from stockpile.web.crisis_map import OUT_OF_REACH, Dot, band
from stockpile.web.crisis_reading import Answer, PlanView, Share
from stockpile.web.crisis_room import Room
from stockpile.web.parts import text
from stockpile.web.speech import language, number, percent, say
from stockpile.web.words import LANGUAGES

LEAST_FILLED: Final = 12


def least_filled(dots: list[Dot], on_pick: Callable[[str], object]) -> None:
    """Where the shortage is worst, each municipality a button; larger need first among equals."""
    measured = [dot for dot in dots if dot.permille is not None]
    text("h3", say("Least filled municipalities"))
    with ui.element("ul").classes("items") as listed:
        listed.props["aria-label"] = say("Least filled municipalities")
        for dot in sorted(measured, key=lambda dot: (dot.permille or 0, -dot.radius))[:LEAST_FILLED]:
            with ui.element("li"):
                _member_button(dot, on_pick)


def _member_button(dot: Dot, on_pick: Callable[[str], object]) -> None:
    with ui.element("button").classes("item-button").props("type=button") as button:
        ui.element("span").classes(f"swatch swatch-{dot.band}").props("aria-hidden=true")
        text("span", dot.name).classes("item-name")
        text("span", dot.label.removeprefix(f"{dot.name}: ")).classes("item-fill")
    button.on("click", lambda: on_pick(dot.code))


def items_of(view: PlanView, member: str, item: str, on_pick: Callable[[str], object]) -> None:
    """The municipality's items in the plan, least filled first, each a button."""
    shares = [share for (code, _), share in view.shares.items() if code == member]
    if not shares:
        text("p", say("It asked for nothing in this plan.")).classes("quiet")
        return
    with ui.element("ul").classes("items") as listed:
        listed.props["aria-label"] = say("Items asked for in this plan")
        for share in sorted(shares, key=lambda share: (share.permille, share.item)):
            with ui.element("li"):
                _item_button(view, share, chosen=share.item == item, on_pick=on_pick)


def _item_button(view: PlanView, share: Share, *, chosen: bool, on_pick: Callable[[str], object]) -> None:
    goods = view.items[share.item]
    with ui.element("button").classes("item-button").props(f"type=button aria-pressed={str(chosen).lower()}") as button:
        look = band(share.permille) if share.reachable else OUT_OF_REACH
        ui.element("span").classes(f"swatch swatch-{look}").props("aria-hidden=true")
        text("span", f"{goods.code} {goods.name}").classes("item-name")
        fill = percent(share.permille) if share.reachable else say("out of reach")
        got = say("{got} of {validated}", got=number(share.got), validated=number(share.validated))
        text("span", f"{got} ({fill})").classes("item-fill")
    button.on("click", lambda: on_pick(share.item))


def answered(room: Room, found: Answer) -> None:
    """The whole answer in plain words, with the way to a page of its own."""
    text("p", headline(found.why)).classes("headline")
    with ui.element("dl").classes("answer"):
        for piece in pieces(found, room.zone):
            text("dt", piece.heading)
            with ui.element("dd").classes(f"{piece.name}-sentence") as entry:
                for sentence in piece.sentences:
                    text("p", sentence)
                if piece.foreign and language() != LANGUAGES[0]:
                    entry.props("lang=en")
    address = f"/crisis/why?{urlencode({'plan': room.plan, 'member': found.why.member, 'item': found.why.item})}"
    ui.link(say("This answer on a page of its own, to print or to send"), address).classes("own-page")
