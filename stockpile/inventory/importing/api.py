"""Imports of stock over HTTP: a file is accepted or refused at once, and run in the background."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy import Engine
from sqlmodel import Session
from starlette.datastructures import UploadFile

from stockpile import http
from stockpile.actor import Act
from stockpile.errors import Invalid
from stockpile.governance.caller import After, Key, SignedIn
from stockpile.idempotency import digest
from stockpile.inventory.importing import operations, queries, rules, template
from stockpile.inventory.importing.reading import CSV_TYPES, XLSX_TYPE, opened
from stockpile.inventory.importing.running import Runner
from stockpile.inventory.importing.tables import StockImport
from stockpile.plaintext import LONGEST, plain

router = APIRouter(tags=["imports"])
SHOWN: Final = 200
"""Findings that the state of an import shows; the others are paged."""
_FILE: Final[dict[str, Any]] = {"schema": {"type": "string", "format": "binary"}}
_FORM: Final[dict[str, Any]] = {
    "schema": {"type": "object", "required": ["file"], "properties": {"file": _FILE["schema"]}}
}


class NotAFile(Invalid):
    """The request carries no CSV file and no workbook."""

    code = "not_a_file"


class FileBody(http.Body):
    """What tells one upload from another under the same key."""

    sha256: str
    form: str
    name: str
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it was sent."""

    name: str
    form: str
    content: bytes


async def uploaded(
    request: Request, name: Annotated[str, Query(max_length=200, description="What the file is called")] = ""
) -> Upload:
    """The file of a request: the body itself, or the one file of a form. Refuses other content types (NotAFile)."""
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared == "multipart/form-data":
        async with request.form(max_files=1, max_fields=4) as form:
            files = [value for value in form.values() if isinstance(value, UploadFile)]
            if len(files) != 1:
                raise NotAFile("the form carries no file: send one, as `file`", field="file")
            name = files[0].filename or name
            declared = (files[0].content_type or "").partition(";")[0].strip().lower()
            return Upload(_named(name), _form_of(declared, name), await files[0].read())
    return Upload(_named(name), _form_of(declared, ""), await request.body())


def _form_of(declared: str, name: str) -> str:
    if declared in CSV_TYPES or (declared == "application/vnd.ms-excel" and name.lower().endswith(".csv")):
        return rules.CSV
    if declared == XLSX_TYPE:
        return rules.XLSX
    raise NotAFile(f"send the file as {CSV_TYPES[0]} or {XLSX_TYPE}", field="Content-Type")


def _named(name: str) -> str:
    try:
        return plain(name[:LONGEST])[:200]
    except ValueError as failure:
        raise Invalid(f"the file's name {failure}", field="name") from failure


def runner_of(engine: Engine) -> Runner:
    """The runner of this process's imports, at the real clock."""
    return Runner(engine, _clock)


def _clock() -> datetime:
    return datetime.now(UTC)


@router.post(
    "/imports",
    status_code=202,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {CSV_TYPES[0]: _FILE, XLSX_TYPE: _FILE, "multipart/form-data": _FORM},
        }
    },
)
def send_file(
    caller: SignedIn,
    request: Request,
    upload: Annotated[Upload, Depends(uploaded)],
    dry_run: bool = False,
    key: Key = None,
) -> JSONResponse:
    """Send a file of stock movements as the template has it: all rows are posted or none; `dry_run` posts nothing.

    Accepted (202) with a number under which GET /imports/{number} tells how far it is and, row by row, what is
    wrong; refused at once where the file as a whole cannot be read.
    """
    operations.require_some(caller.actor)
    body = FileBody(sha256=digest(upload.content), form=upload.form, name=upload.name, dry_run=dry_run)
    file = opened(upload.content, form=upload.form)

    def work(session: Session, act: Act) -> Any:
        found = operations.accept(session, act, name=upload.name, content=upload.content, opened=file, dry_run=dry_run)
        assert found.id is not None
        facts = {"import": found.id, "state": found.state, "dry_run": dry_run, "sha256": body.sha256}
        return facts | {file.form: file.divider, "progress": f"/api/v1/imports/{found.id}"}

    answer = caller.effect(request, body, key, work, status=202)
    _ring(request)
    return answer


def _ring(request: Request) -> None:
    runner = _runner(request)
    if runner is not None:
        runner.ring()


def _runner(request: Request) -> Runner | None:
    found: Runner | None = getattr(request.app.state, "imports", None)
    return found


@router.get("/imports")
def list_imports(caller: SignedIn, after: After = 0, limit: http.Limit = 100) -> dict[str, Any]:
    """Your imports by number; all of them for who verifies the ledger."""
    with caller.reading() as session:
        rows = queries.imports(session, caller.actor, after=after, limit=limit + 1)
        told = [_told(row) for row in rows]
        return http.paged(told, limit=limit, key=lambda row: row["import"])


@router.get("/imports/template.csv", response_class=Response, responses={200: {"content": {CSV_TYPES[0]: {}}}})
def template_csv(caller: SignedIn) -> Response:
    """The template's header as CSV; GET /imports/columns explains it."""
    return _download(template.as_csv().encode(), CSV_TYPES[0], "stock.csv")


@router.get("/imports/template.xlsx", response_class=Response, responses={200: {"content": {XLSX_TYPE: {}}}})
def template_xlsx(caller: SignedIn) -> Response:
    """The template as a workbook, with a sheet that explains the columns."""
    return _download(template.as_xlsx(), XLSX_TYPE, "stock.xlsx")


@router.get("/imports/columns")
def columns(caller: SignedIn) -> dict[str, str]:
    """What each column of the template means."""
    return rules.COLUMNS


def _download(content: bytes, kind: str, name: str) -> Response:
    return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.get("/imports/{number}")
def state_of(caller: SignedIn, request: Request, number: http.Number) -> dict[str, Any]:
    """How far an import is, and what is wrong with it: rows count as a spreadsheet shows them (the header is 1)."""
    with caller.reading() as session:
        found = queries.import_of(session, number, reader=caller.actor)
        shown = queries.findings(session, number, limit=SHOWN)
    told = _told(found) | {"findings": [_finding(one) for one in shown]}
    runner = _runner(request)
    step = runner.step(number) if runner is not None and found.state == rules.RUNNING else None
    return told if step is None else {**told, **asdict(step)}


@router.get("/imports/{number}/findings")
def list_findings(
    caller: SignedIn, number: http.Number, after: After = 0, limit: Annotated[int, Field(ge=1, le=1000)] = 500
) -> dict[str, Any]:
    """What is wrong with an import, in the order of rows; the first thousand are kept."""
    with caller.reading() as session:
        queries.import_of(session, number, reader=caller.actor)
        rows = queries.findings(session, number, after=after, limit=limit + 1)
        told = [{"number": one.number} | _finding(one) for one in rows]
        return http.paged(told, limit=limit, key=lambda row: row["number"])


def _told(found: StockImport) -> dict[str, Any]:
    kept = found.model_dump(exclude={"id", "runner", "heartbeat_at", "attempts"})
    return {"import": found.id, **http.plain(kept)}


def _finding(one: Any) -> dict[str, Any]:
    return {"row": one.row_number, "column": one.column_name, "value": one.value, "reason": one.reason}
