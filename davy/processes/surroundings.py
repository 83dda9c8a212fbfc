"""What every process has around it: clocks, its token, its page of metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from prometheus_client import start_http_server

from core.errors import Unavailable
from core.metrics import Metrics
from core.principal import ServiceToken
from core.settings import Settings


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


@contextmanager
def metrics_served(metrics: Metrics, settings: Settings) -> Iterator[None]:
    """Prometheus's page on its own loopback port while a process runs; nothing where no port is set."""
    if settings.metrics_port is None:
        yield
        return
    try:
        server, _ = start_http_server(settings.metrics_port, addr="127.0.0.1", registry=metrics.registry)
    except OSError as error:
        raise Unavailable(
            f"Port {settings.metrics_port} for metrics cannot be used: {error.strerror}. Set DAVY_METRICS_PORT to another."
        ) from error
    try:
        yield
    finally:
        server.shutdown()
