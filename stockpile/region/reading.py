"""Reading the templates: every fault is found and named before anything is loaded."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final
from zoneinfo import available_timezones

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from stockpile.catalogue.gs1 import BadGtin, checked_gtin
from stockpile.errors import Invalid
from stockpile.inventory import eligibility
from stockpile.inventory.rules import DEPOT, POINT_OF_USE
from stockpile.region.templates import KEYS, LINKS, NEEDED, TEMPLATES, Row

MOST_FAULTS: Final = 20
MOST_IN_A_FILE: Final = 1000
"""With so many faults a file is not looked at further."""
MOST_COLUMNS: Final = 100
WORDS: Final = {
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be {le} or less",
    "string_too_short": "must have {min_length} characters or more",
    "string_too_long": "must have {max_length} characters or fewer",
    "literal_error": "must be {expected}",
}
Rows = dict[str, list[Any]]


class BadTemplates(Invalid):
    """The files contradict the templates or themselves; `faults` names file, row, column and reason of each."""

    code = "bad_templates"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a file; rows count as a spreadsheet does: the header is row 1."""

    file: str
    row: int
    column: str
    reason: str

    def __str__(self) -> str:
        where = f" row {self.row}" if self.row else ""
        column = f", column {self.column}" if self.column else ""
        return f"{self.file}.csv{where}{column}: {self.reason}"


@dataclass(slots=True)
class _Read:
    """What was read of one file. `refused` are the cells of its bad rows; `whole`: it could be read as a table.

    What other files name of a refused row, or of a file that is not whole, is
    no fault of theirs: the one fault is told where it is.
    """

    rows: list[Any] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    refused: list[dict[str, str]] = field(default_factory=list)
    whole: bool = True
    there: bool = True

    def named(self, *columns: str) -> set[tuple[object, ...]]:
        """What the file names in these columns, in good rows and in bad ones."""
        good = {tuple(getattr(row, column) for column in columns) for row in self.rows}
        return good | {tuple(cells.get(column, "").strip() for column in columns) for cells in self.refused}

    def doubtful(self) -> bool:
        """Whether something of the file is not known."""
        return bool(self.refused) or not self.whole


_Files = Mapping[str, _Read]


def read(folder: Path) -> Rows:
    """All rows of the templates in `folder`; refuses with every fault found (up to MOST_FAULTS)."""
    if not folder.is_dir():
        raise BadTemplates(f"there is no folder {folder}", faults=[f"there is no folder {folder}"])
    rows, faults = _judged({name: _template(name, folder / f"{name}.csv", model) for name, model in TEMPLATES.items()})
    if faults:
        raise _bad(faults)
    return rows


def judged(texts: Mapping[str, str]) -> tuple[Rows, list[Fault]]:
    """The good rows of templates given as CSV text by name, and every fault; what is not given is a fault if needed."""
    files = {}
    for name, model in TEMPLATES.items():
        if name in texts:
            files[name] = _parsed(name, texts[name], model)
        else:
            missing = [Fault(name, 0, "", "is missing")] if name in NEEDED else []
            files[name] = _Read(faults=missing, whole=False, there=False)
    return _judged(files)


def read_texts(texts: Mapping[str, str]) -> Rows:
    """All rows of templates given as CSV text by name; refuses with every fault found (up to MOST_FAULTS)."""
    rows, faults = judged(texts)
    if faults:
        raise _bad(faults)
    return rows


def _judged(files: _Files) -> tuple[Rows, list[Fault]]:
    faults = [fault for one in files.values() for fault in one.faults]
    faults += _contradictions(files)
    return {name: one.rows for name, one in files.items()}, faults


def _template(name: str, path: Path, model: type[Row]) -> _Read:
    if path.is_file():
        return _file(name, path, model)
    missing = [Fault(name, 0, "", f"is missing in {path.parent}")] if name in NEEDED else []
    return _Read(faults=missing, whole=False, there=False)


def _parsed(name: str, content: str, model: type[Row]) -> _Read:
    try:
        return _table(name, csv.DictReader(io.StringIO(content, newline=""), strict=True), model)
    except csv.Error as failure:
        return _unread(name, f"is not CSV: {failure}")


def _bad(faults: list[Fault]) -> BadTemplates:
    listed = [str(fault) for fault in faults[:MOST_FAULTS]]
    more = f" (and {len(faults) - MOST_FAULTS} more)" if len(faults) > MOST_FAULTS else ""
    return BadTemplates("\n".join(listed) + more, faults=listed)


def _file(name: str, path: Path, model: type[Row]) -> _Read:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _table(name, csv.DictReader(file, strict=True), model)
    except UnicodeDecodeError as failure:
        return _unread(name, f"is not UTF-8 text (byte {failure.start}){_likely(path)}: save it as 'CSV UTF-8'")
    except csv.Error as failure:
        return _unread(name, f"is not CSV: {failure}")


def _unread(name: str, reason: str) -> _Read:
    return _Read(faults=[Fault(name, 0, "", reason)], whole=False)


def _likely(path: Path) -> str:
    with path.open("rb") as file:
        wide = file.read(2) in (b"\xff\xfe", b"\xfe\xff")
    return ", it is UTF-16" if wide else ", it seems to be Latin-1"


def _table(name: str, reader: csv.DictReader[str], model: type[Row]) -> _Read:
    wrong = _header_faults(name, list(reader.fieldnames or ()), model)
    if wrong:
        return _Read(faults=wrong, whole=False)
    found = _Read()
    for number, row in enumerate(reader, start=2):
        faults = _take(found, name, number, row, model)
        if faults:
            found.faults += faults
            found.refused.append({column: text for column, text in row.items() if isinstance(text, str)})
        if len(found.faults) >= MOST_IN_A_FILE:
            found.faults.append(Fault(name, number, "", f"with {MOST_IN_A_FILE:,} faults, what is below is not read"))
            found.whole = False
            break
    return found


