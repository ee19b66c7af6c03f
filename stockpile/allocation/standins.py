"""Substitutes in plans: what is approved where, and in which whole packs it stands for the item."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from fractions import Fraction

from sqlmodel import Session

from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.queries import Substitute
from stockpile.catalogue.tables import Item, Substitution
from stockpile.governance import queries as governance


def approved(session: Session, countries: Iterable[str], *, at: datetime) -> dict[str, dict[str, list[Substitute]]]:
    """What pharmacists have approved, by country, then by the item it stands for, on the day of that instant."""
    on = governance.local_day(session, at)
    return {
        country: catalogue.approved_substitutes(session, on=on, country=country) for country in sorted({*countries})
    }


def ratio(one: Substitute | Substitution, *, of: Item, item: Item) -> tuple[int, int]:
    """Whole packs of the substitute, and the packs of the item for which so many stand: the smallest whole swap."""
    packs = Fraction(one.units * item.pack_size, one.per_units * of.pack_size)
    return packs.numerator, packs.denominator


def packs_of(one: Substitution, items: Mapping[str, Item]) -> tuple[int, int]:
    """The same for an approval as it is stored."""
    return ratio(one, of=items[one.substitute_code], item=items[one.item_code])
