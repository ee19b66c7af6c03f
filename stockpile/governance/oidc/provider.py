"""What is said to the identity provider and what of its answers is believed (OpenID Connect Core 1.0, RFC 7636).

An identity token counts when a key of the provider signed it with an asymmetric algorithm, it names this issuer and
this client, it is in time, and it carries the nonce of the sign-in that asked for it.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from stockpile.errors import Conflict, Invalid, NotAllowed

ALGORITHMS: Final = ["RS256", "PS256", "ES256", "Ed25519"]
PATIENCE_SECONDS: Final = 5.0
LEEWAY_SECONDS: Final = 60
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


class ProviderSilent(Conflict):
    """The identity provider did not answer as one does."""

    code = "provider_silent"


class TokenRefused(NotAllowed):
    """What the identity provider gave is not believed."""

    code = "identity_refused"


@dataclass(frozen=True, slots=True)
class Client:
    """This installation at its identity provider; refuses an issuer that is reached in the clear from elsewhere."""

    issuer: str
    client_id: str
    secret: str
    redirect_uri: str

    def __post_init__(self) -> None:
        parts = urlsplit(self.issuer)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise Invalid("the identity provider's address begins with https://", field="oidc_issuer")

    def address(self, *, state: str, nonce: str, verifier: str) -> str:
        """Where the browser is sent to sign in."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid profile groups",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._endpoint('authorization_endpoint')}?{urlencode(asked)}"

    def claims(self, *, code: str, verifier: str, nonce: str, real_now: datetime) -> dict[str, Any]:
        """What the provider says of who signed in, for the code it gave the browser. Raises TokenRefused."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri}
        given = self._asked(
            "POST", self._endpoint("token_endpoint"), data=form | {"code_verifier": verifier}, auth=self._basic()
        )
        token = given.get("id_token")
        if not isinstance(token, str):
            raise TokenRefused("the identity provider gave no identity token")
        keys = KeySet.import_key_set(self._asked("GET", self._endpoint("jwks_uri")))  # type: ignore[arg-type]
        return self.believed(token, keys, nonce=nonce, real_now=real_now)

    def believed(self, token: str, keys: KeySet, *, nonce: str, real_now: datetime) -> dict[str, Any]:
        """The claims of an identity token that is believed. Raises TokenRefused without saying what of it was wrong."""
        now = int(real_now.timestamp())
        wanted = jwt.JWTClaimsRegistry(
            now=lambda: now,
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self.client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            found = jwt.decode(token, keys, algorithms=ALGORITHMS)
            wanted.validate(found.claims)
        except (JoseError, ValueError, KeyError, TypeError) as failure:
            raise TokenRefused("the identity provider's answer is not believed: sign in again") from failure
        parties = found.claims["aud"]
        if isinstance(parties, list) and len(parties) > 1 and found.claims.get("azp") != self.client_id:
            raise TokenRefused("the identity provider's answer is not believed: sign in again")
        return dict(found.claims)

    def _basic(self) -> httpx.BasicAuth:
        return httpx.BasicAuth(self.client_id, self.secret)

    def _endpoint(self, name: str) -> str:
        found = self._asked("GET", f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        address = found.get(name)
        if found.get("issuer") != self.issuer or not isinstance(address, str):
            raise ProviderSilent("the identity provider's configuration is not that of this issuer")
        return address

    def _asked(self, method: str, address: str, **more: Any) -> dict[str, Any]:
        try:
            answer = httpx.request(method, address, timeout=PATIENCE_SECONDS, follow_redirects=False, **more)
            answer.raise_for_status()
            found = answer.json()
        except (httpx.HTTPError, ValueError) as failure:
            raise ProviderSilent("the identity provider does not answer: try again later") from failure
        if not isinstance(found, dict):
            raise ProviderSilent("the identity provider answers with something else than it should")
        return found
