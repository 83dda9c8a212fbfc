"""What reaches the insurer's people: no reading younger than 24 hours, no evidence but of what is resolved or shared, and
nothing that the client cannot see them look at. The routes are those of the app: a new one is walked without a line here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import httpx
import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from api.looks import PARAMETERS
from detectors.why.told import Firing, Judged, as_kept
from tests.api.conftest import House, token_of
from tests.api.plant import Plant
from tests.api.rooms import rooms_of
from tests.api.test_tenancy import asked, routes_of

pytestmark = pytest.mark.db

# Values that nothing else on a page can be: 55.2 of the plant's readings is replaced by these.
FRESH = 37.61803  # in an occurrence that is neither resolved nor shared, in its transitions, in `latest` and in the hours of today
WRITTEN = "wrote-this-before-anybody-resolved-it"
OLD = 21.41803  # in an occurrence that is resolved
PEOPLE = {"insurer-underwriter": "underwriter", "insurer-risk": "risk_engineer"}
# What carries nothing of a client's: who you are, addresses of one's own and of messages (at which a client's alarms are for the client's people alone), texts of Davy itself, news that something changed.
OF_NOBODY = {
    "/", "/login", "/logout", "/language", "/about", "/healthz", "/readyz", "/demo/inbox", "/events", "/api/docs", "/api/v1/me",
    "/api/v1/openapi.json", "/api/v1/session", "/preferences", "/feeds", "/calendar/{token}.ics", "/cap/{token}/alerts.atom", "/cap/{token}/{name}.xml",
    "/a/{token}",
}  # fmt: skip


def digits(value: float) -> re.Pattern[str]:
    """The value as a page or an answer may write it: with three digits or more."""
    whole, part = f"{value}".split(".")
    return re.compile(rf"(?<!\d){whole}[.,]{part[0]}")


@pytest.fixture
def walked(house: House) -> House:
    """A plant with an open occurrence, a resolved one, fresh values everywhere they could leak from, and a finding."""
    plant = house.plant
    with plant.owner() as owner:
        owner.execute("UPDATE latest SET value = %s", (FRESH,))
        owner.execute("UPDATE reading SET value = %s", (FRESH,))
        owner.execute("UPDATE rejected_message SET payload = %s", (f'{{"s": "lel-pump", "v": {FRESH}}}'.encode(),))
        owner.execute(
            "INSERT INTO reading_hour SELECT sensor_id, date_trunc('hour', now()), company_id, 1, 1, %(v)s, %(v)s, %(v)s FROM sensor",
            {"v": FRESH},
        )
        owner.execute(
            "INSERT INTO reading_minute SELECT sensor_id, date_trunc('minute', now()), company_id, 1, 1, %(v)s, %(v)s, %(v)s FROM sensor",
            {"v": FRESH},
        )
        owner.execute(
            "INSERT INTO evidence_reading (sensor_id, measured_at, company_id, value, quality, batch_no) SELECT sensor_id, now() - interval '9 days', company_id, %s, 0, 1 FROM sensor",
            (FRESH,),
        )
    at = plant.began - timedelta(minutes=3)
    opened = plant.happen(plant.a, "lel-pump.lel-2", at, value=FRESH)
    plant.happen(plant.b, "lel-pump.lel-2", at, value=FRESH)
    rooms_of(plant, plant.a, value=FRESH)  # its route comes too late to plan a message of its own
    told, series = as_kept(
        Firing(
            judged=Judged(detector="limit", direction="high", setpoint=40.0), at_ms=round(at.timestamp() * 1000), recorded=FRESH,
            played_from_ms=round(at.timestamp() * 1000), facts={"value": FRESH}, series=((round(at.timestamp() * 1000), FRESH, FRESH, FRESH, None),),
        )
    )  # fmt: skip
    with plant.owner() as owner:
        owner.execute(
            "INSERT INTO firing VALUES (%s, %s, %s, %s, now())",
            (opened, plant.a.company_id, Jsonb(told), Jsonb(series)),
        )
        owner.execute("UPDATE transition SET reason = %s WHERE occurrence_id = %s", (WRITTEN, opened))
        owner.execute(
            "INSERT INTO occurrence_comment (company_id, occurrence_id, person_id, at, body) VALUES (%s, %s, %s, now(), %s)",
            (plant.a.company_id, opened, plant.a.people["officer"], WRITTEN),
        )
        owner.execute(
            "UPDATE alarm SET suppression = 'shelved', suppressed_until = now() + interval '1 h', suppression_reason = %s, suppressed_by = %s"
            " WHERE occurrence_id = %s",
            (WRITTEN, plant.a.people["officer"], opened),
        )
        owner.execute(
            "INSERT INTO notification (key, company_id, occurrence_id, definition_id, sensor_id, onset, step, rule, audience, person_id, channel,"
            " due_at, urgency, state, created_at, outcome) SELECT 'k', company_id, occurrence_id, definition_id, sensor_id, now(), 0, 'r', 'client',"
            " %s, 'smtp', now(), 0, 'sent', now(), %s FROM occurrence WHERE occurrence_id = %s",
            (plant.a.people["officer"], WRITTEN, opened),
        )
        owner.execute(
            "INSERT INTO journal (company_id, person_id, actor, action, subject, reason) VALUES (%s, %s, 'integrator', 'limit_changed', 'x', %s)",
            (plant.a.company_id, plant.a.people["integrator"], WRITTEN),
        )
    return house


def paths(house: House) -> Iterator[tuple[str, str, str]]:
    """(method, route, path with company A's ids) of every route; ids that this test does not know stay a 1."""
    plant = house.plant
    with plant.owner() as owner, owner.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            """
            SELECT (SELECT max(occurrence_id) FROM occurrence WHERE company_id = %(a)s) AS occurrence_id,
                   (SELECT max(asset_id) FROM asset_model WHERE company_id = %(a)s) AS asset_id,
                   (SELECT max(opinion_id) FROM second_opinion WHERE company_id = %(a)s) AS opinion_id,
                   (SELECT max(own_finding_id) FROM own_finding WHERE company_id = %(a)s) AS own_finding_id,
                   (SELECT max(route_id) FROM route WHERE company_id = %(a)s) AS route_id
            """,
            {"a": plant.a.company_id},
        ).fetchone()
    known = {
        **{name: number or 1 for name, number in (found or {}).items()},
        "device_id": plant.a.devices["gas"],
        "sensor_id": plant.a.sensors["lel-pump"],
        "site": "tank-farm",
    }
    for method, route in routes_of(house.app):
        path = re.sub(r"\{(\w+)(:\w+)?\}", lambda name: str(known.get(name[1], 1)), route)
        yield method, route, path


