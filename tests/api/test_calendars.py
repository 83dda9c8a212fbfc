"""A duty position follows a calendar of the company's own: fetched from a real server, kept when that fails, and heard by who calls."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from alerting.calendar_fetch import check_url
from alerting.roster import By, CalendarTurn, on_call
from alerting.store.calendars import due, failing, keep_problem, keep_turns
from alerting.store.rosters import load_rosters
from alerting.vault import Vault
from core.db import transaction
from core.errors import BadInput
from davy.duties.calendars import EVERY, read_calendars
from tests.alerting.test_calendar_reading import calendar, event
from tests.api.conftest import House
from tests.api.test_duty import STRANGER, on_duty
from tests.api.test_findings import OFFICER, UNDERWRITER, Person

Answer = tuple[int, dict[str, str], bytes]


class Served:
    """A calendar server: what it says next, and what it was asked."""

    def __init__(self) -> None:
        self.answer: Answer = (200, {}, b"")
        self.asked: list[dict[str, str]] = []


@contextmanager
def calendar_server() -> Iterator[tuple[Served, int]]:
    """A real HTTP server on loopback, and its port."""
    served = Served()

    class Endpoint(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append({name.lower(): text for name, text in self.headers.items()})
            status, headers, body = served.answer
            self.send_response(status)
            for name, text in headers.items():
                self.send_header(name, text)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield served, server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def shifts(house: House, name: str) -> bytes:
    """A calendar by which somebody is on duty from yesterday on, for ten days."""
    began = house.plant.began - timedelta(days=1)
    return calendar(
        event(
            uid="a",
            dtstart=f"{began:%Y%m%dT%H%M%SZ}",
            dtend=f"{began + timedelta(days=10):%Y%m%dT%H%M%SZ}",
            summary=name,
        )
    )


def look(house: House, now: datetime, allow: str) -> bool:
    """What the risk process does, as its role."""
    with (
        house.plant.database.connect("alerting") as connection,
        transaction(connection, house.plant.database.service_token()),
    ):
        return read_calendars([allow], Vault(), connection, now)


def duty_now(house: House, roster: int) -> tuple[int | None, By]:
    """Who is on duty, as whoever plans a call reads it."""
    with house.plant.owner() as connection:
        found = on_call(load_rosters(connection, [roster])[roster], datetime.now(UTC))
    return found.person_id, found.by


@pytest.mark.db
def test_a_calendar_says_who_is_on_duty(timescale_house: House) -> None:
    """From the look on; unchanged it is not sent again; a failure keeps what it said and is told on the page, since when and why."""
    house = timescale_house
    roster, now = on_duty(house), datetime.now(UTC)
    officer = Person(house, OFFICER)
    integrator = house.plant.a.people["integrator"]
    with calendar_server() as (served, port):
        allow, url = f"127.0.0.1:{port}", f"http://127.0.0.1:{port}/secret-path.ics"
        assert officer.post(f"/duty/{roster}/calendar", url=url, reason="人力系统").status_code == 303
        served.answer = 200, {"ETag": '"1"'}, shifts(house, "Integrator of Huaihai Petrochemical")
        assert look(house, now, allow)
        assert duty_now(house, roster) == (integrator, By.CALENDAR)
        page = officer.client.get("/duty").text
        assert "跟随 127.0.0.1 的日历" in page
        assert "secret-path" not in page
        assert not look(house, now + timedelta(minutes=1), allow)
        served.answer = 304, {}, b""
        assert look(house, now + EVERY, allow)
        assert served.asked[-1]["if-none-match"] == '"1"'
        assert duty_now(house, roster) == (integrator, By.CALENDAR)
        for n, (answer, told) in enumerate(
            [
                ((500, {}, b""), "HTTP 500"),
                ((302, {"location": "http://169.254.169.254/"}, b""), "重定向"),
                ((200, {}, b"<html>"), "不是日历文件"),
                ((200, {}, b"BEGIN:VCALENDAR" + b"x" * 3_000_000), "字节"),
            ],
            start=2,
        ):
            served.answer = answer
            assert look(house, now + n * EVERY, allow)
            assert duty_now(house, roster) == (integrator, By.CALENDAR)
            page = officer.client.get("/duty").text
            assert told in page
            assert "仍按最近一次读到的内容执行" in page
        served.answer = 200, {}, shifts(house, "王五")
        look(house, now + 9 * EVERY, allow)
        assert duty_now(house, roster) == (None, By.STRANGER)
        page = officer.client.get("/duty").text
        assert "这里没有名为“王五”的人" in page
        assert "无法读取日历" not in page
    look(house, now + 10 * EVERY, allow)  # the server is gone
    assert "127.0.0.1 未正常应答" in officer.client.get("/duty").text
    with house.plant.owner() as connection:
        assert [(position, host) for position, host, _ in failing(connection)] == [("tank-farm/duty", "127.0.0.1")]
    officer.post(f"/duty/{roster}/calendar", url="")
    assert duty_now(house, roster)[1] is By.LAYER
    with house.plant.owner() as connection:
        actions = connection.execute(
            "SELECT action, old, new, reason FROM journal WHERE subject LIKE 'roster %' ORDER BY journal_id"
        ).fetchall()
    assert actions == [
        ("calendar_followed", None, {"calendar_of": "127.0.0.1"}, "人力系统"),
        ("calendar_left", {"calendar_of": "127.0.0.1"}, None, "duty"),
    ]


@pytest.mark.db
def test_a_private_address_is_not_fetched(timescale_house: House) -> None:
    """Nor one that a name leads to: the sentence stands on the page, and the server was asked nothing."""
    house = timescale_house
    roster = on_duty(house)
    officer = Person(house, OFFICER)
    with calendar_server() as (served, port):
        officer.post(f"/duty/{roster}/calendar", url=f"https://localhost:{port}/duty.ics")
        look(house, datetime.now(UTC), "127.0.0.1:1")
        assert served.asked == []
    page = officer.client.get("/duty").text
    assert "不能从该地址获取日历" in page
    assert "日历从未读取成功" in page


@pytest.mark.db
def test_what_a_server_calls_its_calendar_is_sent_back_only_where_it_can_be(timescale_house: House) -> None:
    """A validator of other signs than a header may have is none: the calendar is read all the same, the next time as well."""
    house = timescale_house
    roster, now = on_duty(house), datetime.now(UTC)
    with calendar_server() as (served, port):
        allow, url = f"127.0.0.1:{port}", f"http://127.0.0.1:{port}/duty.ics"
        Person(house, OFFICER).post(f"/duty/{roster}/calendar", url=url)
        for n in range(2):
            served.answer = 200, {"ETag": '"é"', "Last-Modified": "x" * 300}, shifts(house, "王五")
            assert look(house, now + n * EVERY, allow)
            assert "if-none-match" not in served.asked[-1]
            assert "if-modified-since" not in served.asked[-1]
            assert duty_now(house, roster) == (None, By.STRANGER)


@pytest.mark.db
def test_only_its_own_side_lets_it_follow(timescale_house: House) -> None:
    """What is no address gets a sentence and stays in the form."""
    house = timescale_house
    roster = on_duty(house)
    officer = Person(house, OFFICER)
    for url in (
        "ftp://calendar.example/x.ics",
        "ftp://calendar.example:443/x.ics",
        "calendar.example",
        "https://me:secret@calendar.example/x",
        "https://[::1",
    ):
        answer = officer.post(f"/duty/{roster}/calendar", url=url)
        assert answer.status_code == 409, url
        assert "日历地址的形式如" in answer.text
    assert officer.post(f"/duty/{roster}/calendar", url="").status_code == 409
    assert Person(house, STRANGER).post(f"/duty/{roster}/calendar", url="https://calendar.example/x").status_code == 404
    assert Person(house, UNDERWRITER).post(
        f"/duty/{roster}/calendar", url="https://calendar.example/x"
    ).status_code in (403, 404)


def test_in_the_clear_only_where_it_is_allowed() -> None:
    """A calendar on the company's own server may be asked without TLS, where the operator says so."""
    with pytest.raises(BadInput, match="https only"):
        check_url("http://calendar.example/x.ics", [])
    assert check_url("http://calendar.example/x.ics", ["calendar.example:80"]) == "calendar.example"


@pytest.mark.db
def test_a_calendar_that_was_replaced_while_it_was_read_says_nothing(timescale_house: House) -> None:
    """To fetch it took seconds, and meanwhile the position has come to follow another, or none: the old one puts nobody on duty."""
    house = timescale_house
    roster, now = on_duty(house), datetime.now(UTC)
    officer, somebody = Person(house, OFFICER), house.plant.a.people["integrator"]
    turn = CalendarTurn(now - timedelta(hours=1), now + timedelta(hours=1), somebody)
    token = house.plant.database.service_token()
    for another in ("https://calendar.example/new.ics", ""):
        assert (
            officer.post(f"/duty/{roster}/calendar", url="https://calendar.example/old.ics", reason="x").status_code
            == 303
        )
        with house.plant.database.connect("alerting") as connection, transaction(connection, token):
            followed = due(connection, now, EVERY)
            assert followed is not None
            assert officer.post(f"/duty/{roster}/calendar", url=another, reason="y").status_code == 303
            keep_turns(connection, followed, [turn], remarks=[], content=b"x", etag=None, last_modified=None, now=now)
            keep_problem(connection, followed, "HTTP 500", now)
            assert failing(connection) == []
        assert duty_now(house, roster)[1] is not By.CALENDAR
