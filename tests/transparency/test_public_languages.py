"""The public pages in each language: every word of ours is translated, links carry the language on, files do not."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from stockpile import words
from stockpile.app import build
from stockpile.settings import Settings
from stockpile.transparency.publishing.datasets import DATASETS
from tests.conftest import Cast
from tests.inventory.stockroom import ON_SQLITE
from tests.transparency.public_room import published

PAGES = ("", "/data", *(f"/data/{name}" for name in DATASETS), "/municipalities/NL-1", "/municipalities?name=x",
         "/surges/1", "/plans/1", "/contracts/UC-1", "/kpis/min_fill", "/verify", "/policy", "/impact",
         "/grievances")  # fmt: skip
OURS_IN_EVERY_LANGUAGE = {"JSON", "CSV", "problem.json", "plan.json", "UTC", "Stockpile", *words.NAMES.values()}
NOT_READ = ("code", "pre", "style", "title", "small")
in_another_language = pytest.mark.parametrize("language", words.LANGUAGES[1:])


class Reader(HTMLParser):
    """Reads the words of a page as people see them, but for code and titles of tabs."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.links: list[str] = []
        self.language, self._within = "", list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note where we are, links and the page's language."""
        given = dict(attrs)
        self.language = given.get("lang") or "" if tag == "html" else self.language
        self.links += [given[name] or "" for name in ("href", "action") if name in given and tag in ("a", "form")]
        self.said += [given[name] or "" for name in ("aria-label", "title") if given.get(name)]
        if tag not in ("meta", "link", "input", "br"):
            self._within.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Leave an element."""
        while self._within and self._within.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Take what is read."""
        if data.strip() and not any(tag in NOT_READ for tag in self._within):
            self.said.append(data.strip(" \n(),:;."))


def read(client: TestClient, path: str, language: str) -> Reader:
    """A public page as a browser that reads this language gets it."""
    answer = client.get(f"/public{path}", headers={"Accept-Language": f"{language},en;q=0.5"})
    assert answer.headers["content-language"] == language
    assert "Accept-Language" in answer.headers["vary"]
    reader = Reader()
    reader.feed(answer.text)
    assert reader.language == language
    return reader


@pytest.fixture
def client(region: Engine, cast: Cast) -> Iterator[TestClient]:
    """The public's own way in, after a surge that is published."""
    published(region, cast)
    with TestClient(build(region, Settings(), scheduled=False)) as opened:
        yield opened


def data(client: TestClient) -> set[str]:
    """Every text of the published tables, and the region's own words."""
    rows = [row for name in DATASETS for row in client.get(f"/public/data/{name}.json").json()["rows"]]
    figure = client.get("/public/kpis/min_fill.json").json()["rows"]
    found = {str(value) for row in [*rows, *figure] for value in row.values()}
    return found | {client.get("/public/data/surges.json").json()["region"]}


@ON_SQLITE
@in_another_language
def test_every_word_of_ours_is_said_in_the_reader_s_language(client: TestClient, language: str) -> None:
    """What is said alike in both languages must be data, or a word that both languages share."""
    facts, catalogue, left = data(client), words.catalogue(language), set[tuple[str, str]]()
    shared = {word for word in known(language) if catalogue.gettext(word) == word} | OURS_IN_EVERY_LANGUAGE
    for path in PAGES:
        alike = set(read(client, path, "en").said) & set(read(client, path, language).said)
        left |= {
            (path, one)
            for one in alike - facts - shared
            if any(letter.isalpha() for letter in one) and not made_of(one, facts, shared)
        }
    assert left == set()


def known(language: str) -> set[str]:
    """The English words that the catalogue of a language has."""
    from babel.messages import pofile

    with (words.FOLDER / f"{language}.po").open("rb") as file:
        return {str(message.id) for message in pofile.read_po(file, locale=language) if isinstance(message.id, str)}


def made_of(text: str, facts: set[str], shared: set[str]) -> bool:
    """Whether a text is put together from data alone, such as a name with its country, or after a shared word."""
    parts = [one.strip("():,") for one in text.replace(": ", " (").split(" (")]
    return all(_is_data(one, facts, shared) for one in parts)


def _is_data(text: str, facts: set[str], shared: set[str]) -> bool:
    first, _, rest = text.partition(" ")
    return text in facts or (first in shared and rest in facts) or not any(letter.isalpha() for letter in text)


@ON_SQLITE
def test_the_address_chooses_the_language_and_every_link_to_a_page_carries_it_on(client: TestClient) -> None:
    for path in PAGES:
        mark = "&" if "?" in path else "?"
        answer = client.get(f"/public{path}{mark}lang=fr", headers={"Accept-Language": "de"})
        reader = Reader()
        reader.feed(answer.text)
        assert reader.language == "fr", path
        for link in reader.links:
            ours = link.startswith(("/public", "?"))
            file = "." in link.rpartition("/")[2].partition("?")[0] or link.startswith("/public/journal")
            form = link == "/public/municipalities"
            assert ("lang=" in link) is (ours and not file and not form), (path, link)
    named = client.get("/public/municipalities?name=Vaals&lang=fr", follow_redirects=False)
    assert named.headers["location"] == "/public/municipalities/NL-1?lang=fr"


@ON_SQLITE
def test_a_language_that_we_do_not_speak_is_answered_in_english_and_numbers_follow_the_language(
    client: TestClient,
) -> None:
    assert client.get("/public", headers={"Accept-Language": "pl"}).headers["content-language"] == "en"
    assert client.get("/public?lang=xx", headers={"Accept-Language": "nl"}).headers["content-language"] == "nl"
    english = client.get("/public/contracts/UC-1?lang=en").text
    german = client.get("/public/contracts/UC-1?lang=de").text
    assert "1,000,000.00" in english
    assert "1.000.000,00" in german
    assert "Tue 01 Jan 2019" in english
    assert "Di. 01 Jan. 2019" in german


@ON_SQLITE
def test_a_complaint_keeps_the_language_of_its_form(client: TestClient) -> None:
    sent = {"category": "data", "country": "NL", "channel": "public", "statement": "Wat hebt u van mij?"}
    answer = client.post("/public/grievances?lang=nl", data=sent)
    assert answer.status_code == 201
    assert "Uw zaak" in answer.text
    assert "lang=nl" in answer.text
