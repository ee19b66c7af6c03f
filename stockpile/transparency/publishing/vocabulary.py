"""What the public pages say that no template spells: words of tables, states, decisions, figures and the policy.

`extract` gives them to Babel (stockpile/locale/babel.cfg), so that each is translated like a sentence of a template.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO, Any

from stockpile.contracts import rules as orders
from stockpile.contracts.terms import rules as terms
from stockpile.transparency.grievances import rules as grievances
from stockpile.transparency.kpis import listing
from stockpile.transparency.kpis import rules as kpis
from stockpile.transparency.publishing import queries, rules
from stockpile.transparency.publishing.datasets import DATASETS
from stockpile.transparency.redaction import rules as redaction

STATES = (
    *orders.CALLOFF_STATES,
    *grievances.STATES,
    *(terms.PLANNED, terms.TENDERED, terms.EVALUATED, terms.STANDSTILL, terms.AWARDED, terms.ACTIVE),
    *(terms.SUSPENDED, terms.UNSUCCESSFUL, terms.EXPIRING, terms.EXPIRED, terms.RUN_OFF, "pending", "terminated"),
    *("declared", "open"),
)
DRILLED = (
    *("before", "below", "days", "given", "hours", "kept", "member", "met", "needed", "out", "outcome", "seconds"),
    "disparity",
    *(
        "forecast",
        "used",
        "joint minor",
        "outside minor",
        "lacking",
        "process",
        "price minor",
        "told",
        "of",
        "size",
        "p90",
        "points",
        "lines",
        "error",
        "usual step",
        "loss",
        "overdue",
        "request",
        "tender",
    ),
    *("month", "suppliers", "hhi", "kind", "minor", "ordered minor", "before permille", "after permille"),
)
"""Columns of what a figure is made of that no table has."""
STEPS = ("acknowledge", "decide", "decide the appeal")


def heading(column: str) -> str:
    """A column's name as it is shown.

    >>> heading("lowest_fill_permille")
    'lowest fill'
    """
    return column.replace("_permille", "").replace("_minor", "").replace("_", " ")


def messages() -> Iterator[str]:
    """Every such word, as it stands in the catalogues."""
    for one in DATASETS.values():
        yield from (one.title, one.about, one.query)
        yield from (text for column in one.columns for text in (heading(column.name), column.about))
    yield from redaction.sentences()
    yield redaction.explanation("")
    yield from rules.REASONS
    yield from (text for rule in redaction.POLICY for text in (rule.about, rule.what, rule.why))
    yield from (text.replace("_", " ") for text in (*STATES, *grievances.VERDICTS))
    yield from (*grievances.CATEGORIES, *STEPS, *DRILLED, *queries.DECISIONS.values())
    yield from (text for one in listing.KPIS for text in (one.name, one.numerator, one.denominator, one.unit))
    yield from ("no facts yet", *kpis.UNKNOWNS)


def extract(file: IO[bytes], keywords: Any, tags: Any, options: Any) -> Iterator[tuple[int, str, str, Sequence[str]]]:
    """The messages as Babel takes them; each once."""
    del file, keywords, tags, options
    for text in dict.fromkeys(messages()):
        if text and not text.isdecimal():
            yield 1, "_", text, ()
