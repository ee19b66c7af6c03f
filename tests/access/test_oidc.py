"""Signing in with an identity provider: a small one of the tests that signs real tokens, and a certified one if there.

The certified one is npm's oidc-provider: `npm install oidc-provider` anywhere, and STOCKPILE_TEST_OIDC_MODULES set to
that node_modules folder.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from sqlalchemy import Engine, text

from stockpile import journal
from stockpile.actor import Grant
from stockpile.db import reading, transact
from stockpile.errors import Invalid, Refusal
from stockpile.governance import operations as governance
from stockpile.governance.oidc import operations
from stockpile.governance.oidc.operations import NoGrant, NotBegun
from stockpile.governance.oidc.provider import Client, ProviderSilent, TokenRefused
from stockpile.settings import Settings
from stockpile.web.oidc import client_of, signed_in

BACK = "http://127.0.0.1:1/oidc/back"
ROLES = {"dock": "logistics::D-BE", "aubel": "requester:BE-1", "desk": "coordinator"}
KEY = RSAKey.generate_key(2048, parameters={"kid": "one", "use": "sig", "alg": "RS256"})
STRANGER = RSAKey.generate_key(2048, parameters={"kid": "one", "use": "sig", "alg": "RS256"})


class Small(ThreadingHTTPServer):
    """A provider that signs real tokens: `said` are the claims it adds, `sign` how it signs them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.issuer = f"http://127.0.0.1:{self.server_address[1]}"
        self.said: dict[str, Any] = {}
        self.challenge = self.nonce = ""
        self.key: Any = KEY
        self.alg = "RS256"

    def token(self) -> str:
        """An identity token."""
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": "stockpile", "sub": "s-1", "iat": now, "exp": now + 300}
        claims |= {"nonce": self.nonce, "name": "Somebody"} | self.said
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({"alg": self.alg, "kid": "one"}, kept, self.key, algorithms=[self.alg])


