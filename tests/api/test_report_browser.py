"""The report in a real browser: on a phone and on a desk, in Chinese and English."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.api.conftest import House
from tests.api.test_browser import DESK, OFFICER, PHONE, browser, faults, fits, open_page, small_targets
from tests.risk.seeded_month import seed_month

__all__ = ["browser"]  # the fixture
pytestmark = pytest.mark.browser
PDF = {"zh": "PDF 中文", "en": "PDF English"}


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_the_report_is_accessible_and_fits(
    browser: Browser, timescale_house: House, size: dict[str, int], language: str, tmp_path: Path
) -> None:
    """axe finds nothing with every table open, nothing scrolls sideways, the file comes down by a click; no error, no style refused."""
    seed_month(timescale_house.plant)
    page = open_page(browser, timescale_house, OFFICER, size, language)
    page.goto("/sites/tank-farm")
    page.locator("a[href$='/report']").first.click()
    page.locator("figure svg").first.wait_for()
    for summary in page.locator("summary").all():
        summary.click()
    assert faults(page) == []
    assert fits(page)
    assert small_targets(page) == []
    with page.expect_download() as down:
        page.get_by_text(PDF[language]).click()
    down.value.save_as(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF-")
    page.goto("/sites/tank-farm/report?month=2019-03")
    assert faults(page) == []
    assert [text for text in page.wrong if "404" not in text] == []  # type: ignore[attr-defined]
    page.context.close()
