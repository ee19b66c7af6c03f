"""Waves that never were: admissions by week from a course whose growth turns gradually. SIMULATED, from seeds alone.

Doubling times of 2.5 to 14 days, half-lives of the fall of 6 to 25 days, a turn after 10 to 56 days within 3 to 14
days, 1,500 to 15,000 admissions in all; every week varies as counts do, and by 3 to 15 % more. The spans were set
before anything was measured and are wider than what waves of respiratory disease are known for; nothing in them is
taken from the wave that is played again.
"""

from __future__ import annotations

import math
import random

LONGEST_RISE = (3.0, 5.5)


def wave(seed: int, weeks: int) -> list[int]:
    """Admissions in each of so many weeks; the same seed, the same wave."""
    draw = random.Random(f"wave {seed}")
    rise = math.log(2) / math.exp(draw.uniform(math.log(2.5), math.log(14)))
    fall, turn, slowly = math.log(2) / draw.uniform(6, 25), draw.uniform(10, 56), draw.uniform(3, 14)
    most, height, days = draw.uniform(*LONGEST_RISE), 0.0, list[float]()
    for day in range(7 * weeks):
        rising = 1 / (1 + math.exp(2 * (day - turn) / slowly)) if height < most else 0.0
        height += rise * rising - fall * (1 - rising)
        days.append(math.exp(height))
    total, varied = math.exp(draw.uniform(math.log(1500), math.log(15_000))), draw.uniform(0.03, 0.15)
    scale = total / sum(days)
    means = [scale * sum(days[7 * week : 7 * week + 7]) for week in range(weeks)]
    return [max(0, round(draw.gauss(mean, math.sqrt(mean) + varied * mean))) for mean in means]
