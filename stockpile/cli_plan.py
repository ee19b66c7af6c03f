"""Plans at the command line, by the API's own routes: compared with other rules, supposed otherwise, explained.

STOCKPILE_ACCOUNT=coordinator stockpile plan compare 7 --rules per_capita,talmud
STOCKPILE_ACCOUNT=coordinator stockpile plan what-if 1 --lose depot-genk --more MED-001,depot-heerlen,500
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from stockpile.cli_storeroom import Counter, Key, counter, counter_for, refused

plan = typer.Typer(no_args_is_help=True, help="Plans: compared with other rules, supposed otherwise, explained.")

Number = Annotated[int, typer.Argument(help="Number of the plan.")]
Member = Annotated[str | None, typer.Option(help="Only this municipality.")]
Item = Annotated[str | None, typer.Option(help="Only this item.")]
MEASURES = (
    *("rule", "lowest_permille", "gini_ppm", "jain_ppm", "unserved", "packs", "per_head_ratio", "cost_minor"),
    "expiring",
)
SHIFTS = ("member", "name", "item", "validated", "before", "after", "before_permille", "after_permille")
MOST_SHIFTS = 40
LOOKED_EVERY = 0.2


@plan.callback()
def at_the_table(
    context: typer.Context,
    *,
    account: Annotated[str | None, typer.Option(envvar="STOCKPILE_ACCOUNT", help="Who asks.")] = None,
    password: Annotated[str | None, typer.Option(envvar="STOCKPILE_PASSWORD", help="Asked for when left out.")] = None,
    url: Annotated[str, typer.Option(envvar="STOCKPILE_URL", help="A server; else this process answers.")] = "",
    raw: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Plans: compared with other rules, supposed otherwise, explained."""
    if "--help" not in sys.argv:
        context.obj = counter_for(account, password, url, raw)


@plan.command()
def compute(
    context: typer.Context, surge: Annotated[int, typer.Argument(help="Number of the surge.")], *, key: Key = None
) -> None:
    """Compute a plan, telling how far it is on standard error; an interrupt ends it with the best plan so far."""
    asked = counter(context)
    job = asked.ask("POST", f"surges/{surge}/plan-jobs", key=key)
    path, told = f"plan-jobs/{job['number']}", (-1, -1)
    while job["state"] == "running":
        if told != (job["done"], job["of"]):
            told = (job["done"], job["of"])
            typer.echo(f"{told[0]:,} of {told[1]:,} items shared", err=True)
        try:
            time.sleep(LOOKED_EVERY)
            job = asked.ask("GET", path)
        except KeyboardInterrupt:
            asked.ask("DELETE", path, keep=True)
    if job["problem"]:
        raise refused(job["problem"]["detail"])
    asked.tell({name: value for name, value in job.items() if name != "problem"})


@plan.command()
def compare(
    context: typer.Context,
    number: Number,
    *,
    rules: Annotated[str, typer.Option(help="Ids of rules, with commas; without: all.")] = "",
    member: Member = None,
    item: Item = None,
) -> None:
    """What everybody would get under other rules, how even that is, and what it costs."""
    asked = counter(context)
    found = asked.ask("GET", f"plans/{number}/compare", rules=rules, member=member, item=item)
    if asked.raw:
        asked.tell(found)
        return
    asked.tell(found["rules"], MEASURES)
    if member or item:
        typer.echo("")
        asked.tell([_flat(row) for row in found["members"]])


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """A municipality's outcome with a column for each rule."""
    got: dict[str, Any] = row["got"]
    return {name: value for name, value in row.items() if name != "got"} | got


@plan.command("what-if")
def what_if(
    context: typer.Context,
    surge: Annotated[int, typer.Argument(help="Number of the surge.")],
    *,
    lose: Annotated[list[str] | None, typer.Option(help="A DEPOT from which nothing leaves.")] = None,
    close: Annotated[list[str] | None, typer.Option(help="DEPOT,MEMBER: nothing goes there from it.")] = None,
    more: Annotated[list[str] | None, typer.Option(help="ITEM,DEPOT,UNITS[,EXPIRY] more.")] = None,
    room: Annotated[list[str] | None, typer.Option(help="MEMBER,MILLILITRES that it can take in.")] = None,
    rule: Annotated[list[str] | None, typer.Option(help="RULE[,ITEM]: another sharing rule.")] = None,
    about: Annotated[int | None, typer.Option("--plan", help="A plan of the surge; without: its newest.")] = None,
) -> None:
    """What would change for whom under other circumstances; nothing is stored."""
    changes = [
        *_changes("lose_depot", lose, ("depot",)),
        *_changes("close_lane", close, ("depot", "member")),
        *_changes("more_stock", more, ("item", "depot", "quantity", "expiry"), least=3),
        *_changes("receiver_storage", room, ("member", "volume_ml")),
        *_changes("rule", rule, ("rule", "item"), least=1),
    ]
    asked = counter(context)
    found = asked.ask("POST", f"surges/{surge}/what-if", {"plan": about, "changes": changes})
    if asked.raw:
        asked.tell(found)
        return
    asked.tell({name: value for name, value in found.items() if name not in ("shifts", "shared_again")})
    typer.echo("")
    asked.tell(found["shifts"][:MOST_SHIFTS], SHIFTS)
    if len(found["shifts"]) > MOST_SHIFTS:
        typer.echo(f"and {len(found['shifts']) - MOST_SHIFTS:,} more: see --json")


