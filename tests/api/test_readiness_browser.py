"""Readiness in a real browser: an exercise started on a phone in Chinese, marked on every page, and read at a desk in English."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect

from tests.api.conftest import House
from tests.api.test_browser import OFFICER, browser, open_page
from tests.api.test_duty import on_duty
from tests.api.test_readiness import RISK, keep
from tests.look import PHONE, look_right

__all__ = ["browser"]  # the fixture of the other browser tests

pytestmark = pytest.mark.browser


def remembered(house: House, roster: int) -> None:
    """Roll calls of the last months: nights go unanswered, days are answered soon."""
    with house.plant.owner() as connection:
        connection.execute("UPDATE roster SET roll_calls = 2 WHERE roster_id = %s", (roster,))
        for number in range(14):
            night = number % 2 == 0
            connection.execute(
                "INSERT INTO exercise (company_id, site_id, kind, priority, roster_id, asked_at, lasts_s, began_at, local_hour, on_holiday, called_id,"
                " answered_at, ended_at, outcome) SELECT company_id, site_id, 'roll_call', 'life-safety', roster_id, t.at, 600, t.at, %(hour)s, %(n)s %% 5 = 0,"
                " %(who)s, CASE WHEN %(yes)s THEN t.at + interval '45 s' END, t.at + interval '10 min', CASE WHEN %(yes)s THEN 'answered' ELSE 'unanswered' END"
                " FROM roster, (SELECT now() - %(ago)s::interval AS at) t WHERE roster_id = %(roster)s",
                {
                    "who": house.plant.a.people["officer"], "n": number, "hour": 2 if night else 14, "yes": not night or number % 4 == 0,
                    "ago": timedelta(days=12 * number + 1), "roster": roster,
                },
            )  # fmt: skip


def test_an_exercise_from_the_page_to_the_acknowledgement(browser: Browser, timescale_house: House) -> None:
    """Started, marked in list, occurrences and page, answered; every page of it looks right."""
    house = timescale_house
    remembered(house, on_duty(house))
    house.plant.happen(house.plant.a, "lel-pump.lel-2", house.plant.began - timedelta(days=2))
    house.plant.happen(house.plant.a, "lel-pump.lel-2", house.plant.began - timedelta(days=2, minutes=-3), active=False)
    with house.plant.owner() as connection:
        connection.execute("UPDATE alarm SET state = 'A', active = false, onset = NULL")
    officer = open_page(browser, house, OFFICER, PHONE, "zh")
    officer.goto("/readiness")
    officer.get_by_text("发起演练").click()
    officer.get_by_label("呼叫谁").select_option("duty")
    officer.get_by_label("演练目的").fill("夜班抽查")
    officer.get_by_role("button", name="立即呼叫").click()
    keep(house)
    officer.goto("/readiness")
    expect(officer.get_by_role("button", name="结束演练")).to_be_visible()
    with house.plant.owner() as connection:
        row = connection.execute("SELECT max(occurrence_id) FROM exercise").fetchone()
    assert row is not None
    for login in (OFFICER, RISK):
        page = open_page(browser, house, login, PHONE, "zh")
        look_right(
            page, "/readiness", f"/occurrences/{row[0]}", "/occurrences", *(["/alarms"] if login == OFFICER else [])
        )
        page.context.close()
    officer.goto(f"/occurrences/{row[0]}")
    officer.get_by_role("button", name="确认", exact=True).first.click()
    expect(officer.get_by_role("button", name="确认", exact=True)).to_have_count(0)
    keep(house)
    officer.goto("/readiness")
    expect(officer.get_by_text("发起演练")).to_be_visible()
