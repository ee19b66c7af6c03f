"""The screens speak every language they offer: each word is translated, and nothing is kept that no screen says."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from babel.messages import Catalog, pofile
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg

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
    return frozenset(message for _, _, message, _, _ in found if isinstance(message, str))


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
    translated = {message.id for message in catalogue if message.string and not message.fuzzy}
    assert said() - translated == set()


@in_each_language
def test_no_catalogue_keeps_a_word_that_no_screen_says(language: str) -> None:
    catalogue = kept(language)
    assert list(catalogue.obsolete) == []
    assert {message.id for message in catalogue if message.id} - said() == set()


@in_each_language
def test_a_translation_has_the_placeholders_of_its_message(language: str) -> None:
    different = [one.id for one in kept(language) if one.id and placeholders(one.id) != placeholders(str(one.string))]
    assert different == []
