"""The public's routes: pages, tables and files. No account, no cookie, nothing that is not in the policy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from stockpile import http
from stockpile.db import reading
from stockpile.governance import queries as governance
from stockpile.transparency import opendata
from stockpile.transparency.kpis import levels, stocking
from stockpile.transparency.kpis import queries as kpis
from stockpile.transparency.kpis.rules import Period
from stockpile.transparency.ocds import queries as contracting
from stockpile.transparency.ocds import releases
from stockpile.transparency.privacy import rules as privacy
from stockpile.transparency.publishing import datasets, queries
from stockpile.transparency.publishing.pages import FOLDER, HEADERS, Look, page
from stockpile.transparency.redaction import rules as redaction
from stockpile.transparency.sealing import queries as sealed
from stockpile.transparency.sending import queries as sending

public = APIRouter(prefix="/public", tags=["public"], dependencies=[Depends(http.known_parameters)])
ROWS_ON_A_PAGE: Final = 300
Code = Annotated[str, Query(min_length=1, max_length=100)]
PageNumber = Annotated[int, Query(ge=1, le=10_000)]
Number = Annotated[int, Field(ge=1, le=2**62)]


def look(request: Request, lang: Annotated[str, Query(max_length=10)] = "") -> Iterator[Look]:
    """The snapshot of a request; `lang` chooses the language of pages: en, nl, fr or de."""
    with reading(request.app.state.engine) as session:
        yield Look(session, request, at=governance.effective_now(session, real_now=datetime.now(UTC)))


Looking = Annotated[Look, Depends(look)]


@public.get("", include_in_schema=False)
def index(view: Looking) -> Response:
    """Surges, alerts, and the way to each municipality."""
    alerts = sorted((r for r in queries.fairness_panel(view.session) if r["alert"]), key=lambda r: -r["ratio"])
    return page(
        view,
        "index.html",
        surges=datasets.SURGES,
        surge_rows=queries.surges(view.session),
        alerts=alerts,
        municipalities=queries.municipalities(view.session),
    )


@public.get("/style.css", include_in_schema=False)
def style() -> Response:
    """The style sheet."""
    text = (FOLDER / "style.css").read_text(encoding="utf-8")
    return Response(text, media_type="text/css", headers={"Cache-Control": "public, max-age=3600"})


def _some(dataset: opendata.Dataset, *names: str) -> list[opendata.Column]:
    return [column for column in dataset.columns if column.name in names]


@public.get("/surges/{number}", include_in_schema=False)
def surge(view: Looking, number: Number) -> Response:
    """What each municipality got in a surge."""
    found = queries.named(queries.surges(view.session), surge=number)
    if not found:
        raise queries.NotPublished(f"there is no surge {number}", field="surge", value=number)
    plans = sorted({row["plan"] for row in queries.allocations(view.session, surge=number)})
    return page(
        view,
        "surge.html",
        surge=found[0],
        plans=plans,
        totals=datasets.TOTALS,
        columns=[column for column in datasets.TOTALS.columns if column.name != "surge"],
        rows=queries.named(queries.totals(view.session), surge=number),
    )


@public.get("/municipalities", include_in_schema=False)
def find_municipality(view: Looking, name: Code) -> Response:
    """To the municipality of that name or code."""
    wanted = name.strip().casefold()
    rows = queries.municipalities(view.session)
    exact = [row for row in rows if wanted in (row["municipality"].casefold(), row["name"].casefold())]
    near = exact or [row for row in rows if wanted and wanted in row["name"].casefold()]
    if not near:
        return page(view, "fault.html", status=404, wanted=name)
    carried = f"?lang={view.asked}" if view.asked else ""
    to = f"/public/municipalities/{near[0]['municipality']}{carried}"
    return RedirectResponse(to, status_code=303, headers=HEADERS)


@public.get("/municipalities/{code}", include_in_schema=False)
def municipality(view: Looking, code: str) -> Response:
    """What one municipality got, and why."""
    found = queries.named(queries.municipalities(view.session), municipality=code)
    if not found:
        raise queries.NotPublished(f"there is no municipality {code[:100]}", field="municipality")
    rows = list(reversed(queries.allocations(view.session, member=code)))
    wanted = ("plan", "item_name", "unit", "asked", "validated", "got", "fill_permille", "reason")
    return page(
        view,
        "municipality.html",
        one=found[0],
        totals=queries.named(queries.totals(view.session), municipality=code),
        allocations=datasets.ALLOCATIONS,
        columns=_some(datasets.ALLOCATIONS, *wanted),
        rows=rows,
    )


@public.get("/plans/{number}", include_in_schema=False)
def plan(view: Looking, number: Number) -> Response:
    """One allocation with its files to check."""
    found = queries.plan_of(view.session, number)
    rows = queries.named(queries.allocations(view.session), plan=number)
    assert found.approved_at is not None
    told = {
        "number": number,
        "approved_at": found.approved_at.isoformat(),
        "rule": found.rule,
        "method": found.method,
        "fair": found.fair,
        "kept": bool(found.kept),
    }
    wanted = ("municipality", "name", "item_name", "unit", "validated", "got", "fill_permille", "reason_code")
    return page(
        view,
        "plan.html",
        plan=told,
        files=list(reversed(queries.named(queries.publications(view.session), plan=number))),
        left_out={row.version: json.loads(row.withheld) for row in queries.versions(view.session, number)},
        delay_hours=int(redaction.PLAN_DELAY.total_seconds() // 3600),
        allocations=datasets.ALLOCATIONS,
        columns=_some(datasets.ALLOCATIONS, *wanted),
        rows=rows,
    )


@public.get("/plans/{number}/{version}/problem.json")
def problem(view: Looking, number: Number, version: Number) -> Response:
    """The public problem of an allocation, byte for byte as it was published."""
    return Response(queries.version(view.session, number, version).problem, media_type="application/json")


@public.get("/plans/{number}/{version}/plan.json")
def answer(view: Looking, number: Number, version: Number) -> Response:
    """The public plan of an allocation, byte for byte as it was published."""
    return Response(queries.version(view.session, number, version).answer, media_type="application/json")


@public.get("/contracts/{code}", include_in_schema=False)
def contract(view: Looking, code: str) -> Response:
    """One contract with its orders and prices."""
    contracting.contract(view.session, code)
    rows = contracting.contract_rows(view.session, on=governance.local_day(view.session, view.at))
    order_wanted = (
        "order",
        "approved_at",
        "due",
        "state",
        "item_name",
        "unit",
        "quantity",
        "received",
        "last_delivery",
    )
    price_wanted = ("item", "item_name", "unit", "pack_size", "from_packs", "pack_price_minor")
    return page(
        view,
        "contract.html",
        contract=queries.named(rows, contract=code)[0],
        ocid=releases.framework_ocid(code),
        orders=datasets.ORDERS,
        order_columns=_some(datasets.ORDERS, *order_wanted),
        order_rows=queries.named(contracting.order_rows(view.session), contract=code),
        prices=datasets.PRICES,
        price_columns=_some(datasets.PRICES, *price_wanted),
        price_rows=queries.named(contracting.prices(view.session), contract=code),
    )


@public.get("/data", include_in_schema=False)
def catalogue(view: Looking) -> Response:
    """All tables."""
    return page(view, "data.html", datasets=list(datasets.DATASETS.values()), version=opendata.VERSION)


@public.get("/data/{name}.schema.json")
def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of a table."""
    return opendata.schema(datasets.dataset(name))


