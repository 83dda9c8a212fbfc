"""E-mail over the mail server of the settings.

Message-ID comes from the notification's key, so a message that is sent twice is the same message; References names the
occurrence, so that a mail program shows all about one occurrence as one thread.
"""

from __future__ import annotations

import re
import smtplib
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from typing import ClassVar, Final, Self

from alerting.channels.channel import Address, Channel
from alerting.discreet import discreet
from alerting.message import Message
from core.errors import AddressGone, DeliveryFailed
from core.limit_rule import AddressRule
from core.settings import Settings

# RFC 5322 3.2.3, dot-atom: what every mail server takes as it stands.
_ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+")
# RFC 3463 3.2: no such mailbox; it has moved and nothing is passed on; its domain takes no mail. A 5yz without one of these may be a server
# that is set up wrongly and refuses everybody: then no address is called dead for it.
_NO_SUCH_ADDRESS: Final = re.compile(r"5\.1\.(1|6|10)\b")
# A 4yz of which it says itself that it is of the server, whatever it was asked: 421 (RFC 5321 4.2.2), x.3.z of the mail system and
# x.4.z of the network (RFC 3463 3.4, 3.5).
_CLOSING: Final = 421
_SYSTEM: Final = re.compile(r"4\.[34]\.[0-9]")
_IMPLICIT_TLS: Final = 465  # RFC 8314 3.3
_FAREWELL_S: Final = 1.0
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class Smtp(Channel):
    """Mail through one server.

    Args:
        sender: address of the sender; its domain stands in Message-IDs.
        monotonic: seconds of a clock that never goes back, for the time-out over all.
    """

    name: ClassVar[str] = "smtp"
    addresses: ClassVar[AddressRule] = AddressRule(_ADDRESS, "an e-mail address", signed=False)
    gateway: ClassVar[bool] = True

    def __init__(
        self,
        host: str,
        port: int,
        sender: str,
        *,
        user: str | None = None,
        password: str | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host = host
        self._port = port
        self._sender = sender
        self._user = user
        self._password = password
        self._monotonic = monotonic

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """None without a mail server.

        Raises:
            BadSetting: a mail server and no sender.
        """
        if settings.smtp_host is None:
            return None
        password = settings.smtp_password.get_secret_value() if settings.smtp_password else None
        sender = settings.need("smtp_sender")
        return cls(settings.smtp_host, settings.smtp_port, sender, user=settings.smtp_user, password=password)

    def send(self, message: Message, address: Address, *, now: datetime, timeout_s: float) -> str:
        """Delivers to the mail server, which answers for the rest; the receipt is the server's answer."""
        if not _ADDRESS.fullmatch(address.text):
            raise DeliveryFailed("This is not a mail address.", permanent=True, of_address=True)
        content = self._mail(message, address.text, now).as_bytes(policy=SMTP_POLICY)
        try:
            return self._deliver(content, address.text, self._monotonic() + timeout_s)
        except smtplib.SMTPResponseException as error:
            said = discreet(_text(error.smtp_error), address.text)
            words = f"The mail server answered {error.smtp_code} {said}"
            if isinstance(error, _Undeliverable) and _NO_SUCH_ADDRESS.match(_text(error.smtp_error)):
                raise AddressGone(words) from error
            permanent, of_address = isinstance(error, _Undeliverable), isinstance(error, _OfRecipient)
            raise DeliveryFailed(words, permanent=permanent, of_address=of_address) from error
        except (smtplib.SMTPException, OSError) as error:
            said = discreet(_text(str(error)), address.text) or type(error).__name__
            words = f"The mail server {self._host}:{self._port} did not take it: {said}"
            raise DeliveryFailed(words, permanent=False) from error

    def _deliver(self, content: bytes, to: str, deadline: float) -> str:
        """One mail; once the server has taken it, nothing that goes wrong with the farewell matters."""
        context = ssl.create_default_context()
        left = self._left(deadline)
        server = (
            smtplib.SMTP_SSL(self._host, self._port, timeout=left, context=context)
            if self._port == _IMPLICIT_TLS
            else smtplib.SMTP(self._host, self._port, timeout=left)
        )
        try:
            receipt = self._converse(server, context, content, to, deadline)
            with suppress(smtplib.SMTPException, OSError):
                self._within(server, self._monotonic() + 2 * _FAREWELL_S)
                server.quit()
        finally:
            server.close()
        return receipt

    def _converse(self, server: smtplib.SMTP, context: ssl.SSLContext, content: bytes, to: str, deadline: float) -> str:
        """Step by step, so that no step outlives the deadline."""
        self._within(server, deadline)
        server.ehlo_or_helo_if_needed()
        if not isinstance(server.sock, ssl.SSLSocket) and server.has_extn("starttls"):
            self._within(server, deadline)
            server.starttls(context=context)
            server.ehlo()
        if self._user is not None and self._password is not None:
            if not isinstance(server.sock, ssl.SSLSocket) and self._host not in _LOOPBACK:
                raise smtplib.SMTPException("it offers no TLS, and a password does not go out in the clear")
            self._within(server, deadline)
            server.login(self._user, self._password)
        self._within(server, deadline)
        code, answer = server.mail(self._sender)
        if code >= 300:
            # Not about this address: a sender or log-in that the server does not like can be put right.
            raise smtplib.SMTPResponseException(code, answer)
        self._within(server, deadline)
        _accepted(*server.rcpt(to), kind=_OfRecipient)
        self._within(server, deadline)
        code, answer = server.data(content)
        _accepted(code, answer)
        return f"{code} {_text(answer)}"

    def _left(self, deadline: float) -> float:
        left = deadline - self._monotonic()
        if left <= 0:
            raise TimeoutError("it took too long")
        return left

    def _within(self, server: smtplib.SMTP, deadline: float) -> None:
        if server.sock is None:
            raise smtplib.SMTPServerDisconnected("it closed the connection")
        # A step has at most two answers to wait for (DATA: the go-ahead and the verdict).
        server.sock.settimeout(self._left(deadline) / 2)

    def _mail(self, message: Message, to: str, now: datetime) -> EmailMessage:
        domain = self._sender.partition("@")[2]
        mail = EmailMessage()
        mail["From"] = self._sender
        mail["To"] = to
        mail["Subject"] = message.subject
        mail["Date"] = format_datetime(now)
        mail["Message-ID"] = f"<{message.key}@{domain}>"
        thread = f"<{message.thread}@{domain}>"
        mail["In-Reply-To"] = thread
        # What belongs to a group stands in the thread of the group, the first as well, which is about its own occurrence.
        mail["References"] = (
            f"{thread} <{message.slot}@{domain}>" if message.slot and message.slot != message.thread else thread
        )
        mail["Content-Language"] = "zh-CN" if message.language == "zh" else "en"
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers, please
        if message.urgent:
            mail["Importance"] = "high"
        mail.set_content(message.text, charset="utf-8")
        return mail


class _Undeliverable(smtplib.SMTPResponseException):
    """The server will never take this mail to this address (RFC 5321 4.2.1: 5yz)."""


class _OfRecipient(smtplib.SMTPResponseException):
    """The server does not take this recipient now, and is well itself: the mailbox is full, or the recipient greylists."""


def _accepted(
    code: int, answer: bytes, *, kind: type[smtplib.SMTPResponseException] = smtplib.SMTPResponseException
) -> None:
    if code >= 500:
        raise _Undeliverable(code, answer)
    if code >= 300:
        raise (smtplib.SMTPResponseException if _of_server(code, answer) else kind)(code, answer)


def _of_server(code: int, answer: bytes) -> bool:
    return code == _CLOSING or _SYSTEM.match(_text(answer)) is not None


def _text(answer: bytes | str) -> str:
    """One line of what a server said."""
    words = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return " ".join(words.split())[:300]