def _header_faults(name: str, header: list[str], model: type[Row]) -> list[Fault]:
    wanted = set(model.model_fields)
    if len(header) == 1 and ";" in header[0]:
        return [Fault(name, 0, "", "is divided by semicolons: save it with commas")]
    if len(header) > MOST_COLUMNS:
        return [Fault(name, 0, "", f"has {len(header):,} columns; the template has {len(wanted)}")]
    given = set(header)
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        return [Fault(name, 0, column, "stands twice in the header") for column in twice]
    spaced = sorted(column for column in given - wanted if column.strip() in wanted)
    faults = [Fault(name, 0, column.strip(), "has a space beside it in the header: remove it") for column in spaced]
    missing = model.required() - given - {column.strip() for column in spaced}
    strange = given - wanted - set(spaced)
    faults += [Fault(name, 0, column, "is missing in the header") for column in sorted(missing)]
    return faults + [Fault(name, 0, column, "is not a column here") for column in sorted(strange)]


def _in_words(fault: ErrorDetails) -> str:
    """What is wrong with a cell; the library's own words only where it says it better than we would."""
    words = WORDS.get(fault["type"], "")
    return words.format(**fault["ctx"]) if words else fault["msg"].removeprefix("Value error, ")


def _take(found: _Read, name: str, number: int, row: dict[str, str], model: type[Row]) -> list[Fault]:
    """Take a row in, or say what is wrong with it."""
    if None in row or None in row.values():
        return [Fault(name, number, "", f"has not {len(row.keys() - {None})} cells as the header has")]
    try:
        good = model.model_validate(row).numbered(number)
    except ValidationError as failure:
        return [Fault(name, number, str(one["loc"][0]), _in_words(one)) for one in failure.errors()]
    spaced = [column for column, text in row.items() if text != text.strip()]
    if spaced:
        return [Fault(name, number, column, "has a space at its beginning or end: remove it") for column in spaced]
    found.rows.append(good)
    return []


def _contradictions(files: _Files) -> Iterable[Fault]:
    rows = {name: one.rows for name, one in files.items()}
    for name, columns in KEYS.items():
        seen: set[tuple[object, ...]] = set()
        for row in rows[name]:
            key = tuple(getattr(row, column) for column in columns)
            if key in seen:
                yield Fault(name, row.number, columns[0], f"{' '.join(map(str, key))} is given twice")
            seen.add(key)
    yield from _loose_links(files)
    yield from _odd_rows(files)


def _loose_links(files: _Files) -> Iterable[Fault]:
    missing: set[str] = set()
    for name, column, other, target in LINKS:
        if not files[other].there and other not in NEEDED and files[name].rows and other not in missing:
            missing.add(other)
            yield Fault(other, 0, "", f"is missing: {name}.csv names what should be in it")
        if not files[other].whole:
            continue
        known = files[other].named(target)
        for row in files[name].rows:
            if (getattr(row, column),) not in known:
                yield Fault(name, row.number, column, f"{getattr(row, column)} is not in {other}.csv")


def _odd_rows(files: _Files) -> Iterable[Fault]:
    rows = {name: one.rows for name, one in files.items()}
    if len(rows["region"]) != 1 and not files["region"].doubtful():
        yield Fault("region", 0, "", f"has {len(rows['region'])} rows instead of one")
    for row in rows["region"]:
        if row.simulated_now is not None and not row.simulated:
            yield Fault("region", row.number, "simulated_now", "only a simulated region has a clock of its own")
    yield from _odd_places(rows)
    yield from _odd_buying(rows)
    yield from _odd_goods(rows)
    if not files["region"].doubtful():
        yield from _odd_currencies(rows)
    yield from _odd_prices(files)


def _odd_buying(rows: Rows) -> Iterable[Fault]:
    for row in rows["policy"][1:]:
        yield Fault("policy", row.number, "", "is a second row: there is one policy")
    kinds = {row.site: row.kind for row in rows["sites"]}
    for name, column in (("policy", "deliver_to"), ("lanes", "origin"), ("lots", "site")):
        for row in rows[name]:
            if kinds.get(getattr(row, column), DEPOT) != DEPOT:
                yield Fault(name, row.number, column, f"{getattr(row, column)} is not a depot")
    for row in rows["contracts"]:
        if row.ends < row.starts:
            yield Fault("contracts", row.number, "ends", f"{row.ends} lies before the start")


def _odd_currencies(rows: Rows) -> Iterable[Fault]:
    currencies = {row.currency for row in rows["region"]}
    for row in rows["contracts"]:
        if row.currency not in currencies:
            yield Fault("contracts", row.number, "currency", f"{row.currency} is not the region's currency")


def _odd_prices(files: _Files) -> Iterable[Fault]:
    tiers = files["price_tiers"]
    if not tiers.whole:
        if not tiers.there and files["contract_lines"].rows:
            yield Fault("price_tiers", 0, "", "is missing: every line of contract_lines.csv needs a price from 1 pack")
        return
    starts = {(row.contract, row.item) for row in tiers.rows if row.from_packs == 1}
    starts |= {(cells.get("contract", ""), cells.get("item", "")) for cells in tiers.refused}
    for row in files["contract_lines"].rows:
        if (row.contract, row.item) not in starts:
            yield Fault("contract_lines", row.number, "item", f"{row.item} has no price from 1 pack in price_tiers.csv")


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
