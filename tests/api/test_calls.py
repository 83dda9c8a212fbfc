"""Pressing a key during a call: signed by the gateway, it acknowledges that call's alarm in the name of who was called."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import httpx
import pytest

from alerting.channels.twilio import signature
from tests.api.conftest import House, app_of, served

pytestmark = pytest.mark.db

TOKEN, PUBLIC = "0123456789abcdef0123456789abcdef", "https://davy.example"


def key_of(house: House, who: str, onset: datetime | None = None) -> str:
    """The key of the call to that person about the newest alarm."""
    with house.plant.owner() as connection:
        row = connection.execute(
            "SELECT definition_id, sensor_id, onset FROM alarm WHERE onset IS NOT NULL ORDER BY onset DESC LIMIT 1"
        ).fetchone()
    assert row is not None
    at = onset or row[2]
    onset_us = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return f"{row[0]}-{row[1]}-{onset_us}-0-{house.plant.a.people[who]}-voice"


def press(url: str, key: str, digits: str = "1", token: str = TOKEN, **more: str) -> httpx.Response:
    form = {"CallSid": "CA1", "Digits": digits, "From": "+15005550006", "To": "+8613800000000", **more}
    signed = signature(token, f"{PUBLIC}/api/v1/calls/{key}", form)
    return httpx.post(f"{url}/api/v1/calls/{key}", data=form, headers={"x-twilio-signature": signed}, timeout=30)


def state(house: House) -> tuple[str, int | None]:
    with house.plant.owner() as connection:
        row = connection.execute(
            "SELECT to_state::text, person_id FROM transition ORDER BY transition_id DESC LIMIT 1"
        ).fetchone()
    assert row is not None
    return str(row[0]), row[1]


def said(answer: httpx.Response) -> str:
    assert answer.headers["content-type"].startswith("application/xml")
    return ElementTree.fromstring(answer.text).findtext("Say") or ""


def test_a_pressed_key_acknowledges_and_nothing_else_does(house: House) -> None:
    """Unsigned, signed by another, another key, another onset, who may not act: nothing. Then 1 does, once."""
    house.plant.happen(house.plant.a, "lel-pump.lel-2", house.plant.began - timedelta(minutes=4))
    with served(app_of(house.plant.database, public_url=PUBLIC, call_token=TOKEN)) as url:
        key = key_of(house, "officer")
        assert press(url, key, token="f" * 32).status_code == 403
        assert httpx.post(f"{url}/api/v1/calls/{key}", data={"Digits": "1"}, timeout=30).status_code == 403
        assert httpx.get(f"{url}/api/v1/calls/{key}?Digits=1").status_code == 405
        assert press(url, "finding-5").status_code == 404
        assert "该按键不能确认报警" in said(press(url, key, "2"))
        for other in (key_of(house, "officer", house.plant.began - timedelta(days=1)), key_of(house, "integrator")):
            assert "未执行任何操作" in said(press(url, other))
        assert state(house) == ("B", None)
        assert "已确认" in said(press(url, key))
        assert state(house) == ("C", house.plant.a.people["officer"])
        with house.plant.owner() as connection:
            way = connection.execute(
                "SELECT reason, occurrence_id FROM transition ORDER BY transition_id DESC LIMIT 1"
            ).fetchone()
        assert way is not None
        assert way[0] == "by key 1 during the call"
        assert "在语音电话中按 1 确认" in house.visitor("huaihai-petro-officer").get(f"/occurrences/{way[1]}").text
        assert "未执行任何操作" in said(press(url, key))


def test_without_a_gateway_nobody_acknowledges_by_telephone(house: House) -> None:
    """No token in the settings, or no address of one's own: every call is refused."""
    house.plant.happen(house.plant.a, "lel-pump.lel-2", house.plant.began - timedelta(minutes=4))
    key = key_of(house, "officer")
    assert press(house.url, key).status_code == 403
