"""Alarms put aside, on the pages and through the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from alerting import suppressions
from core.db import transaction
from tests.api.conftest import House
from tests.api.test_findings import OFFICER, UNDERWRITER, Person
from tests.api.test_impairments import clock

pytestmark = pytest.mark.db

INTEGRATOR = "huaihai-petro-integrator"
STRANGER = "qinling-coal-officer"


def zone(house: House) -> str:
    """The code of the company's zone; the bearing in it measures no gas."""
    with house.plant.owner() as connection:
        connection.execute("UPDATE sensor SET quantity = 'temperature' WHERE key = 'temp-pump'")
        row = connection.execute("SELECT zone_id FROM zone WHERE site_id = %s", (house.plant.a.site_id,)).fetchone()
    assert row is not None
    return f"s{house.plant.a.site_id}z{row[0]}"


def stated(house: House, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "maintenance", "place": zone(house), "number": "JX-17", "reason": "更换轴承", "signed_by": "赵班长", "begins": "",
        "until": clock(house, 3), **changes,
    }  # fmt: skip


def look(house: House, hours: float = 0.02) -> None:
    """What the alerting process does every second."""
    database = house.plant.database
    with database.connect("alerting") as connection, transaction(connection, database.service_token()):
        suppressions.keep_suppressions(connection, house.plant.began + timedelta(hours=hours))


def high(house: House) -> str:
    """An alarm of the plant that is neither life safety nor of gas; its key."""
    with house.plant.owner() as connection:
        row = connection.execute(
            "SELECT key FROM alarm_definition WHERE site_id = %s AND key LIKE 'temp-pump.%%' ORDER BY definition_id LIMIT 1",
            (house.plant.a.site_id,),
        ).fetchone()
    assert row is not None
    return str(row[0])


def test_a_window_is_written_down_seen_everywhere_and_ended(house: House) -> None:
    """By plain forms: the number on every page, the words on the list, the alarm on the alarm page, ended early by a person."""
    officer = Person(house, OFFICER)
    first = officer.client.get("/suppressions/new").text
    assert "检修时段" in first
    assert "受限空间作业票" in first
    assert "更换轴承" not in officer.client.get(f"/suppressions/new?kind=maintenance&place={zone(house)}").text
    made = officer.post("/suppressions", **stated(house))
    assert made.status_code == 303, made.text
    path = made.headers["location"]
    look(house)
    for page in ("/findings", "/alarms", "/suppressions"):
        assert '<span class="aside">' in officer.client.get(page).text, page
    listed = officer.client.get("/suppressions").text
    for said in ("JX-17", "更换轴承", "设计抑制", "已静默"):
        assert said in listed, said
    assert "条报警被抑制" in officer.client.get("/alarms").text
    house.plant.happen(house.plant.a, high(house), house.plant.began + timedelta(minutes=2))
    assert "设计抑制至" in officer.client.get("/alarms").text
    insurer = Person(house, UNDERWRITER)
    for seen in (insurer.client.get("/suppressions").text, insurer.client.get(path).text):
        assert "检修时段" in seen or "Maintenance window" in seen
        for word in ("JX-17", "更换轴承", "赵班长", "Officer of"):
            assert word not in seen, word
    told = insurer.client.get("/api/v1/suppressions").json()
    assert told["aside"]
    assert {row["suppression_reason"] for row in told["aside"]} == {None}
    assert told["orders"][0]["number"] is None
    assert Person(house, STRANGER).client.get(path).status_code == 404
    assert officer.post(f"{path}/end", note="早完工").status_code == 303
    look(house, 0.03)
    assert "没有被抑制的报警" in officer.client.get("/suppressions").text
    assert "该登记已经结束" in officer.post(f"{path}/end", note="again").text


def named(house: House, definition_id: str) -> str:
    """An alarm and its sensor, in Chinese."""
    with house.plant.owner() as connection:
        row = connection.execute(
            "SELECT d.title_zh || ' · ' || s.name_zh FROM alarm_definition d JOIN sensor s USING (sensor_id) WHERE definition_id = %s",
            (definition_id,),
        ).fetchone()
    assert row is not None
    return str(row[0])


def test_out_of_service_waits_for_a_second_person(timescale_house: House) -> None:
    """The one who asks sees that nothing is silent yet; a safety officer agrees, or not, on the same page."""
    house = timescale_house
    alarm = str(house.plant.a.definitions[high(house)])
    asker, officer = Person(house, INTEGRATOR), Person(house, OFFICER)
    form = asker.client.get(f"/suppressions/new?kind=out_of_service&place={zone(house)}").text
    assert f'value="{alarm}"' in form
    assert "停用须逐条选择报警" in asker.post("/suppressions", **stated(house, kind="out_of_service")).text
    path = asker.post("/suppressions", **stated(house, kind="out_of_service", alarms=alarm)).headers["location"]
    look(house)
    assert "目前尚未停用" in asker.client.get(path).text
    asked = officer.client.get(path).text
    assert f"<li>{named(house, alarm)}</li>" in asked, "which of four tanks"
    assert f"{path}/refuse" in asked
    assert f"{path}/end" not in asked, (
        "a second dark button, beside the one that agrees, to take back what another asked for"
    )
    assert f"{path}/end" in asker.client.get(path).text
    assert asker.post(f"{path}/authorise").status_code == 403
    assert "待第二人同意" in officer.client.get("/suppressions").text
    assert officer.post(f"{path}/authorise").status_code == 303
    assert "已有答复" in officer.post(f"{path}/refuse", note="no").text
    look(house)
    assert "恢复投用" in officer.client.get(path).text
    own = officer.post("/suppressions", **stated(house, kind="out_of_service", alarms=alarm)).headers["location"]
    assert "须由另一人同意" in officer.post(f"{own}/authorise").text


