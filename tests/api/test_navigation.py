"""The navigation: a few rooms in one row, the others behind one fold, nothing that its reader may not enter."""

from __future__ import annotations

import re
from itertools import chain

import pytest
from playwright.sync_api import Browser, Page, expect

from api.permissions import may
from api.rendering import TEMPLATES
from api.rooms import NAVIGATION, ROOMS
from core.model import Role
from tests.api.conftest import House
from tests.api.plant import PASSWORD
from tests.api.test_browser import OFFICER, browser, open_page
from tests.look import DESK, LANGUAGES, PHONE, faults, fits, small_targets, strange_words

__all__ = ["browser"]  # the fixture of the other browser tests

LOGINS = (OFFICER, "huaihai-petro-integrator", "insurer-underwriter", "insurer-risk", "insurer-operator")
NO_ROOM = {"", "about", "answer", "api", "inbox", "login", "preferences"}  # pages that are no room


@pytest.mark.parametrize("role", Role)
def test_each_role_finds_every_room_it_may_enter_and_no_other(role: Role) -> None:
    """Once in the row of a phone or in its fold, and what stands in the row of a wide screen is in that fold too."""
    found = NAVIGATION[role]
    folded = [room for _, rooms in found.folds for room in rooms]
    assert sorted(room.key for room in chain(found.near, folded)) == sorted(
        room.key for room in ROOMS if may(role, room.right)
    )
    assert set(found.wide) <= set(folded)


def test_every_page_stands_in_a_room() -> None:
    """What a template calls its room is one that the navigation knows, or one of the pages that are none."""
    said = {
        key
        for template in TEMPLATES.glob("*.html")
        for tag in re.findall(r"{% set room = (.*?) %}", template.read_text("utf-8"))
        for key in re.findall(r'"(\w*)"(?!\))', tag)
    }
    assert said <= {room.key for room in ROOMS} | NO_ROOM
    assert {room.key for room in ROOMS} <= said


def rows(page: Page) -> set[int]:
    """Where the doors of the row begin; one number where it is one row."""
    return set(
        page.evaluate(
            """[...document.querySelectorAll('.bar > .brand, .bar nav > a, .bar summary')].filter(e => e.checkVisibility())
               .map(e => Math.round(e.getBoundingClientRect().top))"""
        )
    )


@pytest.mark.browser
def test_it_is_one_row_that_stays_in_view(browser: Browser, timescale_house: House) -> None:
    """In both languages on both screens, for everybody, with the fold open too: axe finds nothing, thumbs find everything."""
    for login in LOGINS:
        page = open_page(browser, timescale_house, login, PHONE, "zh")
        for language in LANGUAGES:
            page.goto(f"/language?to={language}&next=/findings")
            for size in (PHONE, {"width": 360, "height": 640}, DESK):
                page.set_viewport_size(size)  # type: ignore[arg-type]
                assert len(rows(page)) == 1, (login, language, size)
                page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
                assert rows(page) == {0}, (login, language, size)
                page.locator(".more summary").click()
                open_fold = faults(page) + small_targets(page) + strange_words(page)
                assert (open_fold, fits(page)) == ([], True), (login, language, size)
                box = page.locator(".fold").bounding_box()
                assert box is not None
                assert box["y"] + box["height"] <= size["height"], "the fold runs out of view"
                page.locator(".more summary").click()
        assert page.wrong == []  # type: ignore[attr-defined]
        page.context.close()


@pytest.mark.browser
def test_the_fold_opens_without_scripts_and_by_keyboard(browser: Browser, timescale_house: House) -> None:
    """Enter on "More" shows the rooms; the room one is in is marked, in the row or on the fold."""
    context = browser.new_context(viewport=PHONE, base_url=timescale_house.url, java_script_enabled=False)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto("/language?to=en&next=/login")
    page.fill("#login", OFFICER)
    page.fill("#password", PASSWORD)
    page.click("button.main")
    expect(page.locator("nav > [aria-current=page]")).to_have_text("Alarms")
    expect(page.locator(".fold")).to_be_hidden()
    page.locator(".more summary").press("Enter")
    page.get_by_role("link", name="Back-tests").click()
    page.wait_for_url("**/backtests")
    expect(page.locator(".more summary")).to_have_text("More: Back-tests")
    expect(page.locator(".more summary")).to_have_class("current")
    page.locator(".more summary").press("Enter")
    expect(page.locator(".fold [aria-current=page]")).to_have_text("Back-tests")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login")
    context.close()
