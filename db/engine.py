"""Connections to PostgreSQL: address forms, pools with timeouts, reachability."""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from core.errors import InvalidInput, ServiceUnavailable

CONNECT_TIMEOUT_S = 5
POOL_TIMEOUT_S = 2.5
OLDEST_SERVER_VERSION = 140_000

KEEPALIVES: Mapping[str, int] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
"""A server whose machine is gone is noticed after 25 s, in s and ms; no statement
timeout of the server can do that. Sockets of this machine ignore them."""

_DRIVER = "postgresql+psycopg"
_ACCEPTED_DRIVERS = frozenset({"postgres", "postgresql", _DRIVER})
_SEVERAL_HOSTS = re.compile(
    r"(?P<begin>[^/]+://(?:[^@/]*@)?)(?P<hosts>[^/?@]*,[^/?@]*)(?P<path>/[^?]*)?"
    r"(?:\?(?P<query>.*))?"
)
_DEFAULT_PORT = "5432"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseUrls:
    """Addresses of one database for its three roles; they contain passwords.

    On an external server with a single role, owner and auditor equal app.
    """

    owner: str = field(repr=False)
    app: str = field(repr=False)
    auditor: str = field(repr=False)


def parse_url(url: str) -> URL:
    """The address as SQLAlchemy reads it, for the psycopg 3 driver.

    `postgres://` and `postgresql://` are accepted as other programs write them, and
    several hosts, `one:5432,two:5432`: the first that answers is used, or with
    `target_session_attrs=read-write` the first that takes changes.
    """
    try:
        parsed = make_url(_hosts_in_query(url.strip()))
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername not in _ACCEPTED_DRIVERS:
        # The message does not quote the address: it may contain a password.
        message = (
            "The database address is not one of PostgreSQL; write it like"
            " postgresql://user:password@host:5432/name."
        )
        raise InvalidInput(message) from None
    return parsed.set(drivername=_DRIVER)


def _hosts_in_query(url: str) -> str:
    """Several hosts as SQLAlchemy reads them: in the query, `?host=a,b&port=1,2`."""
    found = _SEVERAL_HOSTS.fullmatch(url)
    if found is None:
        return url
    hosts, ports = [], []
    for place in found["hosts"].split(","):
        host, colon, port = place.rpartition(":")
        has_port = bool(colon) and not place.endswith("]")
        hosts.append((host if has_port else place).strip("[]"))
        ports.append(port if has_port else _DEFAULT_PORT)
    query = f"host={','.join(hosts)}&port={','.join(ports)}"
    if found["query"]:
        query += f"&{found['query']}"
    begin, path = found["begin"], found["path"] or "/"
    return f"{begin}{path}?{query}"


def normalise_url(url: str) -> str:
    """The same address, written as `postgresql+psycopg://…`, password included."""
    return parse_url(url).render_as_string(hide_password=False)


def role_of(url: str) -> str:
    """The role that logs in with this address."""
    username = parse_url(url).username
    if not username:
        message = "The database address names no user."
        raise InvalidInput(message)
    return username


def is_remote(url: str) -> bool:
    """Whether this address leaves the machine: neither a socket nor loopback."""
    parsed = parse_url(url)
    keys = ("host", "hostaddr")
    given = [parsed.host or "", *(parsed.query.get(key, "") for key in keys)]
    names = [",".join(item) if isinstance(item, tuple) else item for item in given]
    return any(not _is_local_host(host) for name in names for host in name.split(","))


def is_encryption_chosen(url: str) -> bool:
    """Whether the address sets a TLS mode; the driver's default allows plain text."""
    sslmode = parse_url(url).query.get("sslmode")
    return sslmode in {"disable", "require", "verify-ca", "verify-full"}


def libpq_url(url: str) -> str:
    """The address as psycopg and PostgreSQL's own programs take it."""
    return (
        parse_url(url)
        .set(drivername="postgresql")
        .render_as_string(hide_password=False)
    )


