"""Orders in a real browser: a window on a phone in Chinese, a second person at a desk, and every page for everybody."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect

from tests.api.conftest import House
from tests.api.test_browser import OFFICER, browser, open_page
from tests.api.test_findings import INTEGRATOR, UNDERWRITER
from tests.api.test_impairments import clock
from tests.api.test_suppressions import high, look, zone
from tests.look import DESK, PHONE, look_right

__all__ = ["browser"]  # the fixture of the other browser tests

pytestmark = pytest.mark.browser


def test_orders_from_the_form_to_the_list(browser: Browser, timescale_house: House) -> None:
    """Written down on a phone, agreed to by another; what is silent is on view, and every page of it looks right."""
    house = timescale_house
    house.plant.happen(house.plant.a, "lel-pump.lel-2", house.plant.began - timedelta(minutes=4))
    officer = open_page(browser, house, OFFICER, PHONE, "zh")
    officer.goto("/suppressions/new")
    look_right(officer)
    officer.get_by_label("检修时段").check()
    officer.select_option("#place", zone(house))
    officer.get_by_role("button", name="下一步", exact=True).click()
    officer.fill("#number", "JX-2026-17")
    officer.fill("#reason", "更换1号泵轴承")
    officer.fill("#signed_by", "赵班长")
    officer.fill("#until", clock(house, 5))
    look_right(officer)
    officer.get_by_role("button", name="登记", exact=True).click()
    expect(officer.get_by_role("heading", level=1)).to_have_text("JX-2026-17")

    asker = open_page(browser, house, INTEGRATOR, DESK, "en")
    asker.goto(
        f"/suppressions/new?kind=out_of_service&place={zone(house)}&alarm={house.plant.a.definitions[high(house)]}"
    )
    asker.fill("#number", "WO-88")
    asker.fill("#reason", "New probe")
    asker.fill("#signed_by", "Head of maintenance")
    asker.fill("#until", clock(house, 20))
    look_right(asker)
    asker.get_by_role("button", name="Ask for it", exact=True).click()
    expect(asker.get_by_text("Nothing is silent yet")).to_be_visible()
    asked = asker.url.removeprefix(house.url)
    officer.goto("/suppressions")
    officer.get_by_role("link", name="WO-88").click()
    officer.get_by_role("button", name="同意停用", exact=True).click()
    expect(officer.get_by_role("button", name="恢复投用", exact=True)).to_be_visible()
    look(house)
    for login in (OFFICER, UNDERWRITER):
        page = open_page(browser, house, login, PHONE, "zh")
        look_right(page, "/suppressions", asked, *(["/alarms"] if login == OFFICER else []))
        assert page.wrong == []  # type: ignore[attr-defined]
        page.context.close()
