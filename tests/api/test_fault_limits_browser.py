"""The notice of a fault that nobody loosens alone, in a real browser: a phone and a desk, in both languages."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.api.conftest import House
from tests.api.test_browser import browser, open_page
from tests.api.test_fault_limits import OF_LIFE, faulty
from tests.api.test_findings import OFFICER
from tests.look import PHONE, look_right

__all__ = ["browser"]  # the fixture of the other browser tests

pytestmark = pytest.mark.browser


def test_it_is_read_before_anybody_types(browser: Browser, timescale_house: House) -> None:
    """Above the fields; the page looks as pages must."""
    limit = faulty(timescale_house, OF_LIFE["a part of a compound"])
    for language, said in (("zh", "须由第二人批准"), ("en", "a second person must approve the change")):
        page = open_page(browser, timescale_house, OFFICER, PHONE, language)
        look_right(page, f"/limits/{limit}")
        page.get_by_text("Propose a change" if language == "en" else "提出变更").first.click()
        expect(page.locator(".actions .notice")).to_contain_text(said)
        page.context.close()
