"""What is sent twice is made once: forms and calls, one after the other and at once, on real databases."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from api.forgetting import KEPT_FOR, forget
from core.db import transaction
from core.principal import Principal, sign
from tests.api.conftest import House
from tests.api.test_findings import INTEGRATOR, OFFICER, UNDERWRITER, Person, place, reported
from tests.api.test_impairments import stated
from tests.risk.conftest import picture

pytestmark = pytest.mark.db


def key_on(page: str) -> str:
    """What the forms of a page carry: one key for all of them."""
    (found,) = set(re.findall(r'name="once" value="([^"]+)"', page))
    return str(found)


def count(house: House, table: str) -> int:
    queries = {
        "finding": "SELECT count(*) FROM finding",
        "impairment": "SELECT count(*) FROM impairment",
        "photo": "SELECT count(*) FROM finding_photo",
        "note": "SELECT count(*) FROM finding_event WHERE event = 'noted'",
        "comment": "SELECT count(*) FROM occurrence_comment",
        "journal": "SELECT count(*) FROM journal WHERE action = 'impairment_begun'",
    }
    with house.plant.owner() as connection:
        row = connection.execute(queries[table]).fetchone()
    assert row is not None
    return int(row[0])


def at_once(send: Callable[[], httpx.Response], times: int = 4) -> list[httpx.Response]:
    """The same from several threads that start together."""
    answers: list[httpx.Response] = []
    ready = threading.Barrier(times)

    def one() -> None:
        ready.wait()
        answers.append(send())

    threads = [threading.Thread(target=one) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_a_form_sent_twice_makes_one_thing(house: House) -> None:
    """Impairment, finding, note, photo and comment: the second send lands where the first did, and nothing is there twice."""
    officer = Person(house, OFFICER)
    get = officer.client.get
    sent = stated(house, once=key_on(get("/impairments/new").text))
    first, again = officer.post("/impairments", **sent), officer.post("/impairments", **sent)
    assert first.status_code == again.status_code == 303
    assert first.headers["location"] == again.headers["location"]
    assert (count(house, "impairment"), count(house, "journal")) == (1, 1)

    fields = {"title": "漏油", "place": place(house), "grade": "general", "once": key_on(get("/findings/new").text)}
    found = {officer.post("/findings", **fields).headers["location"] for _ in range(3)}
    assert (len(found), count(house, "finding")) == (1, 1)
    (path,) = found
    key = key_on(get(path).text)
    assert [officer.post(f"{path}/note", note="已联系厂家", once=key).status_code for _ in range(2)] == [303, 303]
    photo = picture(40, 30)
    assert [officer.send(f"{path}/photos", photo, once=key).status_code for _ in range(2)] == [303, 303]
    assert (count(house, "note"), count(house, "photo")) == (1, 1)

    occurrence = house.plant.happen(house.plant.a, "lel-pump.lel-2", house.plant.began)
    key = key_on(get(f"/occurrences/{occurrence}").text)
    for _ in range(2):
        assert officer.post(f"/occurrences/{occurrence}/comment", body="到场", once=key).status_code == 303
    assert count(house, "comment") == 1
    opened = {officer.post(f"/occurrences/{occurrence}/finding", once=key).headers["location"] for _ in range(2)}
    assert (len(opened), count(house, "finding")) == (1, 2)


@pytest.mark.parametrize("by", ["form", "call"])
def test_two_at_once_make_one(house: House, by: str) -> None:
    """A double tap reaches two workers together: one makes it, the other waits and is answered with it."""
    officer = Person(house, OFFICER)
    if by == "form":
        sent = stated(house, once=key_on(officer.client.get("/impairments/new").text))
        answers = at_once(lambda: officer.post("/impairments", **sent))
        assert {answer.status_code for answer in answers} == {303}
        assert len({answer.headers["location"] for answer in answers}) == 1
    else:
        body = outage(house)
        answers = at_once(lambda: call(officer, "/impairments", "k-1", body))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["impairment_id"] for answer in answers}) == 1
    assert (count(house, "impairment"), count(house, "journal")) == (1, 1)


def test_what_is_filled_in_anew_is_another_thing(timescale_house: House) -> None:
    """Back, another valve, sent: two valves are out. And who has no key says each time a thing of its own."""
    house = timescale_house
    officer = Person(house, OFFICER)
    key = key_on(officer.client.get("/impairments/new").text)
    for what in ("1号阀", "2号阀", "1号阀"):
        assert officer.post("/impairments", **stated(house, what=what, once=key)).status_code == 303
    assert count(house, "impairment") == 2
    for _ in range(2):
        officer.post("/impairments", **stated(house))
    assert count(house, "impairment") == 4


def test_what_was_refused_is_not_kept(timescale_house: House) -> None:
    """A form that was refused made nothing: corrected or sent again as it was, it is looked at anew."""
    house = timescale_house
    officer = Person(house, OFFICER)
    key = key_on(officer.client.get("/impairments/new").text)
    wrong = stated(house, interim_measures="", once=key)
    assert [officer.post("/impairments", **wrong).status_code for _ in range(2)] == [409, 409]
    assert officer.post("/impairments", **stated(house, once=key)).status_code == 303
    assert count(house, "impairment") == 1


def test_a_key_is_its_person_s(timescale_house: House) -> None:
    """Two people who send the same under the same key have said two things; neither is shown the other's."""
    house = timescale_house
    occurrence = house.plant.happen(house.plant.a, "lel-pump.lel-2", house.plant.began)
    for login in (OFFICER, INTEGRATOR, UNDERWRITER):
        answer = Person(house, login).post(f"/occurrences/{occurrence}/comment", body="看过", once="the same")
        assert answer.status_code == 303, login
    assert count(house, "comment") == 3


