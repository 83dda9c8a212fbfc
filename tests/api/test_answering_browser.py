"""The page of a message's link in a real browser: a phone in Chinese, a desk in English, and one that runs no scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.api.test_answering import Linked, timescale_linked
from tests.api.test_browser import browser
from tests.look import PHONE, look_right

__all__ = ["browser", "timescale_linked"]  # fixtures of the other tests

pytestmark = [pytest.mark.browser, pytest.mark.db]


def test_the_page_of_a_link_is_read_and_pressed_with_a_thumb(browser: Browser, timescale_linked: Linked) -> None:
    """It fits, axe finds nothing, the button is large, it sends no address on, and works without scripts; then it says who."""
    linked = timescale_linked
    path = linked.link()
    referers: list[str | None] = []
    context = browser.new_context(viewport=PHONE, base_url=linked.url)  # type: ignore[arg-type]
    page = context.new_page()
    page.on("request", lambda request: referers.append(request.headers.get("referer")))
    look_right(page, path, path[:-4])
    assert [each for each in referers if each is not None and "/a/" in each] == []
    context.close()
    assert linked.written() == ([], [])
    context = browser.new_context(viewport=PHONE, base_url=linked.url, java_script_enabled=False)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(path)
    page.locator("button.main").click()
    expect(page.get_by_text("您已于")).to_be_visible()
    assert page.locator("button.main").count() == 0
    assert [event for event, _, _ in linked.written()[0]] == ["acknowledge"]
    context.close()
