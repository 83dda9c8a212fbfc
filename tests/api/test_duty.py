"""Duty on the pages and through the API: who is on duty, who takes over, how one wants to be told, and why one was told."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.api.conftest import House
from tests.api.test_findings import OFFICER, UNDERWRITER, Person
from tests.api.test_impairments import clock

pytestmark = pytest.mark.db

INTEGRATOR = "huaihai-petro-integrator"
STRANGER = "qinling-coal-officer"


def on_duty(house: House) -> int:
    """The officer and the integrator of the plant's company, a day each, on a route of the site."""
    with house.plant.owner() as connection:
        row = connection.execute(
            "INSERT INTO roster (company_id, site_id, key, name, name_zh, audience, time_zone) SELECT company_id, site_id, 'duty', 'Duty',"
            " '值班', 'client', 'Asia/Shanghai' FROM site WHERE site_id = %s RETURNING roster_id, company_id",
            (house.plant.a.site_id,),
        ).fetchone()
        assert row is not None
        roster, company = row
        connection.execute(
            "INSERT INTO roster_layer (roster_id, company_id, layer, key, begins_on, hand_over, turn_days) VALUES (%s, %s, 0, 'day', %s, '08:00', 1)",
            (roster, company, date(2026, 1, 1)),
        )
        connection.execute(
            "INSERT INTO roster_member (roster_id, company_id, layer, position, person_id)"
            " SELECT %s, %s, 0, row_number() OVER (ORDER BY person_id), person_id FROM person WHERE company_id = %s AND active",
            (roster, company, company),
        )
    return int(roster)


def test_the_page_says_who_is_on_duty_and_somebody_takes_over(house: House) -> None:
    """By plain forms: the page names who is on duty, the override shows, and is taken back; a wrong time gets a sentence."""
    roster = on_duty(house)
    officer = Person(house, OFFICER)
    first = officer.client.get("/duty")
    assert first.status_code == 200
    assert "现在值班" in first.text
    person = str(house.plant.a.people["officer"])
    wrong = officer.post(f"/duty/{roster}/take-over", person=person, begins="", until=clock(house, -3), reason="")
    assert wrong.status_code == 409
    assert "这段时间已经过去" in wrong.text
    officer.post(f"/duty/{roster}/take-over", person=person, begins="", until=clock(house, 3), reason="换班")
    shown = officer.client.get("/duty").text
    assert "换班" in shown
    said = officer.client.get("/api/v1/duty").json()["positions"][0]
    assert (said["turns"][0]["by"], said["turns"][0]["person"]) == ("override", int(person))
    assert len({turn["person"] for turn in said["turns"]}) >= 2
    with house.plant.owner() as connection:
        override = connection.execute("SELECT override_id FROM roster_override").fetchone()
    assert override is not None
    officer.post(f"/duty/{roster}/overrides/{override[0]}/withdraw")
    assert officer.client.get("/api/v1/duty").json()["positions"][0]["turns"][0]["by"] == "layer"


def test_a_note_waits_for_the_next_shift(house: House) -> None:
    """It stands on the page, with who wrote it."""
    roster = on_duty(house)
    officer = Person(house, OFFICER)
    at = (house.plant.began + timedelta(hours=6)).isoformat()
    officer.post(f"/duty/{roster}/notes", hand_over=at, body="3号泵有渗漏")
    assert "3号泵有渗漏" in Person(house, INTEGRATOR).client.get("/duty").text


def test_the_room_is_the_clients(house: House) -> None:
    """Another company sees none of it and changes nothing; the insurer's people see their own desk and nothing of the client's."""
    roster = on_duty(house)
    stranger = Person(house, STRANGER)
    assert stranger.client.get("/api/v1/duty").json() == {"positions": []}
    assert stranger.post(f"/duty/{roster}/take-over", person="1", until=clock(house, 3)).status_code == 404
    underwriter = Person(house, UNDERWRITER)
    assert underwriter.client.get("/api/v1/duty").json() == {"positions": []}
    assert underwriter.post(f"/duty/{roster}/take-over", person="1", until=clock(house, 3)).status_code == 404


