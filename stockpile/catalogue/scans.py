"""Reading what a scanner sent or a person typed as GS1 data.

Element strings with separators (also the substitutes that scanners set as a
keyboard send), with or without a symbology identifier; text for people such as
"(01)...(17)...(10)..."; GTIN and SSCC as plain digits; Digital Link addresses.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from biip import ParseConfig, ParseError
from biip.gs1_digital_link_uris import GS1DigitalLinkURI

from stockpile.catalogue import gs1
from stockpile.catalogue.gs1 import FNC1, Element
from stockpile.errors import Invalid

LONGEST: Final = 2000
GTIN_LENGTHS: Final = (8, 12, 13, 14)
SUBSTITUTES: Final = ("<GS>", "{GS}", "[GS]", "<FNC1>", "{FNC1}", "[FNC1]", "^]", "\N{SYMBOL FOR GROUP SEPARATOR}", "↔")
"""What scanners that act as a keyboard send for FNC1; none of it is allowed in GS1 data but by accident."""
MESSAGES: Final = ("]d2", "]C1", "]e0", "]Q3", "]J1")
"""Symbology identifiers of symbols that carry element strings: DataMatrix, GS1-128, DataBar, QR, DotCode."""
PLAIN_NUMBERS: Final = ("]E0", "]E4", "]I0", "]I1")
"""EAN/UPC and ITF-14: a GTIN and nothing else."""
EARLIEST, LATEST = 15, 25
"""Years around today in which a day that may have been swallowed by a batch code is taken for one."""
_ADVICE: Final = (
    "Set the scanner to send FNC1 as the character GS (29), and to send the symbology identifier. "
    "Until then type it with brackets"
)


class BadScan(Invalid):
    """What was scanned cannot be read."""

    code = "bad_scan"


class NotGs1(BadScan):
    """No GS1 data at all."""

    code = "not_gs1"


class BadCharacters(BadScan):
    """Characters that no GS1 symbol holds, or far too many."""

    code = "bad_characters"


class UnknownIdentifier(BadScan):
    """Two to four digits that stand where an application identifier should, and are none."""

    code = "unknown_identifier"


class BadElement(BadScan):
    """A value that does not fit its application identifier."""

    code = "bad_element"


class Contradiction(BadScan):
    """One application identifier, two values."""

    code = "contradicting_elements"


class SeparatorMissing(BadScan):
    """A value of variable length has swallowed what follows it: the scanner left out FNC1."""

    code = "separator_missing"


@dataclass(frozen=True, slots=True)
class Scan:
    """What was read. `gtin` has 14 digits; `contained`: it is that of the content of a logistic unit (02).

    `count` is the number of trade items (37, or 30); `expiry` is the last day of its month where the day was 00.
    """

    form: str
    symbology: str
    elements: tuple[Element, ...]
    gtin: str | None = None
    contained: bool = False
    lot: str | None = None
    expiry: date | None = None
    best_before: date | None = None
    produced: date | None = None
    serial: str | None = None
    sscc: str | None = None
    count: int | None = None

    def __str__(self) -> str:
        return bracketed(self.elements)


def bracketed(elements: Iterable[Element]) -> str:
    """The elements as people read them, identifiers in brackets."""
    return "".join(map(str, elements))


def read_scan(text: str, *, today: date) -> Scan:
    """What the text says in GS1's terms; `today` settles the century of its days.

    Refuses (BadScan, BadGtin, BadKey, BadDay), naming what and where: a bad check digit, a
    missing separator, an unknown identifier, a value that does not fit, two values for one identifier,
    text that is not GS1, characters that do not belong there.
    """
    symbology, rest = _symbology(_clean(text))
    form, elements = _read(rest, symbology, today=today)
    _check(elements, today=today)
    if form == "element string" and FNC1 not in rest.strip():
        _refuse_swallowed(elements, today=today)
    return _scan(form, symbology, tuple(dict.fromkeys(elements)), today=today)


def _clean(text: str) -> str:
    if len(text) > LONGEST:
        raise BadCharacters(f"{len(text)} characters are no scan: at most {LONGEST}", field="text")
    text = text.strip(" \t\r\n")
    for substitute in SUBSTITUTES:
        text = text.replace(substitute, FNC1)
    if text.startswith("("):
        text = " ".join(text.split("\n")).replace("\r", " ").replace("\t", " ")
    for place, character in enumerate(text, start=1):
        if not (" " <= character <= "~" or character == FNC1):
            name = unicodedata.name(character, "a control character").lower()
            raise BadCharacters(
                f"character {place} is U+{ord(character):04X} ({name}): GS1 data has none such",
                field="text",
                at=place,
            )
    if not text.replace(FNC1, "").strip():
        raise NotGs1("nothing was scanned", field="text")
    return text


def _symbology(text: str) -> tuple[str, str]:
    found = re.match(r"\][A-Za-z][0-9A-Za-z]", text)
    return (found.group(), text[3:]) if found else ("", text)


def _read(rest: str, symbology: str, *, today: date) -> tuple[str, list[Element]]:
    if rest.lower().startswith(("http://", "https://")):
        return "digital link", list(_digital_link(rest))
    if symbology in MESSAGES:
        return "element string", list(_element_string(rest))
    if rest.startswith("("):
        return "text", list(_text(rest))
    if symbology in PLAIN_NUMBERS or rest.isdigit():
        return _number(rest, symbology, today=today)
    if symbology:
        raise NotGs1(
            f"a symbol of kind {symbology} carries no GS1 data: scan the GS1 DataMatrix or GS1-128 beside it",
            field="text",
        )
    return "element string", list(_element_string(rest))


def _number(digits: str, symbology: str, *, today: date) -> tuple[str, list[Element]]:
    """A key as plain digits; an element string of digits alone where it can be no key."""
    if symbology not in PLAIN_NUMBERS and (len(digits) not in (*GTIN_LENGTHS, 18) or _dated(digits, today=today)):
        return "element string", list(_element_string(digits))
    if len(digits) == 18:
        return "sscc", [Element(gs1.SSCC, digits)]
    return "gtin", [Element(gs1.GTIN, gs1.checked_gtin(digits))]


def _dated(digits: str, *, today: date) -> bool:
    """Whether digits of a key's length are no such key and begin with a day, as a supplementary barcode does."""
    try:
        _check([Element(gs1.SSCC if len(digits) == 18 else gs1.GTIN, digits)], today=today)
    except (gs1.BadGtin, gs1.BadKey):
        return digits[:2] in gs1.DAYS and _is_day(digits[2:8], today=today) and _reads(digits[8:])
    return False


