"""HTTP before any domain: strict JSON, problem details, strict fields, keyset paging.

Problem details follow RFC 9457. Bodies must be UTF-8 JSON without duplicate
keys, NaN or half characters; what was sent is never echoed back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.responses import JSONResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from stockpile.errors import Conflict, Invalid, NotAllowed, NotFound, Refusal, TooMany
from stockpile.plaintext import Text

LARGEST_BODY: Final = 10 * 1024 * 1024
LARGEST_NUMBER: Final = 10**12
DEEPEST: Final = 32
FIRST_YEAR, LAST_YEAR = 2000, 2200
STATUS: Final[tuple[tuple[type[Refusal], int], ...]] = (
    (TooMany, 429),
    (NotAllowed, 403),
    (NotFound, 404),
    (Conflict, 409),
    (Invalid, 422),
)
PROBLEM_TYPE: Final = "application/problem+json"
FILES: Final = (
    b"text/csv",
    b"application/csv",
    b"application/vnd.ms-excel",
    b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    b"multipart/form-data",
)
"""What is sent as a file: the routes that take files judge it themselves, all others refuse it."""


_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "facts": {"type": "object"},
    },
    "additionalProperties": False,
}
PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    code: {"description": description, "content": {PROBLEM_TYPE: {"schema": _PROBLEM}}}
    for code, description in ((422, "Fields that make no sense"), ("default", "Why it was refused (RFC 9457)"))
}
"""What every route of the API answers beside its own: for the OpenAPI document."""


class Body(BaseModel):
    """Base of every request body: no coercion, no unknown fields."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class WhyBody(Body):
    """Why."""

    reason: Text


def _instant(value: object) -> datetime:
    if not isinstance(value, str):
        raise ValueError("must be an instant as text, like 2020-03-30T08:00:00Z")
    try:
        parsed = datetime.fromisoformat(value)
        if parsed.tzinfo is None or not FIRST_YEAR <= parsed.year <= LAST_YEAR:
            raise ValueError
        return parsed.astimezone(UTC)
    except (ValueError, OverflowError) as failure:
        known = f"with a time zone and a year of {FIRST_YEAR} to {LAST_YEAR}, like 2020-03-30T08:00:00Z"
        raise ValueError(f"must be an instant {known}") from failure


def _day(value: object) -> date:
    if not isinstance(value, str) or len(value) != 10:
        raise ValueError("must be a day as text, like 2020-03-30")
    try:
        parsed = date.fromisoformat(value)
    except ValueError as failure:
        raise ValueError("must be a day that exists, like 2020-03-30") from failure
    if not FIRST_YEAR <= parsed.year <= LAST_YEAR:
        raise ValueError(f"must be a day of the years {FIRST_YEAR} to {LAST_YEAR}")
    return parsed


Instant = Annotated[datetime, BeforeValidator(_instant)]
Day = Annotated[date, BeforeValidator(_day)]
Quantity = Annotated[int, Field(ge=1, le=LARGEST_NUMBER)]
QuantityOrNone = Annotated[int, Field(ge=0, le=LARGEST_NUMBER)]
Serials = Annotated[tuple[Text, ...], Field(max_length=10_000, strict=False)]
Number = Annotated[int, Field(ge=1, le=2**62)]
Limit = Annotated[int, Field(ge=1, le=500)]
LARGE_PAGE: Final = 5000
LargeLimit = Annotated[int, Field(ge=1, le=LARGE_PAGE)]
"""How many rows of a list that is told as a plain list."""


DEGREES: Final = frozenset({"latitude", "longitude"})
"""The only fields that may hold a fraction: everything else that is counted here is counted in whole units."""
WHOLE: Final = "quantities are whole numbers: no fractions or exponents"
_FRACTION: Final = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,30})?([eE][-+]?[0-9]{1,2})?")


def status_of(refusal: Refusal) -> int:
    """The HTTP status of a refusal."""
    return next((status for kind, status in STATUS if isinstance(refusal, kind)), 400)


def problem(status: int, *, code: str, detail: str, facts: dict[str, Any] | None = None) -> dict[str, Any]:
    """An RFC 9457 body: `type` names the refusal, `detail` is for people, `facts` for machines."""
    title = code.replace("_", " ")
    body = {"type": f"urn:stockpile:problem:{code}", "title": title, "status": status, "detail": detail}
    return body | ({"facts": plain(facts)} if facts else {})


def problem_of(refusal: Refusal) -> dict[str, Any]:
    """A refusal as a problem body."""
    return problem(status_of(refusal), code=refusal.code, detail=refusal.message, facts=refusal.facts)


def problem_response(body: dict[str, Any], headers: dict[str, str] | None = None) -> JSONResponse:
    """A problem body as a response."""
    return JSONResponse(body, status_code=body["status"], media_type=PROBLEM_TYPE, headers=headers)


def plain(value: Any) -> Any:
    """The value as JSON knows it: instants and days as text, models and dataclasses as objects."""
    if isinstance(value, BaseModel):
        return plain(value.model_dump())
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def paged(rows: Sequence[Any], *, limit: int, key: Callable[[Any], Any]) -> dict[str, Any]:
    """A page of rows: give `limit + 1` rows; `next` is the `after` of the next page, or None at the end."""
    shown = rows[:limit]
    return {"rows": plain(list(shown)), "next": key(shown[-1]) if len(rows) > limit else None}


def listed(
    request: Request, response: Response, rows: Sequence[Any], *, limit: int, key: Callable[[Any], Any]
) -> list[Any]:
    """A large page as a plain list: give `limit + 1` rows; where there are more, a Link header names the next page.

    The header is that of RFC 8288, rel="next", with `after` set to the last row's key.
    """
    if len(rows) > limit:
        following = request.url.include_query_params(after=key(rows[limit - 1]))
        response.headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
    return [plain(row) for row in rows[:limit]]


