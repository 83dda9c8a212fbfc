"""Cards of models and why something fired in a real browser, on a phone and a desk, in both languages."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser
from psycopg.types.json import Jsonb

from tests.api.conftest import House
from tests.api.test_browser import browser, open_page
from tests.api.test_findings import OFFICER
from tests.api.test_firing_page import kept
from tests.api.test_model_card import SETUP, modelled, resolved, scored
from tests.look import PHONE, look_right

__all__ = ["browser"]  # the fixture of the other browser tests

pytestmark = pytest.mark.browser


def test_every_page_is_sound(browser: Browser, timescale_house: House) -> None:
    """Each looks right."""
    house = timescale_house
    asset = modelled(house.plant, house.plant.a)
    scored(house.plant, house.plant.a)
    resolved(house.plant, house.plant.a, "_mewma.unusual", "near_miss", 7)
    with house.plant.owner() as owner:
        owner.execute("UPDATE asset_model SET setup = %s", (Jsonb(SETUP),))
    occurrence = kept(house)
    page = open_page(browser, house, OFFICER, PHONE, "zh")
    look_right(page, f"/occurrences/{occurrence}/why", "/models", f"/models/{asset}")
    assert page.wrong == []  # type: ignore[attr-defined]
