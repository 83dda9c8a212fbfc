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


def called_for_life(house: House, roster: int) -> None:
    """Life safety calls the position by telephone, and nothing leads to the integrator."""
    with house.plant.owner() as connection:
        connection.execute(
            "WITH made AS (INSERT INTO route (company_id, site_id, key, audience, priorities) SELECT company_id, site_id, 'of-duty', 'client',"
            " '{life-safety}' FROM roster WHERE roster_id = %(roster)s RETURNING route_id, company_id) INSERT INTO route_step (route_id,"
            " company_id, position, after_s, roster_id, channel) SELECT route_id, company_id, 0, 0, %(roster)s, 'voice' FROM made",
            {"roster": roster},
        )
        connection.execute("DELETE FROM channel_address WHERE person_id = %s", (house.plant.a.people["integrator"],))


def put_on_duty(house: House, roster: int) -> None:
    """The calendar of the position puts the integrator on duty for a day, the day after tomorrow."""
    with house.plant.owner() as connection:
        connection.execute(
            "INSERT INTO roster_calendar (roster_id, company_id, url, host, set_by, set_at)"
            " SELECT roster_id, company_id, 'https://c.invalid/d.ics', 'c.invalid', %s, now() FROM roster WHERE roster_id = %s"
            " ON CONFLICT DO NOTHING",
            (house.plant.a.people["officer"], roster),
        )
        connection.execute(
            "INSERT INTO roster_turn (roster_id, company_id, number, begins_at, ends_at, person_id)"
            " SELECT roster_id, company_id, 0, %(from)s, %(from)s + interval '1 day', %(who)s FROM roster WHERE roster_id = %(roster)s",
            {
                "from": house.plant.began + timedelta(days=2),
                "who": house.plant.a.people["integrator"],
                "roster": roster,
            },
        )


def test_the_page_says_that_life_safety_does_not_reach_who_takes_over(house: House) -> None:
    """In the reader's language, with what was typed; with a reason it goes where there is another way."""
    roster, people = on_duty(house), house.plant.a.people
    called_for_life(house, roster)
    officer = Person(house, OFFICER)

    def says(reason: str, language: str) -> str:
        officer.client.cookies.set("davy_language", language)
        taken = officer.post(
            f"/duty/{roster}/take-over",
            person=str(people["integrator"]),
            begins="",
            until=clock(house, 3),
            reason=reason,
        )
        return taken.text if taken.status_code == 409 else ""

    assert "而人身安全报警通过它呼叫该值班岗位，也没有其他可用的地址" in says("顶班", "zh")
    with house.plant.owner() as connection:
        connection.execute(
            "INSERT INTO channel_address (person_id, company_id, channel, address) SELECT person_id, company_id, 'smtp', 'i@example.com'"
            " FROM person WHERE person_id = %s",
            (people["integrator"],),
        )
    said = says("", "en")
    assert "by which life safety calls this duty position; it would go over E-mail instead." in said
    assert "届时将改由电子邮件通知" in says("", "zh")
    assert says("the officer is ill", "en") == ""


def test_the_page_tells_of_a_calendars_turn_that_life_safety_does_not_reach(house: House) -> None:
    """Before it begins, in both languages: where it goes another way, and where there is none."""
    roster, people = on_duty(house), house.plant.a.people
    called_for_life(house, roster)
    put_on_duty(house, roster)
    officer = Person(house, OFFICER)

    def says(language: str) -> str:
        officer.client.cookies.set("davy_language", language)
        return officer.client.get("/duty").text

    assert "and no address leads to them: life safety would not reach them." in says("en")
    assert "没有任何可用地址" in says("zh")
    with house.plant.owner() as connection:
        connection.execute(
            "INSERT INTO channel_address (person_id, company_id, channel, address) SELECT person_id, company_id, 'smtp', 'i@example.com'"
            " FROM person WHERE person_id = %s",
            (people["integrator"],),
        )
    assert (
        "who has no address for Telephone call, by which life safety calls this position. It would go over E-mail instead."
        in says("en")
    )
    assert "届时将改由电子邮件通知" in says("zh")