class _Answers(BaseHTTPRequestHandler):
    server: Small

    def do_GET(self) -> None:
        """The configuration and the keys."""
        at = self.server.issuer
        known = {"issuer": at, "authorization_endpoint": f"{at}/auth", "token_endpoint": f"{at}/token"}
        keys = KeySet([KEY]).as_dict(private=False)
        self._say(200, keys if self.path == "/jwks" else known | {"jwks_uri": f"{at}/jwks"})

    def do_POST(self) -> None:
        """A token for the code, where verifier and client are right."""
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        made = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"][0].encode()).digest()).rstrip(b"=")
        basic = base64.b64encode(b"stockpile:for the tests only").decode()
        right = made.decode() == self.server.challenge and self.headers["Authorization"] == f"Basic {basic}"
        self._say(200, {"id_token": self.server.token()}) if right else self._say(400, {"error": "invalid_grant"})

    def _say(self, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def small() -> Iterator[Small]:
    """The small provider, serving."""
    server = Small()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def settings_of(issuer: str) -> Settings:
    """An installation at this provider."""
    given = {"oidc_issuer": issuer, "oidc_client_id": "stockpile", "oidc_client_secret": "for the tests only"}
    return Settings(**given, oidc_redirect_uri=BACK, oidc_roles=ROLES)  # type: ignore[arg-type]


def begun(engine: Engine, client: Client) -> tuple[str, str]:
    """A sign-in that was begun: its state, and where the browser is sent."""
    state, row = transact(engine, lambda session: operations.begin(session, real_now=datetime.now(UTC)))
    return state, client.address(state=state, nonce=row.nonce, verifier=row.verifier)


def through(engine: Engine, small: Small, *, kept: str | None = None) -> str:
    """The token after a sign-in at the small provider."""
    settings = settings_of(small.issuer)
    client = client_of(settings)
    assert client is not None
    state, address = begun(engine, client)
    asked = parse_qs(urlsplit(address).query)
    small.challenge, small.nonce = asked["code_challenge"][0], asked["nonce"][0]
    return signed_in(engine, settings, client, state=state, code="a code", kept=state if kept is None else kept)


def holder(engine: Engine, token: str) -> Any:
    """Who holds this token."""
    with reading(engine) as session:
        return governance.actor_of_token(session, token, real_now=datetime.now(UTC))


def test_roles_come_from_the_claims_and_follow_them(region: Engine, small: Small) -> None:
    small.said = {"groups": ["dock", "something else"]}
    first = through(region, small)
    assert holder(region, first).grants == (Grant("logistics", site="D-BE"),)
    small.said = {"groups": ["aubel"]}
    assert holder(region, through(region, small)).grants == (Grant("requester", member="BE-1"),)
    assert holder(region, first).id == holder(region, through(region, small)).id
    small.said = {"groups": []}
    with pytest.raises(NoGrant):
        through(region, small)
    with pytest.raises(governance.SignInRefused):
        holder(region, first)


def test_no_account_is_made_for_whom_the_provider_gives_no_role(region: Engine, small: Small) -> None:
    for groups in ([], ["unknown"], "desks", [{"desk": 1}], None):
        small.said = {"groups": groups}
        with pytest.raises(NoGrant):
            through(region, small)
    with reading(region) as session:
        assert session.execute(text("SELECT count(*) FROM account WHERE name LIKE 's-1%'")).scalar() == 0
        assert list(journal.entries(session, action="account.add")) == [
            one for one in journal.entries(session, action="account.add") if "s-1" not in one.subject
        ]


def test_a_provider_takes_over_no_account_that_was_made_here(region: Engine, small: Small) -> None:
    act = governance.founder()
    small.said = {"groups": ["desk"], "sub": "installation", "preferred_username": "installation"}
    assert holder(region, through(region, small)).id != act.id
    assert "@" in holder(region, through(region, small)).name


def test_a_second_factor_that_the_provider_saw_counts_at_approvals(region: Engine, small: Small) -> None:
    with region.begin() as connection:
        connection.execute(text("UPDATE region SET second_factor_demanded = true"))
    small.said = {"groups": ["desk"]}
    assert holder(region, through(region, small)).unproven
    small.said = {"groups": ["desk"], "amr": ["pwd", "otp"]}
    assert not holder(region, through(region, small)).unproven


@pytest.mark.parametrize(
    "lie",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "another"},
        {"aud": ["stockpile", "another"]},
        {"aud": ["stockpile", "another"], "azp": "another"},
        {"nonce": "of another sign-in"},
        {"nonce": None},
        {"exp": 1},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"iat": 4102444800, "exp": 4102448400},
    ],
    ids=str,
)
def test_an_identity_token_with_a_wrong_claim_is_not_believed(
    region: Engine, small: Small, lie: dict[str, Any]
) -> None:
    small.said = {"groups": ["desk"]} | lie
    with pytest.raises(TokenRefused):
        through(region, small)


def test_an_identity_token_signed_by_another_or_by_nobody_is_not_believed(region: Engine, small: Small) -> None:
    small.said = {"groups": ["desk"]}
    small.key = STRANGER
    with pytest.raises(TokenRefused):
        through(region, small)
    client = client_of(settings_of(small.issuer))
    assert client is not None
    said = _part(json.dumps({"iss": small.issuer, "aud": "stockpile"}).encode())
    unsigned = _part(b'{"alg":"none"}') + "." + said
    confused = _part(b'{"alg":"HS256","kid":"one"}') + "." + said
    mac = hmac.digest(KEY.as_pem(private=False), confused.encode(), "sha256")
    for lie in (f"{unsigned}.", f"{confused}.{_part(mac)}", "", "a.b.c", "...."):
        with pytest.raises(TokenRefused):
            client.believed(lie, KeySet([KEY]), nonce="", real_now=datetime.now(UTC))


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def test_an_answer_counts_once_in_the_browser_that_began_and_in_time(region: Engine, small: Small) -> None:
    small.said = {"groups": ["desk"]}
    with pytest.raises(NotBegun):
        through(region, small, kept="of another browser")
    with pytest.raises(NotBegun):
        through(region, small, kept="")
    settings, client = settings_of(small.issuer), client_of(settings_of(small.issuer))
    assert client is not None
    state, address = begun(region, client)
    asked = parse_qs(urlsplit(address).query)
    small.challenge, small.nonce = asked["code_challenge"][0], asked["nonce"][0]
    late = datetime.now(UTC) + timedelta(minutes=11)
    with pytest.raises(NotBegun):
        transact(region, lambda session: operations.take(session, state, real_now=late))
    assert signed_in(region, settings, client, state=state, code="a code", kept=state)
    with pytest.raises(NotBegun):
        signed_in(region, settings, client, state=state, code="a code", kept=state)


