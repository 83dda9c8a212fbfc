"""Routes on pages: seen with whom they would call, changed with a reason, by two people where life safety is heard of later."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

import httpx
import psycopg
import pytest

from alerting.store.configuration import read_routes
from core.db import transaction
from core.portfolio import RouteRow
from tests.api.conftest import House
from tests.api.test_findings import OFFICER, UNDERWRITER, Person

pytestmark = pytest.mark.db

INTEGRATOR, STRANGER = "huaihai-petro-integrator", "qinling-coal-officer"
A, B = f"person:{OFFICER}", f"person:{INTEGRATOR}"


def routed(house: House, key: str = "alarms", priorities: str = "{life-safety,high}") -> int:
    """A route of company A: its officer at once by mail, its integrator after two minutes by text message. Gives its number."""
    people = house.plant.a.people
    with house.plant.owner() as owner:
        owner.execute(
            "INSERT INTO channel_address (person_id, company_id, channel, address) SELECT p, %s, c, c || '@example.invalid'"
            " FROM unnest(%s::int[]) p, unnest('{smtp,sms}'::text[]) c ON CONFLICT DO NOTHING",
            (house.plant.a.company_id, [people["officer"], people["integrator"]]),
        )
        row = owner.execute(
            "INSERT INTO route (company_id, site_id, key, audience, priorities) VALUES (%s, %s, %s, 'client', %s) RETURNING route_id",
            (house.plant.a.company_id, house.plant.a.site_id, key, priorities),
        ).fetchone()
        assert row is not None
        owner.execute(
            "INSERT INTO route_step (route_id, company_id, position, after_s, person_id, channel) VALUES (%(r)s, %(c)s, 0, 0, %(a)s, 'smtp'),"
            " (%(r)s, %(c)s, 1, 120, %(b)s, 'sms')",
            {"r": row[0], "c": house.plant.a.company_id, "a": people["officer"], "b": people["integrator"]},
        )
    return int(row[0])


def fields(person: Person, route: int, **more: Any) -> dict[str, Any]:
    """The form as it is shown, with what somebody types; None takes a field out."""
    was = re.search(r'name="was" value="(\w+)"', person.client.get(f"/duty/routes/{route}").text)
    assert was is not None
    first = {
        "0.after": "0", "0.whom": [A, ""], "0.channel": ["smtp", "preferred"], "1.after": "120", "1.whom": [B, ""],
        "1.channel": ["sms", "preferred"], "reason": "夜班改为先打电话", "was": was[1],
    }  # fmt: skip
    return {name: value for name, value in {**first, **more}.items() if value is not None}


def send(person: Person, route: int, button: str = "keep", **more: Any) -> httpx.Response:
    """The form with one of its buttons."""
    return person.post(f"/duty/routes/{route}/changes", **fields(person, route, **more), **{button: "1"})


def settle(person: Person, route: int, how: str, words: str = "") -> httpx.Response:
    """Approves, refuses or withdraws the open proposal."""
    number = re.search(rf"/duty/routes/{route}/changes/(\d+)/", person.client.get(f"/duty/routes/{route}").text)
    return person.post(f"/duty/routes/{route}/changes/{number[1] if number else 1}/{how}", words=words)


def stands(house: House) -> RouteRow:
    """Company A's route as an export would write it."""
    with house.plant.owner() as owner:
        return read_routes(owner)[0]


def told(row: RouteRow) -> list[tuple[float, str, str]]:
    """(after, whom, channel) of its steps."""
    return [(step.after_s, step.whom, step.channel) for step in row.steps]


