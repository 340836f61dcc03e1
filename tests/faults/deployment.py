"""The processes of deploy/compose.yaml on this machine, with PostgreSQL and a proxy."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from db.engine import DatabaseUrls
from db.local_cluster import child_command
from tests.faults.faulty_machine import FaultyMachine
from tests.faults.own_network import OwnNetwork
from tests.faults.plain_server import REPOSITORY, ServerHost
from tests.faults.portal_process import (
    ADMIN_PASSWORD,
    Answer,
    Browser,
    NoRedirect,
    environment,
    free_port,
)

DEPLOY = REPOSITORY / "deploy"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/sbin")
WEBS, WORKERS = ("web-a", "web-b"), ("worker-a", "worker-b")
KEY = "8f14e45fceea167a-5a36dedd4bea2543-portal-of-a-test"
PAUSE_S = 1.0
"""Before what ended is started again."""

_PATIENCE_S = 240.0


class OneOfTwo(Browser):
    """A browser behind a proxy that takes the other web process once, as nginx does.

    It sends what the proxy would add, and keeps secure cookies on plain http.
    """

    def __init__(self, *urls: str, cookies: CookieJar | None = None) -> None:
        self.urls = urls
        self.url = urls[0]
        self.cookies = cookies or CookieJar(
            DefaultCookiePolicy(secure_protocols=("http", "https"))
        )
        self.retries = 0
        self._known: dict[str, Answer] = {}
        unverified = ssl.create_default_context()
        unverified.check_hostname = False
        unverified.verify_mode = ssl.CERT_NONE
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=unverified),
            urllib.request.HTTPCookieProcessor(self.cookies),
            NoRedirect(),
        )

    def get(self, path: str) -> Answer:
        """Ask for a page; what never changes is asked for once."""
        if path in self._known:
            return self._known[path]
        answer = super().get(path)
        if path == "/_dash-dependencies" and answer.status == 200:
            self._known[path] = answer
        return answer

    def send(
        self, path: str, given: dict[str, object], headers: dict[str, str]
    ) -> Answer:
        """Post JSON with headers of one's own, as a program does."""
        request = self._request(path, json.dumps(given).encode())
        for name, value in headers.items():
            request.add_header(name, value)
        return self._open(request)

    def _request(self, path: str, body: bytes | None = None) -> urllib.request.Request:
        request = super()._request(path, body)
        request.add_header("Referer", self.url + path)
        if self.url.startswith("http:"):
            request.add_header("X-Forwarded-For", "192.0.2.7")
            request.add_header("X-Forwarded-Proto", "https")
            host = self.url.removeprefix("http://")
            request.add_header("Origin", f"https://{host}")
            request.add_header("Referer", f"https://{host}{path}")
        return request

    def _open(self, request: urllib.request.Request) -> Answer:
        answer = super()._open(request)
        if answer.status not in {0, 502, 504}:
            return answer
        self.retries += 1
        if len(self.urls) > 1:
            others = [url for url in self.urls if url != self.url]
            old, self.url = self.url, others[0]
            request.full_url = request.full_url.replace(old, self.url, 1)
            request.add_header("Host", old.partition("//")[2])
        else:
            time.sleep(0.2)
        return super()._open(request)


