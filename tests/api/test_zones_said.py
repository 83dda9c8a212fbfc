"""A time on a page is the site's: its zone is said once a page, and beside it where sites differ."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.api.conftest import House
from tests.api.test_findings import OFFICER, UNDERWRITER, Person, reported
from tests.api.test_impairments import stated

pytestmark = pytest.mark.db

SHANGHAI, URUMQI = "Asia/Shanghai", "Asia/Urumqi"
HEAD = re.compile(r'<p class="as-of">截至 [-\d: ]+（([\w/]+)）')
LISTS = ("/occurrences", "/findings", "/impairments")


def head(page: str) -> list[str]:
    """The zones that the head of a list says."""
    return HEAD.findall(page)


def test_each_page_with_times_says_their_zone(timescale_house: House) -> None:
    """Once where all are of one site; beside those of a site whose zone is not the one at the head of the page."""
    house = timescale_house
    own, other = house.plant.a, house.plant.b
    with house.plant.owner() as connection:
        connection.execute("UPDATE site SET time_zone = %s WHERE site_id = %s", (URUMQI, other.site_id))
    officer, elsewhere = Person(house, OFFICER), Person(house, "qinling-coal-officer")
    finding, impairment = reported(house, officer), officer.post("/impairments", **stated(house)).headers["location"]
    began = house.plant.began - timedelta(hours=1)
    occurrence = f"/occurrences/{house.plant.happen(own, 'lel-pump.lel-1', began)}"
    house.plant.happen(other, "lel-pump.lel-1", began)
    there = f"s{other.site_id}"
    fields = {"title": "渗漏", "place": there, "grade": "general", "description": "油迹"}
    assert elsewhere.post("/findings", **fields).status_code == 303
    assert elsewhere.post("/impairments", **stated(house, place=there)).status_code == 303
    limit = re.search(r'"(/limits/\d+)"', officer.client.get("/limits").text)
    assert limit is not None
    for path in (occurrence, finding, impairment, limit[1]):
        assert f"时间为 {SHANGHAI}" in officer.client.get(path).text, path
    for path in LISTS:
        assert head(officer.client.get(path).text) == [SHANGHAI], path
    insurer = Person(house, UNDERWRITER)
    for path in LISTS:
        page = insurer.client.get(path).text
        assert head(page) == [SHANGHAI], path
        assert page.count(f"({URUMQI})") == 1, path
    alarms = Person(house, "insurer-operator").client.get("/alarms").text
    assert head(alarms) == [SHANGHAI]
    assert alarms.count(f"({URUMQI})") == 1
