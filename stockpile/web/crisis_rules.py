"""The sharing rules in plain words, and what states, methods and reasons are called on the screens."""

from __future__ import annotations

from typing import Final

from stockpile.allocation.policies import rules as policies
from stockpile.web.speech import N_, say

NAMES: Final = {
    "leximin": N_("Worst supplied first"),
    "pro_rata_need": N_("Same part of the need"),
    "per_capita": N_("Same per inhabitant"),
    "equal_coverage": N_("Rise together"),
    "equal_units": N_("Same number of packs"),
    "equal_losses": N_("Same number missing"),
    "talmud": N_("Half of each claim first"),
    "pro_rata_request": N_("Same part of what was asked"),
    "tranches": N_("Population and severity"),
    "solidarity_levy": N_("Solidarity levy"),
    "harm_avoided": N_("Most harm avoided"),
}
WORDS: Final = (
    N_("The town that is worst supplied is supplied as well as possible; then the next worst, and so on."),
    N_("Everyone gets the same part of what they were found to need."),
    N_("Everyone gets the same number per inhabitant, but nobody more than they need."),
    N_("All rise together: nobody's second step before everybody's first, up to the same part of the population."),
    N_("Everyone gets the same number of packs, but nobody more than they need."),
    N_("Everyone goes without the same number of packs; small needs may go away empty-handed."),
    N_("Up to half of each claim everyone gets the same number; beyond that everyone goes without the same number."),
    N_("Everyone gets the same part of what they asked for; who asks for more gets more."),
    N_("One part is shared by population, one by how hard the crisis strikes; the rest stays in reserve."),
    N_("Those who take part give up a part of their share per head for those in want, and are paid back later."),
    N_("Each pack goes where it prevents the most harm, once everyone has a first part of their need."),
)
"""What the rules themselves say to citizens, so that the catalogues have it; tests compare."""
OBSTACLES: Final = (
    N_("the item is not licensed in this country"),
    N_("the lot is recalled"),
    N_("the lot is on hold"),
    N_("it is not available: reserved, in quarantine or on the road"),
    N_("it belongs to another member, who would have to lend it"),
    N_("the lot is restricted to other countries"),
    N_("the lot is restricted to other members"),
    N_("the lot's donor gave it for other members"),
    N_("the lot's contract or programme is for other members"),
    N_("no lane leads from the depot to the point of use"),
    N_("the item needs a cold chain and the lane has none"),
    N_("the item needs a cold store and the place has none"),
    N_("it would arrive after it is needed"),
    N_("it would expire before it is used up"),
    N_("no depot holds any of it"),
)
"""What eligibility says of stock that may not serve; tests compare."""
LEFT_ASIDE: Final = (
    N_("Rules are compared without the limits on what depots dispatch in a day, which the plan keeps."),
    N_("Rules are compared without the limits on what vehicles carry in a day, which the plan keeps."),
    N_("Rules are compared without the limits on what municipalities can take in, which the plan keeps."),
    N_("Rules are compared without substitutes, which the plan uses where nothing else is left."),
)
"""What the comparison says that it leaves aside; tests compare."""
STATES: Final = {
    "computed": N_("waits for approval"),
    "approved": N_("approved"),
    "superseded": N_("replaced by a later plan"),
}
METHODS: Final = {
    "leximin": NAMES["leximin"],
    "pro_rata": N_("pro rata, instead of Worst supplied first"),
    "best_found": N_("best found in the time"),
    "policy": N_("policy of the committee"),
}


def choices() -> dict[str, str]:
    """The rules that the service can carry out, by id, with their names in the page's language."""
    return {rule: rule_name(rule) for rule in policies.selectable()}


def rule_name(rule: str) -> str:
    """A rule as people call it; `rule` is its id, with or without a version.

    >>> rule_name("leximin/1")
    'Worst supplied first'
    """
    return say(NAMES.get(rule.partition("/")[0], rule))


def told_policy(policy: str, meaning: str) -> str:
    """A policy's meaning behind its name in plain words and its technical one, where its rule is one of ours.

    >>> told_policy("leximin in tiers/1", "The town that is worst supplied comes first.")
    'Worst supplied first (leximin in tiers/1): The town that is worst supplied comes first.'
    >>> told_policy("floods/2", "Everyone gets the same.")
    'Everyone gets the same. (floods/2)'
    """
    rule = policy.partition("/")[0].partition(" ")[0]
    return f"{rule_name(rule)} ({policy}): {meaning}" if rule in NAMES else f"{meaning} ({policy})"


def state_name(state: str) -> str:
    """A plan's state in the page's language."""
    return say(STATES.get(state, state))


def method_name(method: str) -> str:
    """How a plan came about, in the page's language."""
    return say(METHODS.get(method, method))
