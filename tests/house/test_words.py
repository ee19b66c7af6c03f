"""The screens speak every language they offer: each word is translated, and nothing is kept that no screen says."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from babel.messages import Catalog, pofile
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from sqlalchemy import CheckConstraint

from stockpile.allocation import rules
from stockpile.allocation.alternatives.rules import LEFT_ASIDE
from stockpile.allocation.policies import rules as policies
from stockpile.allocation.reasons import rules as words
from stockpile.allocation.reasons.rules import Goods, Standing
from stockpile.db import table_of
from stockpile.demand import rules as demand
from stockpile.governance.committee import gate, standard
from stockpile.governance.committee import rules as voting
from stockpile.governance.committee.queries import DELEGATION
from stockpile.governance.committee.tables import Proposal
from stockpile.inventory.eligibility import OBSTACLES
from stockpile.jobs.nightly import JOBS
from stockpile.web import buying_runs, committee_words, crisis_rules, crisis_surge, speech
from stockpile.web.words import FOLDER, LANGUAGES

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "stockpile" / "web" / "assets" / "storeroom.js"
SPOKEN = re.compile(r'\b(?:_|say)\("((?:[^"\\]|\\.)*)"')
PLACEHOLDER = re.compile(r"\{\w+\}|%\(\w+\)s")

in_each_language = pytest.mark.parametrize("language", LANGUAGES[1:])


@cache
def said() -> frozenset[str]:
    """Every message of the screens, as `make words` finds them."""
    with (FOLDER / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    found = extract_from_dir(ROOT, methods, options, keywords={**DEFAULT_KEYWORDS, "say": None})
    return frozenset(form for _, _, message, _, _ in found for form in forms(message) if isinstance(form, str))


def forms(message: object) -> tuple[object, ...]:
    """A message's forms: one, or one for each number."""
    return message if isinstance(message, tuple) else (message,)


def kept(language: str) -> Catalog:
    """The catalogue of a language."""
    with (FOLDER / f"{language}.po").open("rb") as file:
        return pofile.read_po(file, locale=language)


def placeholders(text: str) -> set[str]:
    """What is filled in when a message is shown.

    >>> sorted(placeholders("{n} of {who}: %(what)s"))
    ['%(what)s', '{n}', '{who}']
    """
    return set(PLACEHOLDER.findall(text))


def test_every_word_of_the_storeroom_s_script_is_found() -> None:
    """Also those inside a template string, which are easily passed over."""
    spoken = {
        re.sub(r"\\u(\w{4})", lambda m: chr(int(m[1], 16)), one) for one in SPOKEN.findall(SCRIPT.read_text("utf-8"))
    }
    assert spoken
    assert spoken - said() == set()


@in_each_language
def test_every_word_has_a_translation(language: str) -> None:
    catalogue = kept(language)
    done = [message for message in catalogue if all(forms(message.string)) and not message.fuzzy]
    translated = {form for message in done for form in forms(message.id)}
    assert said() - translated == set()


@in_each_language
def test_no_catalogue_keeps_a_word_that_no_screen_says(language: str) -> None:
    catalogue = kept(language)
    assert list(catalogue.obsolete) == []
    assert {form for message in catalogue if message.id for form in forms(message.id)} - said() == set()


@in_each_language
def test_a_translation_has_the_placeholders_of_its_message(language: str) -> None:
    different = [
        one.id
        for one in kept(language)
        for said_, shown in zip(forms(one.id), forms(one.string), strict=True)
        if one.id and placeholders(str(said_)) != placeholders(str(shown))
    ]
    assert different == []


def test_the_screens_know_every_rule_and_every_obstacle_that_the_service_has() -> None:
    """So that a new rule or reason is not shown in English alone."""
    selectable = policies.selectable()
    assert set(selectable) <= set(crisis_rules.NAMES)
    assert {policy.sharing.words for policy in selectable.values()} <= set(crisis_rules.WORDS)
    assert set(OBSTACLES.values()) == set(crisis_rules.OBSTACLES)
    assert set(LEFT_ASIDE.values()) == set(crisis_rules.LEFT_ASIDE)
    assert {rules.COMPUTED, rules.APPROVED, rules.SUPERSEDED} == set(crisis_rules.STATES)
    assert {demand.CATCH_UP, demand.CUMULATIVE_START} == set(crisis_surge.FLAGS)
    assert {name: job.title for name, job in JOBS.items()} == buying_runs.JOB_NAMES


