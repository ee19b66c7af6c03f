"""Every refusal is told in the words of whoever looks: each class of them has a meaning that the catalogues have."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import stockpile
from stockpile.errors import Refusal
from stockpile.governance.rules import Missing, SecondFactorMissing
from stockpile.inventory.recalls.queries import UnknownRecall
from stockpile.plaintext import say
from stockpile.web import refusals, speech, storeroom
from stockpile.web.acting import refusal_words
from stockpile.web.words import LANGUAGES

AT_THE_COMMAND_LINE = ("backup", "cli", "demo", "migrations", "serving", "settings", "solving", "upkeep", "web.key")
"""What only an operator meets, at a command line, which speaks English."""
OTHERWISE = {SecondFactorMissing: "told by `acting.without_code`, which every language has"}


def _classes(of: type[Refusal]) -> Iterator[type[Refusal]]:
    for one in of.__subclasses__():
        yield one
        yield from _classes(one)


def met_on_screens() -> list[type[Refusal]]:
    """Every refusal that somebody at a screen can meet."""
    for module in pkgutil.walk_packages(stockpile.__path__, "stockpile."):
        if ".migrations." not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    ours = {one for one in _classes(Refusal) if one.__module__.startswith("stockpile.")}
    outside = tuple(f"stockpile.{name}" for name in AT_THE_COMMAND_LINE)
    return sorted((one for one in ours if not one.__module__.startswith(outside)), key=lambda one: one.__qualname__)


def test_every_class_of_refusals_has_words_in_every_language() -> None:
    met = met_on_screens()
    assert len(met) > 200
    wordless = [one for one in met if one not in OTHERWISE and not refusals.meaning(one.code)]
    assert [f"{one.__module__} {one.code}" for one in wordless] == []
    for language in LANGUAGES[1:]:
        with speech.speaking(language):
            assert {code for code, words in refusals.WORDS.items() if speech.say(words) == words} == set(), language


def test_no_words_are_kept_for_a_code_that_nothing_has() -> None:
    codes = {one.code for one in met_on_screens()} | {Refusal.code, "unknown", "state"}
    assert set(refusals.WORDS) - codes == set()


@pytest.mark.parametrize(
    ("refusal", "dutch", "exact"),
    [
        (UnknownRecall("nothing of 7"), "Er is hier niets met dat nummer", "nothing of 7"),
        (UnknownRecall(say("There is no recall {number}.", number="7")), "Er is geen terugroeping 7.", ""),
        (Missing("x may not read", right="read"), "Uw account mag dit niet", ""),
    ],
)
def test_a_refusal_is_told_in_dutch_with_the_exact_words_behind_where_only_english_has_them(
    refusal: Refusal, dutch: str, exact: str
) -> None:
    sentence = refusal_words(refusal)
    assert speech.retold(sentence) == sentence
    with speech.speaking("nl"):
        assert speech.retold(sentence).startswith(dutch)
        assert refusals.detail(sentence) == exact


def test_the_storeroom_s_page_has_the_same_words() -> None:
    assert storeroom.refusals_in("en") == {}
    assert storeroom.refusals_in("fr")["not_enough_stock"].startswith("Il y en a moins")
