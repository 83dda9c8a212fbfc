"""The app over a seeded database, in process and behind a real port."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.server import Server
from core.db import Database
from davy.limit_words import limit_words
from tests.api.plant import PASSWORD, Plant, plant
from tests.database import TestDatabase

COOKIE_KEY = b"c" * 32


def app_of(database: TestDatabase, **more: object) -> FastAPI:
    """The app as davy/ would wire it."""
    settings: dict[str, Any] = {
        "database": Database(database.url("web"), application="web-test"),
        "principal_key": database.key,
        "cookie_key": COOKIE_KEY,
        "clock": lambda: datetime.now(UTC),
        "listen_url": database.url("web"),
        "limits": limit_words,
    }
    return create_app(**{**settings, **more})


def log_in(client: httpx.Client, login: str, password: str = PASSWORD) -> httpx.Response:
    """Through the form, as a person does."""
    page = client.get("/login")
    token = page.text.split('name="form_token" value="')[1].split('"')[0]
    return client.post(
        "/login", data={"login": login, "password": password, "form_token": token}, follow_redirects=False
    )


def token_of(client: httpx.Client) -> str:
    """The session's form token."""
    return str(client.get("/api/v1/me").json()["form_token"])


@dataclass(frozen=True, slots=True)
class House:
    """A plant, its app, and where it is served."""

    plant: Plant
    app: FastAPI
    url: str
    _clients: list[httpx.Client]

    def visitor(self, login: str | None) -> httpx.Client:
        """A client of its own, logged in unless `login` is None."""
        client = httpx.Client(
            base_url=self.url, timeout=20, verify=False
        )  # no https here: authorities need not be read
        self._clients.append(client)
        if login is not None:
            answer = log_in(client, login)
            assert answer.status_code == 303, answer.text
        return client


@pytest.fixture
def house(database: TestDatabase) -> Iterator[House]:
    """A seeded database of each kind with the app over it."""
    yield from _house(database)


@pytest.fixture
def timescale_house(timescale_database: TestDatabase) -> Iterator[House]:
    """The same on TimescaleDB only: for what is about pages."""
    yield from _house(timescale_database)


_apps: list[FastAPI] = []  # the first of this worker: working out its hundred routes takes as long as a test


def _house(database: TestDatabase) -> Iterator[House]:
    own = app_of(database)
    if not _apps:
        _apps.append(own)
    app = _apps[0]
    app.state.web = own.state.web
    with served(app) as url:
        made = House(plant(database), app, url, [])
        try:
            yield made
        finally:
            for client in made._clients:
                client.close()


@contextmanager
def served(app: FastAPI, port: int = 0) -> Iterator[str]:
    """The app behind a port on loopback, a free one unless named."""
    server = Server(app, "127.0.0.1", port)
    port = server.listen()
    thread = threading.Thread(target=server.run, name="served", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()
        thread.join(timeout=15)
        assert not thread.is_alive(), "the server did not stop"