def _changes(
    change: str, given: Iterable[str] | None, names: tuple[str, ...], *, least: int | None = None
) -> list[dict[str, Any]]:
    """Each option's parts by their names; whole numbers where the name asks for one."""
    found = []
    for one in given or ():
        parts = [part.strip() for part in one.split(",")]
        if not (least or len(names)) <= len(parts) <= len(names):
            raise refused(f"{one}: give {','.join(names)}")
        fields = dict(zip(names, parts, strict=False))
        found.append({"change": change, **{name: _typed(name, value) for name, value in fields.items()}})
    return found


def _typed(name: str, value: str) -> str | int:
    if name not in ("quantity", "volume_ml"):
        return value
    if not (value.isascii() and value.isdigit()):
        raise refused(f"{value} is no whole number of {name}")
    return int(value)


@plan.command()
def changes(context: typer.Context, number: Number) -> None:
    """What a plan changed against the one that waited before it."""
    asked = counter(context)
    found = asked.ask("GET", f"plans/{number}/changes")
    if asked.raw:
        asked.tell(found)
    else:
        asked.tell({name: value for name, value in found.items() if name != "shifts"})
        typer.echo("")
        asked.tell(found["shifts"], SHIFTS)


@plan.command()
def why(context: typer.Context, request: Annotated[int, typer.Argument(help="Number of the request.")]) -> None:
    """Why a request got what it got, who got more, what would change it, and how to contest it."""
    asked = counter(context)
    found = asked.ask("GET", f"requests/{request}/why")
    if asked.raw:
        asked.tell(found)
    else:
        typer.echo("\n".join(_lines(found)))


def _lines(found: dict[str, Any]) -> Iterable[str]:
    """The reasons as lines of text."""
    answer = found["answer"]
    unit = answer["base_unit"]
    yield f"{answer['member_name']}: {answer['got']:,} of {answer['validated']:,} {unit} of {answer['item_name']}"
    yield f"why: {answer['sentence']}"
    yield f"asked: {answer['asked']:,} {unit}; validated: {answer['validation']}"
    yield f"rule: {found['policy']}: {found['policy_words']}"
    yield f"decided: {found['decision']}"
    if found["guaranteed"]:
        yield f"guaranteed: {found['guaranteed']}"
    for one in found["better_filled"]:
        yield f"got more: {one['name']} {one['got']:,} of {one['validated']:,}: {one['because']}"
    yield from (f"bound by: {one}" for one in found["binding"])
    for one in found["barred"]:
        yield f"not for you: {one['quantity']:,} {unit}: {one['words']}"
    yield from (f"would change it: {one}" for one in found["changes"])
    for one in found["more_under"]:
        yield f"under {one['rule']}: {one['got']:,} {unit}"
    yield from (f"of other rules: {sentence}" for one in found["more_under"][:1] for sentence in one["without"])
    yield from found["arriving"]
    if answer["next_delivery_at"]:
        yield f"next: {answer['next_delivery_quantity']:,} {unit} due at {answer['next_delivery_at']}"
    yield f"to contest it: {found['appeal']}"


@plan.command()
def files(
    context: typer.Context,
    number: Number,
    folder: Annotated[Path, typer.Option("--out", help="Folder for the two files.")],
) -> None:
    """Write a plan and its problem for `python -m optimizer check PROBLEM PLAN`, which needs no solver."""
    written = [_written(counter(context), number, name, folder) for name in ("problem", "plan-file")]
    typer.echo(f"python -m optimizer check {written[0]} {written[1]}")


def _written(asked: Counter, number: int, name: str, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name.removesuffix('-file')}-{number}.json"
    file.write_bytes(asked.answered("GET", f"plans/{number}/{name}").body)
    return file
