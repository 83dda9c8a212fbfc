"""What waits for a second person in a real browser: on the phone and the desk, in both languages, one press from where one answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, expect

from tests.api.conftest import House
from tests.api.test_approvals import asked
from tests.api.test_browser import OFFICER, browser, open_page
from tests.look import PHONE, look_right

__all__ = ["browser"]  # the fixture of the other browser tests

pytestmark = pytest.mark.browser


def test_it_looks_right_and_leads_to_the_answer(browser: Browser, timescale_house: House) -> None:
    """The line on the page of alarms leads to the order."""
    house = timescale_house
    number = asked(house, "officer", datetime.now(UTC) + timedelta(hours=5))
    page = open_page(browser, house, OFFICER, PHONE, "zh")
    look_right(page, "/alarms")
    page.locator("#section-approvals a").click()
    expect(page).to_have_url(f"{house.url}/suppressions/{number}")
    page.context.close()
