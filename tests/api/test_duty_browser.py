"""Duty in a real browser: a phone in Chinese and a desk in English, from the hand-over note to who was told and why."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect

from tests.api.conftest import House
from tests.api.test_browser import OFFICER, browser, open_page
from tests.api.test_duty import called_for_life, on_duty, put_on_duty
from tests.api.test_findings import INTEGRATOR
from tests.api.test_impairments import clock
from tests.look import DESK, PHONE, look_right

__all__ = ["browser"]  # the fixture of the other browser tests

pytestmark = pytest.mark.browser


def test_duty_from_the_page_to_the_reason(browser: Browser, timescale_house: House) -> None:
    """Taken over on a phone, noted for the next shift, wishes kept; every page of it looks right."""
    house = timescale_house
    roster = on_duty(house)
    with house.plant.owner() as connection:
        row = connection.execute("SELECT key FROM site WHERE site_id = %s", (house.plant.a.site_id,)).fetchone()
    assert row is not None
    happened = house.plant.happen(house.plant.a, "lel-pump.lel-2", house.plant.began - timedelta(minutes=4))
    officer = open_page(browser, house, OFFICER, PHONE, "zh")
    officer.goto("/duty")
    officer.get_by_text("安排替班").click()
    officer.fill(f"#until{roster}", clock(house, 5))
    officer.get_by_role("button", name="确认替班", exact=True).click()
    expect(officer.get_by_role("button", name="撤回", exact=True)).to_be_visible()
    officer.get_by_text("写交接留言").click()
    officer.fill(f"#body{roster}", "3号泵有渗漏，已挂牌")
    officer.get_by_role("button", name="提交留言", exact=True).click()
    expect(officer.get_by_text("3号泵有渗漏，已挂牌")).to_be_visible()
    officer.goto("/preferences")
    officer.fill("#quiet_from", "22:00")
    officer.fill("#quiet_until", "07:00")
    officer.get_by_role("button", name="保存", exact=True).click()
    expect(officer.get_by_text("已保存")).to_be_visible()
    for login in (OFFICER, INTEGRATOR):
        page = open_page(browser, house, login, PHONE, "zh")
        look_right(page, "/duty", "/preferences", f"/occurrences/{happened}", f"/sites/{row[0]}")
        page.context.close()


def test_rotations_and_feeds_fit(browser: Browser, timescale_house: House) -> None:
    """A rotation is looked at before it is kept, an address is made and revoked, a calendar that cannot be read, or that names who is
    not reached, says so; axe finds nothing."""
    house = timescale_house
    roster = on_duty(house)
    with house.plant.owner() as connection:
        connection.execute(
            "INSERT INTO roster_calendar (roster_id, company_id, url, host, set_by, set_at, tried_at, problem, failing_since, read_at, remarks)"
            " SELECT roster_id, company_id, 'https://hr.example/x', 'hr.example', %s, now(), now(), 'hr.example answered HTTP 503.', now(),"
            " now() - interval '2 hours', '{\"Nobody here is called 王五, who is on duty from 2026-11-28 08:00.\"}' FROM roster WHERE roster_id = %s",
            (house.plant.a.people["officer"], roster),
        )
    called_for_life(house, roster)
    put_on_duty(house, roster)
    for language, login, size in (("zh", OFFICER, PHONE), ("en", INTEGRATOR, DESK)):
        page = open_page(browser, house, login, size, language)
        page.goto("/feeds")
        for what in ("own", f"roster:{roster}", f"site:{house.plant.a.site_id}"):
            page.select_option("#what", what)
            page.locator("button.main").click()
        expect(page.locator("h2 + p + p code")).to_have_count(3)
        page.locator("form[action$=revoke] button").first.click()
        expect(page.locator("h2 + p + p code")).to_have_count(2)
        look_right(page, "/feeds", "/duty", "/duty/calls", f"/duty/{roster}/rotation")
        page.fill("#turn0", "3")
        page.locator("button[name=look]").click()
        expect(page.locator("#ahead")).to_be_visible()
        look_right(page)
        page.context.close()
