"""Strict reading of JSON: every value is asked for by name and kind, and a refusal names its place.

JSON that repeats a key, nests too deeply or is not JSON at all is refused too:
whatever a file holds, its reader gets values or a FormatError, never a traceback.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

Choice = TypeVar("Choice", bound=str)

LARGEST = 1e12
"""Upper limit of every number: sums of millions of them stay exact enough for the tolerances of the format."""

SMALLEST = 1e-9
"""Lower limit of every number that must be above zero: what divides by it stays finite."""

LONGEST_ID = 200
LONGEST_INTEGER = 30
_SHOWN = 60


class FormatError(ValueError):
    """A file that is malformed or contradicts itself; the message names the field, the row and the reason."""


def load(text: bytes | str, what: str) -> Row:
    """The JSON object in `text`, as a row to ask; `what` names the file's kind in refusals."""
    try:
        data = json.loads(text, object_pairs_hook=_unrepeated, parse_int=_integer)
    except RecursionError:
        raise FormatError(f"the {what} is nested too deeply to be one") from None
    except UnicodeDecodeError as failure:
        raise FormatError(f"the {what} is not UTF-8 text: {failure.reason} at byte {failure.start}") from None
    except json.JSONDecodeError as failure:
        raise FormatError(
            f"the {what} is not JSON: {failure.msg} at line {failure.lineno}, column {failure.colno}"
        ) from None
    if not isinstance(data, dict):
        raise FormatError(f"the {what} must be a JSON object, not {kind_of(data)}")
    return Row(data, "")


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise FormatError(f"{_shown(twice)}: the key stands twice in one object")
    return row


def _integer(digits: str) -> int | float:
    """Longer integers than any field takes become infinite, which every field refuses by name."""
    return int(digits) if len(digits) <= LONGEST_INTEGER else math.inf


def kind_of(value: object) -> str:
    """What JSON calls a value, with an article."""
    names = {bool: "a truth value", str: "a text", list: "a list", dict: "an object", type(None): "null"}
    return names.get(type(value), "a number")


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


@dataclass(frozen=True, slots=True)
class Row:
    """One JSON object and its place, such as `lots[3]`; the methods read a field or refuse it by its full name."""

    data: dict[str, Any]
    place: str

    def name(self, field: str) -> str:
        """The field's full name, with the row's own id where it has one."""
        return f"{self.place}.{field}" if self.place else field

    def refuse(self, field: str, reason: str) -> FormatError:
        """The refusal of a field, to be raised."""
        own = self.data.get("id")
        whose = f" (id {_shown(own)})" if self.place and isinstance(own, str) and field != "id" else ""
        return FormatError(f"{self.name(field)}{whose}: {reason}")

    def only(self, required: Sequence[str], optional: Sequence[str] = ()) -> None:
        """Refuse a missing key, and a key that the format does not know."""
        for field in required:
            if field not in self.data:
                raise self.refuse(field, "is missing")
        for field in self.data:
            if field not in required and field not in optional:
                raise FormatError(f"{self.place or 'the file'}: {_shown(field)} is no key of this format")

    def text(self, field: str) -> str:
        """A text of 1 to LONGEST_ID characters."""
        value = self.data[field]
        if not isinstance(value, str):
            raise self.refuse(field, f"must be a text, not {kind_of(value)} ({_shown(value)})")
        if not 0 < len(value) <= LONGEST_ID:
            raise self.refuse(field, f"must have 1 to {LONGEST_ID} characters, not {len(value)}")
        return value

    def number(self, field: str, *, least: float = 0.0) -> float:
        """A finite number from `least` to LARGEST; true and false are no numbers."""
        value = self.data[field]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.refuse(field, f"must be a number, not {kind_of(value)} ({_shown(value)})")
        if not math.isfinite(value):
            raise self.refuse(field, f"must be a finite number, not {_shown(value)}")
        if not least <= value <= LARGEST:
            raise self.refuse(field, f"must be a number from {least:g} to {LARGEST:g}, not {_shown(value)}")
        return float(value)

    def positive(self, field: str) -> float:
        """A finite number above zero (at least SMALLEST)."""
        value = self.data[field]
        if not isinstance(value, bool) and isinstance(value, int | float) and value <= 0:
            raise self.refuse(field, f"must be above zero, not {_shown(value)}")
        return self.number(field, least=SMALLEST)

    def whole(self, field: str, *, least: float = 0.0) -> int:
        """A whole number from `least` on, such as a day."""
        value = self.number(field, least=least)
        if value != int(value):
            raise self.refuse(field, f"must be a whole number, not {_shown(self.data[field])}")
        return int(value)

    def one_of(self, field: str, choices: Sequence[Choice]) -> Choice:
        """One of the texts that the format names."""
        value = self.text(field)
        for choice in choices:
            if choice == value:
                return choice
        raise self.refuse(field, f"must be {' or '.join(choices)}, not {_shown(value)}")

    def known(self, field: str, ids: dict[str, Any], kind: str) -> str:
        """The id of a row that the file lists."""
        value = self.text(field)
        if value not in ids:
            raise self.refuse(field, f"names the unknown {kind} {_shown(value)}")
        return value

    def rows(self, field: str) -> Iterator[Row]:
        """The objects of a list."""
        value = self.data[field]
        if not isinstance(value, list):
            raise self.refuse(field, f"must be a list, not {kind_of(value)}")
        for at, one in enumerate(value):
            place = f"{self.name(field)}[{at}]"
            if not isinstance(one, dict):
                raise FormatError(f"{place}: must be an object, not {kind_of(one)}")
            yield Row(one, place)


def keyed(rows: Iterator[Row], key: Callable[[Row], Any], field: str) -> Iterator[tuple[Any, Row]]:
    """Each row with its key; a key that stood in an earlier row is refused at `field`."""
    seen: dict[Any, str] = {}
    for row in rows:
        one = key(row)
        if one in seen:
            raise row.refuse(field, f"{_shown(one)} is already given by {seen[one]}")
        seen[one] = row.place
        yield one, row
