"""Calm on the pages: the banner of a storm, why somebody was told in a digest, the finding against ourselves. No axe violation."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Browser
from psycopg.types.json import Jsonb

from tests.api.conftest import House
from tests.api.test_browser import OFFICER, browser, open_page
from tests.look import PHONE, look_right

__all__ = ["browser"]

pytestmark = [pytest.mark.db, pytest.mark.browser]

UNDERWRITER = "insurer-underwriter"
FACTS = {
    "days_over": 4, "of_days": 7, "most": 13, "budget": 5, "people": 1,
    "proposed": [
        {"limit": "temp-pump.high", "title": "Pump hot · Pump 3", "title_zh": "泵温高 · 3号泵", "announced": 31, "change": "deadband",
         "backtest": "/backtests?definition=1&deadband=3"},
    ],
}  # fmt: skip


@pytest.fixture
def stormy(timescale_house: House) -> tuple[House, int]:
    """A site in a storm: one alarm told in its digest, one that waits for the next; and a finding against ourselves."""
    house = timescale_house
    a, began = house.plant.a, house.plant.began
    with house.plant.owner() as owner:
        owner.execute(
            "WITH r AS (INSERT INTO route (company_id, site_id, key, audience, priorities) VALUES (%s, %s, 'at-once', 'client', '{high,medium,low}')"
            " RETURNING route_id, company_id) INSERT INTO route_step (route_id, company_id, position, after_s, person_id, channel)"
            " SELECT route_id, company_id, i, i * 60, %s, 'smtp' FROM r, generate_series(0, 1) i",
            (a.company_id, a.site_id, a.people["officer"]),
        )
    occurrence = house.plant.happen(a, "temp-pump.high", began - timedelta(minutes=5))
    assert occurrence is not None
    with house.plant.owner() as owner:
        made = owner.execute(
            "INSERT INTO storm (company_id, site_id, began_at, looked_at, alarms) VALUES (%s, %s, %s, %s, 214) RETURNING storm_id",
            (a.company_id, a.site_id, began - timedelta(minutes=12), began),
        ).fetchone()
        assert made is not None
        storm = made[0]
        owner.execute(
            "UPDATE notification SET held_by = 'storm', storm_id = %s, lease_until = now() + interval '5 minutes' WHERE occurrence_id = %s",
            (storm, occurrence),
        )
        owner.execute(
            "UPDATE notification SET state = 'sent', sent_at = created_at, finished_at = created_at, told_in = 'storm-1', outcome = 'one of 9'"
            " WHERE occurrence_id = %s AND step = 0",
            (occurrence,),
        )
        owner.execute(
            "INSERT INTO own_finding (company_id, site_id, kind, opened_at, told_at, facts) VALUES (%s, %s, 'too_many_messages', now(), now(), %s)",
            (a.company_id, a.site_id, Jsonb(FACTS)),
        )
    return house, occurrence


def test_the_list_says_that_there_is_a_storm(stormy: tuple[House, int]) -> None:
    """Since when, how many alarms, how many wait; the page does not call what waits on purpose a message that is stuck."""
    house, occurrence = stormy
    page = house.visitor(OFFICER).get("/alarms").text
    assert "214" in page
    assert "报警风暴" in page
    assert "通知未发出" not in page
    other = house.visitor("qinling-coal-officer").get("/alarms").text
    assert "报警风暴" not in other
    told = house.visitor(OFFICER).get(f"/occurrences/{occurrence}").text
    assert "的报警风暴汇总通知中告知" in told
    assert "等待下一次报警风暴汇总通知" in told
    answer = house.visitor(OFFICER).get(f"/api/v1/occurrences/{occurrence}/told").json()
    rules = [call["rule"] for each in answer["told"] for call in each["calls"]]
    assert any("told in the storm digest of" in rule for rule in rules)


def test_the_insurer_reads_numbers_and_no_alarm_by_name(stormy: tuple[House, int]) -> None:
    """A finding against ourselves is theirs to see; what could be changed is the client's."""
    house, _ = stormy
    page = house.visitor(UNDERWRITER).get("/sites/tank-farm/performance?from=&to=").text
    assert "13" in page
    assert "temp-pump.high</code>" not in page.split('id="h-against-us"')[1].split("</section>")[0]
    own = house.visitor(OFFICER).get("/sites/tank-farm/performance").text
    assert "temp-pump.high" in own.split('id="h-against-us"')[1].split("</section>")[0]


def test_the_pages_read_well(browser: Browser, stormy: tuple[House, int]) -> None:
    """Each looks right."""
    house, occurrence = stormy
    page = open_page(browser, house, OFFICER, PHONE, "zh")
    look_right(page, "/alarms", "/sites/tank-farm/performance", f"/occurrences/{occurrence}")
    page.context.close()
