"""The tables of the crisis page: the lines of a plan, page by page, and the fill of every item."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from nicegui import ui
from nicegui.events import GenericEventArguments, TableSelectionEventArguments

from stockpile.allocation import rules
from stockpile.web.crisis_reading import Line, Opening, PlanView
from stockpile.web.speech import N_, amount, instant, language, number, say

ROWS_PER_PAGE = 10
LINE_COLUMNS = (
    ("depot", N_("Depot")),
    ("lot", N_("Lot")),
    ("expiry", N_("Expires")),
    ("item", N_("Item")),
    ("member_name", N_("Municipality")),
    ("packs", N_("Packs")),
    ("quantity", N_("Quantity")),
    ("arrives_at", N_("Arrives")),
    ("reason", N_("Why this lot")),
)
NUMBERS = ("packs", "quantity", "asked", "validated", "shared", "lowest", "median", "crossed", "out")
FILL_COLUMNS = (
    ("item", N_("Item")),
    ("unit", N_("Unit")),
    ("asked", N_("Asked")),
    ("validated", N_("Validated")),
    ("shared", N_("Shared")),
    ("lowest", N_("Lowest fill")),
    ("median", N_("Median fill")),
    ("crossed", N_("Crossed a border")),
    ("out", N_("Municipalities out of reach")),
)
PERMILLE = ("lowest", "median")


def _formats(columns: Iterable[str], percents: Iterable[str]) -> dict[str, str]:
    """How the browser writes the numbers that it sorts; of `percents` it gets thousandths."""
    separated = f"value => typeof value === 'number' ? value.toLocaleString('{language()}') : value"
    part = f"value => value === null ? '-' : (value / 10).toLocaleString('{language()}') + '\u00a0%'"
    wanted = set(percents)
    return {name: part if name in wanted else separated for name in columns}


def _columns(columns: tuple[tuple[str, str], ...], formats: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "label": say(label),
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
        self._table.props["no-data-label"] = say("No lines: nothing of this leaves a depot for this choice")
        _in_words(self._table)
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
            "expiry": line.expiry.isoformat(),
            "item": f"{line.item} {line.item_name}",
            "member_name": line.member_name,
            "packs": number(line.packs),
            "quantity": amount(line.quantity, line.base_unit),
            "arrives_at": instant(line.arrives_at, self._zone),
            "reason": line_reason(line),
        }


def line_reason(line: Line) -> str:
    """Why this lot goes there: a person's own words where somebody changed the line."""
    if line.stands_for is not None:
        counts = amount(line.stands_for, line.asked.base_unit)
        item = f"{line.asked.code} {line.asked.name}"
        return say("stands in for {counts} of {item}: a pharmacist has approved that", counts=counts, item=item)
    if line.code in (rules.FIRST_EXPIRING, rules.FALLBACK):
        return say("of what may still be used there on arrival, it expires first")
    return line.reason


def fills_table() -> ui.table:
    """The table of fills per item, still empty."""
    formats = _formats([name for name, _ in FILL_COLUMNS if name in NUMBERS], PERMILLE)
    table = ui.table(columns=_columns(FILL_COLUMNS, formats), rows=[], row_key="key", pagination=0)
    return table.props("flat bordered dense wrap-cells hide-pagination").classes("wide fills")


def one_to_choose(table: ui.table, on_select: Callable[[TableSelectionEventArguments], object]) -> None:
    """Let a reader choose one row, by a box that says whose it is."""
    label = json.dumps(say("Choose")).replace('"', "'")
    box = f'<q-checkbox v-model="props.selected" dense :aria-label="{label} + \' \' + props.row.member"></q-checkbox>'
    table.add_slot("body-selection", box)
    table.set_selection("single")
    table.on_select(on_select)


def _in_words(table: ui.table) -> None:
    """What Quasar's table says by itself, in the page's language."""
    table.props["rows-per-page-label"] = say("Rows per page")
    table.props[":pagination-label"] = "(first, last, all) => first + '-' + last + ' / ' + all"
    table.props("hide-selected-banner")


def plain_table(
    columns: Sequence[tuple[str, str]],
    rows: list[dict[str, Any]],
    *,
    percents: Sequence[str] = (),
    numbers: Sequence[str] = (),
    title: str,
) -> ui.table:
    """A table that the browser sorts and pages: columns by name with labels; `percents` hold thousandths."""
    formats = _formats([*percents, *numbers], percents)
    shaped = [
        {"name": name, "label": label, "field": name, "sortable": True, "classes": f"cell-{name.partition('/')[0]}"}
        | ({"align": "right", ":format": formats[name]} if name in formats else {"align": "left"})
        for name, label in columns
    ]
    table = ui.table(columns=shaped, rows=rows, row_key="key", pagination=ROWS_PER_PAGE, title=title)
    _in_words(table)
    return table.props("flat bordered dense wrap-cells binary-state-sort").classes("wide")


def framed_table(
    columns: Sequence[tuple[str, str]], rows: list[dict[str, Any]], *, title: str, **more: Any
) -> ui.table:
    """Such a table in a frame that scrolls where it is wider than the screen, with the keyboard too."""
    with ui.element("div").classes("scrolls").props("tabindex=0 role=region") as frame:
        frame.props["aria-label"] = title
        return plain_table(columns, rows, title=title, **more)


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