def _text(text: str) -> Iterator[Element]:
    """Elements of text for people: identifiers in brackets."""
    before, *parts = re.split(r"\(([0-9]{2,4})\)", text)
    if before.strip() or not parts:
        raise NotGs1(
            f"'{text[:20]}' is not GS1 text: identifiers stand in brackets, like (01)09529999990013", field="text"
        )
    for name, value in zip(parts[::2], parts[1::2], strict=True):
        element = Element(name, value.strip(f" {FNC1}"))
        if name in (gs1.GTIN, gs1.CONTENT) and len(element.value) in GTIN_LENGTHS:
            element = Element(name, element.value.zfill(14))
        known = gs1.identifier(name)
        if known is None or known.ai != name:
            raise UnknownIdentifier(f"({name}) is not a GS1 application identifier", field="text", identifier=name)
        if not gs1.fits(element):
            raise _unfit(element, f"({name})")
        yield element


def _digital_link(address: str) -> Iterator[Element]:
    try:
        found = GS1DigitalLinkURI.parse(address, config=ParseConfig(gs1_element_strings_verify_date=False))
        asked = parse_qsl(urlsplit(address).query, max_num_fields=50)
    except (ParseError, ValueError) as failure:
        raise NotGs1(f"this address is not a GS1 Digital Link: {failure}", field="text") from failure
    for one in found.element_strings:
        yield Element(one.ai.ai, one.value)
    for name, value in asked:
        known = gs1.identifier(name)
        if known is not None and known.ai == name:
            yield Element(name, value)


def _element_string(text: str) -> Iterator[Element]:
    rest = text.lstrip(FNC1)
    while rest:
        at = len(text) - len(rest) + 1
        element = _first(rest, at=at)
        yield element
        rest = rest[len(element.identifier) + len(element.value) :].lstrip(FNC1)


def _first(rest: str, *, at: int) -> Element:
    known = gs1.identifier(rest)
    chunk = rest.split(FNC1, maxsplit=1)[0]
    if known is None:
        if at == 1 and not re.match(r"[0-9]{2}", rest):
            raise NotGs1(f"'{rest[:20]}' is not GS1 data: it begins with no identifier", field="text", at=at)
        raise UnknownIdentifier(
            f"'{rest[:4]}' at character {at} is not a GS1 application identifier", field="text", at=at
        )
    if known.separator_required:
        element = Element(known.ai, chunk[len(known.ai) :])
        if not gs1.fits(element):
            raise _too_long(element, at) if re.match(known.pattern[:-1], chunk) else _unfit(element, f"character {at}")
        return element
    found = re.match(known.pattern[:-1], chunk)
    if found is None:
        raise _unfit(Element(known.ai, chunk[len(known.ai) :]), f"character {at}")
    return Element(known.ai, found.group()[len(known.ai) :])


def _unfit(element: Element, where: str) -> BadElement:
    known = gs1.identifier(element.identifier)
    assert known is not None
    return BadElement(
        f"({known.ai}) {known.description} at {where}: '{element.value[:40]}' does not fit {known.format}",
        field="text",
        identifier=known.ai,
    )


def _too_long(element: Element, at: int) -> SeparatorMissing:
    known = gs1.identifier(element.identifier)
    assert known is not None
    return SeparatorMissing(
        f"({known.ai}) {known.description} at character {at} runs on as '{element.value[:60]}', "
        f"which does not fit {known.format}: the separator after it is missing. {_ADVICE}, like (10)LOT(21)SERIAL",
        field="text",
        identifier=known.ai,
        at=at,
    )


