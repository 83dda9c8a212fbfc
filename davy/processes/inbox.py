"""The inbox process of private instances: their own receivers of mails and webhooks."""

from __future__ import annotations

import threading

from alerting.channels.webhook import parse_secrets
from core.errors import Unavailable
from core.settings import Settings
from davy.private.inbox import InboxServers


def run(settings: Settings, stop: threading.Event) -> None:
    """The demo's own receivers of mails and webhooks."""
    named = parse_secrets(settings.secret("webhook_secrets"))
    try:
        servers = InboxServers(settings.smtp_port, settings.http_port, next(iter(named.values()))[0])
        servers.start()
    except OSError as error:
        raise Unavailable(
            f"Port {settings.smtp_port} or {settings.http_port} of 127.0.0.1 cannot be used: {error.strerror or error}. "
            "Set DAVY_SMTP_PORT and DAVY_HTTP_PORT to others."
        ) from error
    stop.wait()
    servers.stop()
