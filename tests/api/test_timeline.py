"""The timeline of an occurrence as its readers get it: duty that changes hands stands there, and the other side's words do not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.api.conftest import House
from tests.api.test_duty import on_duty
from tests.api.test_findings import OFFICER, UNDERWRITER, Person

pytestmark = pytest.mark.db


def called_by_roster(house: House, roster: int) -> int:
    """Gas, and a route that tells whoever is on duty, then the insurer's desk."""
    with house.plant.owner() as connection:
        desk = connection.execute(
            "INSERT INTO roster (company_id, site_id, key, name, name_zh, audience, time_zone) SELECT company_id, site_id, 'desk', 'Desk', '值班台',"
            " 'insurer', time_zone FROM roster WHERE roster_id = %s RETURNING roster_id", (roster,),
        ).fetchone()  # fmt: skip
        assert desk is not None
        connection.execute(
            "INSERT INTO roster_layer SELECT %s, company_id, 0, 'all', begins_on, hand_over, 1 FROM roster_layer WHERE roster_id = %s",
            (desk[0], roster),
        )
        connection.execute(
            "INSERT INTO roster_member SELECT %s, company_id, 0, 1, %s FROM roster WHERE roster_id = %s",
            (desk[0], house.plant.insurer["underwriter"], roster),
        )
        connection.execute(
            "WITH r AS (INSERT INTO route (company_id, site_id, key, audience, priorities) SELECT company_id, site_id, 'all', 'client',"
            " '{life-safety}' FROM site WHERE site_id = %s RETURNING route_id, company_id)"
            " INSERT INTO route_step (route_id, company_id, position, after_s, roster_id, channel) SELECT route_id, company_id, v.position,"
            " v.after_s, v.roster, 'smtp' FROM r, (VALUES (0, 0, %s), (1, 300, %s)) v(position, after_s, roster)",
            (house.plant.a.site_id, roster, desk[0]),
        )
        for of_roster, person, reason in ((roster, None, "停产检修"), (desk[0], "underwriter", "their own word")):
            connection.execute(
                "INSERT INTO roster_override (roster_id, company_id, person_id, begins_at, ends_at, reason, made_at, made_by, withdrawn_at,"
                " withdrawn_by) SELECT roster_id, company_id, %s, %s, %s, %s, %s, %s, %s, %s FROM roster WHERE roster_id = %s",
                (
                    house.plant.insurer["underwriter"] if person else None,
                    house.plant.began, house.plant.began + timedelta(hours=1), reason, house.plant.began,
                    house.plant.insurer["underwriter"] if person else house.plant.a.people["officer"],
                    house.plant.began + timedelta(minutes=5), house.plant.insurer["underwriter"], of_roster,
                ),
            )  # fmt: skip
    occurrence = house.plant.happen(house.plant.a, "lel-pump.lel-2", house.plant.began - timedelta(minutes=4))
    assert occurrence is not None
    return occurrence


def duty_rows(person: Person, occurrence: int) -> list[dict[str, Any]]:
    rows = person.client.get(f"/api/v1/occurrences/{occurrence}").json()["timeline"]
    return [row for row in rows if row["kind"] == "duty"]


def test_duty_that_changes_hands_stands_in_the_timeline(house: House) -> None:
    """Nobody by a person's word, with why; the insurer's desk without names and words; given back; in both languages."""
    occurrence = called_by_roster(house, on_duty(house))
    officer = Person(house, OFFICER)
    told = sorted(
        (row["audience"], row["what"], row["detail"], row["text"] or "") for row in duty_rows(officer, occurrence)
    )
    assert told == [
        ("client", "given_back", "", ""),
        ("client", "nobody", "", "停产检修"),
        ("insurer", "given_back", "", ""),
        ("insurer", "taken_over", "", ""),
    ]
    chinese = officer.client.get(f"/occurrences/{occurrence}").text
    assert all(words in chinese for words in ("经人员安排，改为无人值班", "改由他人接替值班", "替班已撤回", "停产检修"))
    assert "their own word" not in chinese
    officer.client.get("/language?to=en&next=/alarms")
    english = officer.client.get(f"/occurrences/{occurrence}").text
    assert all(words in english for words in ("Nobody is on duty, by a person", "Somebody else takes over the duty"))


def test_who_fills_the_clients_positions_is_the_clients(house: House) -> None:
    """The insurer's people see what was planned and sent, and nothing of who took over."""
    occurrence = called_by_roster(house, on_duty(house))
    underwriter = Person(house, UNDERWRITER)
    rows = underwriter.client.get(f"/api/v1/occurrences/{occurrence}").json()["timeline"]
    assert {row["kind"] for row in rows} == {"transition", "notification"}
    assert {row["who"] for row in rows} == {None}
    assert "停产检修" not in underwriter.client.get(f"/occurrences/{occurrence}").text
