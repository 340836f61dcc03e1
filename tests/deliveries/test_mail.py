"""Mail reaches a real SMTP server, over TLS, once for each delivery."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pydantic import SecretStr

from core.audit import AuditAction
from core.errors import InvalidInput
from db.audit_append import append_event
from db.deliveries import SubscriptionFacts
from orchestrator.deliveries.digests import queue_digests
from orchestrator.deliveries.mail import MailServer, send_mail
from tests.deliveries.portals import Portal, webhook
from tests.feeds.certificates import self_signed_certificate

PASSWORD = "a password of this test"  # pragma: allowlist secret


@dataclass
class Mailbox:
    """An SMTP server that keeps what it takes, or answers as the test says."""

    messages: list[Message] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)

    async def handle_DATA(  # noqa: N802 -- the library's own name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """One message."""
        answer = self.answers.pop(0) if self.answers else "250 kept"
        if answer.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            self.messages.append(message_from_bytes(content, policy=default))
            self.recipients += envelope.rcpt_tos
        return answer

    def log_in(self, *given: Any) -> AuthResult:
        """One login, once TLS has begun."""
        data = given[-1]
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login.decode())
        return AuthResult(success=data.password.decode() == PASSWORD)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The server's certificate, for those who believe it."""
    return self_signed_certificate(tmp_path_factory.mktemp("smtp"))


@pytest.fixture
def mailbox() -> Mailbox:
    """What the server took."""
    return Mailbox()


@pytest.fixture
def smtp_settings(certificate: Path, mailbox: Mailbox) -> Iterator[dict[str, Any]]:
    """The settings that name a running server, which wants TLS and a login."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    controller = Controller(
        mailbox,
        hostname="127.0.0.1",
        port=_free_port(),
        tls_context=context,
        require_starttls=True,
        authenticator=mailbox.log_in,
        auth_required=True,
    )
    controller.start()
    yield {
        "smtp_host": "localhost",
        "smtp_port": controller.port,
        "smtp_from": "Fleet <fleet@example.com>",
        "smtp_user": "fleet",
        "smtp_password": SecretStr(PASSWORD),
        "public_url": "https://fleet.example",
    }
    controller.stop(no_assert=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _mail(**changes: Any) -> SubscriptionFacts:
    given = {
        "channel": "mail",
        "name": "mail",
        "recipients": ["ada@example.com", "night@example.com"],
        "private_hosts": [],
        **changes,
    }
    return replace(webhook("", **given), address=None)


@pytest.fixture
def mailing(
    portal: Portal, smtp_settings: dict[str, Any], certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Portal]:  # fmt: skip
    """A portal whose worker knows the server and believes its certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    former, sender = portal.runtime, portal.sender
    portal.use_settings(**smtp_settings)
    yield portal
    portal.sender.close()
    portal.runtime, portal.sender = former, sender


def test_an_event_comes_as_plain_text_with_the_id_of_its_delivery(
    mailing: Portal, mailbox: Mailbox
) -> None:
    mailing.add(_mail())
    mailbox.answers = ["451 try later", "250 kept"]
    mailing.happen("here", 7)
    mailing.deliver()
    assert mailbox.messages == []
    assert mailing.answers() == ["localhost answered 451: try later."]
    mailing.deliver(timedelta(seconds=31))
    (message,) = mailbox.messages
    assert mailbox.recipients == ["ada@example.com", "night@example.com"]
    delivery = mailing.deliveries("mail")[0]
    assert message["Message-ID"] == f"<msg_{delivery.message_id.hex}@example.com>"
    assert message["Subject"].endswith("Policy changed: here")
    assert message.get_content_type() == "text/plain"
    text = str(message.get_payload())
    assert "terms: number 7.0, thermal_limit_c 35.0" in text
    assert "reason: event 7" in text
    assert "https://fleet.example/audit/event/" in text
    assert mailbox.logins == ["fleet", "fleet"]
    assert PASSWORD not in str(mailing.rows("select answer from delivery_attempt"))


def test_a_day_has_one_digest(mailing: Portal, mailbox: Mailbox) -> None:
    mailing.add(_mail(kinds=["digest.daily"]))
    day = datetime.now(UTC).date() + timedelta(days=1)
    with mailing.runtime.transaction() as session:
        append_event(
            session, actor=None, action=AuditAction.MODEL_COVERAGE_LOST,
            object_type="region", object_id="there", after={},
        )  # fmt: skip
    # At three o'clock it is too early; from six on it comes once.
    for hour, queued in ((3, 0), (6, 1), (7, 0), (23, 0)):
        at = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=hour)
        mailing.ahead = at - datetime.now(UTC) + timedelta(seconds=1)
        with mailing.runtime.request_as("worker") as request:
            assert queue_digests(request) == queued
        mailing.deliver()
    (message,) = mailbox.messages
    before = day - timedelta(days=1)
    assert f"{before}: 0 approved, 0 blocked, 1 alarms" in message["Subject"]
    text = str(message.get_payload())
    assert "without a verdict that day: 2" in text
    assert "Model lost its coverage: there" in text
    assert "Feeds that fail or are late now: none" in text


def test_without_a_certificate_that_is_believed_nothing_is_sent(
    smtp_settings: dict[str, Any], portal: Portal, mailbox: Mailbox
) -> None:
    settings = portal.runtime.settings.model_copy(update=smtp_settings)
    given = {"subject": "x", "text": "y", "message_id": "z", "now": datetime.now(UTC)}
    answer = send_mail(MailServer.of(settings), ["ada@example.com"], **given)
    assert not answer.is_delivered
    assert "no valid certificate" in answer.words
    plain = settings.model_copy(update={"smtp_tls": "none"})
    with pytest.raises(InvalidInput, match="over TLS alone"):
        MailServer.of(plain)
    open_line = plain.model_copy(update={"smtp_password": None})
    answer = send_mail(MailServer.of(open_line), ["ada@example.com"], **given)
    assert (answer.is_delivered, answer.status) == (False, 530)
    nowhere = plain.model_copy(update={"smtp_password": None, "smtp_port": 1})
    answer = send_mail(MailServer.of(nowhere), ["ada@example.com"], **given)
    assert answer.words == "localhost could not be reached: ConnectionRefusedError."
    assert mailbox.messages == []


def test_mail_needs_a_server_and_recipients(portal: Portal) -> None:
    with pytest.raises(InvalidInput, match="1 to 50 recipients"):
        portal.add(_mail(recipients=[]))
    with pytest.raises(InvalidInput, match="no address such as"):
        portal.add(_mail(recipients=["ada@example.com\nBcc: eve@example.com"]))
    with pytest.raises(InvalidInput, match="digest is a text"):
        portal.add(webhook("https://example.com", kinds=["digest.daily"]))
    portal.add(_mail())
    portal.happen()
    portal.deliver()
    (answer,) = portal.answers()
    assert answer == "Set GFO_SMTP_HOST and GFO_SMTP_FROM where the worker runs."
