"""Cards of models and why something fired in a real browser, on a phone and a desk, in both languages."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.api.conftest import House
from tests.api.test_browser import DESK, PHONE, browser, faults, fits, open_page, small_targets
from tests.api.test_findings import OFFICER
from tests.api.test_firing_page import kept
from tests.api.test_model_card import modelled, resolved, scored

__all__ = ["browser"]  # the fixture of the other browser tests

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("size", "language"), [(PHONE, "zh"), (DESK, "en")], ids=["phone", "desk"])
def test_every_page_is_sound(browser: Browser, timescale_house: House, size: dict[str, int], language: str) -> None:
    """axe finds nothing, nothing scrolls sideways, thumbs find everything."""
    house = timescale_house
    asset = modelled(house.plant, house.plant.a)
    scored(house.plant, house.plant.a)
    resolved(house.plant, house.plant.a, "_mewma.unusual", "near_miss", 7)
    occurrence = kept(house)
    page = open_page(browser, house, OFFICER, size, language)
    for where in (f"/occurrences/{occurrence}/why", "/models", f"/models/{asset}"):
        page.goto(where)
        for summary in page.locator("summary").all():
            summary.click()
        assert faults(page) == [], where
        assert fits(page), where
        assert small_targets(page) == [], where
    assert page.wrong == []  # type: ignore[attr-defined]
