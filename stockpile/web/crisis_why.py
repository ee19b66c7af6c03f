"""The panel "Why did we get less?": a municipality's items in a plan, and the whole answer for one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from nicegui import ui

from stockpile.allocation.queries import Neighbour, Why
from stockpile.allocation.reasons.queries import Reasons
from stockpile.web.crisis_map import OUT_OF_REACH, Dot, band
from stockpile.web.crisis_reading import Answer, Opening, PlanView, Share
from stockpile.web.parts import amount, instant, percent, text

LEAST_FILLED: Final = 12


def least_filled(dots: list[Dot], on_pick: Callable[[str], object]) -> None:
    """Where the shortage is worst, each municipality a button; larger need first among equals."""
    measured = [dot for dot in dots if dot.permille is not None]
    text("h3", "Least filled municipalities")
    with ui.element("ul").classes("items").props('aria-label="Least filled municipalities"'):
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
        text("p", "It asked for nothing in this plan.").classes("quiet")
        return
    with ui.element("ul").classes("items").props('aria-label="Items asked for in this plan"'):
        for share in sorted(shares, key=lambda share: (share.permille, share.item)):
            with ui.element("li"):
                _item_button(view, share, chosen=share.item == item, on_pick=on_pick)


def _item_button(view: PlanView, share: Share, *, chosen: bool, on_pick: Callable[[str], object]) -> None:
    goods = view.items[share.item]
    with ui.element("button").classes("item-button").props(f"type=button aria-pressed={str(chosen).lower()}") as button:
        look = band(share.permille) if share.reachable else OUT_OF_REACH
        ui.element("span").classes(f"swatch swatch-{look}").props("aria-hidden=true")
        text("span", f"{goods.code} {goods.name}").classes("item-name")
        fill = percent(share.permille) if share.reachable else "out of reach"
        text("span", f"{share.got:,} of {share.validated:,} ({fill})").classes("item-fill")
    button.on("click", lambda: on_pick(share.item))


def answered(opening: Opening, view: PlanView, answer: Answer) -> None:
    """The whole answer in plain words."""
    why, zone = answer.why, opening.region.time_zone
    text("p", _headline(why)).classes("headline")
    with ui.element("dl").classes("answer"):
        _entry("Why", why.sentence, "why-sentence")
        _entry("Asked", f"{amount(why.asked, why.base_unit)}.")
        _entry("Validated", f"{amount(why.validated, why.base_unit)}: {why.validation}.")
        _entry("Got more", _neighbours(why.better_filled, none="nobody was filled better."))
        _entry("Shared with", _tied(why))
        _entry("Rule", _rule(view, why, answer.reasons))
        _entry("Bound by", _sentences(answer.reasons.binding, none="nothing that others share with it."))
        _entry("Would help", _sentences(answer.reasons.changes, none="nothing: it got all that is validated."))
        _entry("Decided", _decided(view, why, zone))
        _entry("Next", _next(why, zone))
        _entry("Contest", answer.reasons.appeal)


def _headline(why: Why) -> str:
    fill = percent(why.permille)
    return f"{why.member_name} got {why.got:,} of {amount(why.validated, why.base_unit)} ({fill}) of {why.item_name}."


def _entry(term: str, words: str, mark: str = "") -> None:
    text("dt", term)
    text("dd", words).classes(mark)


def _sentences(found: list[str], *, none: str) -> str:
    return "; ".join(found) + "." if found else none


def _neighbours(found: list[Neighbour], *, none: str) -> str:
    if not found:
        return none
    return "; ".join(f"{n.name} {n.got:,} of {n.validated:,} ({percent(n.permille)})" for n in found) + "."


def _tied(why: Why) -> str:
    if not why.tied_count:
        return "nobody else draws on the same last packs."
    return f"{why.tied_count:,} others draw on the same stock; least filled: {_neighbours(why.tied_with, none='')}"


def _rule(view: PlanView, why: Why, reasons: Reasons) -> str:
    proof = "the independent checker proved it fair" if view.plan.fair else "NOT proven fair"
    return f"{reasons.policy}: {reasons.policy_words} Computed as {why.method}; {proof}."


def _decided(view: PlanView, why: Why, zone: str) -> str:
    if why.approved_at is None:
        return f"plan {why.plan} is {view.plan.state}; nobody has approved it."
    return f"plan {why.plan}, approved by {view.approved_by} on {instant(why.approved_at, zone)}."


def _next(why: Why, zone: str) -> str:
    if why.next_delivery_at is None:
        return "no delivery of this item is ordered."
    quantity = amount(why.next_delivery_quantity, why.base_unit)
    return f"{quantity} are due on {instant(why.next_delivery_at, zone)}."
