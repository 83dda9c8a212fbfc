"""Servers for the tests that need one: started when the first test asks, shared, gone at the end."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

import hypothesis
import pytest

from davy.servers import Access, Broker, PostgresServer, ServerUnavailable, start_broker, start_postgres
from davy.servers.postgres import PostgresKind
from tests.database import database, timescale_database

__all__ = ["database", "timescale_database"]  # fixtures of the next layer up

StartMosquitto = Callable[[Access | Mapping[str, str]], Broker]

# Two cores are shared with servers: how long one example takes says nothing.
hypothesis.settings.register_profile("davy", deadline=None)
hypothesis.settings.load_profile("davy")

NEEDS_SOCKETS = {"db", "broker", "browser", "e2e"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Only tests that are marked as needing a server may open sockets; a soak runs only where it is asked for."""
    if "soak" not in config.option.markexpr:
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("soak")])
        items[:] = [item for item in items if not item.get_closest_marker("soak")]
    for item in items:
        if NEEDS_SOCKETS & {mark.name for mark in item.iter_markers()}:
            item.add_marker(pytest.mark.enable_socket)


def skip_without_server(error: ServerUnavailable) -> None:
    """Skip where an ordinary user lacks a server; CI, as root, skips nothing."""
    if os.geteuid() == 0:
        raise error
    pytest.skip(str(error))


def _running(kind: PostgresKind) -> Iterator[PostgresServer]:
    try:
        server = start_postgres(kind, fsync=False)
    except ServerUnavailable as error:
        skip_without_server(error)
        raise
    with server:
        yield server


@pytest.fixture(scope="session")
def postgres_plain() -> Iterator[PostgresServer]:
    """A PostgreSQL without extensions, shared by the whole run."""
    yield from _running("plain")


@pytest.fixture(scope="session")
def postgres_timescaledb() -> Iterator[PostgresServer]:
    """A PostgreSQL with TimescaleDB preloaded, shared by the whole run."""
    yield from _running("timescaledb")


@pytest.fixture(scope="session", params=["plain", "timescaledb"])
def postgres(request: pytest.FixtureRequest) -> PostgresServer:
    """Each kind of database in turn."""
    server: PostgresServer = request.getfixturevalue(f"postgres_{request.param}")
    return server


@pytest.fixture
def mosquitto() -> Iterator[StartMosquitto]:
    """Starts a mosquitto: `mosquitto({"ingest": password, ...})`, as `start_broker` has it; closed after the test."""
    yield from _mosquitto_factory()


@pytest.fixture(scope="module")
def mosquitto_of_module() -> Iterator[StartMosquitto]:
    """The same, closed after the module's last test."""
    yield from _mosquitto_factory()


def _mosquitto_factory() -> Iterator[StartMosquitto]:
    with ExitStack() as opened:

        def start(access: Access | Mapping[str, str]) -> Broker:
            try:
                broker = start_broker("mosquitto", access)
            except ServerUnavailable as error:
                skip_without_server(error)
                raise
            return opened.enter_context(broker)

        yield start