class UnknownParameter(Invalid):
    """A query parameter that this route does not have."""

    code = "unknown_parameter"


def known_parameters(request: Request) -> None:
    """Refuse query parameters that the route does not have, and one given twice: a typing error narrows nothing."""
    given = [name for name, _ in request.query_params.multi_items()]
    if not given:
        return
    known = sorted(_parameters(request.scope["route"].dependant))
    for name in given:
        if name not in known:
            listed = ", ".join(known) or "none"
            raise UnknownParameter(
                f"query: this route has no parameter {name[:100]}; it has {listed}", field=name[:100], known=known
            )
        if given.count(name) > 1:
            raise UnknownParameter(f"query: {name} is given more than once", field=name)


def _parameters(of: Dependant) -> set[str]:
    """The names of the query parameters of a route and of what it depends on; those of a model by its fields."""
    found = {name for inner in of.dependencies for name in _parameters(inner)}
    for one in of.query_params:
        fields = getattr(one.field_info.annotation, "model_fields", None)
        found |= {info.alias or name for name, info in fields.items()} if fields else {one.alias}
    return found


Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class StrictJson:
    """Middleware: a JSON body that is too large, not UTF-8, ambiguous or not JSON is refused before any route."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is not under /api; else read the body, judge it unless it is a file, and replay it."""
        if scope["type"] != "http" or not scope["path"].startswith("/api/") or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        body = await read(receive)
        fault = "body_too_large" if body is None else "" if _is_file(scope) else _fault(body)
        if body is None or fault:
            status = 413 if body is None else 400
            detail = f"the body is larger than {LARGEST_BODY} bytes" if body is None else str(fault)
            response = problem_response(problem(status, code="bad_body", detail=detail))
            await response(scope, receive, send)
            return
        await self._app(scope, replay(body), send)


def _is_file(scope: Scope) -> bool:
    """Whether the body is declared as a file; a route that wants JSON takes none."""
    declared = [value for name, value in scope["headers"] if name.lower() == b"content-type"]
    return len(declared) == 1 and declared[0].partition(b";")[0].strip().lower() in FILES


class SameOrigin:
    """Middleware: an unsafe request that a browser sends for another site is refused, whatever it carries.

    So is a socket that a page of another site opens, and what stands in for one.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is safe, of our own origin, or of no browser."""
        if scope["type"] == "websocket" and _other_origin(_headers(scope)):
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] == "http" and _unsafe(scope) and _foreign(scope):
            detail = "the request comes from another site"
            await problem_response(problem(403, code="foreign_origin", detail=detail))(scope, receive, send)
            return
        await self._app(scope, receive, send)


SOCKETS: Final = "/_nicegui_ws/"
"""Where the screens talk to their pages, by socket or by requests that stand in for one."""


def _unsafe(scope: Scope) -> bool:
    return scope["method"] not in ("GET", "HEAD", "OPTIONS") or scope["path"].startswith(SOCKETS)


def _foreign(scope: Scope) -> bool:
    headers = _headers(scope)
    return headers.get("sec-fetch-site", "none") not in ("none", "same-origin") or _other_origin(headers)


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _other_origin(headers: dict[str, str]) -> bool:
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2] != headers.get("host", "")


async def read(receive: Receive) -> bytes | None:
    """A request's whole body; None where it is larger than LARGEST_BODY."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LARGEST_BODY:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


def replay(body: bytes) -> Receive:
    """A request's body that was read, to be read again."""
    sent = False

    async def receive() -> Message:
        nonlocal sent
        if sent:
            return {"type": "http.disconnect"}
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _fault(body: bytes) -> str:
    """What is wrong with a JSON body, or ''."""
    if not body:
        return ""
    try:
        text = body.decode("utf-8")
        if text.startswith("\ufeff"):
            return "the body starts with a byte order mark"
        return _deep_fault([_STRICT.decode(text)], depth=-1)
    except UnicodeDecodeError:
        return "the body is not UTF-8"
    except RecursionError:
        return "the body is nested too deeply"
    except ValueError as failure:
        return f"the body is not JSON: {failure}"


def _deep_fault(value: Any, *, depth: int) -> str:
    if depth > DEEPEST:
        return "the body is nested too deeply"
    if isinstance(value, list) and any(type(one) is float for one in value):
        return f"the body is not JSON: {WHOLE}"
    if isinstance(value, str):
        bad = any("\ud800" <= c <= "\udfff" or c == "\0" for c in value)
        return "the body holds half a character or a zero character" if bad else ""
    inner: Sequence[Any] = ()
    if isinstance(value, dict):
        inner = [*value, *value.values()]
    elif isinstance(value, list):
        inner = value
    return next((fault for one in inner if (fault := _deep_fault(one, depth=depth + 1))), "")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    if any(type(value) is float and key not in DEGREES for key, value in pairs):
        raise ValueError(WHOLE)
    return found


def _no_constants(name: str) -> Any:
    raise ValueError(f"{name} is not a number")


def _plain_fraction(text: str) -> float:
    """A fraction as degrees are written by people and programs; whose it is says the object that it stands in."""
    if not _FRACTION.fullmatch(text):
        raise ValueError(WHOLE)
    return float(text)


_STRICT: Final = json.JSONDecoder(
    object_pairs_hook=_no_duplicates, parse_constant=_no_constants, parse_float=_plain_fraction
)


def unambiguous(body: bytes) -> Any:
    """What a JSON body says. Raises ValueError or RecursionError where `StrictJson` refuses it.

    Depth, half characters and zero characters are not looked for: a strict model has no place for them.
    """
    return _STRICT.decode(body.decode("utf-8"))