@pytest.mark.parametrize("login", PEOPLE)
def test_no_route_shows_a_fresh_reading_to_the_insurer(walked: House, login: str) -> None:
    """Every page and every answer, read and acted on: no value of an open occurrence, of today's hours, of what was rejected."""
    client = walked.visitor(login)
    token, seen = token_of(client), 0
    for method, route, path in paths(walked):
        if "session" in route or "logout" in route:
            continue
        status, said = asked(client, method, path, token)
        assert not digits(FRESH).search(said), (login, method, route)
        assert WRITTEN not in said, (login, method, route)
        seen += status == 200 and method == "GET" and path != "/events"
    assert seen >= 10, "a wall that hides everything would pass this test too"
    officer, known = walked.visitor("huaihai-petro-officer"), {route: path for _, route, path in paths(walked)}
    for route in ("/alarms", "/occurrences/{occurrence_id}/why", "/second-opinion", "/second-opinion/{opinion_id}"):
        assert digits(FRESH).search(officer.get(known[route]).text), route


def test_the_insurer_sees_a_value_once_the_occurrence_is_resolved_or_shared(walked: House) -> None:
    """The same routes show what was agreed to be shown."""
    plant = walked.plant
    with plant.owner() as owner:
        owner.execute(
            "UPDATE occurrence SET first_value = %s, shared = true WHERE company_id = %s", (OLD, plant.a.company_id)
        )
    client = walked.visitor("insurer-risk")
    shown = [
        path
        for method, _, path in paths(walked)
        if method == "GET" and path != "/events" and digits(OLD).search(client.get(path).text)
    ]
    assert any(path.startswith("/occurrences/") for path in shown)
    assert any(path.startswith("/api/v1/occurrences/") for path in shown)