@public.get("/data/{name}.json")
def table_json(view: Looking, name: str) -> dict[str, Any]:
    """A table as JSON."""
    rows = datasets.rows(view.session, name, at=view.at)
    region = governance.region(view.session)
    notes = {"region": region.title, "simulated": region.simulated, "policy": redaction.VERSION}
    return opendata.as_json(datasets.dataset(name), rows, notes={**notes, "told_at": view.at.isoformat()})


@public.get("/data/{name}.csv")
def table_csv(view: Looking, name: str) -> Response:
    """A table as CSV."""
    text = opendata.as_csv(datasets.dataset(name), datasets.rows(view.session, name, at=view.at))
    return Response(text, media_type="text/csv; charset=utf-8")


@public.get("/data/{name}", include_in_schema=False)
def table(view: Looking, name: str, page_number: Annotated[int, Query(alias="page", ge=1, le=10_000)] = 1) -> Response:
    """A table as a page."""
    dataset, rows = datasets.dataset(name), datasets.rows(view.session, name, at=view.at)
    pages = max(1, -(-len(rows) // ROWS_ON_A_PAGE))
    here = min(page_number, pages)
    shown = rows[(here - 1) * ROWS_ON_A_PAGE : here * ROWS_ON_A_PAGE]
    return page(view, "table.html", dataset=dataset, rows=shown, page=here, pages=pages)


@public.get("/verify", include_in_schema=False)
def verify(view: Looking) -> Response:
    """How anyone checks the allocations and the journal, the latest signed heads, and who took which."""
    heads = [
        {"size": top.size, "sealed_at": top.sealed_at.isoformat(), "root": top.root}
        for top in sealed.heads(view.session, below=None, limit=5)
    ]
    sent = [
        {"recipient": one.recipient, "size": one.accepted_size, "at": one.accepted_at.isoformat()}
        for one in sending.living(view.session)
        if one.accepted_at is not None
    ]
    return page(view, "verify.html", heads=heads, sent=sent)


@public.get("/policy", include_in_schema=False)
def policy(view: Looking) -> Response:
    """What is left out, and why."""
    return page(view, "policy.html", policy=redaction.POLICY, version=redaction.VERSION)


@public.get("/policy.json")
def policy_json() -> dict[str, Any]:
    """The policy of redaction as JSON."""
    return {"version": redaction.VERSION, "rules": http.plain(list(redaction.POLICY))}


@public.get("/impact", include_in_schema=False)
def impact(view: Looking) -> Response:
    """The impact assessment on people's data, on one page."""
    return page(
        view,
        "impact.html",
        few=redaction.FEWEST_PEOPLE,
        contact_days=privacy.KEEP["contact"].days,
        grievance_days=privacy.KEEP["grievance"].days,
    )


class Asked(BaseModel):
    """The period and filters of a figure, as text of a form; what is left empty is not narrowed.

    `lang` is the page's language.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    starts: str = ""
    ends: str = ""
    member: str = ""
    item: str = ""
    level: str = ""
    lang: str = ""


Asking = Annotated[Asked, Query()]


def _figure(view: Look, code: str, asked: Asked) -> dict[str, Any]:
    newest = kpis.last_year(view.session, view.at)
    if code in (*stocking.FIGURES, *levels.STORED) and (asked.item or asked.member):
        raise queries.WrongPeriod(f"{code} is told over all items and the whole region only", field="item")
    if asked.member:
        governance.member(view.session, asked.member)
    period = Period(
        starts=_day("starts", asked.starts) if asked.starts else newest.starts,
        ends=_day("ends", asked.ends) if asked.ends else newest.ends,
        member=asked.member or None,
        item=asked.item or None,
        level=_level(asked.level) if asked.level else None,
    )
    if period.ends < period.starts:
        raise queries.WrongPeriod("ends must not lie before starts", field="ends")
    return kpis.figure(view.session, code, period, outside=True)


def _level(text: str) -> int:
    if text not in ("0", "1", "2", "3", "4"):
        raise queries.WrongPeriod("level must be 0 to 4", field="level")
    return int(text)


def _day(field: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as failure:
        raise queries.WrongPeriod(f"{field} must be a day like 2020-03-30", field=field) from failure


@public.get("/kpis/{code}.json")
def figure_json(view: Looking, code: str, asked: Asking) -> JSONResponse:
    """A figure of any period, with numerator, denominator and what it is made of."""
    return JSONResponse(_figure(view, code, asked))


@public.get("/kpis/{code}", include_in_schema=False)
def figure(view: Looking, request: Request, code: str, asked: Asking) -> Response:
    """A figure as a page, to run again for another period."""
    given = urlencode([(name, value) for name, value in request.query_params.multi_items() if name != "lang"])
    json = f"/public/kpis/{code}.json{'?' if given else ''}{given}"
    return page(view, "kpi.html", figure=_figure(view, code, asked), json=json)


@public.get("/ocds/releases.json")
def ocds_releases(view: Looking) -> JSONResponse:
    """All contracting as one OCDS 1.1.5 release package."""
    return JSONResponse(releases.release_package(view.session, at=view.at))


@public.get("/ocds/records.json")
def ocds_records(view: Looking) -> JSONResponse:
    """All contracting as one OCDS 1.1.5 record package."""
    return JSONResponse(releases.record_package(view.session, at=view.at))


@public.get("/ocds/{ocid}.json")
def ocds_process(view: Looking, ocid: str) -> JSONResponse:
    """The releases of one contracting process."""
    return JSONResponse(releases.release_package(view.session, at=view.at, ocid=ocid))
