"""Servers for the tests that need one: started when the first test asks, shared, gone at the end."""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import pytest

from davy.servers import Access, Broker, PostgresServer, ServerUnavailable, start_broker, start_postgres
from davy.servers.postgres import PostgresKind
from tests.database import database, timescale_database

__all__ = ["database", "timescale_database"]  # fixtures of the next layer up

StartMosquitto = Callable[[Access | Mapping[str, str]], Broker]

# Two cores are shared with servers: how long one example takes says nothing.
hypothesis.settings.register_profile("davy", deadline=None)
hypothesis.settings.register_profile("soak", deadline=None, max_examples=3000)
hypothesis.settings.load_profile("davy")

ROOM_BYTES = 6 << 30  # of write-ahead log mostly, and that only on a long run
LONGEST_FIRST = ("e2e", "browser", "broker", "db")
NEEDS_SOCKETS = set(LONGEST_FIRST)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Only tests that are marked as needing a server may open sockets. Files that take minutes come first,
    and of those of one kind the ones with the most tests; a soak runs only where it is asked for.

    Several workers take a file each: one that starts whole Davys, or has hundreds of tests, must not be what the last of them begins with.
    """
    if "soak" not in config.option.markexpr:
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("soak")])
        items[:] = [item for item in items if not item.get_closest_marker("soak")]
    place: dict[Path, int] = {}
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        if NEEDS_SOCKETS & marks:
            item.add_marker(pytest.mark.enable_socket)
        own = next((number for number, name in enumerate(LONGEST_FIRST) if name in marks), len(LONGEST_FIRST))
        place[item.path] = min(own, place.get(item.path, own))
    tests = Counter(item.path for item in items)
    items.sort(key=lambda item: (place[item.path], -tests[item.path], item.path))


def skip_without_server(error: ServerUnavailable) -> None:
    """Skip where an ordinary user lacks a server; CI, as root, skips nothing."""
    if os.geteuid() == 0:
        raise error
    pytest.skip(str(error))


def memory() -> Path | None:
    """A file system in memory with room for the data of all test servers, where there is one.

    Every `db` test has a database of its own: 500 small files, and some disks take half a second for them.
    """
    found = Path("/dev/shm")
    return found if found.is_dir() and shutil.disk_usage(found).free > ROOM_BYTES else None


def _running(kind: PostgresKind) -> Iterator[PostgresServer]:
    try:
        server = start_postgres(kind, fsync=False, memory=memory())
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
