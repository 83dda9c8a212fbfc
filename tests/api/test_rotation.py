"""A rotation on the page: looked at before it is kept, checked as a site file is, with a journal and nobody overtaken."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from alerting.store.roster_file import read_rosters
from tests.api.conftest import House
from tests.api.test_duty import STRANGER, on_duty
from tests.api.test_findings import OFFICER, UNDERWRITER, Person

pytestmark = pytest.mark.db

A, B = "huaihai-petro-officer", "huaihai-petro-integrator"


def fields(person: Person, roster: int, **more: Any) -> dict[str, Any]:
    """The form as it is shown, with what somebody types."""
    page = person.client.get(f"/duty/{roster}/rotation").text
    was = re.search(r'name="was" value="(\w+)"', page)
    assert was is not None
    first = {
        "0.key": "day", "0.people": [B, A, ""], "0.begins_on": "2026-01-01", "0.hand_over": "08:00", "0.turn_days": "7", "0.from": "",
        "0.until": "", "time_zone": "Asia/Shanghai", "holidays": "", "reason": "换人", "was": was[1],
    }  # fmt: skip
    return {**first, **more}


def send(person: Person, roster: int, button: str, **more: Any) -> httpx.Response:
    """The form with one of its buttons."""
    return person.post(f"/duty/{roster}/rotation", **fields(person, roster, **more), **{button: "1"})


def tells(house: House, roster: int, *steps: tuple[int, str]) -> None:
    """A route of the site for what is high, whose steps (after so many seconds, over this channel) tell a duty position."""
    with house.plant.owner() as connection:
        row = connection.execute(
            "INSERT INTO route (company_id, site_id, key, audience, priorities) SELECT company_id, site_id, 'r', 'client', '{high}'"
            " FROM site WHERE site_id = %s RETURNING route_id, company_id",
            (house.plant.a.site_id,),
        ).fetchone()
        assert row is not None
        for position, (after_s, channel) in enumerate(steps):
            connection.execute(
                "INSERT INTO route_step (route_id, company_id, position, after_s, roster_id, channel) VALUES (%s, %s, %s, %s, %s, %s)",
                (*row, position, after_s, roster, channel),
            )


def test_it_is_looked_at_and_then_kept(timescale_house: House) -> None:
    """The preview keeps nothing; what is kept is in the journal with the old value and why, and in the site file."""
    house = timescale_house
    roster = on_duty(house)
    officer = Person(house, OFFICER)
    shown = send(officer, roster, "look")
    assert shown.status_code == 200
    assert "尚未保存" in shown.text
    with house.plant.owner() as connection:
        assert read_rosters(connection)[0].layers[0].people == (A, B)
    kept = send(officer, roster, "keep", holidays="2026-10-01\n2027-01-01")
    assert kept.status_code == 303, kept.text
    with house.plant.owner() as connection:
        (row,) = read_rosters(connection)
        entry = connection.execute(
            "SELECT old, new, reason, person_id FROM journal WHERE action = 'roster_edited'"
        ).fetchall()
    assert row.layers[0].people == (B, A)
    assert (row.layers[0].turn_days, len(row.holidays)) == (7, 2)
    ((old, new, reason, by),) = entry
    assert set(old) == set(new) == {"layers", "holidays"}
    assert (reason, by) == ("换人", house.plant.a.people["officer"])
    assert old["layers"] != new["layers"]
    turns = officer.client.get("/api/v1/duty").json()["positions"][0]["turns"]
    assert len(turns) == 3  # a week each


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"0.people": [""]}, "没有人员"),
        ({"0.people": ["qinling-coal-officer"]}, "不存在"),
        ({"0.turn_days": "0"}, "每轮天数为 0"),
        ({"0.turn_days": "x"}, "不是数字"),
        ({"0.begins_on": ""}, "首次交接日未填写"),
        ({"0.begins_on": "2026-02-30"}, "首次交接日"),
        ({"0.hand_over": "25:00"}, "交接时刻"),
        ({"0.from": "08:00"}, "终止时刻未填写"),
        ({"0.from": "08:00", "0.until": "20:00"}, "个时段无人值班"),
        ({"0.begins_on": "2027-01-01"}, "个时段无人值班"),
        ({"time_zone": "Mars/Olympus"}, "没有时区"),
        ({"holidays": "next week"}, "节假日"),
        ({"0.key": "a b"}, "轮班名称"),
        ({"0.key": "", "0.people": [""]}, "现有 0 个轮班"),
        ({"reason": " "}, "请说明修改轮班的原因"),
        ({"was": "0"}, "请重新查看"),
    ],
)
def test_what_is_wrong_gets_a_sentence(timescale_house: House, typed: dict[str, Any], said: str) -> None:
    """In the reader's language; what was typed stays, and nothing is kept."""
    house = timescale_house
    roster = on_duty(house)
    officer = Person(house, OFFICER)
    answer = send(officer, roster, "keep", **typed)
    assert answer.status_code == 409
    assert said in answer.text, re.findall(r'role="alert"[^>]*>([^<]+)', answer.text)
    with house.plant.owner() as connection:
        assert read_rosters(connection)[0].layers[0].people == (A, B)


def test_a_hole_can_be_meant_and_the_same_is_no_change(timescale_house: House) -> None:
    """Then it is kept; sent again it is no change."""
    house = timescale_house
    roster = on_duty(house)
    officer = Person(house, OFFICER)
    meant = {"0.from": "08:00", "0.until": "20:00", "may_be_empty": "1"}
    assert send(officer, roster, "keep", **meant).status_code == 303
    assert send(officer, roster, "keep", **meant).status_code == 409


def test_who_cannot_be_reached_is_not_put_on_duty(timescale_house: House) -> None:
    """A route that tells the position over a channel needs an address of everybody in it."""
    house = timescale_house
    roster = on_duty(house)
    tells(house, roster, (0, "sms"))
    answer = send(Person(house, OFFICER), roster, "keep")
    assert answer.status_code == 409
    assert "没有短信的地址" in answer.text


def test_the_rotation_is_its_own_sides(timescale_house: House) -> None:
    """Another company and the insurer's people find nothing."""
    house = timescale_house
    roster = on_duty(house)
    stranger = Person(house, STRANGER)
    assert stranger.client.get(f"/duty/{roster}/rotation").status_code == 404
    assert stranger.post(f"/duty/{roster}/rotation", keep="1").status_code == 404
    assert Person(house, UNDERWRITER).client.get(f"/duty/{roster}/rotation").status_code == 404


def test_who_would_be_called_is_asked_beforehand(timescale_house: House) -> None:
    """By priority, at an hour of one's choice; a priority that no route carries says that nobody would be called."""
    house = timescale_house
    roster = on_duty(house)
    tells(house, roster, (0, "preferred"), (300, "sms"))
    officer = Person(house, OFFICER)
    shown = officer.client.get("/duty/calls", params={"at": "2026-12-01T03:00"}).text
    assert shown.count("不会通知任何人") == 3
    assert "短信" in shown
    assert "5 分后" in shown
    assert officer.client.get("/duty/calls", params={"at": "soon"}).status_code == 409
    assert officer.client.get("/duty/calls", params={"site": str(house.plant.b.site_id)}).status_code == 404
    assert Person(house, UNDERWRITER).client.get("/duty/calls").status_code == 403
