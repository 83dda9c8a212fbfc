"""What a device did not send, and its clock, as people see it: on the chart, the device page, and the page of the alarm about it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from api.words import numbers
from tests.api.conftest import House
from tests.api.plant import Company

pytestmark = pytest.mark.db

ZONE = "Asia/Shanghai"
OFFICER, INTEGRATOR = "huaihai-petro-officer", "huaihai-petro-integrator"


def do(house: House, statement: str, *values: Any) -> Any:
    """A statement as the owner; its first value, where it gives one."""
    with house.plant.owner() as owner:
        cursor = owner.execute(statement, values)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def raised(house: House, definition: str, minutes: int, value: float = 55.2) -> int:
    """An occurrence of the first company."""
    occurrence = house.plant.happen(
        house.plant.a, definition, house.plant.began - timedelta(minutes=minutes), value=value
    )
    assert occurrence is not None
    return occurrence


def virtual(house: House, company: Company, key: str) -> None:
    """A virtual sensor of the first company's site with its limit, as every site has them."""
    device = do(
        house,
        "INSERT INTO device (company_id, site_id, key, kind) VALUES (%s, %s, '_davy.tank-farm', 'virtual') RETURNING device_id",
        company.company_id,
        company.site_id,
    )
    sensor = do(
        house,
        "INSERT INTO sensor (company_id, site_id, device_id, key, name, name_zh, quantity, unit, is_virtual)"
        " VALUES (%s, %s, %s, %s, 'n', 'n', 'q', '1', true) RETURNING sensor_id",
        company.company_id,
        company.site_id,
        device,
        key,
    )
    company.sensors[key] = sensor
    company.definitions[f"{key}.x"] = do(
        house,
        "INSERT INTO alarm_definition (company_id, site_id, sensor_id, key, detector, parameters, direction, setpoint, priority,"
        " title, title_zh, consequence, consequence_zh, response, response_zh, respond_within_s)"
        " VALUES (%s, %s, %s, %s, 'limit', '{}', 'high', 1, 'medium', 't', 't', 'c', 'c', 'r', 'r', 600) RETURNING definition_id",
        company.company_id,
        company.site_id,
        sensor,
        f"{key}.x",
    )


def at(house: House, minutes: int) -> str:
    """The site's time of day so many minutes ago, as a page has it."""
    began: datetime = house.plant.began
    return numbers.instant(began - timedelta(minutes=minutes), ZONE, began)


def test_the_chart_says_which_data_is_missing_until_it_comes(timescale_house: House) -> None:
    """In words with both instants in the site's zone and how many messages; gone once the device has sent them again."""
    house = timescale_house
    occurrence = raised(house, "lel-pump.lel-2", 4)
    officer = house.visitor(OFFICER)
    sentence = f"{at(house, 9)} 至 {at(house, 8)} 数据缺失（2 条消息）"
    assert sentence in officer.get(f"/occurrences/{occurrence}").text
    (loss,) = officer.get(f"/api/v1/occurrences/{occurrence}/curve").json()["losses"]
    began = house.plant.began.timestamp()
    assert loss == {"since": began - 540, "until": began - 480, "messages": 2}
    sensor = house.plant.a.sensors["temp-pump"]
    assert officer.get(f"/api/v1/sensors/{sensor}/readings").json()["losses"] == [loss]
    do(house, "UPDATE stream_gap SET closed_at = now(), missing = 0")
    assert sentence not in officer.get(f"/occurrences/{occurrence}").text
    assert officer.get(f"/api/v1/occurrences/{occurrence}/curve").json()["losses"] == []


def test_the_device_page_tells_gaps_clock_and_restart(timescale_house: House) -> None:
    """Open gaps first; the clock as it is and since when; that it began to count again under its boot number."""
    house, plant = timescale_house, timescale_house.plant
    device = plant.a.devices["gas"]
    client = house.visitor(INTEGRATOR)
    url = f"/devices/{device}"
    page = client.get(url).text
    assert "序号 900 至 901" in page
    assert "未关闭" in page
    assert "准确" in page
    do(
        house,
        "UPDATE device_stream SET clock_offset_ms = 97380000, clock_wrong_since = %s, clock_was_ms = 97380000, restarts = 2,"
        " restarted_at = %s, restarted_from = 1799, restarted_to = 0 WHERE device_id = %s",
        plant.began - timedelta(minutes=30),
        plant.began - timedelta(minutes=20),
        device,
    )
    do(house, "UPDATE stream_gap SET closed_at = %s, missing = 0", plant.began)
    page = client.get(url).text
    assert "快 27 小时 3 分（不准）" in page
    assert f"自 {at(house, 30)} 起" in page
    assert "1,799 之后收到 0" in page
    assert "未关闭" not in page
    do(
        house,
        "UPDATE device_stream SET clock_offset_ms = 80, clock_wrong_since = NULL, clock_right_since = %s WHERE device_id = %s",
        plant.began - timedelta(minutes=10),
        device,
    )
    assert f"{at(house, 10)} 起恢复准确；此前快 27 小时 3 分" in client.get(url).text
    listed = client.get("/api/v1/devices").json()[0]
    assert (listed["restarts"], listed["clock_wrong_since"]) == (2, None)
    do(
        house,
        "UPDATE device_stream SET clock_offset_ms = 28800400, clock_wrong_since = now() WHERE device_id = %s",
        device,
    )
    assert "把本地时间当作 UTC 发送" in client.get(url).text


def test_the_page_of_a_loss_names_the_devices(timescale_house: House) -> None:
    """Which device lost how much, between which instants; nothing of another company."""
    house = timescale_house
    virtual(house, house.plant.a, "_broker")
    occurrence = raised(house, "_broker.x", 1, 2.0)
    do(house, "UPDATE stream_gap SET seen_at = %s", house.plant.began - timedelta(minutes=2))
    page = house.visitor(OFFICER).get(f"/occurrences/{occurrence}").text
    assert "tank-farm-gas：丢失消息 2 条，仍缺 2 条" in page
    assert "mine-gas" not in page
    do(house, "DELETE FROM stream_gap")
    assert "各设备序号均无缺口" in house.visitor(OFFICER).get(f"/occurrences/{occurrence}").text


def test_the_page_of_wrong_clocks_names_the_devices(timescale_house: House) -> None:
    """By how much each is wrong, and that they are right again."""
    house = timescale_house
    virtual(house, house.plant.a, "_clocks")
    do(house, "UPDATE device_stream SET clock_offset_ms = -28800000, clock_wrong_since = %s", house.plant.began)
    occurrence = raised(house, "_clocks.x", 1, 1.0)
    page = house.visitor(OFFICER).get(f"/occurrences/{occurrence}").text
    assert "慢 8 小时（不准）" in page
    assert "报警开始时，本厂区有 1 台设备时钟不准。" in page
    assert "mine-gas" not in page
    do(house, "UPDATE device_stream SET clock_wrong_since = NULL")
    assert "各设备时钟均已恢复正常" in house.visitor(OFFICER).get(f"/occurrences/{occurrence}").text