def test_the_committee_s_room_has_words_for_all_that_is_voted_on_and_for_every_state() -> None:
    voted = {one.operation for one in standard.rights() if one.body in (voting.COMMITTEE, voting.EMERGENCY)}
    assert voted <= set(committee_words.OPERATIONS)
    assert set(committee_words.OPERATIONS) == set(committee_words.IF_NOT) == standard.GATED
    assert {one for one in standard.BY_TWO if one not in standard.GATED} == set(committee_words.BY_TWO)
    kinds = {kind for subject in _subjects() for kind in [subject.partition(":")[0]]}
    assert kinds == set(committee_words.SUBJECTS)
    assert set(voting.BODIES) == set(committee_words.BODIES)
    assert set(voting.CHOICES) == set(committee_words.CHOICES)
    assert {*voting.KINDS, DELEGATION} == set(committee_words.CAPACITIES)
    [states] = [one for one in table_of(Proposal).constraints if isinstance(one, CheckConstraint)]
    assert set(re.findall(r"'(\w+)'", str(states.sqltext))) == set(committee_words.STATES)


def _subjects() -> set[str]:
    """What effects say that they are about, as the source writes it, up to the first thing that is filled in."""
    found = set()
    for file in (ROOT / "stockpile").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Effect" and len(node.args) > 1:
                said = node.args[1].values[0] if isinstance(node.args[1], ast.JoinedStr) else node.args[1]
                found |= {said.value} if isinstance(said, ast.Constant) else set()
    return {one for one in found if isinstance(one, str)}


@in_each_language
def test_an_emergency_s_own_title_is_told_in_the_reader_s_words(language: str) -> None:
    """No operation's code and no subject's code stands in a title, whatever is ratified; a person's title stays."""
    for operation in standard.GATED:
        for kind in committee_words.SUBJECTS:
            subject = f"{kind}:2"
            with speech.speaking(language):
                for state in committee_words.EMERGENCIES:
                    told = committee_words.titled(gate.ratifying(operation, subject), operation, subject, state=state)
                    assert operation not in told
                    assert subject not in told
                    assert "Ratify" not in told
    with speech.speaking("nl"):
        plan = (gate.ratifying("plan.approve", "plan:2"), "plan.approve", "plan:2")
        told = [committee_words.titled(*plan, state=state) for state in committee_words.EMERGENCIES]
        assert told == [
            "Te bekrachtigen: Een plan dat voorraad verdeelt (plan 2)",
            "Bekrachtigd: Een plan dat voorraad verdeelt (plan 2)",
            "Niet bekrachtigd: Een plan dat voorraad verdeelt (plan 2)",
        ]
        assert committee_words.titled("Keep more", "floor.set", "item:TAB", state="adopted") == "Keep more"


def test_a_reason_is_told_again_in_another_language_with_its_figures() -> None:
    sentence = words.because(
        Standing("A", "A", 2, 1, 4, "t"), Standing("B", "B", 1, 1, 2, "t"), Goods("TAB", "tablet", 10)
    )
    with speech.speaking("nl"):
        told = speech.retold(sentence)
    assert "prioriteit 1 en de uwe 2" in told
    assert sentence.startswith("its request has priority 1, and yours 2")


def test_what_a_person_wrote_is_shown_as_it_is_and_marked_as_not_translated() -> None:
    with speech.speaking("de"):
        assert speech.retold("told by the hospital {x}") == "told by the hospital {x}"
        assert not speech.known("told by the hospital {x}")
        assert speech.known("the lot is on hold")


def test_numbers_and_instants_are_written_as_the_language_writes_them() -> None:
    at = datetime(2020, 3, 30, 8, tzinfo=UTC)
    with speech.speaking("de"):
        assert (speech.number(12950), speech.percent(666)) == ("12.950", "66,6\N{NO-BREAK SPACE}%")
        assert speech.instant(at, "Europe/Brussels") == "Mo. 30 März 2020 10:00"
    assert speech.number(12950) == "12,950"
