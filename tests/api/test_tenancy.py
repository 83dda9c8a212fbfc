"""The wall: every route of the app, with company A's session, none, a forged and an expired one, shows nothing of company B."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api import cookies
from tests.api.conftest import COOKIE_KEY, House, token_of
from tests.api.plant import Company, Plant
from tests.api.rooms import rooms_of

pytestmark = pytest.mark.db

# Every name that company B's rows carry and company A's do not.
OF_B = ("qinling", "Qinling", "秦岭", "mine-gas", "Mine", "矿井")
OF_A = ("huaihai", "Huaihai", "淮海")
PUBLIC = {
    "/",
    "/login",
    "/about",
    "/language",
    "/healthz",
    "/readyz",
    "/api/v1/openapi.json",
    "/api/v1/session",
    "/demo/inbox",
}
FIELDS = {
    "minutes": "15", "reason": "r", "resolution": "nuisance", "action_taken": "t", "body": "b", "to": "en", "title": "t",
    "grade": "major", "note": "n", "due": "2030-01-01", "until": "2030-01-01T08:00", "proof": "p", "measures": "m",
    "funds": "f", "contingency": "c", "shows": "before", "due_at": "2030-01-01T00:00:00Z", "what": "w", "kind": "other",
    "interim_measures": "i", "expected_until": "2030-01-01T00:00:00Z",
}  # fmt: skip


def routes_of(app: FastAPI) -> list[tuple[str, str]]:
    """(method, path) of every route, whatever FastAPI nests them in."""
    found = sorted(set(_walk(app.routes, "")))
    assert len(found) > 40, "the walk must find the app's routes"
    return found


def _walk(routes: Any, prefix: str) -> Iterator[tuple[str, str]]:
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from _walk(inner.routes, prefix + route.include_context.prefix)
        elif getattr(route, "methods", None):
            for method in route.methods - {"HEAD"}:
                yield method, prefix + route.path


def risks_of(plant: Plant, company: Company) -> dict[str, int]:
    """A finding with a photo and an impairment of one company, and what its other rooms show, as ids by the name that routes give them."""
    rooms = rooms_of(plant, company)
    with plant.owner() as connection:
        values = {"company": company.company_id, "site": company.site_id, "person": company.people["officer"]}
        return rooms | {
            name: connection.execute(query.format(company.key), values).fetchone()[0]  # type: ignore[index]
            for name, query in (
                (
                    "finding_id",
                    (
                        "INSERT INTO finding (company_id, site_id, source, title, grade, reported_at, reported_by)"
                        " VALUES (%(company)s, %(site)s, 'person', 'Hazard of {}', 'major', now(), %(person)s) RETURNING finding_id"
                    ),
                ),
                (
                    "photo_id",
                    (
                        "INSERT INTO finding_photo (company_id, finding_id, at, person_id, shows, width, height, jpeg, sha256)"
                        " SELECT company_id, finding_id, now(), %(person)s, 'before', 1, 1, 'qinling', '' FROM finding"
                        " WHERE company_id = %(company)s RETURNING photo_id"
                    ),
                ),
                (
                    "impairment_id",
                    (
                        "INSERT INTO impairment (company_id, site_id, kind, what, reason, interim_measures, began_at, expected_until,"
                        " reported_at, reported_by) VALUES (%(company)s, %(site)s, 'other', 'Valve of {}', 'r', 'i', now(),"
                        " now() + interval '1 h', now(), %(person)s) RETURNING impairment_id"
                    ),
                ),
            )
        }


def of_b(plant: Plant, path: str, occurrence: int, risks: dict[str, int]) -> str:
    """The path with company B's ids."""
    for name, number in risks.items():
        path = path.replace(f"{{{name}}}", str(number))
    return (
        path.replace("{occurrence_id}", str(occurrence))
        .replace("{device_id}", str(plant.b.devices["gas"]))
        .replace("{sensor_id}", str(plant.b.sensors["lel-pump"]))
    )


