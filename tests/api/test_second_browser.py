"""The page of the second opinion in a real browser: fits a phone and a desk in both languages, is accessible, and one tap is one tap."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.api.conftest import House
from tests.api.test_browser import OFFICER, browser, open_page
from tests.api.test_second import night
from tests.look import PHONE, look_right

__all__ = ["browser"]  # the fixture of the other browser tests

pytestmark = pytest.mark.browser


def test_it_is_read_and_answered_on_a_phone(browser: Browser, timescale_house: House) -> None:
    """Without JavaScript's help: a tap, and the page stands at the same window with what was said."""
    first, _ = night(timescale_house)
    page = open_page(browser, timescale_house, OFFICER, PHONE, "zh")
    page.goto("/second-opinion")
    window = page.locator(f"#window-{first}")
    window.get_by_role("button", name="值得查看").click()
    assert page.url.endswith(f"#window-{first}")
    expect(window.get_by_role("button", name="值得查看")).to_have_attribute("aria-pressed", "true")
    expect(window).to_contain_text("认为：值得查看")


def test_both_pages_fit_and_are_accessible(browser: Browser, timescale_house: House) -> None:
    """Each looks right."""
    first, _ = night(timescale_house)
    page = open_page(browser, timescale_house, OFFICER, PHONE, "zh")
    look_right(page, "/second-opinion", f"/second-opinion/{first}")