def make_engine(
    url: str,
    *,
    pool_size: int = 5,
    pool_timeout_s: float = POOL_TIMEOUT_S,
    statement_timeout_s: float | None = None,
    lock_timeout_s: float | None = None,
    answer_timeout_s: float | None = None,
    connect_timeout_s: int = CONNECT_TIMEOUT_S,
    application_name: str = "gfo",
) -> Engine:
    """A pool of connections in UTC with timeouts on every wait.

    A request that finds no free connection fails after `pool_timeout_s` seconds. The
    server itself enforces the statement and lock timeouts; `answer_timeout_s` is for a
    server that hangs, and has to be longer.
    """
    parsed = parse_url(url)
    settings = ["-c timezone=UTC"]
    for name, seconds in (
        ("statement_timeout", statement_timeout_s),
        ("lock_timeout", lock_timeout_s),
    ):
        if seconds is not None:
            settings.append(f"-c {name}={round(seconds * 1000)}")
    given = parsed.query.get("options", "")
    options = " ".join(
        [given if isinstance(given, str) else " ".join(given), *settings]
    )
    engine = create_engine(
        parsed,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_timeout_s,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": connect_timeout_s,
            "application_name": application_name,
            "options": options.strip(),
            **{
                name: value
                for name, value in KEEPALIVES.items()
                if name not in parsed.query
            },
        },
    )
    if answer_timeout_s is not None:
        _lose_patience_after(engine, answer_timeout_s)
    return engine


_Result = TypeVar("_Result")


class _ImpatientConnection(psycopg.Connection[tuple[Any, ...]]):
    """Closes itself when the server has not answered for `patience_s` seconds."""

    patience_s: float

    def wait(
        self, gen: PQGen[_Result], interval: float = 0.1, timeout: float | None = None
    ) -> _Result:
        """Wait for the server as psycopg does, up to `patience_s`."""
        started = time.monotonic()
        try:
            return super().wait(gen, interval, timeout or self.patience_s)
        except psycopg.OperationalError:
            if time.monotonic() - started >= self.patience_s:
                # An exchange was interrupted: the connection cannot be used again.
                self.pgconn.finish()
            raise


def _lose_patience_after(engine: Engine, seconds: float) -> None:
    class ImpatientConnection(_ImpatientConnection):
        patience_s = seconds

    @event.listens_for(engine, "do_connect")
    def connect(
        _dialect: object, _record: object, arguments: list[Any], options: dict[str, Any]
    ) -> object:
        return ImpatientConnection.connect(*arguments, **options)


def require_reachable(url: str) -> None:
    """Raise ServiceUnavailable, in one sentence, unless the database answers."""
    parsed = parse_url(url)
    try:
        with psycopg.connect(
            libpq_url(url), connect_timeout=CONNECT_TIMEOUT_S
        ) as connection:
            version = connection.info.server_version
    except psycopg.Error as exc:
        message = f"The database {_shown(parsed)} does not answer: {_cause(exc)}"
        if parsed.password:
            message = message.replace(str(parsed.password), "***")
        raise ServiceUnavailable(message) from None
    if version < OLDEST_SERVER_VERSION:
        message = (
            f"The database {_shown(parsed)} runs PostgreSQL {version // 10_000};"
            f" {OLDEST_SERVER_VERSION // 10_000} or newer is needed."
        )
        raise ServiceUnavailable(message)


def _is_local_host(host: str) -> bool:
    # libpq takes an absolute path, or a name that begins with @, for a socket.
    if not host or host.startswith(("/", "@")) or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _shown(url: URL) -> str:
    host = url.host or url.query.get("host", "the local socket")
    port = f":{url.port}" if url.port else ""
    return f"{url.database or ''} at {host}{port}".strip()


def _cause(error: psycopg.Error) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    cause = lines[0] if lines else type(error).__name__
    return cause if cause.endswith((".", "?", "!")) else f"{cause}."
