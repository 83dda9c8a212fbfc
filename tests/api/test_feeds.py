"""Calendars of duty: addresses that people make and take back, and the calendar that is read there."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from icalendar import Calendar

from api.cookies import feed_token
from tests.api.conftest import COOKIE_KEY, House
from tests.api.test_duty import INTEGRATOR, STRANGER, on_duty
from tests.api.test_findings import OFFICER, UNDERWRITER, Person
from tests.api.test_impairments import clock

pytestmark = pytest.mark.db

ADDRESS = re.compile(r"<code>(http[^<]+)</code>")


def addresses(person: Person) -> list[str]:
    """Those on their page, the newest first."""
    return ADDRESS.findall(person.client.get("/feeds").text)


def made(house: House, login: str, what: str) -> str:
    """The address of a new feed."""
    person = Person(house, login)
    assert person.post("/feeds", what=what).status_code == 303
    return addresses(person)[0]


def events(answer: httpx.Response) -> list[dict[str, object]]:
    """The events of a calendar, read by a library that calendar programs use."""
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/calendar")
    read = Calendar.from_ical(answer.content)
    return [dict(each) for each in read.walk("VEVENT")]


def test_a_calendar_program_reads_a_roster_without_logging_in(house: House) -> None:
    """Each shift is an event with a stable id, in UTC, in the language of who made the address; the ends meet."""
    roster = on_duty(house)
    address = made(house, OFFICER, f"roster:{roster}")
    answer = httpx.get(address)
    found = sorted(events(answer), key=lambda each: each["DTSTART"].dt)  # type: ignore[attr-defined]
    assert len(found) > 90
    assert {str(each["SUMMARY"]).split(" · ")[1] for each in found} == {"值班"}
    assert len({str(each["UID"]) for each in found}) == len(found)
    begins = [each["DTSTART"].dt for each in found]  # type: ignore[attr-defined]
    ends = [each["DTEND"].dt for each in found]  # type: ignore[attr-defined]
    assert begins[1:] == ends[:-1]
    assert {at.utcoffset() for at in begins} == {timedelta(0)}
    assert begins[5].hour == 0  # 08:00 in Shanghai
    again = httpx.get(address, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert {str(each["UID"]) for each in events(httpx.get(address))} == {str(each["UID"]) for each in found}


def test_who_takes_over_and_the_note_stand_in_it(house: House) -> None:
    """An override changes the shift, and what one shift leaves to the next is read with it; why somebody takes over is not."""
    roster = on_duty(house)
    officer = Person(house, OFFICER)
    address = made(house, OFFICER, f"roster:{roster}")
    person = str(house.plant.a.people["officer"])
    officer.post(f"/duty/{roster}/take-over", person=person, begins="", until=clock(house, 3), reason="家里有病人")
    officer.post(
        f"/duty/{roster}/notes",
        hand_over=(datetime.now(UTC) + timedelta(minutes=5)).isoformat(),
        body="3号泵；有\n渗漏, 注意",
    )
    answer = httpx.get(address)
    told = [str(each["DESCRIPTION"]) for each in events(answer)]
    assert [text for text in told if "3号泵；有\n渗漏, 注意" in text]
    assert "家里有病人" not in "".join(told)
    assert any("替班" in text for text in told)
    assert max(len(line) for line in answer.content.split(b"\r\n")) <= 75  # octets, RFC 5545 3.1


def test_ones_own_duty_is_a_calendar_of_its_own(house: House) -> None:
    """It has one's own shifts alone."""
    on_duty(house)
    mine, all_of_it = made(house, OFFICER, "own"), made(house, INTEGRATOR, "own")
    first, second = events(httpx.get(mine)), events(httpx.get(all_of_it))
    assert len(first) > 40
    assert not {str(each["UID"]) for each in first} & {str(each["UID"]) for each in second}


