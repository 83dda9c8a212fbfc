"""Back-tests in a real browser, on a phone and a desk, in both languages."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.api.conftest import House
from tests.api.test_backtests import finished, form, limit_of
from tests.api.test_browser import browser, open_page
from tests.api.test_findings import OFFICER, Person
from tests.look import PHONE, look_right

__all__ = ["browser"]  # the fixture of the other browser tests

pytestmark = pytest.mark.browser


def test_every_page_is_sound(browser: Browser, timescale_house: House) -> None:
    """Each looks right; the page of one that is under way becomes its answer
    without a reload."""
    house = timescale_house
    path = Person(house, OFFICER).post("/backtests", **form(house)).headers["location"]
    page = open_page(browser, house, OFFICER, PHONE, "zh")
    look_right(page, f"/backtests?definition={limit_of(house)[1]}", path)
    finished(house, int(path.rsplit("/", 1)[1]))
    expect(page.locator("#h-when")).to_be_visible()
    look_right(page, path)
    assert page.wrong == []  # type: ignore[attr-defined]