def test_it_is_looked_at_and_then_changed(timescale_house: House) -> None:
    """The look keeps nothing; stricter is in force at once, with the old steps and why in the journal, and the definitions announced."""
    house = timescale_house
    route, officer = routed(house), Person(house, OFFICER)
    more: dict[str, Any] = {"1.after": "60", "2.after": "300", "2.whom": [A], "2.channel": ["sms"]}
    looked = send(officer, route, "look", **more)
    assert looked.status_code == 200, looked.text
    assert "尚未保存" in looked.text
    assert "5 分" in looked.text
    assert told(stands(house))[1][0] == 120
    with house.plant.owner() as owner:
        owner.execute("LISTEN davy_definitions")
        kept = send(officer, route, **more)
        assert kept.status_code == 303, kept.text
        assert next(iter(owner.notifies(timeout=2, stop_after=1)))
        entry = owner.execute(
            "SELECT j.action, j.subject, j.old, j.new, j.reason, j.person_id FROM journal j JOIN route_change c USING (journal_id)"
        ).fetchall()
    assert told(stands(house)) == [(0, OFFICER, "smtp"), (60, INTEGRATOR, "sms"), (300, OFFICER, "sms")]
    ((action, subject, old, new, reason, by),) = entry
    assert (action, subject, reason, by) == (
        "route_changed",
        "route tank-farm/alarms",
        "夜班改为先打电话",
        house.plant.a.people["officer"],
    )
    assert old["steps"][1] == f"1: after 120 s sms to {INTEGRATOR}"
    assert new["steps"][1] == f"1: after 60 s sms to {INTEGRATOR}"
    assert "夜班改为先打电话" in officer.client.get(f"/duty/routes/{route}").text


@pytest.mark.parametrize(
    "looser",
    [
        {"1.after": "180"},
        {"1.after": "", "1.whom": [""]},
        {"1.channel": ["smtp"]},
        {"0.after": "30"},
    ],
)
def test_what_loosens_life_safety_takes_two(timescale_house: House, looser: dict[str, Any]) -> None:
    """A longer wait, a step removed, another channel: not its proposer; the second person puts it in force, and both stand beside it."""
    house = timescale_house
    route, officer, integrator = routed(house), Person(house, OFFICER), Person(house, INTEGRATOR)
    before = told(stands(house))
    assert send(integrator, route, **looser).status_code == 303
    assert told(stands(house)) == before
    own = settle(integrator, route, "approve")
    assert own.status_code == 409
    assert "第二" in own.text
    assert settle(officer, route, "approve", "同意").status_code == 303
    assert told(stands(house)) != before
    (version,) = officer.client.get(f"/api/v1/routes/{route}").json()["versions"]
    assert (version["who"], version["settler"]) == (
        "Integrator of Huaihai Petrochemical",
        "Officer of Huaihai Petrochemical",
    )


def test_what_loosens_anything_less_takes_one(timescale_house: House) -> None:
    """A route without life safety is one person's to change."""
    house = timescale_house
    route, integrator = routed(house, priorities="{high,medium}"), Person(house, INTEGRATOR)
    assert send(integrator, route, **{"1.after": "600"}).status_code == 303
    assert told(stands(house))[1][0] == 600