def test_wishes_are_kept_and_wrong_ones_get_a_sentence(house: House) -> None:
    """Also of the insurer's people: what was typed stays in the form."""
    for login in (OFFICER, UNDERWRITER):
        person = Person(house, login)
        assert person.client.get("/preferences").status_code == 200
        right = {
            "language": "zh",
            "time_zone": "Asia/Shanghai",
            "quiet_from": "22:00",
            "quiet_until": "07:00",
            "in_quiet": "defer",
        }
        assert person.post("/preferences", **right).status_code in (200, 303)
        again = person.client.get("/preferences").text
        assert 'value="22:00"' in again
        wrong = person.post("/preferences", **{**right, "time_zone": "Asia/Shangai"})
        assert wrong.status_code == 409
        assert "Asia/Shangai" in wrong.text
        half = person.post("/preferences", **{**right, "quiet_until": ""})
        assert half.status_code == 409


def test_the_insurers_desk_is_its_own_peoples(house: House) -> None:
    """One of them takes over and takes that back, in the journal; the client reads that somebody at the insurer does, and changes nothing."""
    client, desk = on_duty(house), on_duty_at_the_desk(house)
    underwriter, officer = Person(house, UNDERWRITER), Person(house, OFFICER)
    person = str(house.plant.insurer["underwriter"])
    shown = underwriter.client.get("/duty").text
    assert f"/duty/{desk}/take-over" in shown
    assert f"/duty/{client}/" not in shown
    assert (
        underwriter.post(
            f"/duty/{desk}/take-over", person=person, begins="", until=clock(house, 3), reason="顶班"
        ).status_code
        == 303
    )
    said = underwriter.client.get("/api/v1/duty").json()["positions"]
    assert [(each["roster"], each["turns"][0]["by"], each["turns"][0]["person"]) for each in said] == [
        (desk, "override", int(person))
    ]
    of_officer = next(each for each in officer.client.get("/api/v1/duty").json()["positions"] if each["roster"] == desk)
    assert of_officer["turns"][0]["name"] is None
    assert f"/duty/{desk}/take-over" not in officer.client.get("/duty").text
    assert officer.post(f"/duty/{desk}/take-over", person=person, begins="", until=clock(house, 3)).status_code == 409
    assert (
        underwriter.post(f"/duty/{desk}/notes", hand_over=house.plant.began.isoformat(), body="注意罐区").status_code
        == 303
    )
    assert "注意罐区" not in officer.client.get("/duty").text
    with house.plant.owner() as connection:
        override = connection.execute("SELECT override_id FROM roster_override").fetchone()
        journalled = connection.execute("SELECT action, actor FROM journal WHERE subject LIKE 'roster %'").fetchall()
    assert override is not None
    assert journalled == [("taken_over", "underwriter")]
    assert underwriter.post(f"/duty/{desk}/overrides/{override[0]}/withdraw").status_code == 303
    assert underwriter.client.get(f"/duty/{desk}/rotation").status_code == 404


def on_duty_at_the_desk(house: House) -> int:
    """A desk of the insurer for the plant's site, with the risk engineer on duty."""
    with house.plant.owner() as connection:
        row = connection.execute(
            "INSERT INTO roster (company_id, site_id, key, name, name_zh, audience, time_zone) SELECT company_id, site_id, 'desk', 'Desk',"
            " '值班台', 'insurer', 'Asia/Shanghai' FROM site WHERE site_id = %s RETURNING roster_id, company_id",
            (house.plant.a.site_id,),
        ).fetchone()
        assert row is not None
        connection.execute(
            "INSERT INTO roster_layer (roster_id, company_id, layer, key, begins_on, hand_over, turn_days) VALUES (%s, %s, 0, 'day', %s, '08:00', 7)",
            (*row, date(2026, 1, 1)),
        )
        connection.execute(
            "INSERT INTO roster_member (roster_id, company_id, layer, position, person_id) VALUES (%s, %s, 0, 1, %s)",
            (*row, house.plant.insurer["risk"]),
        )
    return int(row[0])
