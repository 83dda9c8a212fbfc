"""Routes and findings against Davy in a real browser: a phone in Chinese and a desk in English, from the look to the second person's approval."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.api.conftest import House
from tests.api.test_browser import OFFICER, browser, open_page
from tests.api.test_findings import INTEGRATOR, Person
from tests.api.test_own_findings import ENGINEER, opened, write
from tests.api.test_routes import routed
from tests.look import DESK, PHONE, look_right

__all__ = ["browser"]  # the fixture of the other browser tests

pytestmark = pytest.mark.browser


def test_a_route_from_the_look_to_the_approval(browser: Browser, timescale_house: House) -> None:
    """Looked at on a phone, proposed, approved by another person; every page of it looks right."""
    house = timescale_house
    route, number, engineer = routed(house), opened(house), Person(house, ENGINEER)
    write(engineer, number, "cause", "甲烷限值没有回差，在限值附近反复报警。", "limits")
    officer = open_page(browser, house, OFFICER, PHONE, "zh")
    officer.goto("/duty/routes")
    officer.get_by_role("link", name="人身安全").click()
    officer.get_by_text("修改步骤").click()
    officer.fill("#after1", "180")
    officer.fill("#reason", "夜班人手不足，给首位人员更多时间")
    officer.get_by_role("button", name="先看会通知谁", exact=True).click()
    expect(officer.get_by_text("须由第二人批准")).to_be_visible()
    look_right(officer)
    officer.get_by_role("button", name="修改通知路由", exact=True).click()
    expect(officer.get_by_role("button", name="撤回", exact=True)).to_be_visible()
    for login in (OFFICER, INTEGRATOR, ENGINEER):
        page = open_page(browser, house, login, DESK, "en")
        paths = ["/own-findings", f"/own-findings/{number}"]
        look_right(page, *paths, *([] if login == ENGINEER else ["/duty/routes", f"/duty/routes/{route}"]))
        if login == INTEGRATOR:
            page.goto(f"/duty/routes/{route}")
            page.get_by_role("button", name="Approve and put in force", exact=True).click()
            expect(page.get_by_text("approved by Integrator of Huaihai Petrochemical")).to_be_visible()
        page.context.close()
