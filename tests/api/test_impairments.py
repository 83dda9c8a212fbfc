"""Impairments on the pages and through the API."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.api.conftest import House
from tests.api.test_findings import OFFICER, UNDERWRITER, Person, place

pytestmark = pytest.mark.db

CHINA = ZoneInfo("Asia/Shanghai")


def clock(house: House, hours: float) -> str:
    """A time of the site's clock, as the form sends it."""
    return (house.plant.began + timedelta(hours=hours)).astimezone(CHINA).strftime("%Y-%m-%dT%H:%M")


def stated(house: House, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "sprinkler_valve", "what": "3号喷淋阀", "place": place(house), "reason": "更换阀芯",
        "interim_measures": "现场值守，停止动火", "began": clock(house, -2), "until": clock(house, 3), **changes,
    }  # fmt: skip


def test_out_of_service_longer_and_restored_by_plain_forms(house: House) -> None:
    """The clock runs on the alarm page, the end moves with a reason, and restoring needs proof."""
    officer = Person(house, OFFICER)
    assert "项防护停用" not in officer.client.get("/alarms").text
    made = officer.post("/impairments", **stated(house))
    assert made.status_code == 303, made.text
    path = made.headers["location"]
    strip = officer.client.get("/alarms/list").text
    assert "有 1 项防护停用，自" in strip
    assert "超过预计恢复时间" not in strip
    page = officer.client.get(path).text
    for said in ("3号喷淋阀", "更换阀芯", "现场值守，停止动火", "喷淋阀门关闭", "停用中"):
        assert said in page, said
    assert "请填写停用原因" not in page
    assert "延期须说明理由" in officer.post(f"{path}/extend", until=clock(house, 9), reason="").text
    assert officer.post(f"{path}/extend", until=clock(house, 9), reason="备件未到").status_code == 303
    assert "备件未到" in officer.client.get(path).text
    assert "不能早于停用开始时间" in officer.post(f"{path}/restore", restored=clock(house, -5), proof="x").text
    assert "不能晚于现在" in officer.post(f"{path}/restore", restored=clock(house, 5), proof="x").text
    refused = officer.post(f"{path}/restore", restored="", proof=" ")
    assert "恢复须有证明" in refused.text
    assert officer.post(f"{path}/restore", restored="", proof="主排水试验 6.2 bar").status_code == 303
    assert "主排水试验 6.2 bar" in officer.client.get(path).text
    assert "项防护停用" not in officer.client.get("/alarms").text
    assert "该防护已恢复" in officer.post(f"{path}/restore", proof="again").text


def test_what_has_overrun_is_marked_and_stands_first(timescale_house: House) -> None:
    """In words, on the list and above the alarms."""
    house = timescale_house
    officer = Person(house, OFFICER)
    officer.post("/impairments", **stated(house, what="水泵", until=clock(house, 5)))
    officer.post("/impairments", **stated(house, what="阀门", until=clock(house, -1)))
    officer.post("/impairments", **stated(house, what="明天的", began=clock(house, 20), until=clock(house, 22)))
    page = officer.client.get("/impairments").text
    assert page.index("阀门") < page.index("水泵") < page.index("明天的")
    assert "超时未恢复" in page
    assert "计划停用" in page
    strip = officer.client.get("/alarms").text
    assert "有 2 项防护停用，最早自" in strip
    assert "其中 1 项已超过预计恢复时间" in strip
    listed = officer.client.get("/api/v1/impairments").json()["impairments"]
    assert [row["standing"] for row in listed] == ["overrun", "open", "planned"]


def elsewhere(house: House) -> str:
    """Another zone of the same site, where no detector stands."""
    site = house.plant.a.site_id
    with house.plant.owner() as connection:
        row = connection.execute(
            "INSERT INTO zone (company_id, site_id, key, name, name_zh) VALUES (%s, %s, 'yard', 'Yard', '堆场') RETURNING zone_id",
            (house.plant.a.company_id, site),
        ).fetchone()
    assert row is not None
    return f"s{site}z{row[0]}"