def test_a_program_gives_each_thing_a_key(timescale_house: House) -> None:
    """Idempotency-Key: sent again, the answer is that of the first; used for another thing, it is a mistake, said in words."""
    house = timescale_house
    officer = Person(house, OFFICER)
    first = call(officer, "/impairments", "valve-3 / 7", outage(house))
    again = call(officer, "/impairments", "valve-3 / 7", outage(house))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    other = call(officer, "/impairments", "valve-3 / 7", {**outage(house), "what": "V4"})
    assert other.status_code == 422
    assert "Idempotency-Key 已用于其他内容" in other.json()["error"]
    assert count(house, "impairment") == 1
    finding = {"site_id": house.plant.a.site_id, "title": "漏油", "grade": "general"}
    assert len({call(officer, "/findings", "f", finding).json()["finding_id"] for _ in range(2)}) == 1
    path = reported(house, officer)
    for _ in range(2):
        call(officer, f"{path}/notes", "n", {"note": "x"})
        officer.client.post(
            f"/api/v1{path}/photos",
            data={"shows": "before"},
            files={"photo": ("x", picture(40, 30))},
            headers={"X-Form-Token": officer.token, "Idempotency-Key": "p"},
        )
    assert (count(house, "note"), count(house, "photo")) == (1, 2 - 1)
    long = call(officer, "/findings", "k" * 129, finding)
    assert long.status_code == 422
    assert long.json()["errors"] == [{"field": "Idempotency-Key", "problem": "最多 128 个字符"}]


def test_keys_are_forgotten_after_a_day_and_are_nobody_else_s(house: House) -> None:
    """The duty deletes what nobody sends again; a person sees and writes no other's keys, the operator's own people neither."""
    officer = Person(house, OFFICER)
    officer.post("/impairments", **stated(house, once="kept"))
    plant, now = house.plant, house.plant.began
    with plant.owner() as connection:
        connection.execute(
            "INSERT INTO web_once SELECT person_id, 'old', content, made, at - interval '25 h' FROM web_once"
        )
    admin = Principal(role="admin", person_id=plant.insurer["operator"], everything=True)
    operator = sign(admin, plant.database.key, datetime.now(UTC).timestamp() + 60)
    for token in (
        operator,
        plant.database.person_token(plant.b.people["officer"], "safety_officer", plant.b.company_id),
    ):
        with plant.database.connect("web") as connection, transaction(connection, token):
            assert connection.execute("SELECT count(*) FROM web_once").fetchone() == (0,)
    with plant.database.connect("alerting") as connection, transaction(connection, plant.database.service_token()):
        assert forget(connection, now + timedelta(minutes=1)) == 1
        assert connection.execute("SELECT key FROM web_once").fetchall() == [("kept",)]
        assert forget(connection, now + KEPT_FOR + timedelta(hours=1)) == 1


def outage(house: House) -> dict[str, Any]:
    return {
        "kind": "sprinkler_valve", "what": "V3", "site_id": house.plant.a.site_id, "reason": "seat", "interim_measures": "watch",
        "expected_until": (house.plant.began + timedelta(hours=2)).isoformat(),
    }  # fmt: skip


def call(person: Person, path: str, key: str, body: dict[str, Any]) -> httpx.Response:
    headers = {"X-Form-Token": person.token, "Idempotency-Key": key}
    return person.client.post(f"/api/v1{path}", json=body, headers=headers)
