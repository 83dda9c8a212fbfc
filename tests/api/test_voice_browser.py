"""The room of the voice in a real browser: one tap on a phone, and every page of it for everybody."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect

from tests.api.conftest import House
from tests.api.test_browser import OFFICER, browser, open_page
from tests.api.test_findings import UNDERWRITER, Person
from tests.api.test_voice import ENGINEER, filed, resolved, site
from tests.look import PHONE, look_right

__all__ = ["browser"]  # the fixture of the other browser tests

pytestmark = pytest.mark.browser


def test_one_tap_on_a_phone(browser: Browser, timescale_house: House) -> None:
    """The button with the reason is the whole answer; the page says what was said, and another tap changes it."""
    house = timescale_house
    occurrence = resolved(house)
    page = open_page(browser, house, OFFICER, PHONE, "zh")
    page.goto(f"/occurrences/{occurrence}#rate")
    page.get_by_role("button", name="没有实际危险").click()
    expect(page.locator("#rate [role=status]")).to_contain_text("没用 · 没有实际危险")
    page.get_by_role("button", name="及时").click()
    expect(page.locator("#rate [role=status]")).to_contain_text("有用 · 及时")
    assert page.wrong == []  # type: ignore[attr-defined]
    page.context.close()


def a_quarter_of_answers(house: House) -> None:
    """Nine answers of three people, and recommendations of five, in the quarter before."""
    of, last = house.plant.a, house.plant.began - timedelta(days=92)
    with house.plant.owner() as connection:
        for name in ("x", "y", "z"):
            connection.execute(
                "WITH p AS (INSERT INTO person (company_id, key, name, role) VALUES (%(c)s, %(name)s, %(name)s, 'safety_officer') RETURNING person_id),"
                " v AS (INSERT INTO prevention_service (company_id, site_id, item, what, served_by, given_on, noted_at, noted_by)"
                "       SELECT %(c)s, %(s)s, 'drill', 'd', 'b', current_date, now(), %(by)s FROM generate_series(1, 3) RETURNING service_id)"
                " INSERT INTO rating (company_id, site_id, service_id, person_id, useful, reason, rated_at, changed_at)"
                " SELECT %(c)s, %(s)s, service_id, person_id, true, 'clear', %(at)s, %(at)s FROM v, p",
                {"c": of.company_id, "s": of.site_id, "name": name, "at": last, "by": house.plant.insurer["risk"]},
            )
        connection.execute(
            "INSERT INTO nps_answer (company_id, site_id, person_id, score, answered_at)"
            " SELECT %s, %s, person_id, 9, %s FROM person WHERE company_id = %s",
            (of.company_id, of.site_id, last, of.company_id),
        )


def test_every_page_is_accessible_and_fits(browser: Browser, timescale_house: House) -> None:
    """Each looks right, for the client and for both of the insurer's people."""
    house = timescale_house
    officer, engineer = Person(house, OFFICER), Person(house, ENGINEER)
    occurrence = resolved(house)
    officer.post(
        "/voice/ratings", thing="occurrence", number=str(occurrence), said="not_useful:too_often", words="夜里"
    )
    a_quarter_of_answers(house)
    told = {
        "place": site(house),
        "item": "training",
        "what": "粉尘防爆培训",
        "served_by": "某机构",
        "given_on": house.plant.began.date().isoformat(),
    }
    service = str(engineer.post("/services", **told).headers["location"])
    new, worked = filed(house, officer, title="夜间误报" * 20), filed(house, officer, about=f"occurrence/{occurrence}")
    engineer.post(f"{worked}/take")
    engineer.post(f"{worked}/analyse", cause="limit", facts="回差过小，见近30日记录")
    engineer.post(f"{worked}/solve", measures="回差改为 2 %LEL，已回测")
    with house.plant.owner() as connection:
        connection.execute(
            "UPDATE complaint SET answer_due_at = now() - interval '2 d', conclude_due_at = now() - interval '2 d' WHERE state = 'received'"
        )
        connection.execute(
            "INSERT INTO told_back (company_id, site_id, person_id, rating_id, change, definition_id, journal_id, changed_at, told_at)"
            " SELECT r.company_id, r.site_id, r.person_id, r.rating_id, 'limit_changed', o.definition_id, (SELECT min(journal_id) FROM journal), now(), now()"
            " FROM rating r JOIN occurrence o USING (occurrence_id) LIMIT 1"
        )
    pages = {
        OFFICER: ["/voice", f"/occurrences/{occurrence}", "/complaints/new", new, worked, service],
        ENGINEER: ["/voice", "/complaints/new", "/services/new", new, worked, service],
        UNDERWRITER: ["/voice", service],
    }
    for login, paths in pages.items():
        page = open_page(browser, house, login, PHONE, "zh")
        look_right(page, *paths)
        assert page.wrong == []  # type: ignore[attr-defined]
        page.context.close()