def test_orders_that_cannot_be(timescale_house: House) -> None:
    """A sentence each, in the reader's language, with what was typed still there; nothing is written."""
    house = timescale_house
    officer = Person(house, OFFICER)
    with house.plant.owner() as connection:
        row = connection.execute(
            "SELECT definition_id FROM alarm_definition WHERE priority = 'life-safety' LIMIT 1"
        ).fetchone()
    assert row is not None
    elsewhere = str(next(iter(house.plant.b.definitions.values())))
    for changes, said in (
        ({"until": ""}, "请填写结束时间：每项登记到期自动结束"),
        ({"kind": "shutdown", "until": clock(house, 24 * 400)}, "最长 31 天"),
        ({"until": clock(house, 24 * 400)}, "最长 72 小时"),
        ({"begins": clock(house, -3)}, "须在开始之前登记"),
        ({"begins": clock(house, 5)}, "结束时间须晚于开始时间"),
        ({"begins": clock(house, 24 * 60), "until": clock(house, 24 * 61)}, "最多提前 31 天登记"),
        ({"place": f"s{house.plant.b.site_id}"}, "没有这个厂区"),
        ({"place": "s1z1z1"}, "没有这个厂区"),
        ({"alarms": elsewhere}, "没有这个厂区"),
        ({"alarms": str(row[0])}, "不能用时段抑制"),
        ({"kind": "holiday"}, "类型只能是"),
        ({"kind": "hot_work", "place": f"s{house.plant.a.site_id}"}, "须填写人员作业所在的区域"),
        ({"kind": "hot_work", "until": clock(house, 9)}, "“动火作业票”最长 8 小时"),
        ({"number": " "}, "编号"),
        ({"reason": ""}, "请填写作业内容和原因"),
        ({"signed_by": ""}, "请填写批准人"),
        ({"reason": "x" * 1001}, "1001"),
    ):
        answer = officer.post("/suppressions", **stated(house, **changes))
        assert answer.status_code == 409, changes
        assert said in answer.text, (changes, said)
    kept = officer.post("/suppressions", **stated(house, until=""))
    assert 'value="JX-17"' in kept.text
    with house.plant.owner() as connection:
        assert connection.execute("SELECT count(*) FROM suppression_order").fetchone() == (0,)


def test_a_drill_is_told_and_silences_nothing(timescale_house: House) -> None:
    """On the alarm page and on the occurrence that begins during it."""
    house = timescale_house
    officer = Person(house, OFFICER)
    officer.post("/suppressions", **stated(house, kind="drill", place=f"s{house.plant.a.site_id}"))
    occurrence = house.plant.happen(house.plant.a, high(house), house.plant.began + timedelta(minutes=1))
    assert "正在演练" in officer.client.get("/alarms").text
    assert "发生在已登记的演练期间" in officer.client.get(f"/occurrences/{occurrence}").text


def test_a_program_writes_and_reads_orders(timescale_house: House) -> None:
    """The JSON twin: made once under one key, ended, and mistakes as sentences."""
    house = timescale_house
    officer = Person(house, OFFICER)
    token = officer.client.get("/api/v1/me").json()["form_token"]
    site, place = house.plant.a.site_id, zone(house)
    body = {
        "kind": "shutdown", "site_id": site, "zone_id": int(place.partition("z")[2]), "number": "TC-1", "reason": "年度大修",
        "signed_by": "总工", "ends_at": (house.plant.began + timedelta(days=9)).isoformat(),
    }  # fmt: skip
    call = {"X-Form-Token": token, "Idempotency-Key": "k-1"}
    made = officer.client.post("/api/v1/suppressions", json=body, headers=call)
    assert made.status_code == 201, made.text
    again = officer.client.post("/api/v1/suppressions", json=body, headers=call)
    assert again.json()["order_id"] == made.json()["order_id"]
    assert made.json()["standing"] == "open"
    path = f"/api/v1/suppressions/{made.json()['order_id']}"
    ended = officer.client.post(f"{path}/end", json={"note": "早开车"}, headers={"X-Form-Token": token})
    assert (ended.json()["standing"], ended.json()["end_note"]) == ("over", "早开车")
    refused = officer.client.post(
        "/api/v1/suppressions", json={**body, "zone_id": 999}, headers={"X-Form-Token": token}
    )
    assert refused.status_code == 409
    assert Person(house, UNDERWRITER).client.post("/api/v1/suppressions", json=body).status_code == 403