@pytest.mark.parametrize(("login", "role"), PEOPLE.items())
def test_the_wall_itself_holds_values_back_from_an_insurers_token(walked: House, login: str, role: str) -> None:
    """By SQL with the web role and an insurer's token: what the pages hide is not there to be read."""
    plant = walked.plant
    person = plant.insurer[login.removeprefix("insurer-")]
    with plant.database.connect("web", plant.database.person_token(person, role, plant.a.company_id)) as connection:
        for query in (
            "SELECT first_value FROM occurrence",
            "SELECT value FROM transition",
            "SELECT reason FROM transition",
            "SELECT suppression_reason FROM alarm",
            "SELECT suppressed_by FROM alarm",
            "SELECT outcome FROM notification",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(query)
        assert connection.execute("SELECT count(*), count(first_value) FROM v_occurrence").fetchone() == (1, 0)
        assert connection.execute("SELECT count(*) > 0, count(value), count(reason) FROM v_transition").fetchone() == (
            True,
            0,
            0,
        )
        said = "SELECT count(*) FILTER (WHERE suppression = 'shelved'), count(suppression_reason), count(suppressed_by) FROM v_alarm"
        assert connection.execute(said).fetchone() == (1, 0, 0)
        assert connection.execute("SELECT count(*), count(outcome) FROM v_notification").fetchone() == (1, 0)
        for table in (
            "latest", "rejected_message", "v_reading", "reading_minute", "reading_hour", "evidence_reading", "v_evidence", "v_latest", "v_reading_hour", "v_alarm_value",
            "occurrence_comment", "journal",
        ):  # fmt: skip
            count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
            assert connection.execute(count).fetchone() == (0,), table
        with plant.owner() as owner:
            owner.execute("UPDATE occurrence SET shared = true WHERE company_id = %s", (plant.a.company_id,))
        assert connection.execute("SELECT count(first_value) FROM v_occurrence").fetchone() == (1,)
        assert connection.execute("SELECT count(value), count(reason) FROM v_transition").fetchone() == (1, 1)
        assert connection.execute(said).fetchone() == (1, 1, 1)
        assert connection.execute("SELECT body FROM occurrence_comment").fetchall() == [(WRITTEN,)]


def test_the_client_reads_its_own_values_through_the_same_views(walked: House) -> None:
    """A wall that hides everything would pass the test above too; and another company's stay hidden."""
    plant = walked.plant
    officer = plant.database.person_token(plant.a.people["officer"], "safety_officer", plant.a.company_id)
    with plant.database.connect("web", officer) as connection:
        assert connection.execute("SELECT count(*), count(first_value) FROM v_occurrence").fetchone() == (1, 1)
        assert connection.execute("SELECT count(value) FROM v_transition").fetchone() == (1,)
        assert connection.execute("SELECT suppression_reason FROM v_alarm").fetchall() == [(WRITTEN,)]
        assert connection.execute("SELECT outcome FROM v_notification").fetchall() == [(WRITTEN,)]
        assert connection.execute("SELECT count(*) > 0 FROM v_alarm_value WHERE value = %s", (FRESH,)).fetchone() == (
            True,
        )
        assert connection.execute("SELECT reason FROM journal").fetchall() == [(WRITTEN,)]


def looks(plant: Plant) -> int:
    """Journal entries of looks at company A."""
    with plant.owner() as owner:
        row = owner.execute(
            "SELECT count(*) FROM journal WHERE company_id = %s AND action IN ('looked', 'evidence_read')",
            (plant.a.company_id,),
        ).fetchone()
    return int(row[0]) if row else 0


@pytest.mark.parametrize("login", PEOPLE)
def test_whatever_the_insurer_opens_the_client_can_see_that(timescale_house: House, login: str) -> None:
    """Each route that answers one of them is journalled: a new one too, because the gate does it."""
    house, plant = timescale_house, timescale_house.plant
    rooms_of(plant, plant.a)
    plant.happen(plant.a, "lel-pump.lel-2", plant.began - timedelta(minutes=3))
    client, opened = house.visitor(login), 0
    for method, route, path in paths(house):
        if method != "GET" or route in OF_NOBODY:
            continue
        with plant.owner() as owner:
            owner.execute(
                "UPDATE journal SET at = at - interval '2 hours'"
            )  # each route is looked at for the first time
        before = looks(plant)
        if client.get(path).status_code in (200, 303):
            opened += 1
            assert looks(plant) > before, (login, route)
    assert opened >= 8
    page = house.visitor("huaihai-petro-officer").get("/looks").text
    assert page.count("<li>") >= 8
    assert "Wei Ting" not in page  # who of them is the insurer's own matter
    assert "Luo Min" not in page


def test_a_look_is_written_once_an_hour_and_nobody_elses_company_learns_of_it(timescale_house: House) -> None:
    """The underwriter of two companies reads one occurrence: the other company's journal says nothing of it."""
    house, plant = timescale_house, timescale_house.plant
    occurrence = plant.happen(plant.a, "lel-pump.lel-2", plant.began - timedelta(minutes=3))
    client = house.visitor("insurer-underwriter")
    for _ in range(3):
        client.get(f"/occurrences/{occurrence}")
    client.get("/occurrences/abc")
    client.get("/occurrences/999999")
    with plant.owner() as owner:
        rows = owner.execute("SELECT company_id, subject, actor FROM journal WHERE action = 'looked'").fetchall()
    assert rows == [(plant.a.company_id, f"occurrence/{occurrence}", "underwriter")]
    mine: list[dict[str, str]] = house.visitor("huaihai-petro-officer").get("/api/v1/looks").json()
    assert [look["subject"] for look in mine] == [f"occurrence/{occurrence}"]
    assert house.visitor("qinling-coal-officer").get("/api/v1/looks").json() == []


def test_every_parameter_of_a_route_that_an_insurer_may_enter_has_an_owner(timescale_house: House) -> None:
    """A new route with a parameter of a new name needs a line in api/looks.py, or the look would be nobody's."""
    house = timescale_house
    client: httpx.Client = house.visitor("insurer-risk")
    entered = [route for method, route in routes_of(house.app) if method == "GET" and route not in OF_NOBODY]
    names = {name for route in entered for name in re.findall(r"\{(\w+)", route)}
    refused = {
        name
        for route in entered
        for name in re.findall(r"\{(\w+)", route)
        if client.get(re.sub(r"\{\w+\}", "1", route)).status_code == 403
    }
    assert names - refused <= set(PARAMETERS)
