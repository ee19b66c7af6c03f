"""The application that bench_posting serves in a process of its own: `uvicorn tests.benchmarks.posting_app:make`."""

from __future__ import annotations

from fastapi import FastAPI

from stockpile.app import build
from stockpile.db import open_engine
from stockpile.serving import settle_memory
from stockpile.settings import Settings


def make() -> FastAPI:
    """The API on the database of STOCKPILE_DATABASE_URL, without scheduled runs."""
    settings = Settings()
    app = build(open_engine(settings.address()), settings, scheduled=False)
    settle_memory()
    return app
