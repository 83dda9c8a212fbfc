"""What waits for a second person in a real browser: on the phone and the desk, in both languages, one press from where one answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.api.conftest import House
from tests.api.test_approvals import asked
from tests.api.test_browser import DESK, OFFICER, PHONE, browser, faults, fits, open_page, small_targets

__all__ = ["browser"]  # the fixture of the other browser tests

pytestmark = pytest.mark.browser


def test_it_fits_and_leads_to_the_answer(browser: Browser, timescale_house: House, tmp_path: Path) -> None:
    """axe finds nothing, nothing is too small to press, and the line leads to the order."""
    house = timescale_house
    number = asked(house, "officer", datetime.now(UTC) + timedelta(hours=5))
    for language in ("zh", "en"):
        for name, size in (("phone", PHONE), ("desk", DESK)):
            page = open_page(browser, house, OFFICER, size, language)
            page.goto("/alarms")
            page.screenshot(path=tmp_path / f"{language}_{name}.png", full_page=True)
            assert faults(page) == [], (language, name)
            assert fits(page), (language, name)
            assert small_targets(page) == [], (language, name)
            page.locator("#section-approvals a").click()
            expect(page).to_have_url(f"{house.url}/suppressions/{number}")
            page.context.close()