def test_a_proposal_is_refused_with_words_or_withdrawn(timescale_house: House) -> None:
    """And another one cannot come meanwhile."""
    house = timescale_house
    route, officer, integrator = routed(house), Person(house, OFFICER), Person(house, INTEGRATOR)
    form = fields(officer, route, **{"1.after": "180"})
    assert officer.post(f"/duty/routes/{route}/changes", **form, keep="1").status_code == 303
    again = officer.post(f"/duty/routes/{route}/changes", **{**form, "1.after": "200"}, keep="1")
    assert again.status_code == 409
    assert settle(integrator, route, "settle").status_code == 409
    assert settle(integrator, route, "settle", "太晚").status_code == 303
    assert send(officer, route, **{"1.after": "180"}).status_code == 303
    assert settle(officer, route, "settle").status_code == 303
    states = [each["state"] for each in officer.client.get(f"/api/v1/routes/{route}").json()["proposals"]]
    assert states == ["withdrawn", "refused"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"0.whom": [""], "1.whom": [""]}, "没有步骤"),
        ({"0.after": "90"}, "60 秒"),
        ({"1.after": "1000"}, "900 秒"),
        ({"1.after": "100000"}, "900 秒"),
        ({"1.after": "-5"}, "不"),
        ({"1.after": "soon"}, "数字"),
        ({"1.after": "0"}, "递增"),
        ({"1.after": ""}, "数字"),
        ({"0.whom": ["person:nobody"]}, "查无此人"),
        ({"0.whom": ["person:qinling-coal-officer"]}, "查无此人"),
        ({"0.whom": ["roster:none"]}, "值班岗位"),
        ({"0.channel": ["voice"]}, "地址"),
        ({"0.channel": ["pigeon"]}, "pigeon"),
        ({"1.times": "x", "1.every": "60"}, "重复次数"),
        ({"reason": " "}, "请说明"),
        ({"was": "0"}, "重新查看"),
        ({}, "未作更改"),
    ],
)
def test_what_is_wrong_gets_a_sentence(timescale_house: House, typed: dict[str, Any], said: str) -> None:
    """In the reader's language; what was typed stays, and nothing is kept."""
    house = timescale_house
    route, officer = routed(house), Person(house, OFFICER)
    answer = send(officer, route, **typed)
    sentence = re.findall(r'role="alert"[^>]*>([^<]+)', answer.text)
    assert answer.status_code == 409
    assert said in sentence[0], sentence
    assert told(stands(house)) == [(0, OFFICER, "smtp"), (120, INTEGRATOR, "sms")]


def test_a_repeat_is_the_steps_that_it_is(timescale_house: House) -> None:
    """As in a site file: the form shows them as they go out."""
    house = timescale_house
    route, officer = routed(house), Person(house, OFFICER)
    assert send(officer, route, **{"1.times": "2", "1.every": "300"}).status_code == 303
    assert [step.after_s for step in stands(house).steps] == [0, 120, 420, 720]
    assert 'value="720"' in officer.client.get(f"/duty/routes/{route}").text


def test_who_has_left_since_is_not_put_in_force(timescale_house: House) -> None:
    """A proposal waits for days: it is read once more when it is approved, and the page says so."""
    house = timescale_house
    route, officer, integrator = routed(house), Person(house, OFFICER), Person(house, INTEGRATOR)
    assert send(officer, route, **{"1.after": "180"}).status_code == 303
    with house.plant.owner() as owner:
        owner.execute("DELETE FROM channel_address WHERE channel = 'sms'")
    answer = settle(integrator, route, "approve")
    assert answer.status_code == 409
    assert "地址" in answer.text
    assert told(stands(house))[1][0] == 120


def test_it_is_the_companys_own(timescale_house: House) -> None:
    """Another company finds nothing, the insurer's people may not come in, the operator reads and does not change."""
    house = timescale_house
    route = routed(house)
    stranger = Person(house, STRANGER)
    assert stranger.client.get(f"/duty/routes/{route}").status_code == 404
    assert stranger.post(f"/duty/routes/{route}/changes", keep="1").status_code == 404
    assert stranger.client.get("/api/v1/routes").json() == {"routes": []}
    assert Person(house, UNDERWRITER).client.get("/duty/routes").status_code == 403
    operator = Person(house, "insurer-operator")
    assert operator.client.get(f"/duty/routes/{route}").status_code == 200
    assert operator.post(f"/duty/routes/{route}/changes", keep="1").status_code == 403


def test_a_program_tries_and_changes(timescale_house: House) -> None:
    """The rehearsal says whom it would call and whether two are needed; a mark that is old refuses."""
    house = timescale_house
    route, officer = routed(house), Person(house, OFFICER)
    shown = officer.client.get(f"/api/v1/routes/{route}").json()
    assert [each["channel"] for each in shown["would_call"] if each["priority"] == "life-safety"] == ["smtp", "sms"]
    steps = [{"after_s": 0, "to": [{"person": OFFICER, "channel": "smtp"}]}]
    tried = officer.call(f"/routes/{route}/rehearsal", steps=steps)
    assert (tried.json()["two_people"], len(tried.json()["calls"])) == (True, 2)
    made = officer.call(f"/routes/{route}/changes", steps=steps, reason="one is enough", mark=shown["mark"])
    assert made.status_code == 201
    assert (made.json()["proposed"], len(made.json()["steps"])) == (True, 2)
    old = officer.call(f"/routes/{route}/changes", steps=steps, reason="again", mark="0")
    assert old.status_code == 409


