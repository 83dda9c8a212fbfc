"""On the page and in JSON: who sees to an occurrence, photos, the insurer's record, the offer of a finding."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO

import httpx
import pytest
from PIL import Image

from tests.api.conftest import House, token_of

pytestmark = pytest.mark.db

OFFICER, INSURER, OTHER = "huaihai-petro-officer", "insurer-underwriter", "qinling-coal-officer"


def opened(house: House) -> int:
    number = house.plant.happen(house.plant.a, "lel-pump.lel-2", house.plant.began - timedelta(minutes=3))
    assert number is not None
    return number


def says(client: httpx.Client, number: int, what: str, **fields: str) -> httpx.Response:
    return client.post(f"/occurrences/{number}/{what}", data={"form_token": token_of(client), **fields})


def jpeg() -> bytes:
    out = BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, "JPEG")
    return out.getvalue()


def test_a_case_has_somebody_who_sees_to_it(timescale_house: House) -> None:
    """Given on the page, shown there and in both lists to the company's people; the insurer's read no name."""
    house = timescale_house
    number, officer, insurer = opened(house), house.visitor(OFFICER), house.visitor(INSURER)
    who = house.plant.a.people["officer"]
    with house.plant.owner() as owner:
        (name,) = owner.execute("SELECT name FROM person WHERE person_id = %s", (who,)).fetchone() or ("",)
    assert says(officer, number, "assign", assignee_id=str(who)).status_code == 303
    for path in (f"/occurrences/{number}", "/occurrences", "/alarms"):
        assert name in officer.get(path).text, path
    assert officer.get(f"/api/v1/occurrences/{number}").json()["assignee"] == name
    assert insurer.get(f"/api/v1/occurrences/{number}").json()["assignee"] is None
    for path in (f"/occurrences/{number}", "/occurrences"):
        assert name not in insurer.get(path).text, path
    again = says(officer, number, "assign", assignee_id=str(who))
    assert again.status_code == 409
    for wrong in ("999999", "x"):
        assert says(officer, number, "assign", assignee_id=wrong).status_code == 409
    assert says(insurer, number, "assign", assignee_id=str(who)).status_code == 403
    assert says(house.visitor(OTHER), number, "assign", assignee_id="").status_code == 404


def test_the_insurer_acknowledges_beside_the_client(timescale_house: House) -> None:
    """Seen by both sides with name and words; the alarm waits as before; once a person; the client has no such form."""
    house = timescale_house
    number, officer, insurer = opened(house), house.visitor(OFFICER), house.visitor(INSURER)
    state = officer.get(f"/api/v1/occurrences/{number}").json()["state"]
    assert says(insurer, number, "insurer-acknowledgement", words="We have rung the plant <b>").status_code == 303
    for client in (officer, insurer):
        page = client.get(f"/occurrences/{number}").text
        assert "We have rung the plant &lt;b&gt;" in page
        (record,) = client.get(f"/api/v1/occurrences/{number}").json()["insurer"]
        assert record["words"] == "We have rung the plant <b>"
    assert officer.get(f"/api/v1/occurrences/{number}").json()["state"] == state
    assert says(insurer, number, "insurer-acknowledgement").status_code == 409
    assert says(officer, number, "insurer-acknowledgement").status_code == 403
    assert "insurer-acknowledgement" not in officer.get(f"/occurrences/{number}").text
    token = {"X-Form-Token": token_of(insurer)}
    too_long = insurer.post(
        f"/api/v1/occurrences/{number}/insurer-acknowledgement", json={"words": "x" * 4001}, headers=token
    )
    assert too_long.status_code == 422


def test_photos_of_an_occurrence(timescale_house: House) -> None:
    """Taken in, made anew, shown to the client, kept from the insurer and from everybody else; what is none is refused."""
    house = timescale_house
    number, officer = opened(house), house.visitor(OFFICER)
    token = token_of(officer)
    path = f"/occurrences/{number}/photos"
    for once in ("k1", "k1", "k2"):
        sent = officer.post(
            path, data={"form_token": token, "once": once}, files={"photo": ("p.jpg", jpeg(), "image/jpeg")}
        )
        assert sent.status_code == 303
    photos = officer.get(f"/api/v1/occurrences/{number}").json()["photos"]
    assert len(photos) == 2  # the same form twice is one photo
    shown = officer.get(f"{path}/{photos[0]['photo_id']}")
    assert (shown.status_code, shown.headers["content-type"], shown.headers["cache-control"]) == (
        200,
        "image/jpeg",
        "no-store",
    )
    assert f'src="{path}/{photos[0]["photo_id"]}"' in officer.get(f"/occurrences/{number}").text
    insurer = house.visitor(INSURER)
    assert insurer.get(f"{path}/{photos[0]['photo_id']}").status_code == 403
    assert insurer.get(f"/api/v1/occurrences/{number}").json()["photos"] == []
    assert house.visitor(OTHER).get(f"{path}/{photos[0]['photo_id']}").status_code == 404
    for body in (b"", b"no picture"):
        refused = officer.post(path, data={"form_token": token}, files={"photo": ("p.jpg", body, "image/jpeg")})
        assert refused.status_code == 409


def test_a_near_miss_offers_a_finding_with_what_was_done(timescale_house: House) -> None:
    """Said on the page; one click makes the finding, its description what was done; a nuisance offers no such thing."""
    house = timescale_house
    officer = house.visitor(OFFICER)
    number = opened(house)
    with house.plant.owner() as owner:
        owner.execute("UPDATE alarm SET state = 'A', active = false")
    done = says(officer, number, "resolve", resolution="near_miss", action_taken="Flange tightened")
    assert done.status_code == 303
    page = officer.get(f"/occurrences/{number}").text
    assert 'name="description" value="Flange tightened"' in page
    made = says(officer, number, "finding", description="Flange tightened")
    assert made.status_code == 303
    assert "Flange tightened" in officer.get(made.headers["location"]).text
    assert 'name="description"' not in officer.get(f"/occurrences/{number}").text


def test_a_company_fetches_its_own_seals(timescale_house: House) -> None:
    """As they go out; nobody fetches another company's."""
    house = timescale_house
    with house.plant.owner() as owner:
        owner.execute(
            "INSERT INTO seal (company_id, number, sealed_at, alarms, previous, digest, public_key, signature)"
            " SELECT company_id, 1, now(), 0, 'p', 'd', 'k', 's' FROM company"
        )
    found = house.visitor(OFFICER).get("/api/v1/seals").json()
    assert [(seal["company_id"], seal["number"], seal["form"]) for seal in found] == [
        (house.plant.a.company_id, 1, "davy-seal-1")
    ]
    assert house.visitor(OFFICER).get("/api/v1/seals?after=1").json() == []