def test_a_provider_that_is_silent_wrong_or_in_the_clear_is_refused(region: Engine, small: Small) -> None:
    with pytest.raises(Invalid, match="https"):
        Client("http://idp.example", "stockpile", "x", BACK)
    with pytest.raises(ProviderSilent):
        begun(region, Client(f"{small.issuer}/other", "stockpile", "x", BACK))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    with pytest.raises(ProviderSilent):
        begun(region, Client(f"http://127.0.0.1:{free}", "stockpile", "x", BACK))
    wrong = Client(small.issuer, "stockpile", "wrong", BACK)
    state, _ = begun(region, wrong)
    with pytest.raises(Refusal):
        signed_in(region, settings_of(small.issuer), wrong, state=state, code="a code", kept=state)


MODULES = os.environ.get("STOCKPILE_TEST_OIDC_MODULES", "")


@pytest.fixture
def certified(tmp_path: Path) -> Iterator[str]:
    """The certified provider on a port of its own."""
    if not MODULES or shutil.which("node") is None:
        pytest.skip("no oidc-provider: npm install oidc-provider, and set STOCKPILE_TEST_OIDC_MODULES")
    shutil.copy(Path(__file__).with_name("provider.mjs"), tmp_path)
    (tmp_path / "node_modules").symlink_to(MODULES)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = ["node", str(tmp_path / "provider.mjs"), str(port), BACK]
    with subprocess.Popen(started, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        assert "listening" in process.stdout.readline()
        yield f"http://127.0.0.1:{port}"
        process.terminate()


def browse(address: str, name: str) -> str:
    """What a browser does at the provider: types a name, agrees, and is sent back; the address it is sent to."""
    with httpx.Client(follow_redirects=False, timeout=10) as browser:
        answer = browser.get(address)
        for _ in range(12):
            if answer.is_redirect:
                following = urljoin(str(answer.url), answer.headers["location"])
                if following.startswith(BACK):
                    return following
                answer = browser.get(following)
                continue
            form = re.search(r'action="([^"]+)"', answer.text)
            assert form is not None, answer.text[:500]
            prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
            sent = {"prompt": prompt[1] if prompt else "login", "login": name, "password": "any"}
            answer = browser.post(urljoin(str(answer.url), form[1]), data=sent)
    raise AssertionError("the provider never sent back")


def test_a_certified_provider_signs_people_in_with_the_roles_of_their_groups(region: Engine, certified: str) -> None:
    settings = settings_of(certified)
    client = client_of(settings)
    assert client is not None
    for name, grants in (("anna-dock", (Grant("logistics", site="D-BE"),)), ("ben-desk", (Grant("coordinator"),))):
        state, address = begun(region, client)
        back = parse_qs(urlsplit(browse(address, name)).query)
        assert back["state"] == [state]
        token = signed_in(region, settings, client, state=state, code=back["code"][0], kept=state)
        assert holder(region, token).grants == grants
        assert holder(region, token).name == f"{name}@127.0.0.1"
    state, address = begun(region, client)
    back = parse_qs(urlsplit(browse(address, "nobody")).query)
    with pytest.raises(NoGrant):
        signed_in(region, settings, client, state=state, code=back["code"][0], kept=state)
    with pytest.raises(Refusal):
        signed_in(region, settings, client, state=state, code=back["code"][0], kept=state)