def _check(elements: list[Element], *, today: date) -> None:
    """Check digits, days and counts; one value for each identifier, and one trade item."""
    values: dict[str, str] = {}
    for one in elements:
        _check_value(one, today=today)
        name, before = one.identifier, values.setdefault(one.identifier, one.value)
        if before != one.value:
            raise Contradiction(f"({name}) is given twice: as {before} and {one.value}", field="text", identifier=name)
    if len({values[name] for name in (gs1.GTIN, gs1.CONTENT) if name in values}) > 1:
        raise Contradiction("(01) and (02) name two trade items: a symbol is of one of them", field="text")


def _check_value(element: Element, *, today: date) -> None:
    name, value = element.identifier, element.value
    if name in (gs1.GTIN, gs1.CONTENT):
        gs1.checked_gtin(value)
    elif name == gs1.SSCC:
        gs1.checked_key(value, name="SSCC", length=18)
    elif re.fullmatch("41[0-7]", name):
        gs1.checked_key(value, name="GLN", length=13)
    elif name in (*gs1.DAYS, gs1.EXPIRY_TIME):
        gs1.day(value[:6], today=today)
    elif name in (gs1.ITEMS, gs1.COUNT) and int(value) == 0:
        raise BadElement(f"({name}) counts nothing", field="text", identifier=name)


def _refuse_swallowed(elements: list[Element], *, today: date) -> None:
    """Without any separator the last value, if text of variable length, may hold the elements that followed it."""
    last = elements[-1]
    if not gs1.swallows(last.identifier):
        return
    present = {one.identifier for one in elements}
    for evident in (_key_or_day, _batch_or_serial):
        for place in range(1, len(last.value)):
            if evident(last.value[:place], last.value[place:], present, today):
                raise _swallowed(elements, place)


def _key_or_day(_head: str, tail: str, present: set[str], today: date) -> bool:
    """Whether the tail begins with a key whose check digit is right, a likely day, or the count of a content."""
    name, value = tail[:2], tail[2:]
    if name in present:
        return False
    if name in (gs1.SSCC, gs1.GTIN, gs1.CONTENT):
        length = 18 if name == gs1.SSCC else 14
        try:
            _check([Element(name, value[:length])], today=today)
        except (gs1.BadGtin, gs1.BadKey):
            return False
        return len(value) >= length and _reads(value[length:])
    if name in (gs1.PRODUCED, "13", gs1.BEST_BEFORE, gs1.EXPIRY):
        return _is_day(value[:6], today=today) and _reads(value[6:])
    return name == gs1.COUNT and gs1.CONTENT in present and gs1.fits(Element(name, value))


def _batch_or_serial(head: str, tail: str, present: set[str], _today: date) -> bool:
    """Whether the tail looks like a batch or serial of its own: weak evidence, so both parts must be of some length."""
    return tail[:2] in (gs1.BATCH, gs1.SERIAL) and tail[:2] not in present and len(head) >= 3 and len(tail) >= 6


def _is_day(digits: str, *, today: date) -> bool:
    try:
        return today.year - EARLIEST <= gs1.day(digits, today=today).year <= today.year + LATEST
    except gs1.BadDay:
        return False


def _reads(text: str) -> bool:
    """Whether the text is empty or an element string."""
    try:
        return all(gs1.fits(one) for one in _element_string(text))
    except BadScan:
        return False


def _swallowed(elements: list[Element], place: int) -> SeparatorMissing:
    last = elements[-1]
    head, tail = last.value[:place], last.value[place:]
    asis = bracketed(elements)
    split = bracketed([*elements[:-1], Element(last.identifier, head), *_split(tail)])
    return SeparatorMissing(
        f"({last.identifier}) reads '{last.value}': it seems to be '{head}' with '{tail}' swallowed, "
        f"the separator between them is missing. {_ADVICE}: {split}, or, if it is one value indeed, {asis}",
        field="text",
        identifier=last.identifier,
        readings=[split, asis],
    )


def _split(tail: str) -> list[Element]:
    return list(_element_string(tail)) if _reads(tail) else [Element(tail[:2], tail[2:])]


def _scan(form: str, symbology: str, elements: tuple[Element, ...], *, today: date) -> Scan:
    values = {one.identifier: one.value for one in elements}

    def day(name: str) -> date | None:
        return gs1.day(values[name][:6], today=today) if name in values else None

    count = values.get(gs1.COUNT, values.get(gs1.ITEMS))
    gtin = values.get(gs1.GTIN, values.get(gs1.CONTENT))
    return Scan(
        form=form,
        symbology=symbology,
        elements=elements,
        gtin=gtin,
        contained=gs1.GTIN not in values and gs1.CONTENT in values,
        lot=values.get(gs1.BATCH),
        expiry=day(gs1.EXPIRY) or day(gs1.EXPIRY_TIME),
        best_before=day(gs1.BEST_BEFORE),
        produced=day(gs1.PRODUCED),
        serial=values.get(gs1.SERIAL),
        sscc=values.get(gs1.SSCC),
        count=int(count) if count else None,
    )