def test_the_web_role_cannot_write_a_step(timescale_house: House) -> None:
    """Not even with somebody's token: it may propose in their name, and the owner's function holds the rest."""
    house = timescale_house
    route = routed(house)
    people = house.plant.a.people
    smuggled = (
        "INSERT INTO route_change (company_id, site_id, route_id, old, proposed, reason, proposed_by, proposed_at)"
        " SELECT company_id, site_id, route_id, davy_route_steps(route_id), %s::jsonb, 'r', %s, now() FROM route WHERE route_id = %s RETURNING change_id"
    )
    one = '[{"position": 0, "after_s": 0, "person": "huaihai-petro-integrator", "roster": "", "channel": "sms"}]'
    nobody = '[{"position": 0, "after_s": 0, "person": "nobody", "roster": "", "channel": "sms"}]'
    with psycopg.connect(house.plant.database.url("web"), autocommit=True) as web:
        token = house.plant.database.person_token(people["officer"], "safety_officer", house.plant.a.company_id)
        for statement in (
            "DELETE FROM route_step",
            "UPDATE route_step SET after_s = 1",
            "UPDATE route SET priorities = '{low}'",
            "UPDATE route_change SET state = 'applied'",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), transaction(web, token):
                web.execute(statement)
        with pytest.raises(psycopg.errors.InsufficientPrivilege), transaction(web, token):
            web.execute(smuggled, (one, people["integrator"], route))
        with transaction(web, token):
            row = web.execute(smuggled, (one, people["officer"], route)).fetchone()
        assert row is not None
        for steps, why in ((one, "second person"), (nobody, "reaches nobody")):
            with house.plant.owner() as owner:
                owner.execute("UPDATE route_change SET proposed = %s::jsonb", (steps,))
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match=why), transaction(web, token):
                web.execute("SELECT davy_route_apply(%s, '', now())", (row[0],))
    assert told(stands(house)) == [(0, OFFICER, "smtp"), (120, INTEGRATOR, "sms")]


