"""The tables of the crisis page: the lines of a plan, page by page, and the fill of every item."""

from __future__ import annotations

from typing import Any

from nicegui import ui
from nicegui.events import GenericEventArguments

from stockpile.web.crisis_reading import Line, Opening, PlanView
from stockpile.web.parts import amount, instant

ROWS_PER_PAGE = 10
LINE_COLUMNS = (
    ("depot", "Depot"),
    ("lot", "Lot"),
    ("expiry", "Expires"),
    ("item", "Item"),
    ("member_name", "Municipality"),
    ("packs", "Packs"),
    ("quantity", "Quantity"),
    ("arrives_at", "Arrives"),
    ("reason", "Why this lot"),
)
NUMBERS = ("packs", "quantity", "asked", "validated", "shared", "lowest", "median", "crossed", "out")
FILL_COLUMNS = (
    ("item", "Item"),
    ("unit", "Unit"),
    ("asked", "Asked"),
    ("validated", "Validated"),
    ("shared", "Shared"),
    ("lowest", "Lowest fill"),
    ("median", "Median fill"),
    ("crossed", "Crossed a border"),
    ("out", "Municipalities out of reach"),
)
WITH_SEPARATORS = "value => value.toLocaleString('en-US')"
AS_PERCENT = "value => value === null ? '-' : value / 10 + ' %'"
FILL_FORMATS = dict.fromkeys(("asked", "validated", "shared", "crossed", "out"), WITH_SEPARATORS) | {
    "lowest": AS_PERCENT,
    "median": AS_PERCENT,
}
"""How the browser writes the numbers that it sorts; of fills it gets thousandths."""


def _columns(columns: tuple[tuple[str, str], ...], formats: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "label": label,
            "field": name,
            "sortable": True,
            "align": "right" if name in NUMBERS else "left",
            "classes": f"cell-{name}",
        }
        | ({":format": formats[name]} if name in formats else {})
        for name, label in columns
    ]


class LinesTable:
    """The lines of a plan; the browser holds one page of them, the server sorts and cuts."""

    def __init__(self, opening: Opening) -> None:
        self._zone = opening.region.time_zone
        self._lines: list[Line] = []
        page = {"rowsPerPage": ROWS_PER_PAGE, "page": 1, "rowsNumber": 0, "sortBy": None, "descending": False}
        self._table = ui.table(columns=_columns(LINE_COLUMNS, {}), rows=[], row_key="number", pagination=page)
        self._table.props(':rows-per-page-options="[10, 25, 50, 100]" flat bordered dense wrap-cells binary-state-sort')
        self._table.props('no-data-label="No lines: nothing of this leaves a depot for this choice"')
        self._table.classes("wide lines").on("request", self._asked)

    def show(self, lines: list[Line]) -> None:
        """Show these lines from the first page on, in the order that was chosen."""
        self._lines = lines
        self._page({**self._table.pagination, "page": 1})

    def _asked(self, event: GenericEventArguments) -> None:
        self._page(event.args["pagination"])

    def _page(self, wanted: dict[str, Any]) -> None:
        key, per_page = wanted.get("sortBy"), int(wanted["rowsPerPage"])
        ordered = self._lines
        if key in dict(LINE_COLUMNS):
            ordered = sorted(ordered, key=lambda line: getattr(line, key), reverse=bool(wanted["descending"]))
        start = (int(wanted["page"]) - 1) * per_page
        self._table.pagination = {**wanted, "rowsNumber": len(ordered)}
        self._table.rows = [self._row(line) for line in ordered[start : start + per_page]]

    def _row(self, line: Line) -> dict[str, Any]:
        return {
            "number": line.number,
            "depot": line.depot,
            "lot": line.lot,
            "expiry": line.expiry,
            "item": f"{line.item} {line.item_name}",
            "member_name": line.member_name,
            "packs": f"{line.packs:,}",
            "quantity": amount(line.quantity, line.base_unit),
            "arrives_at": instant(line.arrives_at, self._zone),
            "reason": line.reason,
        }


def fills_table() -> ui.table:
    """The table of fills per item, still empty."""
    table = ui.table(columns=_columns(FILL_COLUMNS, FILL_FORMATS), rows=[], row_key="key", pagination=0)
    return table.props("flat bordered dense wrap-cells hide-pagination").classes("wide fills")


def fill_rows(view: PlanView, item: str) -> list[dict[str, Any]]:
    """The fills of all items of a plan, or of one."""
    return [
        {
            "key": fill.key,
            "item": f"{fill.key} {view.items[fill.key].name}",
            "unit": view.items[fill.key].base_unit,
            "asked": fill.asked,
            "validated": fill.validated,
            "shared": fill.shared,
            "lowest": fill.lowest_permille,
            "median": fill.median_permille,
            "crossed": fill.cross_border,
            "out": fill.unreachable,
        }
        for fill in view.by_item
        if item in ("", fill.key)
    ]