def state_of_b(plant: Plant) -> list[Any]:
    """Everything of company B that a person could change."""
    with plant.owner() as connection:
        return [
            connection.execute(query, (plant.b.company_id,)).fetchall()
            for query in (
                "SELECT definition_id, state, suppression, transitions FROM alarm WHERE company_id = %s ORDER BY 1",
                "SELECT count(*) FROM transition WHERE company_id = %s",
                "SELECT occurrence_id, resolved_at, shared FROM occurrence WHERE company_id = %s ORDER BY 1",
                "SELECT count(*) FROM occurrence_comment WHERE company_id = %s",
                "SELECT notification_id, state FROM notification WHERE company_id = %s ORDER BY 1",
                "SELECT count(*) FROM journal WHERE company_id = %s",
                "SELECT finding_id, state, grade, due_at FROM finding WHERE company_id = %s ORDER BY 1",
                "SELECT count(*) FROM finding_event WHERE company_id = %s",
                "SELECT count(*) FROM finding_photo WHERE company_id = %s",
                "SELECT impairment_id, expected_until, restored_at FROM impairment WHERE company_id = %s ORDER BY 1",
                "SELECT count(*) FROM second_opinion_word WHERE company_id = %s",
                "SELECT own_finding_id, closed_at FROM own_finding WHERE company_id = %s ORDER BY 1",
                "SELECT count(*) FROM own_finding_note WHERE company_id = %s",
                "SELECT change_id, state FROM route_change WHERE company_id = %s ORDER BY 1",
                "SELECT route_id, position, after_s, person_id, channel FROM route_step WHERE company_id = %s ORDER BY 1, 2",
            )
        ]


def ask(client: httpx.Client, method: str, path: str, token: str) -> str:
    """One request as a page and as a program would send it; what came back, headers included."""
    return asked(client, method, path, token)[1]


def asked(client: httpx.Client, method: str, path: str, token: str) -> tuple[int, str]:
    """The same, after its status."""
    if path == "/events":
        with client.stream("GET", path) as answer:
            for line in answer.iter_lines():
                return answer.status_code, str(answer.headers) + line
            return answer.status_code, str(answer.headers)
    if path.startswith("/api/"):
        body = {**FIELDS, "minutes": 15} if method == "POST" else None
        answer = client.request(method, path, json=body, headers={"X-Form-Token": token})
    else:
        body = {**FIELDS, "form_token": token, "next": path} if method == "POST" else None
        answer = client.request(method, path, data=body, params={"to": "en"} if path == "/language" else None)
    assert answer.status_code < 500, (method, path, answer.text)
    return answer.status_code, str(answer.headers) + answer.text


def test_company_a_finds_and_changes_nothing_of_b(house: House) -> None:
    """All routes, each role of company A, ids of company B."""
    plant = house.plant
    occurrence = plant.happen(plant.b, "lel-pump.lel-2", plant.began - timedelta(minutes=4))
    own = plant.happen(plant.a, "lel-pump.lel-2", plant.began - timedelta(minutes=4))
    risks = risks_of(plant, plant.b)
    before = state_of_b(plant)
    for login in ("huaihai-petro-officer", "huaihai-petro-integrator", "insurer-risk"):
        client = house.visitor(login)
        token = token_of(client)
        for method, path in routes_of(house.app):
            if "session" in path or "logout" in path:
                continue  # they would end the session that asks
            asked = of_b(plant, path, occurrence or 0, risks)
            said = ask(client, method, asked, token).replace(asked, "")
            assert not [name for name in OF_B if name in said], (login, method, path)
    assert state_of_b(plant) == before
    officer = house.visitor("huaihai-petro-officer")
    assert "淮海" in officer.get(f"/occurrences/{own}").text, "a wall that hides everything would pass this test too"
    theirs = house.visitor("qinling-coal-officer")
    for path in (
        "/models/{asset_id}",
        "/second-opinion/{opinion_id}",
        "/duty/routes/{route_id}",
        "/own-findings/{own_finding_id}",
    ):
        asked = of_b(plant, path, 0, risks)
        assert theirs.get(asked).status_code == 200, path
        assert officer.get(asked).status_code == 404, path


