"""What every process has around it: clocks, its token, its page of metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime

from prometheus_client import start_http_server

from alerting.links import Links
from core.db import connect, transaction
from core.errors import BadSetting, Unavailable
from core.metrics import Metrics
from core.migrate import require_current
from core.principal import ServiceToken
from core.settings import Settings
from davy.store import principal_holds


def wall_clock() -> datetime:
    """Aware UTC now."""
    return datetime.now(UTC)


def wall_clock_us() -> int:
    """Microseconds UTC now."""
    return time.time_ns() // 1000


def service_token(settings: Settings) -> Callable[[], str]:
    """A fresh token of one of Davy's own processes, each time it is called."""
    token = ServiceToken(bytes.fromhex(settings.secret("principal_key")))
    return lambda: token.at(time.time())


def checked_database(settings: Settings, role: str) -> str:
    """The database's address for one role, once a look has shown that a process can work with it.

    With another principal key than the database's own nobody would see a row: ingest would reject every message as
    unknown, and alerting would find nothing to send.

    Args:
        role: ingest, alerting or web.

    Raises:
        DatabaseAway: it does not answer.
        BadSetting: another role, version or principal key.
    """
    url = settings.secret(f"database_url_{role}")
    token = service_token(settings)()
    with closing(connect(url, application=role)) as connection:
        require_current(connection, f"davy_{role}")
        with transaction(connection, token):
            if not principal_holds(connection):
                raise BadSetting(
                    "DAVY_PRINCIPAL_KEY is not the key that this database was migrated with: set that one, or run "
                    "`davy migrate` with the new one and start all processes again."
                )
    return url


@contextmanager
def metrics_served(metrics: Metrics, settings: Settings) -> Iterator[None]:
    """Prometheus's page on its own loopback port while a process runs; nothing where no port is set."""
    if settings.metrics_port is None:
        yield
        return
    try:
        server, thread = start_http_server(settings.metrics_port, addr="127.0.0.1", registry=metrics.registry)
    except OSError as error:
        raise Unavailable(
            f"Port {settings.metrics_port} for metrics cannot be used: {error.strerror}. Set DAVY_METRICS_PORT to another."
        ) from error
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def links_of(settings: Settings) -> Links | None:
    """Of those by which people acknowledge without logging in; None without a key: then no message has one, and none is believed."""
    if settings.link_keys is None:
        return None
    return Links.of(settings.link_keys.get_secret_value(), settings.link_hours)
