"""Rejected messages in a real browser, on a phone and a desk, in both languages."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.api.conftest import House
from tests.api.test_browser import browser, open_page
from tests.api.test_rejected import INTEGRATOR, NASTY, reject
from tests.look import PHONE, look_right

__all__ = ["browser"]  # the fixture of the other browser tests

pytestmark = pytest.mark.browser


def test_every_page_is_sound(browser: Browser, timescale_house: House) -> None:
    """Each looks right; the button asks and the page says so."""
    house, plant = timescale_house, timescale_house.plant
    kept = reject(plant, plant.a, "unknown_sensor", NASTY, plant.began)
    odd = reject(plant, plant.a, "not_utf8", bytes(range(256)) * 40, plant.began, length=70_000)
    page = open_page(browser, house, INTEGRATOR, PHONE, "zh")
    look_right(
        page,
        "/rejected",
        "/rejected/messages?reason=not_utf8",
        f"/rejected/messages/{kept}",
        f"/rejected/messages/{odd}",
    )
    page.goto("/rejected")
    page.locator(".groups form button").click()
    expect(page.locator(".groups .strip")).to_be_visible()
    expect(page.locator("#replays")).to_contain_text("tank-farm-gas")
    look_right(page)
    with plant.owner() as owner:
        owner.execute("UPDATE rejected_replay SET finished_at = now(), taken = 41")
    expect(page.locator("#replays")).to_contain_text("41")  # without a reload
    assert page.wrong == []  # type: ignore[attr-defined]
