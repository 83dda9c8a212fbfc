"""The web process: pages and the JSON API."""

from __future__ import annotations

import gc
import sys
import threading
from typing import Final

from api.app import create_app
from api.server import Server
from core.db import Database
from core.errors import Unavailable
from core.metrics import Metrics
from core.settings import Settings
from davy.limit_words import limit_words
from davy.private.demo_inbox import HttpInbox
from davy.processes.surroundings import checked_database, links_of, metrics_served, wall_clock

# How long a thread keeps the interpreter while another waits for it, 5 ms by default: each answer of the database and each step of a request
# would wait so long for whoever renders a page.
SWITCH_S: Final = 0.001


def run(settings: Settings, stop: threading.Event) -> None:
    """Pages and the JSON API."""
    sys.setswitchinterval(SWITCH_S)
    url, metrics = checked_database(settings, "web"), Metrics()
    app = create_app(
        database=Database(url, application="web"),
        principal_key=bytes.fromhex(settings.secret("principal_key")),
        cookie_key=bytes.fromhex(settings.secret("cookie_key")),
        clock=wall_clock,
        listen_url=url,
        limits=limit_words,
        public_url=settings.public_url,
        demo_inbox=HttpInbox(settings.demo_inbox) if settings.demo_inbox else None,
        metrics=metrics.api,
        call_token=settings.twilio_token.get_secret_value() if settings.twilio_token is not None else None,
        links=links_of(settings),
        aliyun_receipts=settings.aliyun_receipts.get_secret_value() if settings.aliyun_receipts is not None else None,
    )
    server = Server(app, settings.http_host, settings.http_port)
    try:
        server.listen()
    except OSError as error:
        raise Unavailable(
            f"Port {settings.http_port} of {settings.http_host} cannot be used: {error.strerror}. Set DAVY_HTTP_PORT to another."
        ) from error
    gc.collect()
    gc.freeze()  # a full pass over all that is imported holds every thread for a tenth of a second; nothing of it goes
    with metrics_served(metrics, settings):
        threading.Thread(target=_stop_when, args=(stop, server), name="stop", daemon=True).start()
        server.run()


def _stop_when(stop: threading.Event, server: Server) -> None:
    stop.wait()
    server.stop()
