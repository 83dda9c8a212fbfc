"""The demo's and the benches' own receivers: an SMTP server and a webhook receiver that note when each message came.

They stand where a person's mailbox and a company's system would. What they received is read as JSON at `GET /`, newest
last; nothing leaves this machine and nothing is kept after the process.
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from standardwebhooks import Webhook, WebhookVerificationError

KEPT = 20_000  # messages; the oldest go first
LONGEST_BODY = 1_000_000  # bytes of one webhook


@dataclass(frozen=True, slots=True)
class Received:
    """One message that arrived.

    Args:
        key: the sender's idempotency key (`webhook-id`, or what stands before the @ of the mail's Message-ID).
        received_at: when its last byte was here, ISO 8601 UTC.
        verified: whether a webhook's signature held; None where there is none to check.
    """

    channel: str
    key: str
    received_at: str
    recipient: str
    subject: str
    body: str
    verified: bool | None = None


class Inbox:
    """What has been received, shared by both servers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._received: list[Received] = []

    def add(
        self, channel: str, key: str, recipient: str, subject: str, body: str, verified: bool | None = None
    ) -> None:
        """Note a message at this moment."""
        message = Received(channel, key, datetime.now(UTC).isoformat(), recipient, subject, body, verified)
        with self._lock:
            self._received.append(message)
            del self._received[:-KEPT]

    def listing(self) -> list[Received]:
        """All that is kept, oldest first."""
        with self._lock:
            return list(self._received)


class _Mailbox:
    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        mail = message_from_bytes(content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        part = mail.get_body(("plain", "html"))
        body = str(part.get_content()) if part else ""
        key = str(mail.get("Message-ID", "")).strip("<> ").partition("@")[0]
        self._inbox.add("smtp", key, ", ".join(envelope.rcpt_tos), str(mail.get("Subject", "")), body)
        return "250 Message accepted for delivery"


def _receiver(inbox: Inbox, secret: str | None) -> type[BaseHTTPRequestHandler]:
    class Receiver(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(200, json.dumps([asdict(m) for m in inbox.listing()], ensure_ascii=False).encode())

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            if length > LONGEST_BODY:
                self.close_connection = True
                self._answer(413, b"{}")
                return
            body = self.rfile.read(length).decode("utf-8", "replace")
            inbox.add("webhook", self.headers.get("webhook-id", ""), self.path, "", body, self._verified(body))
            self._answer(200, b"{}")

        def _verified(self, body: str) -> bool | None:
            if secret is None:
                return None
            try:
                Webhook(secret).verify(body, dict(self.headers.items()))
            except WebhookVerificationError:
                return False
            return True

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Requests are the inbox's content, not its log."""

    return Receiver


class InboxServers:
    """Both receivers on loopback, in threads.

    Args:
        smtp_port: where mail arrives.
        http_port: where webhooks arrive and the listing is read.
        secret: `whsec_...` that webhooks must be signed with; None leaves them unchecked.
    """

    def __init__(self, smtp_port: int, http_port: int, secret: str | None = None) -> None:
        self.inbox = Inbox()
        self._smtp = Controller(_Mailbox(self.inbox), hostname="127.0.0.1", port=smtp_port)
        self._http = ThreadingHTTPServer(("127.0.0.1", http_port), _receiver(self.inbox, secret))

    def start(self) -> None:
        """Both listen when this returns."""
        self._smtp.start()
        threading.Thread(target=self._http.serve_forever, name="inbox", daemon=True).start()

    def stop(self) -> None:
        """Both are gone when this returns."""
        self._smtp.stop()
        self._http.shutdown()
        self._http.server_close()
