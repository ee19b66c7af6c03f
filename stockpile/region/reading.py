"""Reading the templates: every fault is found and named before anything is loaded."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final
from zoneinfo import available_timezones

from pydantic import ValidationError

from stockpile.catalogue.gs1 import BadGtin, checked_gtin
from stockpile.errors import Invalid
from stockpile.inventory import eligibility
from stockpile.inventory.rules import DEPOT, POINT_OF_USE
from stockpile.region.templates import KEYS, LINKS, NEEDED, TEMPLATES, Row

MOST_FAULTS: Final = 20
Rows = dict[str, list[Any]]


class BadTemplates(Invalid):
    """The files contradict the templates or themselves; `faults` names file, row, column and reason of each."""

    code = "bad_templates"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a file; rows count from 1 below the header."""

    file: str
    row: int
    column: str
    reason: str

    def __str__(self) -> str:
        where = f" row {self.row}" if self.row else ""
        column = f", column {self.column}" if self.column else ""
        return f"{self.file}.csv{where}{column}: {self.reason}"


def read(folder: Path) -> Rows:
    """All rows of the templates in `folder`; refuses with every fault found (up to MOST_FAULTS)."""
    faults: list[Fault] = []
    rows: Rows = {}
    for name, model in TEMPLATES.items():
        path = folder / f"{name}.csv"
        if not path.is_file():
            rows[name] = []
            if name in NEEDED:
                faults.append(Fault(name, 0, "", f"is missing in {folder}"))
            continue
        rows[name], found = _file(name, path, model)
        faults += found
    faults += _contradictions(rows)
    if faults:
        raise _bad(faults)
    return rows


def _bad(faults: list[Fault]) -> BadTemplates:
    listed = [str(fault) for fault in faults[:MOST_FAULTS]]
    more = f" (and {len(faults) - MOST_FAULTS} more)" if len(faults) > MOST_FAULTS else ""
    return BadTemplates("\n".join(listed) + more, faults=listed)


def _file(name: str, path: Path, model: type[Row]) -> tuple[list[Row], list[Fault]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _table(name, csv.DictReader(file, strict=True), model)
    except UnicodeDecodeError as failure:
        return [], [Fault(name, 0, "", f"is not UTF-8 text (byte {failure.start})")]
    except csv.Error as failure:
        return [], [Fault(name, 0, "", f"is not CSV: {failure}")]


def _table(name: str, reader: csv.DictReader[str], model: type[Row]) -> tuple[list[Row], list[Fault]]:
    header = list(reader.fieldnames or ())
    given, wanted = set(header), set(model.model_fields)
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        return [], [Fault(name, 0, column, "stands twice in the header") for column in twice]
    if given != wanted:
        faults = [Fault(name, 0, column, "is missing in the header") for column in sorted(wanted - given)]
        return [], faults + [Fault(name, 0, column, "is not a column here") for column in sorted(given - wanted)]
    rows: list[Row] = []
    faults = []
    for number, row in enumerate(reader, start=1):
        if None in row or None in row.values():
            faults.append(Fault(name, number, "", f"has not {len(wanted)} cells as the header has"))
            continue
        try:
            rows.append(model.model_validate(row).numbered(number))
        except ValidationError as failure:
            faults += [
                Fault(name, number, str(one["loc"][0]), one["msg"].removeprefix("Value error, "))
                for one in failure.errors()
            ]
    return rows, faults


def _contradictions(rows: Rows) -> Iterable[Fault]:
    for name, columns in KEYS.items():
        seen: set[tuple[object, ...]] = set()
        for row in rows[name]:
            key = tuple(getattr(row, column) for column in columns)
            if key in seen:
                yield Fault(name, row.number, columns[0], f"{' '.join(map(str, key))} is given twice")
            seen.add(key)
    for name, column, other, target in LINKS:
        known = {getattr(row, target) for row in rows[other]}
        for row in rows[name]:
            if getattr(row, column) not in known:
                yield Fault(name, row.number, column, f"{getattr(row, column)} is not in {other}.csv")
    yield from _odd_rows(rows)


def _odd_rows(rows: Rows) -> Iterable[Fault]:
    if len(rows["region"]) != 1:
        yield Fault("region", 0, "", f"has {len(rows['region'])} rows instead of one")
    for row in rows["region"]:
        if row.simulated_now is not None and not row.simulated:
            yield Fault("region", row.number, "simulated_now", "only a simulated region has a clock of its own")
    yield from _odd_places(rows)
    yield from _odd_buying(rows)
    yield from _odd_goods(rows)


def _odd_buying(rows: Rows) -> Iterable[Fault]:
    for row in rows["policy"][1:]:
        yield Fault("policy", row.number, "", "is a second row: there is one policy")
    kinds = {row.site: row.kind for row in rows["sites"]}
    for name, column in (("policy", "deliver_to"), ("lanes", "origin"), ("lots", "site")):
        for row in rows[name]:
            if kinds.get(getattr(row, column), DEPOT) != DEPOT:
                yield Fault(name, row.number, column, f"{getattr(row, column)} is not a depot")
    currencies = {row.currency for row in rows["region"]}
    for row in rows["contracts"]:
        if row.currency not in currencies:
            yield Fault("contracts", row.number, "currency", f"{row.currency} is not the region's currency")
        if row.ends < row.starts:
            yield Fault("contracts", row.number, "ends", f"{row.ends} lies before the start")


def _odd_places(rows: Rows) -> Iterable[Fault]:
    kinds = {row.site: row.kind for row in rows["sites"]}
    for row in rows["members"]:
        if kinds.get(row.point_of_use, POINT_OF_USE) != POINT_OF_USE:
            yield Fault("members", row.number, "point_of_use", f"{row.point_of_use} is a depot")
    for name in ("region", "sites"):
        for row in rows[name]:
            if row.time_zone not in available_timezones():
                yield Fault(name, row.number, "time_zone", f"{row.time_zone} is not a time zone")


def _odd_goods(rows: Rows) -> Iterable[Fault]:
    yield from _odd_gtins(rows)
    yield from _odd_lots(rows)
    starts = {(row.contract, row.item) for row in rows["price_tiers"] if row.from_packs == 1}
    for row in rows["contract_lines"]:
        if (row.contract, row.item) not in starts:
            yield Fault("contract_lines", row.number, "item", f"{row.item} has no price from 1 pack in price_tiers.csv")


def _odd_gtins(rows: Rows) -> Iterable[Fault]:
    """One GTIN, one packing level of one item; an item's own GTIN is that of its pack already."""
    owner: dict[str, str] = {}
    for name in ("items", "trade_items"):
        for row in rows[name]:
            try:
                gtin = checked_gtin(row.gtin)
            except BadGtin as failure:
                yield Fault(name, row.number, "gtin", failure.message)
                continue
            if gtin in owner:
                yield Fault(name, row.number, "gtin", f"{row.gtin} is the GTIN of {owner[gtin]}")
            owner.setdefault(gtin, row.item)


def _odd_lots(rows: Rows) -> Iterable[Fault]:
    clocks = [row.simulated_now.date() for row in rows["region"] if row.simulated_now]
    expiries: dict[tuple[str, str], date] = {}
    for row in rows["lots"]:
        if expiries.setdefault((row.item, row.lot), row.expiry) != row.expiry:
            yield Fault("lots", row.number, "expiry", f"lot {row.lot} of {row.item} has another expiry above")
        if not all(eligibility.lasts(row.expiry, on=today) for today in clocks):
            yield Fault("lots", row.number, "expiry", f"lot {row.lot} of {row.item} expired on {row.expiry}")
