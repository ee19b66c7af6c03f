"""The public pages: plain HTML from templates, without scripts or cookies, in the reader's language.

The language is the one asked for by `?lang=`, which every link of the page then carries on, else the one that the
browser says it reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from sqlmodel import Session

from stockpile import words
from stockpile.governance import queries as governance

FOLDER: Final = Path(__file__).parent / "templates"
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_PAGE_LINK: Final = re.compile(r'(href|action)="(/public(?:/[^".?#]*)?|)(\?[^"#]*)?"')
_FORM: Final = re.compile(r'<form method="get"[^>]*>')
_WRITERS: Final[Mapping[str, Callable[..., str]]] = {
    "number": words.number,
    "percent": words.percent,
    "money": words.money,
    "day": words.day,
    "moment": words.moment,
}


class Look:
    """A snapshot to read from, what the region's clock shows, and the language of whoever looks.

    `asked`: the language that the address asks for, which links carry on; '' where it asks for none.
    """

    def __init__(self, session: Session, request: Request, *, at: datetime) -> None:
        self.session, self.at = session, at
        wanted = request.query_params.get("lang", "")
        self.asked = wanted if wanted in words.LANGUAGES else ""
        self.language = words.chosen(wanted, None, request.headers.get("accept-language", ""))
        self._others = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]

    def same_in(self, language: str) -> str:
        """The query of the same page in another language."""
        return f"?{urlencode([*self._others, ('lang', language)])}"


@cache
def _environment(language: str) -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    catalogue = words.catalogue(language)
    made.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]
    for name, write in _WRITERS.items():
        made.globals[name] = partial(write, language=language)
    made.globals["told"] = lambda text: catalogue.gettext(text) if text else ""
    return made


def page(view: Look, template: str, *, status: int = 200, private: bool = False, **facts: Any) -> HTMLResponse:
    """A page from its template; `private`: nobody may keep a copy on the way."""
    region = governance.region(view.session)
    others = {code: name for code, name in words.NAMES.items() if code != view.language}
    given = {"region": region, "language": view.language, "others": others, "view": view, "posted": False, **facts}
    text = _environment(view.language).get_template(template).render(**given)
    cache_for = "no-store" if private else "public, max-age=60"
    headers = {**HEADERS, "Cache-Control": cache_for, "Content-Language": view.language, "Vary": "Accept-Language"}
    return HTMLResponse(carrying(text, view.asked), status_code=status, headers=headers)


def carrying(text: str, language: str) -> str:
    """The page with every link to another page, and every form, asking for the language; files are left alone.

    >>> carrying('<a href="/public/data">a</a> <a href="/public/data/prices.csv">b</a>', "nl")
    '<a href="/public/data?lang=nl">a</a> <a href="/public/data/prices.csv">b</a>'
    >>> carrying('<form method="get" action="/public/municipalities">', "fr")
    '<form method="get" action="/public/municipalities"><input type="hidden" name="lang" value="fr">'
    """
    if not language:
        return text

    def linked(found: re.Match[str]) -> str:
        name, path, query = found[1], found[2], found[3] or ""
        get_form = name == "action" and path == "/public/municipalities"
        if path.startswith("/public/journal") or "lang=" in query or get_form or not (path or query):
            return found[0]
        return f'{name}="{path}{query}{"&amp;" if query else "?"}lang={language}"'

    carried = _PAGE_LINK.sub(linked, text)
    return _FORM.sub(lambda form: f'{form[0]}<input type="hidden" name="lang" value="{language}">', carried)
