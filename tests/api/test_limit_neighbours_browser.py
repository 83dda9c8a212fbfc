"""Another second sensor in a real browser: the form that refuses one, and the proposal that waits; phone and desk, both languages."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.api.conftest import House
from tests.api.test_browser import browser, open_page
from tests.api.test_limit_neighbours import GAS, KEY, house
from tests.api.test_limits import OFFICER, history, of
from tests.look import DESK, PHONE, look_right

__all__ = ["browser", "house"]  # the fixtures of the other tests

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_it_is_refused_and_proposed(browser: Browser, house: House, size: dict[str, int], language: str) -> None:
    """axe finds nothing, nothing scrolls sideways, thumbs find everything; what was typed is still there beside the sentence."""
    history(house)
    page = open_page(browser, house, OFFICER, size, language)
    path = f"/limits/{of(house, KEY)}"
    page.goto(path)
    for other in (f"{GAS}/lel-pump", f"{GAS}/temp-c"):
        if not page.locator("#f-other").is_visible():
            page.locator(".actions summary").click()
        page.fill("#f-other", other)
        page.fill("#reason", "the old one goes")
        page.locator(".actions button.main").click()
        refused = other.endswith("lel-pump")
        assert page.locator("#f-other-bad").is_visible() is refused
        if refused:
            assert page.input_value("#f-other") == other
        look_right(page)
    assert page.locator(".proposal").is_visible()
    assert f"{GAS}/temp-c" in page.inner_text(".proposal")
