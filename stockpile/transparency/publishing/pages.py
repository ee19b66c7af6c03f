"""The public pages: plain HTML from templates, without scripts; every sentence goes through the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from sqlmodel import Session

from stockpile.governance import queries as governance

FOLDER: Final = Path(__file__).parent / "templates"
LANGUAGE: Final = "en"
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.install_null_translations(newstyle=True)  # type: ignore[attr-defined]
    return made


_ENVIRONMENT: Final = _environment()


def page(session: Session, template: str, *, status: int = 200, private: bool = False, **facts: Any) -> HTMLResponse:
    """A page from its template; `private`: nobody may keep a copy on the way."""
    region = governance.region(session)
    text = _ENVIRONMENT.get_template(template).render(region=region, language=LANGUAGE, **facts)
    cache = "no-store" if private else "public, max-age=60"
    return HTMLResponse(text, status_code=status, headers={**HEADERS, "Cache-Control": cache})
