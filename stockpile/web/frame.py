"""What surrounds every signed-in screen: the region, its clock, the mark of simulation, who is signed in."""

from __future__ import annotations

from datetime import datetime

from nicegui import ui

from stockpile.governance.tables import Region
from stockpile.web.parts import instant, text
from stockpile.web.sign_in import SignedIn


def header(signed: SignedIn, region: Region | None, now: datetime) -> None:
    """The head of a screen; without a region it still lets people sign out."""
    with ui.element("header").classes("top"):
        with ui.element("div").classes("top-title"):
            text("h1", region.title if region else "Stockpile")
            if region is not None and region.simulated:
                text("strong", "SIMULATED").classes("simulated").props('title="No real stock, no real orders"')
        with ui.element("div").classes("top-facts"):
            if region is not None:
                clock = "Simulated clock" if region.simulated_now else "As of"
                text("span", f"{clock}: {instant(now, region.time_zone)} ({region.time_zone})").classes("clock")
            ui.link("Storeroom", "/storeroom")
            text("span", f"Signed in: {signed.name}").classes("who")
            ui.button("Sign out", on_click=signed.end).props("outline no-caps dense").classes("sign-out")


def empty(title: str, *steps: str) -> None:
    """An empty state: what is missing, and what to do next."""
    with ui.element("div").classes("empty"):
        text("h2", title)
        text("p", "What to do next:")
        with ui.element("ol"):
            for step in steps:
                text("li", step)
        ui.button("Look again", color=None, on_click=ui.navigate.reload).props("no-caps unelevated").classes("action")
