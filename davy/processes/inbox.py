"""The inbox process of private instances: their own receivers of mails and webhooks."""

from __future__ import annotations

import threading

from alerting.channels.webhook import parse_secrets
from core.settings import Settings
from davy.inbox import InboxServers


def run(settings: Settings, stop: threading.Event) -> None:
    """The demo's own receivers of mails and webhooks."""
    named = parse_secrets(settings.secret("webhook_secrets"))
    servers = InboxServers(settings.smtp_port, settings.http_port, next(iter(named.values())))
    servers.start()
    stop.wait()
    servers.stop()
