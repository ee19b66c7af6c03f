"""The answer to "why did we get less?" in plain words, part by part, for the panel, the printed page and the phone."""

from __future__ import annotations

from dataclasses import dataclass

from stockpile.allocation import rules
from stockpile.allocation.queries import Why
from stockpile.allocation.reasons.rules import Other
from stockpile.demand import rules as demand
from stockpile.inventory.eligibility import OBSTACLES
from stockpile.web.crisis_reading import Answer
from stockpile.web.crisis_rules import told_policy
from stockpile.web.speech import amount, instant, known, number, percent, retold, say


@dataclass(frozen=True, slots=True)
class Piece:
    """One heading with its sentences; `name` for styling and tests; `foreign`: said in English alone."""

    name: str
    heading: str
    sentences: list[str]
    foreign: bool = False


def headline(why: Why) -> str:
    """What was got, in one sentence."""
    return say(
        "{member} got {got} of {validated} ({fill}) of {item}.",
        member=why.member_name,
        got=number(why.got),
        validated=amount(why.validated, why.base_unit),
        fill=percent(why.permille),
        item=why.item_name,
    )


def pieces(found: Answer, zone: str) -> list[Piece]:
    """The whole answer, the reason first."""
    why = found.why
    return [
        Piece("why", say("Why"), _why(found), foreign=why.code.partition(":")[0] not in SPOKEN),
        Piece("asked", say("Asked"), _asked(found), foreign=not known(why.validation)),
        Piece("rule", say("The rule"), _rule(found)),
        Piece("decided", say("Who decided"), _decided(found, zone)),
        _listed("more", say("Who got a larger share, and why"), _more(found), say("Nobody got a larger share.")),
        _listed("binding", say("What held it back"), found.reasons.binding, say("Nothing that others share with it.")),
        _listed(
            "help", say("What would change it"), found.reasons.changes, say("Nothing: it got all that is validated.")
        ),
        Piece("next", say("What comes next"), [*_arriving(found), *_next(why, zone)]),
        Piece("appeal", say("How to appeal"), [capital(retold(found.reasons.appeal))]),
    ]


SPOKEN = (
    rules.FILLED,
    rules.SHORT,
    rules.SET_ASIDE,
    rules.FALLBACK,
    rules.BY_POLICY,
    rules.UNREACHABLE,
    rules.LIMITED,
    rules.SWAPPED,
)
"""Reasons that the catalogues have words for; others are a person's own words."""


def reason(found: Answer) -> str:
    """Why, in words for a reader who knows nothing of the rules."""
    why, unit = found.why, found.why.base_unit
    if why.code == rules.SHORT and found.reasons.tied_need:
        return _short(found)
    if why.code == rules.BY_POLICY:
        return say("There was not enough for all. The committee's rule shared what there was.")
    obstacle = OBSTACLES.get(why.code.partition(":")[2])
    if obstacle:
        return say("No stock of it may and can reach you in time: {why}.", why=retold(obstacle))
    if why.code == rules.SET_ASIDE:
        return say("Your fair share would have been less than the smallest amount that you said is of use.")
    if why.code == rules.FALLBACK:
        return say("The fair plan did not come in time; everyone got the same part of the need instead.")
    if why.code == rules.LIMITED:
        return _limited(found)
    if why.code in (rules.FILLED, rules.SWAPPED):
        return say("You got all that was validated: {amount}.", amount=amount(why.validated, unit))
    return why.sentence


def _why(found: Answer) -> list[str]:
    """The reason, and what was sent in place of the item."""
    return [reason(found), *(capital(retold(one)) for one in found.reasons.stood_in)]


def _limited(found: Answer) -> str:
    if found.reasons.binding:
        return say("More could not be brought to you that day. Within what could, the worst supplied came first.")
    return say("There was not enough that may and can reach you in time. The worst supplied came first.")


def _short(found: Answer) -> str:
    why, reasons = found.why, found.reasons
    shared = say(
        "There was not enough. You and {others} others draw on the same stock: together you need {need}, and only "
        "{there} could be shared out. The worst supplied came first, pack by pack: one pack more for you would leave "
        "another with a share no larger than yours is now.",
        others=number(why.tied_count),
        need=amount(reasons.tied_need, why.base_unit),
        there=amount(reasons.tied_got, why.base_unit),
    )
    if not reasons.reserve:
        return shared
    kept = say(
        "Beside that, {amount} stay in the depots as the reserve that the committee has set.",
        amount=amount(reasons.reserve, why.base_unit),
    )
    return f"{shared} {kept}"


def _asked(found: Answer) -> list[str]:
    why = found.why
    asked, validated = amount(why.asked, why.base_unit), amount(why.validated, why.base_unit)
    told = [say("You asked for {asked}; the validated need is {validated}.", asked=asked, validated=validated)]
    if found.validation == demand.CAPPED:
        told.append(say("The reported admissions support no more than that."))
    if found.validation == demand.REVISED:
        told.append(say("A person set the need by hand: {reason}", reason=why.validation))
    return told


def _rule(found: Answer) -> list[str]:
    told = [told_policy(found.reasons.policy, retold(found.reasons.policy_words))]
    if found.reasons.guaranteed:
        told.append(capital(retold(found.reasons.guaranteed)))
    if found.fair:
        return [*told, say("An independent check proved that this plan keeps the rule.")]
    return [*told, say("It is NOT proven that this plan keeps its rule.")]


def _decided(found: Answer, zone: str) -> list[str]:
    why = found.why
    made = say(
        "Plan {plan} was computed by {who} on {when}.", plan=why.plan, who=found.planned_by, when=found.planned(zone)
    )
    if why.approved_at is None:
        return [made, say("Nobody has approved it yet.")]
    when = instant(why.approved_at, zone)
    return [made, say("It was approved by {who} on {when}.", who=found.approved_by, when=when), *why.taken_back]


def _more(found: Answer) -> list[str]:
    """Who was filled better, told together where the reason is the same."""
    by_reason: dict[str, list[str]] = {}
    for one in found.reasons.better_filled:
        by_reason.setdefault(retold(one.because), []).append(_other(one, found.why.base_unit))
    told = [f"{'; '.join(who)}. {capital(because)}" for because, who in by_reason.items()]
    left = found.reasons.better_count - len(found.reasons.better_filled)
    return [*told, say("{n} more got a larger share than you.", n=number(left))] if left else told


def _other(one: Other, unit: str) -> str:
    return say(
        "{name} got {got} of {validated} ({fill})",
        name=one.name,
        got=number(one.got),
        validated=amount(one.validated, unit),
        fill=percent(one.permille),
    )


def _arriving(found: Answer) -> list[str]:
    return [capital(retold(one)) for one in found.reasons.arriving]


def _next(why: Why, zone: str) -> list[str]:
    if why.next_delivery_at is None:
        return [say("The pool expects no further delivery of this item.")]
    quantity, when = amount(why.next_delivery_quantity, why.base_unit), instant(why.next_delivery_at, zone)
    return [say("The pool expects {quantity} more on {when}.", quantity=quantity, when=when)]


def _listed(name: str, heading: str, found: list[str], none: str) -> Piece:
    return Piece(name, heading, [capital(retold(one)) for one in found] or [none])


def capital(sentence: str) -> str:
    """The sentence with a capital letter in front and a full stop behind.

    >>> capital("one more pack helps")
    'One more pack helps.'
    """
    return sentence[:1].upper() + sentence[1:] + ("" if sentence.endswith((".", "!", "?")) else ".")
