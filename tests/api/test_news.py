"""News of changes: who hears what, how often, and that a server with open streams stops at once."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from queue import Empty, Queue
from time import monotonic

import httpx
import pytest

from api import cookies
from api.news import Listener
from tests.api.conftest import House, app_of, log_in, served, token_of
from tests.api.plant import plant
from tests.database import TestDatabase

OFFICER = "huaihai-petro-officer"


def test_a_burst_is_one_event_a_second() -> None:
    """A flood of alarms must not become a flood of fetches."""

    async def burst() -> tuple[int, float]:
        listener = Listener(None, asyncio.get_running_loop())
        heard, began = 0, monotonic()
        async for event in listener.events():
            assert event == "scope"
            heard += 1
            if heard == 3:
                break
            for _ in range(100):
                listener.tell(changed=True, over=False)
        return heard, monotonic() - began

    heard, took = asyncio.run(burst())
    assert heard == 3
    assert took >= 2.0


def test_the_first_thing_heard_is_a_refresh_and_the_end_is_an_end() -> None:
    """Connecting and reconnecting refresh everything; a stopping process ends its streams."""

    async def listen() -> list[str]:
        listener = Listener(frozenset({1}), asyncio.get_running_loop())
        heard = []
        async for event in listener.events():
            heard.append(event)
            listener.tell(changed=False, over=True)
        return heard

    assert asyncio.run(listen()) == ["scope"]


@contextmanager
def stream(client: httpx.Client) -> Iterator[Queue[str]]:
    """The names of the events as they come; "end" when the stream ends."""
    heard: Queue[str] = Queue()
    began = threading.Event()

    def read() -> None:
        try:
            with client.stream("GET", "/events", timeout=60) as answer:
                began.set()
                for line in answer.iter_lines():
                    if line.startswith("event: "):
                        heard.put(line.removeprefix("event: "))
        except (httpx.HTTPError, httpx.StreamError):
            heard.put("cut")
        heard.put("end")
        began.set()

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    assert began.wait(10)
    yield heard


def settled(heard: Queue[str]) -> None:
    """Takes what comes at the beginning: the refresh on connect, and one when the thread begins to listen."""
    assert heard.get(timeout=30) == "scope"
    while True:
        try:
            heard.get(timeout=1.5)
        except Empty:
            return


@pytest.mark.db
def test_a_company_hears_of_its_own_changes_only(house: House) -> None:
    """Company B's alarm does not even make company A's page look again; the operator and B's insurer do."""
    a, operator = house.visitor(OFFICER), house.visitor("insurer-operator")
    with stream(a) as heard_by_a, stream(operator) as heard_by_operator:
        settled(heard_by_a)
        settled(heard_by_operator)
        house.plant.happen(house.plant.b, "lel-pump.lel-2", house.plant.began - timedelta(minutes=4))
        assert heard_by_operator.get(timeout=10) == "scope"
        with pytest.raises(Empty):
            heard_by_a.get(timeout=1.5)
        house.plant.happen(house.plant.a, "lel-pump.lel-2", house.plant.began - timedelta(minutes=4))
        assert heard_by_a.get(timeout=10) == "scope"


@pytest.mark.db
@pytest.mark.alone
def test_an_acknowledgement_is_heard_by_others_within_two_seconds(timescale_house: House) -> None:
    """What one person does, every other page of the company hears of."""
    house = timescale_house
    occurrence = house.plant.happen(house.plant.a, "lel-pump.lel-2", house.plant.began - timedelta(minutes=4))
    one, other = house.visitor(OFFICER), house.visitor("huaihai-petro-integrator")
    with stream(other) as heard:
        settled(heard)
        one.post(f"/occurrences/{occurrence}/acknowledge", data={"form_token": token_of(one)})
        assert heard.get(timeout=2) == "scope"


@pytest.mark.db
def test_a_quiet_stream_beats(timescale_house: House) -> None:
    """Within ten seconds and a bit a page knows that the link still stands."""
    with stream(timescale_house.visitor(OFFICER)) as heard:
        settled(heard)
        assert heard.get(timeout=20) == "beat"


@pytest.mark.db
def test_nobody_listens_without_a_session(timescale_house: House) -> None:
    """No session, no stream."""
    assert timescale_house.visitor(None).get("/events").status_code == 303
    client = timescale_house.visitor(None)
    client.cookies.set(cookies.SESSION, "rubbish")
    assert client.get("/events", headers={"HX-Request": "true"}).status_code == 401


@pytest.mark.db
def test_a_server_with_open_streams_stops_at_once(timescale_database: TestDatabase) -> None:
    """Ctrl-C does not wait for browsers; their streams end and they try again by themselves."""
    plant(timescale_database)
    began = 0.0
    client = None
    with served(app_of(timescale_database)) as url:
        client = httpx.Client(base_url=url, timeout=20)
        log_in(client, OFFICER)
        with stream(client) as heard:
            assert heard.get(timeout=30) == "scope"
        began = monotonic()
    assert monotonic() - began < 8  # it would be 20 and more
    client.close()
