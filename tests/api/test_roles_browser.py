"""Every room of those who are not the safety officer, in a real browser: it fits, names no code, and says whose clock its times are of."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Browser

from api.permissions import Right, may
from api.rooms import ROOMS
from core.model import Role
from tests.api.conftest import House
from tests.api.test_browser import browser, open_page
from tests.api.test_findings import INTEGRATOR
from tests.look import PHONE, look_right

__all__ = ["browser"]  # the fixture of the other browser tests

pytestmark = pytest.mark.browser

FORMS = {
    Right.ANSWER_COMPLAINTS: ("/complaints/new", "/services/new"),
    Right.WORK_ON_FINDINGS: ("/findings/new", "/impairments/new", "/suppressions/new"),
}


@pytest.mark.parametrize(
    ("login", "role"),
    [("insurer-risk", Role.RISK_ENGINEER), (INTEGRATOR, Role.INTEGRATOR)],
)
def test_every_room_of_a_role_is_sound(browser: Browser, timescale_house: House, login: str, role: Role) -> None:
    """Each looks right, with an alarm that lives and one that is over."""
    house = timescale_house
    at = house.plant.began - timedelta(minutes=4)
    occurrence = house.plant.happen(house.plant.a, "lel-pump.lel-2", at)
    house.plant.happen(house.plant.a, "temp-pump.high", at)
    house.plant.happen(house.plant.a, "temp-pump.high", at + timedelta(minutes=1), active=False)
    rooms = [room.href for room in ROOMS if may(role, room.right)]
    forms = [path for right, paths in FORMS.items() if may(role, right) for path in paths]
    page = open_page(browser, house, login, PHONE, "zh")
    look_right(page, *rooms, *forms, f"/occurrences/{occurrence}", "/preferences", "/feeds", "/own-findings")
    assert page.wrong == []  # type: ignore[attr-defined]
    page.context.close()
