"""Run in a process of its own: what every screen gives to whom, as JSON. Arguments: folder of an installation, tokens.

NiceGUI keeps its routes for the whole process, so that this is no place for a test's.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from fastapi.testclient import TestClient
from nicegui import app as screens
from starlette.websockets import WebSocketDisconnect

from stockpile.app import build
from stockpile.db import open_engine
from stockpile.settings import Settings
from stockpile.web import sign_in, storeroom
from stockpile.web.pages import add_pages


def probe(home: Path, tokens: dict[str, str], pages: list[str]) -> dict[str, object]:
    """The screens' paths, and for each name and page the status, where it leads and whether it tells of stock."""
    settings = Settings(home=home)
    app = build(open_engine(settings.address()), settings, scheduled=False)
    add_pages(app, settings)
    paths = sorted({str(getattr(route, "path", "")) for route in screens.routes})
    found = {}
    with TestClient(app, follow_redirects=False) as client:
        for name, token in tokens.items():
            sign_in.kept_token = lambda token=token: token
            for page in pages:
                answer = client.get(page)
                told = "Eupen" in answer.text or "T-OLD" in answer.text
                headers = answer.headers.get("content-security-policy", ""), answer.headers.get("x-frame-options", "")
                found[f"{name} {page}"] = [answer.status_code, answer.headers.get("location", ""), told, *headers]
        sockets = {origin: _socket(client, origin) for origin in ("http://testserver", "http://elsewhere", "null", "")}
    assert storeroom.PATH in paths
    return {"paths": paths, "found": found, "sockets": sockets}


def _socket(client: TestClient, origin: str) -> list[object]:
    """Whether a page of that origin may open the screens' socket; the status of what stands in for it, and to whom."""
    headers, way = {"Origin": origin} if origin else {}, "/_nicegui_ws/socket.io/?EIO=4&transport="
    answer = client.get(f"{way}polling", headers=headers)
    try:
        with client.websocket_connect(f"{way}websocket", headers=headers | {"Upgrade": "websocket"}):
            opened = True
    except WebSocketDisconnect:
        opened = False
    return [opened, answer.status_code, answer.headers.get("access-control-allow-origin", "")]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(probe(Path(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3]))))
