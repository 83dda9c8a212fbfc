"""The report in a real browser: on a phone and on a desk, in Chinese and English."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.api.conftest import House
from tests.api.test_browser import OFFICER, browser, open_page
from tests.look import PHONE, look_right
from tests.risk.seeded_month import seed_month

__all__ = ["browser"]  # the fixture
pytestmark = pytest.mark.browser
PDF = {"zh": "PDF 中文", "en": "PDF English"}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_report_is_accessible_and_fits(
    browser: Browser, timescale_house: House, language: str, tmp_path: Path
) -> None:
    """It looks right with every table open, the file comes down by a click; no error, no style refused."""
    seed_month(timescale_house.plant)
    page = open_page(browser, timescale_house, OFFICER, PHONE, language)
    page.goto("/sites/tank-farm")
    whole = "([...document.querySelectorAll('.drivers td:last-child')].map(e => e.getBoundingClientRect().right <= innerWidth))"
    reasons = page.evaluate(whole)
    assert reasons, "the site has no score, so no reason of one is looked at"
    assert all(reasons), "a reason stands beyond the screen of a phone"
    page.locator("a[href$='/report']").first.click()
    page.locator("figure svg").first.wait_for()
    look_right(page)
    with page.expect_download() as down:
        page.get_by_text(PDF[language]).click()
    down.value.save_as(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF-")
    look_right(page, "/sites/tank-farm", "/sites/tank-farm/report", "/sites/tank-farm/report?month=2019-03")
    assert [text for text in page.wrong if "404" not in text] == []  # type: ignore[attr-defined]
    page.context.close()
