"""The page of alarm performance: true figures, each with its target; the insurer sees numbers and nobody's name."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.api.conftest import House, token_of

pytestmark = pytest.mark.db

OFFICER, UNDERWRITER = "huaihai-petro-officer", "insurer-underwriter"
PAGE = "/sites/tank-farm/performance"
MINUTE = timedelta(minutes=1)


def rung(house: House, definition: str, times: int, began: datetime) -> int | None:
    """An alarm that chatters: begun and over three times a minute."""
    occurrence = None
    for n in range(times):
        at = began + n * MINUTE / 3
        occurrence = house.plant.happen(house.plant.a, definition, at)
        house.plant.happen(house.plant.a, definition, at + MINUTE / 6, active=False, value=30.0)
    return occurrence


def figures(client: httpx.Client, query: str = "") -> dict[str, Any]:
    """The page as a program reads it."""
    answer = client.get(f"/api/v1{PAGE}{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def call_first(house: House, person: int) -> None:
    """A duty position: who is called at once for everything."""
    with house.plant.owner() as owner:
        owner.execute(
            "WITH r AS (INSERT INTO route (company_id, site_id, key, audience, priorities) VALUES (%s, %s, 'at-once', 'client',"
            " '{life-safety,high,medium,low}') RETURNING route_id, company_id)"
            " INSERT INTO route_step (route_id, company_id, position, after_s, person_id, channel)"
            " SELECT route_id, company_id, 0, 0, %s, 'smtp' FROM r",
            (house.plant.a.company_id, house.plant.a.site_id, person),
        )


def test_the_figures_are_those_of_what_happened(house: House) -> None:
    """Announcements, chatter, who was called, what it was said to be: on the page and in its JSON, on each kind of database."""
    call_first(house, house.plant.a.people["officer"])
    occurrence = rung(house, "temp-pump.high", 6, house.plant.began - 40 * MINUTE)
    house.plant.happen(house.plant.a, "lel-pump.lel-1", house.plant.began - 20 * MINUTE)
    officer = house.visitor(OFFICER)
    for act, more in (("acknowledge", {}), ("resolve", {"resolution": "nuisance", "action_taken": "cleaned"})):
        officer.post(f"/occurrences/{occurrence}/{act}", data={"form_token": token_of(officer), **more})
    with house.plant.owner() as owner:
        owner.execute("UPDATE sensor SET range_low = 0, range_high = 120 WHERE unit = 'Cel'")
        owner.execute("UPDATE notification SET state = 'sent', sent_at = created_at, finished_at = created_at")
    found = figures(officer)
    by_key = {each["key"]: each for each in found["figures"]}
    assert (found["announced"], found["mix"]["medium"], found["mix"]["high"]) == (7, 6, 1)
    assert (by_key["chattering"]["value"], by_key["chattering"]["verdict"]) == (1, "over")
    assert not any(each["verified"] for each in found["figures"])
    assert (found["resolutions"], found["nuisance_share"]) == ({"nuisance": 1}, 1.0)
    worst = found["offenders"][0]
    assert (worst["definition"], worst["chatter"], worst["change"]) == ("temp-pump.high", 6, "deadband")
    assert worst["backtest"].startswith(
        f"/backtests?definition={house.plant.a.definitions['temp-pump.high']}&deadband="
    )
    form = officer.get(worst["backtest"]).text
    assert (
        f'name="deadband" inputmode="decimal" autocomplete="off" value="{worst["backtest"].rpartition("=")[2]}"' in form
    )
    (position,) = found["positions"]
    assert (position["name"], position["told"]) == ("Officer of Huaihai Petrochemical", 2)  # chatter is one call
    page = officer.get(PAGE)
    assert page.status_code == 200
    assert "报警绩效" in page.text
    assert worst["backtest"].replace("&", "&amp;") in page.text


def test_what_calls_anew_is_announced_anew(timescale_house: House) -> None:
    """Off its shelf while it still holds, an alarm that nobody had acknowledged calls again, and is counted again."""
    house = timescale_house
    occurrence = house.plant.happen(house.plant.a, "temp-pump.high", house.plant.began - 40 * MINUTE)
    officer = house.visitor(OFFICER)
    assert figures(officer)["announced"] == 1
    for act, more in (("shelve", {"minutes": "60", "reason": "校准"}), ("unshelve", {})):
        done = officer.post(f"/occurrences/{occurrence}/{act}", data={"form_token": token_of(officer), **more})
        assert done.status_code == 303
    assert figures(officer)["announced"] == 2


def test_the_insurer_sees_numbers_and_nobody(timescale_house: House) -> None:
    """No positions, no name, no way to the client's readings; that they looked is written down."""
    house = timescale_house
    call_first(house, house.plant.a.people["officer"])
    rung(house, "temp-pump.high", 6, house.plant.began - 40 * MINUTE)
    underwriter = house.visitor(UNDERWRITER)
    found = figures(underwriter)
    assert (found["announced"], found["positions"]) == (6, [])
    page = underwriter.get(PAGE).text
    assert "Officer of" not in page
    assert "/backtests?" not in page
    with house.plant.owner() as owner:
        looked = owner.execute(
            "SELECT count(*) FROM journal WHERE action = 'looked' AND subject LIKE 'site/tank-farm%'"
        ).fetchone()
    assert looked is not None
    assert looked[0] > 0


def test_no_other_company_and_no_other_days(timescale_house: House) -> None:
    """A site of somebody else is not there; days that will not do are a sentence each, on the page and in JSON."""
    officer = timescale_house.visitor(OFFICER)
    assert officer.get("/sites/mine/performance").status_code == 404
    assert officer.get("/api/v1/sites/mine/performance").status_code == 404
    for query, sentence in (
        ("?from=yesterday", "日期请写成 2026-12-31 的形式。"),
        ("?from=2026-03-02&to=2026-03-01", "起始日期 2026-03-02 晚于结束日期 2026-03-01。"),
        ("?from=2020-01-01&to=2026-01-01", "一次最多查看 366 天。"),
        ("?from=2031-01-01&to=2031-01-02", "2031-01-01 尚未到来"),
    ):
        page, answer = officer.get(PAGE + query), officer.get(f"/api/v1{PAGE}{query}")
        assert (page.status_code, answer.status_code) == (422, 422)
        assert sentence in page.text
        assert sentence in answer.text
    assert figures(officer)["announced"] == 0
