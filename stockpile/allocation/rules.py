"""States of surges, requests and plans, and the words in which results are explained. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

RULE: Final = "leximin/1"
"""The committee's rule: leximin of allocated over validated per (municipality, item) in whole packs inside
priority tiers, then first-expiring, then cost; every item inside its reserve floor."""

MOST_PACKS: Final = 1 << 20
"""The most packs of one item that one municipality may have validated at a time: what a plan can count exactly."""

DECLARED: Final = "declared"
CLOSED: Final = "closed"

SUBMITTED: Final = "submitted"
VALIDATED: Final = "validated"
DECLINED: Final = "declined"
ALLOCATED: Final = "allocated"
PART_ALLOCATED: Final = "part_allocated"
UNSERVED: Final = "unserved"
WITHDRAWN: Final = "withdrawn"
LAPSED: Final = "lapsed"
OPEN_STATES: Final = (SUBMITTED, VALIDATED)

COMPUTED: Final = "computed"
APPROVED: Final = "approved"
SUPERSEDED: Final = "superseded"

FILLED: Final = "filled"
SHORT: Final = "stock_shared_out"
SET_ASIDE: Final = "below_useful_minimum"
UNREACHABLE: Final = "unreachable"
OVERRIDDEN: Final = "overridden"
FALLBACK: Final = "pro_rata_fallback"
LIMITED: Final = "carrying_limits"
SWAPPED: Final = "with_substitutes"
STANDS_IN: Final = "stands_in"
BY_POLICY: Final = "shared_by_policy"
FIRST_EXPIRING: Final = "first_expiring"

GUARANTEED_FIRST: Final = ". What members are guaranteed of it came first"


@dataclass(frozen=True, slots=True)
class Share:
    """What a claim got, in base units, beside those tied with it (the claims that the same stock serves)."""

    got: int
    validated: int
    base_unit: str
    pack_size: int
    tied: int
    tied_need: int
    tied_supply: int


def permille(got: int, need: int) -> int:
    """Fill in thousandths, rounded down; 1000 where nothing was needed."""
    return got * 1000 // need if need else 1000


def percent(got: int, need: int) -> str:
    """Fill as people read it.

    >>> percent(2, 3), percent(3, 3), percent(999, 1000)
    ('66.6 %', '100 %', '99.9 %')
    """
    whole, tenth = divmod(permille(got, need), 10)
    return f"{whole} %" if tenth == 0 else f"{whole}.{tenth} %"


def sentence_short(share: Share) -> str:
    """Why a claim got less than its validated need under the fair rule."""
    return (
        f"{share.got:,} of {share.validated:,} {share.base_unit} ({percent(share.got, share.validated)}): "
        f"the stock that can lawfully and in time reach you and {share.tied - 1} other municipalities holds "
        f"{share.tied_supply:,} for {share.tied_need:,} validated. In whole packs of {share.pack_size:,}, nobody of "
        "you could get more without someone less filled getting less"
    )


def sentence_policy(share: Share, *, policy: str, words: str) -> str:
    """Why a claim got less than its validated need under another policy of the committee."""
    got = f"{share.got:,} of {share.validated:,} {share.base_unit} ({percent(share.got, share.validated)})"
    return f"{got}: the committee's policy {policy} shares this item. {words}"


def sentence_filled(share: Share) -> str:
    """Why a claim got all of its validated need."""
    return f"all {share.validated:,} {share.base_unit} validated"


def sentence_set_aside(*, minimum: int, base_unit: str) -> str:
    """Why a claim got nothing although a small share would have been left for it."""
    return (
        f"nothing: a fair share would have been below the {minimum:,} {base_unit} that you said are of use at all; "
        "it went to others instead"
    )


def sentence_line(*, packs: int, pack_size: int, lot: str, expiry: str, origin: str, minutes: int) -> str:
    """Why this lot goes there."""
    hours, rest = divmod(minutes, 60)
    count = "1 pack" if packs == 1 else f"{packs:,} packs"
    return (
        f"{count} of {pack_size} from lot {lot} at {origin}: it expires {expiry}, the earliest that may still "
        f"be used there after {hours} h {rest:02} min on the road"
    )


def sentence_stand_in(*, quantity: int, unit: str, counts: int, base_unit: str, item: str, origin: str) -> str:
    """Why a lot of another item goes there."""
    return (
        f"{quantity:,} {unit} from {origin} stand in for {counts:,} {base_unit} of {item}, by a ratio that a "
        "pharmacist has approved; the request takes substitutes"
    )


def sentence_limited(share: Share, *, full: Iterable[str]) -> str:
    """Why a claim got less than its validated need where what can be carried binds, or nothing proves the best."""
    got = f"{share.got:,} of {share.validated:,} {share.base_unit} ({percent(share.got, share.validated)})"
    held = "; ".join(full)
    if held:
        return f"{got}: {held}. Whoever was least filled came first"
    return f"{got}: the stock that can lawfully and in time reach you was shared, whoever was least filled first"


def sentence_full(*, kind: str, site: str, member: str, volume_ml: int, used_ml: int) -> str:
    """A limit on what can be carried that has no room for another pack."""
    litres = f"{used_ml / 1000:,.1f} l of {volume_ml / 1000:,.1f} l a day are taken"
    if kind == "dispatch":
        return f"bound by dispatch at {site}: {litres}"
    if kind == "vehicles":
        return f"bound by the vehicles from {site} to {member}: {litres}"
    return f"bound by what {member} can take in: {litres}"


def sentence_since(*, asked: int, gone: int) -> str:
    """What a waiting plan does not know of; empty where it knows everything."""
    parts = []
    if asked:
        parts.append(f"requests that came since this plan was computed and are not in it: {asked:,}")
    if gone:
        parts.append(f"requests in it that are not open any more: {gone:,}")
    return "; ".join(parts) + ". Compute the plan again" if parts else ""


def state_after(*, got: int, validated: int) -> str:
    """The state of a request once a plan with its share is approved."""
    if got == 0:
        return UNSERVED
    return ALLOCATED if got >= validated else PART_ALLOCATED


@dataclass(frozen=True, slots=True)
class PickLine:
    """One thing to take from a shelf: which lot, how many packs, and where it goes."""

    depot: str
    destination: str
    destination_name: str
    item: str
    item_name: str
    lot: str
    expiry: str
    packs: int
    quantity: int
    base_unit: str
    member: str


def pick_list_text(lines: Iterable[PickLine], *, head: str) -> str:
    """The pick list for a printer: one block per depot and destination."""
    text: list[str] = [head]
    block = ("", "")
    for line in lines:
        if block != (line.depot, line.destination):
            block = (line.depot, line.destination)
            text.append(f"\n{line.depot} -> {line.destination} {line.destination_name}")
        what = f"{line.packs:>6} packs  {line.item}  lot {line.lot}  expires {line.expiry}  for {line.member}"
        text.append(f"  [ ] {what}  ({line.quantity:,} {line.base_unit})  {line.item_name}")
    return "\n".join(text)
