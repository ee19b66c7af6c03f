"""Scans and labels over HTTP."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.errors import Invalid
from stockpile.governance.caller import Key, SignedIn
from stockpile.inventory.scanning import labels, operations, queries
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["scanning"])


class ScanBody(http.Body):
    """What a scanner sent, as it came (FNC1 as the character GS, or a keyboard's substitute for it), and where."""

    text: Annotated[str, Field(min_length=1, examples=["(01)09529999990013(17)210630(10)T-NEW"])]
    site: Text | None = None


class PalletBody(http.Body):
    """Base units of a lot that stand together on one pallet; `gtin`: counted in packs of that GTIN."""

    site: Text | None = None
    quantity: http.Quantity
    gtin: Text | None = None


@router.post("/scans")
def scan(caller: SignedIn, body: ScanBody) -> dict[str, Any]:
    """What a scan fills in: a receipt line with its call-off line and site, warnings, and what can be done next.

    Nothing is stored. What the scan does not say is taken from the lot on record.
    """
    with caller.reading() as session:
        found = queries.prefill(session, caller.act(session), text=body.text, site=body.site)
        filled: dict[str, Any] = http.plain(found)
        return filled


@router.post("/lots/{lot_id}/pallets", status_code=201)
def number_pallet(
    caller: SignedIn, request: Request, lot_id: http.Number, body: PalletBody, key: Key = None
) -> JSONResponse:
    """Give a pallet of a lot its SSCC; the reply names it, for the label."""

    def work(session: Session, act: Act) -> Any:
        return operations.number_pallet(session, act, lot_id=lot_id, **body.model_dump())

    return caller.effect(request, body, key, work, status=201)


@router.get("/lots/{lot_id}/label", response_class=Response, responses={200: {"content": {"image/svg+xml": {}}}})
def label(
    caller: SignedIn,
    lot_id: http.Number,
    kind: Literal["shelf", "pallet"] = "shelf",
    quantity: http.Quantity | None = None,
    sscc: Note = "",
) -> Response:
    """A label of a lot as SVG: of its shelf (`quantity` is printed on it), or of a numbered pallet by its `sscc`."""
    if kind == "pallet" and not sscc:
        raise Invalid("number the pallet first (POST /lots/{lot_id}/pallets), then name its sscc here", field="sscc")
    with caller.reading() as session:
        if kind == "pallet":
            drawn = labels.pallet_label(session, lot_id=lot_id, sscc=sscc)
        else:
            drawn = labels.shelf_label(session, lot_id=lot_id, quantity=quantity)
    name = f"{kind}-{sscc or lot_id}.svg"
    headers = {"Content-Disposition": f'inline; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return Response(drawn.svg, media_type="image/svg+xml", headers=headers)
