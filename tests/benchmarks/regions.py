"""Synthetic regions of any size for the benchmarks, drawn from a seed (NumPy's PCG64).

Towns and depots lie on a map of 300 km x 300 km. A town is reached from its nearest
depots; half of the depots stock an item, in up to three lots with 4, 9 and 30 days of life; a lane
takes days, an item needs days of life on top of them; a quarter of the items need a cold chain, which
six lanes in ten have. Needs follow the population and together are 1.6 times the stock.
"""

from __future__ import annotations

from array import array
from datetime import date

import numpy as np
from numpy.typing import NDArray

from optimizer.allocation.compact import CompactPool
from optimizer.allocation.problem import RULE, DispatchLimit, Problem

LIFE_DAYS = np.array([4, 9, 30])
TODAY = date(2030, 1, 1).toordinal()
Ints = NDArray[np.int64]


class Map:
    """Where depots and towns are, and which lanes join them."""

    def __init__(self, rng: np.random.Generator, *, depots: int, towns: int, nearest: float) -> None:
        self.depots, self.towns = depots, towns
        places, homes = rng.random((depots, 2)) * 300, rng.random((towns, 2)) * 300
        far = np.hypot(*(homes[:, None, :] - places[None, :, :]).transpose(2, 0, 1))
        count = min(depots, max(3, round(depots * nearest)))
        self.depot = np.sort(np.argsort(far, axis=1, kind="stable")[:, :count], axis=1)
        self.km = np.take_along_axis(far, self.depot, axis=1)
        self.days = np.ceil(self.km / 60).astype(np.int64) + rng.integers(0, 2, self.depot.shape)
        self.cold = rng.random(self.depot.shape) < 0.6
        self.cold[np.arange(towns), self.km.argmin(axis=1)] = True
        self.people = np.maximum(500, rng.lognormal(9.5, 1.1, towns))


def synthetic_region(
    seed: int, *, items: int, towns: int, depots: int, nearest: float = 0.2, dispatch: float = 0.0
) -> Problem:
    """A problem of that size in compact form; depots can dispatch this share of their volume (0: all of it)."""
    rng = np.random.default_rng(seed)
    place = Map(rng, depots=depots, towns=towns, nearest=nearest)
    sites = tuple(f"depot-{at:03}" for at in range(depots))
    names = tuple(f"town-{at:04}" for at in range(towns))
    pools = tuple(_pool(rng, place, f"item-{at:04}", sites, names) for at in range(items))
    return Problem(rule=RULE, pools=pools, dispatch=_limits(pools, sites, dispatch) if dispatch else ())


def _limits(pools: tuple[CompactPool, ...], sites: tuple[str, ...], share: float) -> tuple[DispatchLimit, ...]:
    volume = np.zeros(len(sites))
    for pool in pools:
        np.add.at(volume, np.array(pool.lot_site), np.array(pool.lot_packs) * pool.unit_volume)
    return tuple(DispatchLimit(site, int(held * share)) for site, held in zip(sites, volume, strict=True))


def _pool(
    rng: np.random.Generator, place: Map, item: str, sites: tuple[str, ...], names: tuple[str, ...]
) -> CompactPool:
    stock = _stock(rng, place.depots)
    site, life = np.nonzero(stock)
    packs = stock[site, life]
    weight = place.people * rng.gamma(4, 0.25, place.towns)
    need = np.maximum(1, weight / weight.sum() * packs.sum() * 1.6).astype(np.int64)
    open_lane = place.cold | (rng.random() >= 0.25)
    least = np.searchsorted(LIFE_DAYS, place.days + rng.integers(1, 8))
    # The first lot of the site that lives long enough; none where it is a lot of the next site.
    first = np.searchsorted(site * 4 + life, place.depot * 4 + least)
    held = np.append(site, -1)[first] == place.depot
    town, rank = np.nonzero(open_lane & held & (least < 3))
    return CompactPool(
        item=item,
        shareable_packs=int(packs.sum()),
        sites=sites,
        lot_ids=tuple(f"lot-{at}" for at in range(len(site))),
        claim_ids=names,
        lot_site=_column(site),
        lot_expiry=_column(TODAY + LIFE_DAYS[life]),
        lot_packs=_column(packs),
        claim_tier=_column(np.ones_like(need)),
        claim_minimum=_column(np.zeros_like(need)),
        claim_need=_column(need),
        first_way=_column(np.searchsorted(town, np.arange(place.towns + 1))),
        way_lot=_column(first[town, rank]),
        way_cost=_column(np.rint(place.km[town, rank])),
        unit_volume=int(rng.integers(1, 20)),
    )


def _stock(rng: np.random.Generator, depots: int) -> Ints:
    stocked = rng.random(depots) < 0.5
    stocked[rng.integers(depots)] = True
    packs = rng.gamma(1.5, 1.0, (depots, 3)) * rng.lognormal(4.5, 1.0)
    return (stocked[:, None] * packs).astype(np.int64)


def _column(values: NDArray[np.generic]) -> array[int]:
    return array("q", values.astype(np.int64).tobytes())
