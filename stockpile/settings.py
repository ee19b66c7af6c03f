"""What an installation may set, from the environment (STOCKPILE_...) or a .env file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def _default_home() -> Path:
    return Path.home() / ".local" / "share" / "stockpile"


class Settings(BaseSettings):
    """The settings of one process.

    `home`: folder of the embedded database and of the key for signed cookies.
    `database_url`: an SQLAlchemy address; empty means the embedded SQLite file in `home`.
    `plan_limit_seconds`: how long a fair plan may take before a labelled pro-rata plan is given instead.
    `token_hours`: how long a sign-in lasts.
    `demo_password`: the password of the demo's accounts; only `stockpile demo` uses it.
    `wrong_sign_ins_per_minute`, `public_per_minute`: so many may come from one address, in each process.
    `oidc_...`: the identity provider, if there is one; `oidc_roles` maps values of the claim `oidc_claim` to
    role:member:site, as JSON; `oidc_redirect_uri` ends in /oidc/back.
    `backup_dir`: where a running server backs up every night; none: it does not.
    `backup_proof_url`: an address as which a scratch database may be made, in which each nightly backup is proven.
    `backup_keep`: how many backups stay there.
    `metrics_token`: who brings it as bearer may read /metrics; none: only this machine may.
    `telemetry`: the OpenTelemetry collector (http://host:4318) that figures and traces are sent to; none: none are.
    `log_level`: what is logged, as JSON lines on standard error: debug, info, warning, error.
    `hosts`: the names that people reach it by, beside this machine's, separated by commas.
    `cluster`: the scheduler of a Dask cluster (tcp://host:8786, tls://host:8786) where plans are computed; none: here.
    `cluster_ca`, `cluster_certificate`, `cluster_key`: PEM files for tls://, on every side.
    `heads_to_this_machine`: signed heads may be sent to this machine too, also by http; else to public ones alone.
    `postgres_bin`: folder of PostgreSQL's programs (pg_dump), where those on the path are not the ones.
    """

    model_config = SettingsConfigDict(env_prefix="STOCKPILE_", env_file=".env", extra="ignore")

    home: Path = _default_home()
    database_url: str = ""
    plan_limit_seconds: float = 30.0
    token_hours: int = 12
    wrong_sign_ins_per_minute: int = 20
    public_per_minute: int = 600
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    oidc_redirect_uri: str = ""
    oidc_claim: str = "groups"
    oidc_roles: dict[str, str] = {}
    demo_password: str = "simulated"
    backup_dir: Path | None = None
    backup_proof_url: str = ""
    backup_keep: Annotated[int, Field(ge=1)] = 14
    metrics_token: str = ""
    telemetry: Annotated[str, Field(pattern=r"^(https?://[^\s]+)?$")] = ""
    log_level: Literal["debug", "info", "warning", "error"] = "warning"
    hosts: str = ""
    cluster: Annotated[str, Field(pattern=r"^((tcp|tls)://[^\s/]+:\d+)?$")] = ""
    cluster_ca: Path | None = None
    cluster_certificate: Path | None = None
    cluster_key: Path | None = None
    heads_to_this_machine: bool = False
    postgres_bin: Path | None = None

    def host_names(self) -> list[str]:
        """The names of `hosts`."""
        return [name.strip() for name in self.hosts.split(",") if name.strip()]

    def address(self) -> str:
        """The database address in use, with the psycopg driver for PostgreSQL."""
        return _with_driver(self.database_url) or f"sqlite:///{self.home / 'stockpile.db'}"

    def proof_address(self) -> str:
        """As which nightly backups are proven, with the driver; empty: as the service itself."""
        return _with_driver(self.backup_proof_url)


def _with_driver(address: str) -> str:
    for prefix in ("postgresql://", "postgres://"):
        if address.startswith(prefix):
            return "postgresql+psycopg://" + address.removeprefix(prefix)
    return address