@dataclass(slots=True)
class Service:
    """A process that is started again when it ends, as compose does."""

    name: str
    command: list[str]
    variables: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    is_wanted: bool = True
    restarts: int = 0
    started_at: float = 0.0

    def start(self) -> None:
        """Start it; what it logs is added to its file."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=self.variables,
                cwd=self.log.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started_at = time.monotonic()

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it alone."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def send_to_all(self, number: signal.Signals) -> None:
        """Send a signal to its whole session."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def end(self) -> None:
        """End it, whatever it takes."""
        self.is_wanted = False
        if self.process is None:
            return
        self.send_to_all(signal.SIGCONT)
        self.send(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.send_to_all(signal.SIGKILL)
            self.process.wait()


@dataclass(slots=True)
class Deployment:
    """Services by name, and how a browser reaches them."""

    host: ServerHost
    folder: Path
    services: dict[str, Service]
    urls: tuple[str, ...]
    database: DatabaseUrls
    _closing: threading.Event = field(default_factory=threading.Event)

    def browser(self) -> OneOfTwo:
        """A browser of a new person, who begins at either web process."""
        return OneOfTwo(*random.sample(self.urls, len(self.urls)))

    def ready(self, name: str) -> bool:
        """Whether a web process can work."""
        port = self.services[name].variables["GFO_PORT"]
        return Browser(f"http://127.0.0.1:{port}").get("/readyz").status == 200

    def logged(self, name: str) -> str:
        """What a service logged so far."""
        return self.services[name].log.read_text(errors="replace")

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Start what ends again, until the block ends."""
        thread = threading.Thread(target=self._keep, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._closing.set()
            thread.join()

    def _keep(self) -> None:
        while not self._closing.wait(0.1):
            for service in self.services.values():
                is_new = time.monotonic() - service.started_at < PAUSE_S
                if service.is_wanted and not service.is_running and not is_new:
                    service.restarts += 1
                    service.start()


@contextmanager
def deployment(
    host: ServerHost,
    database: DatabaseUrls,
    folder: Path,
    *,
    with_proxy: bool,
    machines: Mapping[str, FaultyMachine] | None = None,
) -> Iterator[Deployment]:
    """Install on a server and start what compose starts; all of it ends with the block.

    `host` runs the server of `database`. `machines` says which services see a machine
    of their own.
    """
    compose: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    secrets = _write_secrets(folder / "secrets", database)
    services: dict[str, Service] = {}
    for name in ("install", *WEBS, *WORKERS):
        described = compose["services"][name]
        variables = environment(folder / "state") | described["environment"]
        variables |= {
            "GFO_HOST": "127.0.0.1",
            "GFO_PORT": str(free_port()),
            "GFO_DATA_DIR": str(folder / "state"),
            "GFO_BACKUP_DIR": str(folder / "backups"),
            "GFO_SECRETS_DIR": str(secrets),
            "GFO_WEB_WORKERS": "1",
            "GFO_SECOND_FACTOR_ROLES": "",
            "GFO_ADMIN_PASSWORD": ADMIN_PASSWORD,
        }
        if machines and name in machines:
            variables |= machines[name].variables
        command = [sys.executable, "-m", "orchestrator", *described["command"][1:]]
        services[name] = Service(name, command, variables, folder / f"{name}.log")
    install = services.pop("install")
    install.start()
    assert install.process is not None
    assert install.process.wait(_PATIENCE_S) == 0, install.log.read_text()
    ports = [services[name].variables["GFO_PORT"] for name in WEBS]
    urls = tuple(f"http://127.0.0.1:{number}" for number in ports)
    if with_proxy:
        services["proxy"], urls = _proxy(folder, secrets, ports)
    found = Deployment(host, folder, services, urls, database)
    try:
        for service in services.values():
            service.start()
        deadline = time.monotonic() + _PATIENCE_S
        while not (
            all(found.ready(name) for name in WEBS)
            and found.browser().get("/readyz").status == 200
        ):
            assert time.monotonic() < deadline, [
                found.logged(name) for name in services
            ]
            time.sleep(0.1)
        yield found
    finally:
        for service in services.values():
            service.end()


def _write_secrets(folder: Path, urls: DatabaseUrls) -> Path:
    folder.mkdir()
    for name, value in (
        ("gfo_secret_key", KEY),
        ("gfo_metrics_token", KEY[::-1]),
        ("database_url", urls.app),
        ("database_owner_url", urls.owner),
        ("database_auditor_url", urls.auditor),
    ):
        (folder / name).write_text(value)
    return folder


def write_role_passwords(folder: Path) -> None:
    """What deploy/postgres/roles.sh reads; the passwords are the roles' names."""
    folder.mkdir()
    for role in ("gfo_owner", "gfo_app", "gfo_auditor"):
        (folder / f"{role}_password").write_text(role)


def _proxy(
    folder: Path, secrets: Path, ports: list[str]
) -> tuple[Service, tuple[str, ...]]:
    """Nginx with the configuration of compose, on free ports, with its own folder."""
    assert NGINX is not None
    _write_certificate(secrets)
    plain, encrypted = free_port(), free_port()
    temporary = folder / "nginx"
    temporary.mkdir()
    config = (DEPLOY / "proxy" / "nginx.conf").read_text()
    for there, here in (
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{encrypted} ssl;"),
        ("web-a:8050", f"127.0.0.1:{ports[0]}"),
        ("web-b:8050", f"127.0.0.1:{ports[1]}"),
        ("/tmp/", f"{temporary}/"),  # noqa: S108 -- what is replaced
        ("/run/secrets/", f"{secrets}/"),
    ):
        assert there in config, there
        config = config.replace(there, here)
    file = folder / "nginx.conf"
    file.write_text(config)
    command = [NGINX, "-c", str(file), "-p", str(temporary), "-g", "daemon off;"]
    service = Service("proxy", command, dict(os.environ), folder / "proxy.log")
    return service, (f"https://localhost:{encrypted}",)


def _write_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "tls_certificate").write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
    )
    (folder / "tls_key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def postgres_service(
    host: ServerHost,
    data: Path,
    folder: Path,
    *,
    machine: FaultyMachine | None = None,
    network: OwnNetwork | None = None,
) -> Service:
    """The server as a process of ours, so that it can be killed and comes back."""
    command = child_command(host.user, host.programs / "postgres", "-D", str(data))
    if network is not None:
        command = network.inside(command)
    variables = dict(os.environ) | (machine.variables if machine else {})
    return Service("postgres", command, variables, folder / "postgres.log")