def test_times_and_places_that_cannot_be(timescale_house: House) -> None:
    """A sentence each, with what was typed still there."""
    house = timescale_house
    officer = Person(house, OFFICER)
    for changes, said in (
        ({"until": clock(house, -3)}, "预计恢复时间须晚于停用开始时间"),
        ({"began": clock(house, 24 * 40), "until": clock(house, 24 * 41)}, "最多提前 7 天登记"),
        ({"began": "1999-01-01T00:00"}, "无法识别时间"),
        ({"until": "tomorrow"}, "无法识别时间"),
        ({"until": ""}, "请填写预计恢复时间"),
        ({"kind": "detector_bypass"}, "屏蔽须指明被屏蔽的探测器"),
        ({"kind": "detector_bypass", "sensor_id": str(house.plant.b.sensors["lel-pump"])}, "该厂区没有此探测器"),
        ({"sensor_id": str(house.plant.a.sensors["lel-pump"])}, "只有屏蔽探测器时才填写探测器"),
        (
            {"kind": "detector_bypass", "sensor_id": str(house.plant.a.sensors["lel-pump"]), "place": elsewhere(house)},
            "该探测器不属于所选区域",
        ),
        ({"place": f"s{house.plant.b.site_id}"}, "没有这个厂区或区域"),
        ({"interim_measures": ""}, "请填写停用期间的临时措施"),
        ({"kind": "umbrella"}, "防护停用的类型只能是"),
    ):
        answer = officer.post("/impairments", **stated(house, **changes))
        assert answer.status_code == 409, changes
        assert said in answer.text, changes
        assert "3号喷淋阀" in answer.text
    assert officer.client.get("/api/v1/impairments").json()["impairments"] == []


def test_the_insurer_reads_and_writes_nothing(timescale_house: House) -> None:
    """What is out, why and what holds meanwhile; no names, no forms."""
    house = timescale_house
    officer, insurer = Person(house, OFFICER), Person(house, UNDERWRITER)
    path = officer.post("/impairments", **stated(house)).headers["location"]
    for text in (
        insurer.client.get(path).text,
        insurer.client.get("/impairments").text,
        insurer.client.get(f"/api/v1{path}").text,
    ):
        assert "3号喷淋阀" in text
        assert "Officer of" not in text
    assert f'action="{path}/restore"' not in insurer.client.get(path).text
    assert insurer.client.get(f"/api/v1{path}").json()["reported_by"] is None
    assert insurer.post(f"{path}/restore", proof="x").status_code == 403
    assert insurer.call("/impairments").status_code == 403
    assert Person(house, "qinling-coal-officer").client.get(path).status_code == 404


def test_the_same_by_the_api(timescale_house: House) -> None:
    """A program that knows of a closed valve says so."""
    house = timescale_house
    officer = Person(house, OFFICER)
    now = house.plant.began
    made = officer.call(
        "/impairments", kind="detector_bypass", what="CH4", site_id=house.plant.a.site_id,
        sensor_id=house.plant.a.sensors["lel-pump"], reason="calibration", interim_measures="portable detector",
        expected_until=(now + timedelta(hours=2)).isoformat(),
    )  # fmt: skip
    assert made.status_code == 201, made.text
    assert made.json()["sensor"] == "Gas detector pump house"
    path = f"/impairments/{made.json()['impairment_id']}"
    later = now + timedelta(hours=4)
    longer = officer.call(f"{path}/extend", expected_until=later.isoformat(), reason="gas bottle empty").json()
    assert datetime.fromisoformat(longer["expected_until"]) == later
    restored = officer.call(f"{path}/restore", proof="bump test 50 %LEL ok").json()
    assert (restored["standing"], restored["restored_by"]) == ("restored", "Officer of Huaihai Petrochemical")
    assert officer.call(f"{path}/restore", proof="x").status_code == 409