@pytest.mark.parametrize("kind", ["none", "forged", "other_key", "expired", "ended"])
def test_without_a_session_no_route_shows_anything(timescale_house: House, kind: str) -> None:
    """None, forged, sealed with another key, expired, ended: the log-in page, or a 401, and nothing changes."""
    house, plant = timescale_house, timescale_house.plant
    occurrence = plant.happen(plant.b, "lel-pump.lel-2", plant.began - timedelta(minutes=4))
    risks = risks_of(plant, plant.b)
    before = state_of_b(plant)
    person = plant.b.people["officer"]
    client = house.visitor(None)
    token = "0" * 64
    if kind == "forged":
        client.cookies.set(cookies.SESSION, f"{'A' * 43}.{person}.{'0' * 64}")
    elif kind == "other_key":
        client.cookies.set(cookies.SESSION, cookies.seal(bytes(32), person, b"x" * 32))
    elif kind in ("expired", "ended"):
        real = house.visitor("qinling-coal-officer")
        token = token_of(real)
        column = "expires_at" if kind == "expired" else "ended_at"
        _touch_sessions(plant, person, column)
        client.cookies.set(cookies.SESSION, real.cookies[cookies.SESSION])
    for method, path in routes_of(house.app):
        said = ask(client, method, of_b(plant, path, occurrence or 0, risks), token)
        assert not [name for name in (*OF_A, *OF_B) if name in said.replace("davy/v1", "")], (kind, method, path)
        if path not in PUBLIC:
            answer = client.request(method, of_b(plant, path, occurrence or 0, risks))
            assert answer.status_code in (303, 401, 403, 404, 422), (kind, method, path)
    assert state_of_b(plant) == before


def _touch_sessions(plant: Plant, person: int, column: str) -> None:
    """Ends or expires the person's sessions as the web role itself would see them: the owner's policy covers them too."""
    with plant.owner() as connection:
        if column == "expires_at":
            connection.execute(
                "UPDATE web_session SET expires_at = now() - interval '1 second' WHERE person_id = %s", (person,)
            )
        else:
            connection.execute("UPDATE web_session SET ended_at = now() WHERE person_id = %s", (person,))


def test_a_session_cookie_names_its_person_only_under_its_seal(timescale_house: House) -> None:
    """A's secret with B's person, even sealed by us, is no session: the row belongs to one person."""
    house, plant = timescale_house, timescale_house.plant
    real = house.visitor("huaihai-petro-officer")
    opened = cookies.unseal(real.cookies[cookies.SESSION], COOKIE_KEY)
    assert opened is not None
    client = house.visitor(None)
    client.cookies.set(cookies.SESSION, cookies.seal(opened[0], plant.b.people["officer"], COOKIE_KEY))
    assert client.get("/api/v1/me").status_code == 401


def test_every_post_needs_the_session_s_own_token(timescale_house: House) -> None:
    """Without it, with somebody else's, with rubbish: 403 and a sentence, and nothing changes."""
    house, plant = timescale_house, timescale_house.plant
    occurrence = plant.happen(plant.a, "lel-pump.lel-2", plant.began - timedelta(minutes=4))
    risks = risks_of(plant, plant.a)
    officer = house.visitor("huaihai-petro-officer")
    others = token_of(house.visitor("huaihai-petro-officer"))
    asked = 0
    for method, path in routes_of(house.app):
        if method not in ("POST", "DELETE") or (path in ("/login", "/api/v1/session") and method == "POST"):
            continue
        if path in (
            "/a/{token}",
            "/api/v1/receipts/aliyun/{secret}",
        ):  # the address itself is asked: test_answering.py, test_receipts.py
            continue
        asked += 1
        real = path.replace("{occurrence_id}", str(occurrence))
        for name, number in risks.items():
            real = real.replace(f"{{{name}}}", str(number))
        for token in ("", "0" * 64, others):
            if path.startswith("/api/"):
                answer = officer.request(method, real, json={**FIELDS, "minutes": 15}, headers={"X-Form-Token": token})
                assert "error" in answer.json()
            else:
                answer = officer.request(method, real, data={**FIELDS, "form_token": token})
                assert "表单" in answer.text
            assert answer.status_code == 403, (method, path)
    assert asked >= 40
    assert officer.get("/api/v1/alarms").json()["alarms"][0]["state"] == "B"
