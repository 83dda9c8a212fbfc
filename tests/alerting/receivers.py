"""Real receivers on loopback: a mail server and a webhook endpoint."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller

from davy.servers.processes import free_port

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class MailServer:
    """Keeps what it receives; `answers` decides what it says to RCPT, by address."""

    def __init__(self, answers: dict[str, str]) -> None:
        self.mails: list[EmailMessage] = []
        self._answers = answers

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if address in self._answers:
            return self._answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        parsed = message_from_bytes(envelope.original_content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        self.mails.append(parsed)
        return f"250 queued as {len(self.mails)}"


@contextmanager
def mail_server(**answers: str) -> Iterator[tuple[MailServer, int]]:
    """A real SMTP server, and its port."""
    received = MailServer({address.replace("_at_", "@") + ".example": answer for address, answer in answers.items()})
    controller = Controller(received, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield received, controller.port
    finally:
        controller.stop()


class Request:
    """One POST as it came."""

    def __init__(self, path: str, headers: dict[str, str], body: bytes) -> None:
        self.path = path
        self.headers = headers
        self.body = body


Answer = Callable[[Request], tuple[int, dict[str, str]]]


@contextmanager
def webhook_receiver(answer: Answer = lambda request: (204, {})) -> Iterator[tuple[list[Request], int]]:
    """A real HTTP server that keeps what is posted, and its port."""
    received: list[Request] = []

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            request = Request(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            received.append(request)
            status, headers = answer(request)
            self.send_response(status)
            for name, text in {"content-length": "0", **headers}.items():
                self.send_header(name, text)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield received, server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
