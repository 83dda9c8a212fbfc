"""What waits for a second person stands on the page where the client's day begins, with the way to where one answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.api.conftest import House
from tests.api.test_findings import OFFICER, UNDERWRITER, Person

pytestmark = pytest.mark.db

ENGINEER, STRANGER = "insurer-risk", "qinling-coal-officer"


def asked(house: House, by: str, ends_at: datetime) -> int:
    """One alarm of company A is to go out of service; gives the order's number."""
    now = datetime.now(UTC)
    with house.plant.owner() as owner:
        row = owner.execute(
            "WITH o AS (INSERT INTO suppression_order (company_id, site_id, kind, begins_at, ends_at, number, reason, signed_by, requested_by, recorded_at)"
            " VALUES (%s, %s, 'out_of_service', %s, %s, 'W-1', 'belt', 'Zhao', %s, %s) RETURNING *), s AS (INSERT INTO suppression_scope (order_id,"
            " company_id, site_id, definition_id) SELECT o.order_id, o.company_id, o.site_id, d.definition_id FROM o JOIN alarm_definition d USING (site_id)"
            " WHERE d.key = 'temp-pump.high') SELECT order_id FROM o",
            (house.plant.a.company_id, house.plant.a.site_id, now - timedelta(hours=2), ends_at, house.plant.a.people[by], now - timedelta(hours=2)),
        ).fetchone()  # fmt: skip
    assert row is not None
    return int(row[0])


def test_it_is_on_the_first_page_until_somebody_answers(house: House) -> None:
    """Whoever may answer sees the way there; the insurer and another company see nothing; what has lapsed is gone."""
    later = datetime.now(UTC) + timedelta(hours=5)
    number = asked(house, "officer", later)
    over = asked(house, "officer", datetime.now(UTC) - timedelta(minutes=1))
    page = Person(house, OFFICER).client.get("/alarms").text
    assert f'href="/suppressions/{number}"' in page
    assert f'href="/suppressions/{over}"' not in page
    assert "待第二人" in page
    assert "由您提出：须由另一人答复" in page
    for login in (ENGINEER, UNDERWRITER, STRANGER):
        assert f"/suppressions/{number}" not in Person(house, login).client.get("/alarms").text
    with house.plant.owner() as owner:
        owner.execute(
            "INSERT INTO suppression_step (order_id, company_id, step, at, person_id, note) VALUES (%s, %s, 'refused', now(), %s, 'no')",
            (number, house.plant.a.company_id, house.plant.a.people["officer"]),
        )
    assert "section-approvals" not in Person(house, OFFICER).client.get("/alarms").text
