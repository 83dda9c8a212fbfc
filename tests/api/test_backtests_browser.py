"""Back-tests in a real browser, on a phone and a desk, in both languages."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.api.conftest import House
from tests.api.test_backtests import finished, form, limit_of
from tests.api.test_browser import DESK, PHONE, browser, faults, fits, open_page, small_targets
from tests.api.test_findings import OFFICER, Person

__all__ = ["browser"]  # the fixture of the other browser tests

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("size", "language"), [(PHONE, "zh"), (DESK, "en")], ids=["phone", "desk"])
def test_every_page_is_sound(browser: Browser, timescale_house: House, size: dict[str, int], language: str) -> None:
    """axe finds nothing, nothing scrolls sideways, thumbs find everything; the page of one that is under way becomes its answer
    without a reload."""
    house = timescale_house
    path = Person(house, OFFICER).post("/backtests", **form(house)).headers["location"]
    page = open_page(browser, house, OFFICER, size, language)
    for where in (f"/backtests?definition={limit_of(house)[1]}", path):
        page.goto(where)
        assert faults(page) == [], where
        assert fits(page), where
        assert small_targets(page) == [], where
    finished(house, int(path.rsplit("/", 1)[1]))
    expect(page.locator("#h-when")).to_be_visible()
    assert faults(page) == []
    assert fits(page)
    assert small_targets(page) == []
    assert page.wrong == []  # type: ignore[attr-defined]