def test_nobody_on_duty_is_said_in_the_calendar(house: House) -> None:
    """A hole is an event too: who looks at the calendar sees it."""
    roster = on_duty(house)
    with house.plant.owner() as connection:
        connection.execute(
            "UPDATE roster_layer SET hours_from = '08:00', hours_until = '20:00' WHERE roster_id = %s", (roster,)
        )
    found = events(httpx.get(made(house, OFFICER, f"roster:{roster}")))
    nobody = [each for each in found if str(each["SUMMARY"]).startswith("无人值班")]
    assert len(nobody) > 90
    assert {str(each["STATUS"]) for each in nobody} == {"TENTATIVE"}


def test_what_is_revoked_is_gone(house: House) -> None:
    """Also for who has left, or was guessed, or is of another kind; nobody learns which."""
    roster = on_duty(house)
    address = made(house, OFFICER, f"roster:{roster}")
    officer = Person(house, OFFICER)
    with house.plant.owner() as connection:
        row = connection.execute("SELECT feed_id, read_at FROM feed").fetchone()
    assert row is not None
    assert row[1] is None
    assert httpx.get(address).status_code == 200
    stranger = Person(house, STRANGER)
    assert stranger.post(f"/feeds/{row[0]}/revoke").status_code == 303
    assert httpx.get(address).status_code == 200  # another's address is not theirs to revoke
    forged = address.replace(address[-10:-4], "000000")
    wrong_kind = address.replace("/calendar/", "/cap/").replace(".ics", "/alerts.atom")
    token = feed_token(row[0], house.plant.a.people["integrator"], COOKIE_KEY)
    others = f"{address.split('/calendar/')[0]}/calendar/{token}.ics"
    assert [httpx.get(each).status_code for each in (forged, wrong_kind, others)] == [404, 404, 404]
    officer.post(f"/feeds/{row[0]}/revoke")
    assert httpx.get(address).status_code == 404
    assert addresses(officer) == []
    address = made(house, OFFICER, "own")
    with house.plant.owner() as connection:
        connection.execute("UPDATE person SET active = false WHERE person_id = %s", (house.plant.a.people["officer"],))
    assert httpx.get(address).status_code == 404


def test_nobody_makes_an_address_of_what_is_not_theirs(house: House) -> None:
    """A sentence, and no row; the insurer's people have their own duty and nothing of the client's."""
    roster = on_duty(house)
    for login, what in (
        (STRANGER, f"roster:{roster}"),
        (STRANGER, f"site:{house.plant.a.site_id}"),
        (UNDERWRITER, f"roster:{roster}"),
        (UNDERWRITER, f"company:{house.plant.a.company_id}"),
        (OFFICER, ""),
        (OFFICER, "roster:x"),
        (OFFICER, "roster:99999999999999"),
    ):
        answer = Person(house, login).post("/feeds", what=what)
        assert answer.status_code == 409, what
    with house.plant.owner() as connection:
        assert connection.execute("SELECT count(*) FROM feed").fetchone() == (0,)
    assert len(addresses(Person(house, UNDERWRITER))) == 0
    assert events(httpx.get(made(house, UNDERWRITER, "own"))) == []


def test_addresses_have_an_end(house: House) -> None:
    """One person has thirty at most."""
    officer = Person(house, OFFICER)
    answers = [officer.post("/feeds", what="own").status_code for _ in range(31)]
    assert answers == [303] * 30 + [409]


def test_an_address_is_in_no_log_and_no_search_engine(
    timescale_house: House, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is a secret as a message's link is one: also where the database refuses, the log has its beginning alone."""
    address = made(timescale_house, OFFICER, "own")
    token = address.split("/calendar/")[1]
    answer = httpx.get(address)
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"
    assert answer.headers["referrer-policy"] == "no-referrer"
    with timescale_house.plant.owner() as connection:
        connection.execute("REVOKE SELECT ON feed FROM davy_web")
    with caplog.at_level("DEBUG"):
        assert httpx.get(address).status_code == 500
        assert httpx.get(address.replace("/calendar/", "/cap/").replace(".ics", "/alerts.atom")).status_code == 500
    ours = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore", "uvicorn.access"))]
    said = [*capsys.readouterr().out.splitlines(), *(record.getMessage() for record in ours)]
    assert any("database_refused" in each and "/calendar/…" in each for each in said)
    assert any("database_refused" in each and "/cap/…" in each for each in said)
    assert not [each for each in said if token[:-4] in each]
