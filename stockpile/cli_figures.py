"""Key figures at the command line, by the API's own routes: before and after, baselines, remedial actions.

STOCKPILE_ACCOUNT=auditor stockpile figures headlines
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated

import typer

from stockpile.cli_storeroom import Key, Number, at_the_counter, counter, refused

figures = typer.Typer(no_args_is_help=True, help="Key figures: before and after, baselines, remedial actions.")
figures.callback()(at_the_counter)

HEADLINE = ("kpi", "unit", "before", "after", "change_percent", "kept", "told_by", "before_starts", "before_ends")
SOURCE = ("id", "kpi", "member_code", "starts", "ends", "numerator", "denominator", "source")
REMEDY = ("remedy", "kpi", "municipality", "owner", "due", "state", "disparity", "outcome")
OUTSIDE = ("member_code", "starts", "ends", "value_minor", "source")
NOTED = ("member", "starts", "ends", "value_minor", "source")
Kpi = Annotated[str, typer.Argument(help="Name of the figure, such as fill_rate.")]
Day = Annotated[str, typer.Option(help="A day: 2019-12-31.")]
Member = Annotated[str | None, typer.Option(help="Of this member only; left out: of the whole region.")]


@figures.command()
def headlines(context: typer.Context) -> None:
    """The three headline figures before and after, and where what was before is written."""
    desk, found = counter(context), counter(context).ask("GET", "headlines")
    if desk.raw:
        return desk.tell(found)
    desk.tell(found["figures"], HEADLINE)
    typer.echo("\nbaselines")
    return desk.tell(found["sources"], SOURCE)


@figures.command()
def baseline(
    context: typer.Context,
    kpi: Kpi,
    numerator: Annotated[int, typer.Argument(help="As the figure has it, in its own unit.")],
    denominator: Annotated[int, typer.Argument(help="As the figure has it; above zero.")],
    *,
    starts: Day,
    ends: Day,
    source: Annotated[str, typer.Option(help="Where these numbers are written.")],
    member: Member = None,
    key: Key = None,
) -> None:
    """Note what a headline figure was before the region began."""
    body = {"kpi": kpi, "numerator": numerator, "denominator": denominator, "starts": starts, "ends": ends}
    counter(context).show("POST", "baselines", body | {"source": source, "member": member}, key=key)


@figures.command()
def remedies(context: typer.Context) -> None:
    """Remedial actions, the newest first."""
    counter(context).show("GET", "remedies", columns=REMEDY)


@figures.command()
def remedy(
    context: typer.Context,
    kpi: Kpi,
    disparity: Annotated[str, typer.Argument(help="What differs, in words.")],
    *,
    owner: Annotated[str, typer.Option(help="The office that owns it: a role, or the code of a municipality.")],
    due: Day,
    member: Member = None,
    key: Key = None,
) -> None:
    """Open a remedial action against what a figure shows."""
    body = {"kpi": kpi, "disparity": disparity, "owner": owner, "due": due, "member": member}
    counter(context).show("POST", "remedies", body, key=key)


@figures.command()
def find(context: typer.Context, key: Key = None) -> None:
    """Open an action for every disparity that the figures show and that has none open; every night this is done."""
    found = counter(context).ask("POST", "remedies/found", key=key)
    counter(context).tell(found if counter(context).raw else found["remedies"], ("remedy", "owner", "disparity"))


@figures.command()
def close(
    context: typer.Context,
    number: Number,
    outcome: Annotated[str, typer.Argument(help="What came of it.")],
    key: Key = None,
) -> None:
    """Close a remedial action with what came of it; never who opened it."""
    counter(context).show("POST", f"remedies/{number}/closure", {"outcome": outcome}, key=key)


@figures.command()
def outside(context: typer.Context) -> None:
    """What members told of purchases outside the unified contracts."""
    counter(context).show("GET", "outside-purchases", columns=OUTSIDE)


@figures.command("note-outside")
def note_outside(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV: member,starts,ends,value_minor,source", exists=True)],
    key: Key = None,
) -> None:
    """Note what members bought outside, all rows of a CSV file or none; the same days again replace what was told."""
    with file.open(newline="", encoding="utf-8-sig") as text:
        reader = csv.DictReader(text)
        if sorted(reader.fieldnames or ()) != sorted(NOTED):
            raise refused(f"{file.name}: the header is {','.join(NOTED)}")
        rows = [_note(number, row) for number, row in enumerate(reader, start=1)]
    counter(context).show("POST", "outside-purchases", {"notes": rows}, key=key)


def _note(number: int, row: dict[str, str]) -> dict[str, object]:
    if None in row or None in row.values():
        raise refused(f"row {number}: has not {len(NOTED)} cells")
    if not (row["value_minor"].isascii() and row["value_minor"].isdigit()):
        raise refused(f"row {number}, value_minor: a whole number of minor units, such as 1250000")
    return {**row, "value_minor": int(row["value_minor"])}
