"""Findings against Davy of each kind in a real browser: a phone and a desk, in both languages."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from risk.own_finding import DELIVERY_FAILED, NOBODY_ANSWERED
from tests.api.conftest import House
from tests.api.test_browser import OFFICER, browser, open_page
from tests.api.test_findings import Person
from tests.api.test_own_findings import ENGINEER, failures, opened, write
from tests.look import PHONE, look_right

__all__ = ["browser"]  # the fixture of the other browser tests

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("kind", [DELIVERY_FAILED, NOBODY_ANSWERED])
def test_its_page_looks_right_and_leads_to_what_happened(browser: Browser, timescale_house: House, kind: str) -> None:
    """Evidence and forms in both languages; one tap leads to the occurrence."""
    house = timescale_house
    facts = failures(house)[kind]
    number = opened(house, kind, facts)
    write(Person(house, ENGINEER), number, "cause", "短信网关欠费停机，当晚所有短信均被退回。", "channel")
    for login in (OFFICER, ENGINEER):
        page = open_page(browser, house, login, PHONE, "zh")
        look_right(page, "/own-findings", f"/own-findings/{number}")
        page.locator(f'a[href="/occurrences/{facts.occurrence_id}"]').click()
        expect(page).to_have_url(re.compile(rf"/occurrences/{facts.occurrence_id}$"))
        page.context.close()