def test_no_other_principal_settles_a_change(timescale_house: House) -> None:
    """Asked directly, as the web role: another company's officer, the insurer's people, who has left, a role that is not theirs, another instant.

    Steps that no page would write loosen nothing either.
    """
    house = timescale_house
    route, a, b = routed(house), house.plant.a, house.plant.b
    officer, integrator = a.people["officer"], a.people["integrator"]
    before = told(stands(house))
    insert = (
        "INSERT INTO route_change (company_id, site_id, route_id, old, proposed, reason, proposed_by, proposed_at)"
        " SELECT company_id, site_id, route_id, davy_route_steps(route_id), %s::jsonb, 'r', %s, now() FROM route WHERE route_id = %s RETURNING change_id"
    )
    first = f'{{"position": 0, "after_s": 0, "person": "{OFFICER}", "roster": "", "channel": "smtp"}}'
    late = f'{{"position": 1, "after_s": 500, "person": "{INTEGRATOR}", "roster": "", "channel": "sms"}}'
    insurers = {role: person for role, person in house.plant.insurer.items() if role in ("underwriter", "operator")}
    tokens = {
        "stranger": (b.people["officer"], "safety_officer", b.company_id),
        "stranger of both": (b.people["officer"], "safety_officer", a.company_id),
        "role": (officer, "admin", a.company_id),
        "promoted": (integrator, "safety_officer", a.company_id),
        **{
            role: (person, "underwriter" if role == "underwriter" else "admin", a.company_id)
            for role, person in insurers.items()
        },
    }
    with psycopg.connect(house.plant.database.url("web"), autocommit=True) as web:

        def as_(who: tuple[int, str, int], statement: str, *values: object) -> Any:
            with transaction(web, house.plant.database.person_token(*who)):
                row = web.execute(statement.encode(), values).fetchone()
            return None if row is None else row[0]

        mine = officer, "safety_officer", a.company_id
        change = as_(mine, insert, f"[{first}, {late}]", officer, route)
        for who in tokens.values():
            for statement in ("SELECT davy_route_apply(%s, '', now())", "SELECT davy_route_settle(%s, 'x', now())"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    as_(who, statement, change)
            with suppress(psycopg.Error):  # whoever sees no such route proposes nothing
                assert as_(who, insert, f"[{first}]", who[0], route) is None
        second = integrator, "integrator", a.company_id
        for instant in ("now() - interval '1 hour'", "now() + interval '1 hour'"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                as_(second, f"SELECT davy_route_apply(%s, '', {instant})", change)
        with house.plant.owner() as owner:
            owner.execute("UPDATE person SET active = false WHERE person_id = %s", (officer,))
        for who in (mine, second):  # neither who has left, nor anybody for them
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                as_(who, "SELECT davy_route_apply(%s, '', now())", change)
        with house.plant.owner() as owner:
            owner.execute("UPDATE person SET active = true WHERE person_id = %s", (officer,))
        assert as_(mine, "SELECT davy_route_settle(%s, 'x', now())", change) is True
        odd = [first, f"{first}, {late.replace(INTEGRATOR, STRANGER)}", f"{late}, {late}"]
        for steps in odd:
            change = as_(mine, insert, f"[{steps}]", officer, route)
            with pytest.raises(psycopg.Error):
                as_(mine, "SELECT davy_route_apply(%s, '', now())", change)
            as_(mine, "SELECT davy_route_settle(%s, 'x', now())", change)
        unread = [late.replace('"roster": "", ', ""), "1", '{"position": 0}', "[]"]
        unread += [late.replace("500", after) for after in ("null", '"NaN"', '"Infinity"', "-1", "1e-400")]
        for steps in unread:
            with pytest.raises(psycopg.errors.CheckViolation):
                as_(mine, insert, f"[{first}, {steps}]", officer, route)
    assert told(stands(house)) == before


def test_no_proposal_written_past_the_page_blocks_a_route(timescale_house: House) -> None:
    """What nobody could read is not taken; what can be read and makes no sense is shown with why, refused, and the route changes again."""
    house = timescale_house
    route, officer, second = routed(house), Person(house, OFFICER), Person(house, INTEGRATOR)
    insert = (
        "INSERT INTO route_change (company_id, site_id, route_id, old, proposed, reason, proposed_by, proposed_at)"
        " SELECT company_id, site_id, route_id, davy_route_steps(route_id), %s::jsonb, 'r', %s, now() FROM route WHERE route_id = %s"
    )
    people = house.plant.a.people
    token = house.plant.database.person_token(people["officer"], "safety_officer", house.plant.a.company_id)
    wrong = [
        "[3]",
        "[{}]",
        '[{"position": "x", "after_s": 0, "person": "a", "roster": "", "channel": "smtp"}]',
        "[]",
        "{}",
    ]
    odd = '[{"position": 9999, "after_s": 1e9, "person": "<b>", "roster": "", "channel": ""}]'
    with psycopg.connect(house.plant.database.url("web"), autocommit=True) as web:
        for steps in wrong:
            with pytest.raises(psycopg.errors.CheckViolation), transaction(web, token):
                web.execute(insert, (steps, people["officer"], route))
        for settled_by, words in ((second, "nobody is called so"), (officer, "")):
            with transaction(web, token):
                web.execute(insert, (odd, people["officer"], route))
            shown = settled_by.client.get(f"/duty/routes/{route}")
            assert shown.status_code == 200
            assert settled_by.client.get(f"/api/v1/routes/{route}").status_code == 200
            assert settle(officer, route, "approve").status_code == 409
            assert settle(settled_by, route, "settle", words).status_code == 303
    assert send(officer, route, **{"1.after": "60"}).status_code == 303
    assert told(stands(house))[1][0] == 60
