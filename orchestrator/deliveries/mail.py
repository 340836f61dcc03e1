"""Sends one mail over SMTP, with TLS unless the settings say otherwise."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from core.errors import InvalidInput
from orchestrator.deliveries.webhooks import TryResult
from orchestrator.settings import Settings

TIMEOUT_S = 10.0
"""Of the connection, and of each answer."""

_LONGEST_WORDS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mail goes, as the settings say."""

    host: str
    port: int
    tls: str
    user: str | None
    password: str | None = field(repr=False)
    sender: str

    @classmethod
    def of(cls, settings: Settings) -> MailServer:
        """The server of the settings.

        Raises
        ------
        InvalidInput
            When none is set, or a password would go over a line without TLS.
        """
        if settings.smtp_host is None or settings.smtp_from is None:
            message = "Set GFO_SMTP_HOST and GFO_SMTP_FROM where the worker runs."
            raise InvalidInput(message)
        password = settings.smtp_password
        if settings.smtp_tls == "none" and password is not None:
            message = "GFO_SMTP_PASSWORD is sent over TLS alone; set GFO_SMTP_TLS."
            raise InvalidInput(message)
        return cls(
            host=settings.smtp_host,
            port=settings.smtp_port,
            tls=settings.smtp_tls,
            user=settings.smtp_user,
            password=None if password is None else password.get_secret_value(),
            sender=settings.smtp_from,
        )


def send_mail(
    server: MailServer,
    recipients: Sequence[str],
    *,
    subject: str,
    text: str,
    message_id: str,
    now: datetime,
) -> TryResult:
    """Send a mail; a server that failed is an answer, not an error.

    The message id is the delivery's: a mail that is sent twice is the same mail.
    """
    message = EmailMessage()
    domain = server.sender.rpartition("@")[2].rstrip(">") or "localhost"
    message["From"] = server.sender
    message["To"] = ", ".join(recipients)
    message["Subject"] = subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{message_id}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    try:
        with _connected(server) as smtp:
            refused = smtp.send_message(message)
    except smtplib.SMTPRecipientsRefused as exc:
        words = _refusals(exc.recipients)
        return TryResult(is_delivered=False, words=f"Refused: {words}.")
    except smtplib.SMTPResponseException as exc:
        words = _readable(exc.smtp_error)
        return TryResult(
            is_delivered=False,
            words=f"{server.host} answered {exc.smtp_code}: {words}.",
            status=exc.smtp_code,
        )
    except ssl.SSLError:
        words = f"{server.host} has no valid certificate for this name."
        return TryResult(is_delivered=False, words=words)
    except (smtplib.SMTPException, OSError) as exc:
        # A time-out is an OSError as well.
        words = f"{server.host} could not be reached: {type(exc).__name__}."
        return TryResult(is_delivered=False, words=words)
    said = f"Taken, but not for {_refusals(refused)}." if refused else "Taken."
    return TryResult(is_delivered=True, words=said, status=250)


def _connected(server: MailServer) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if server.tls == "tls":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, timeout=TIMEOUT_S, context=context
        )
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
    try:
        if server.tls == "starttls":
            smtp.starttls(context=context)
        if server.user is not None and server.password is not None:
            smtp.login(server.user, server.password)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _refusals(refused: dict[str, tuple[int, bytes]]) -> str:
    return ", ".join(f"{to} ({code})" for to, (code, _) in sorted(refused.items()))


def _readable(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    text = "".join(char if char.isprintable() else " " for char in text)
    return text[:_LONGEST_WORDS].rstrip(". ")
