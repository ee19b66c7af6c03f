"""What the tracked configuration of nginx speaks to clients, and what it lets through of theirs and of ours."""

from __future__ import annotations

import json
import ssl
import subprocess
import time
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPResponse, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.replicas.behind import CONFIGURATION, NGINX, OUTER, free_ports

pytestmark = pytest.mark.skipif(NGINX is None, reason="no nginx: apt-get install nginx-light")


class _Upstream(BaseHTTPRequestHandler):
    """Stands where a process of the service stands: tells what headers came, and sets a cookie with no flags."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Set-Cookie", "session=abc; path=/")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is told."""


def certify(folder: Path) -> None:
    """A certificate for this machine, by nobody."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    (folder / "certificate.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(plain)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of nginx with the tracked configuration; only its ports and files are other ones."""
    folder, upstream = tmp_path_factory.mktemp("tls"), ThreadingHTTPServer(("127.0.0.1", 0), _Upstream)
    Thread(target=upstream.serve_forever, daemon=True).start()
    certify(folder)
    [port] = free_ports(1)
    given = CONFIGURATION.read_text(encoding="utf-8").replace("/etc/stockpile/tls", str(folder))
    for taken in ("8001", "8002", "8011"):
        given = given.replace(f"127.0.0.1:{taken}", f"127.0.0.1:{upstream.server_port}")
    given = given.replace("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;")
    (folder / "stockpile.conf").write_text(given)
    (folder / "nginx.conf").write_text(OUTER.format(folder=folder))
    assert NGINX is not None
    command = [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            if (folder / "nginx.pid").exists():
                break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=10)
        upstream.shutdown()
        upstream.server_close()


def speaking(version: ssl.TLSVersion, ciphers: str = "DEFAULT:@SECLEVEL=0") -> ssl.SSLContext:
    """A client that speaks this version alone, with these ciphers, and believes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers(ciphers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    return context


def asked(
    port: int, path: str = "/", *, context: ssl.SSLContext | None = None, headers: dict[str, str] | None = None
) -> tuple[HTTPResponse, bytes]:
    """The answer to a GET, and its body."""
    connection = HTTPSConnection("127.0.0.1", port, timeout=20, context=context or speaking(ssl.TLSVersion.TLSv1_3))
    try:
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_clients_of_today_are_served(port: int, version: ssl.TLSVersion) -> None:
    assert asked(port, context=speaking(version))[0].status == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_versions_that_are_given_up_are_refused(port: int, version: ssl.TLSVersion) -> None:
    with pytest.raises(ssl.SSLError):
        asked(port, context=speaking(version))


@pytest.mark.parametrize("cipher", ["AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA256", "ECDHE-RSA-AES256-SHA"])
def test_ciphers_without_forward_secrecy_or_with_plain_blocks_are_refused(port: int, cipher: str) -> None:
    with pytest.raises(ssl.SSLError):
        asked(port, context=speaking(ssl.TLSVersion.TLSv1_2, f"{cipher}:@SECLEVEL=0"))
    assert asked(port, context=speaking(ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES128-GCM-SHA256"))[0].status == 200


def test_every_cookie_goes_over_tls_alone_and_to_no_script_and_no_other_site(port: int) -> None:
    cookies = asked(port, "/")[0].headers.get_all("Set-Cookie") or []
    assert {cookie.partition("=")[0] for cookie in cookies} == {"session", "stockpile_browser"}
    for cookie in cookies:
        flags = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"secure", "httponly", "samesite=lax"} <= flags, cookie


@pytest.mark.parametrize("path", ["/", "/api/v1/me"])
def test_what_a_client_says_of_its_own_address_is_not_passed_on(port: int, path: str) -> None:
    claims = {"X-Forwarded-For": "192.0.2.9", "X-Forwarded-Proto": "http", "X-Request-Id": "mine"}
    told = json.loads(asked(port, path, headers=claims)[1])
    assert (told["x-forwarded-for"], told["x-forwarded-proto"]) == ("127.0.0.1", "https")
    assert told["x-request-id"] != "mine"


def test_figures_are_not_shown_outside_and_the_version_of_nginx_is_not_told(port: int) -> None:
    answer, _ = asked(port, "/metrics")
    assert (answer.status, answer.headers["Server"]) == (404, "nginx")
