"""The sensor that a limit is compared with: changed on the page and by programs through the same gate and proof as a number."""

from __future__ import annotations

from typing import Any

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.api.conftest import House, token_of
from tests.api.test_limits import APPLY, INTEGRATOR, OFFICER, as_web, history, in_english, of, propose, settle, values

pytestmark = pytest.mark.db

KEY, GAS = "temp-a.agree", "tank-farm-gas"
SENSORS = ("temp-a", "temp-b", "temp-c")


@pytest.fixture
def house(timescale_house: House) -> House:
    """Three temperatures of one device; the first is compared with the second. One more is out of use, one is Davy's own."""
    plant = timescale_house.plant
    with plant.owner() as owner:
        for key in (*SENSORS, "temp-old", "temp-own"):
            owner.execute(
                "INSERT INTO sensor (company_id, site_id, device_id, key, name, name_zh, quantity, unit, retired_at, is_virtual)"
                " SELECT company_id, site_id, device_id, %s, %s, %s, 'temperature', 'Cel', CASE WHEN %s THEN now() END, %s FROM sensor WHERE sensor_id = %s",
                (key, f"Thermometer {key[-1]}", f"温度计{key[-1]}", key == "temp-old", key == "temp-own", plant.a.sensors["temp-pump"]),
            )  # fmt: skip
        row = owner.execute(
            "INSERT INTO alarm_definition (company_id, site_id, sensor_id, other_sensor_id, key, detector, parameters, direction, setpoint, priority,"
            " title, title_zh, consequence, consequence_zh, response, response_zh, respond_within_s)"
            " SELECT a.company_id, a.site_id, a.sensor_id, b.sensor_id, %s, 'difference', %s, 'high', 5, 'medium', 'Two thermometers disagree',"
            " '两支温度计读数不一致', 'One is wrong.', '其中一支不准。', 'Test both.', '校验两支。', 3600"
            " FROM sensor a, sensor b WHERE a.key = 'temp-a' AND b.key = 'temp-b' RETURNING definition_id",
            (KEY, Jsonb({"hold_s": 60.0})),
        ).fetchone()
    assert row is not None
    plant.a.definitions[KEY] = row[0]
    return timescale_house


def compared(house: House) -> str:
    """What it is compared with now."""
    with house.plant.owner() as owner:
        row = owner.execute(
            "SELECT o.key FROM alarm_definition d JOIN sensor o ON o.sensor_id = d.other_sensor_id WHERE d.definition_id = %s",
            (of(house, KEY),),
        ).fetchone()
    assert row is not None
    return str(row[0])


def test_the_form_offers_what_can_be_compared(house: House) -> None:
    """The others of its unit that are in use, and never itself; a limit that compares nothing has no such field."""
    client = in_english(house.visitor(OFFICER))
    page = client.get(f"/limits/{of(house, KEY)}").text
    assert f'name="f.other" list="f-other-choices" autocomplete="off" spellcheck="false" value="{GAS}/temp-b"' in page
    for offered in ("temp-b", "temp-c", "temp-pump"):
        assert f'<option value="{GAS}/{offered}">' in page
    for never in ("temp-a", "temp-old", "temp-own", "lel-pump"):
        assert f'<option value="{GAS}/{never}">' not in page
    assert 'name="f.other"' not in client.get(f"/limits/{of(house, 'temp-pump.high')}").text
    refused = propose(client, of(house, "temp-pump.high"), other=f"{GAS}/temp-b")
    assert "limit temp-pump.high has no field other that changes." in refused.text


@pytest.mark.parametrize(
    ("other", "english", "chinese"),
    [
        ("temp-c", "other of limit temp-a.agree is &#39;temp-c&#39;; write device/sensor.", "请写作“设备/传感器”"),
        (f"{GAS}/temp-a", "limit temp-a.agree is compared with its own sensor; name another one.", "与自身的传感器比较"),
        (f"{GAS}/temp-z", "which is no sensor of site tank-farm; there are lel-pump, temp-a, temp-b", "不是厂区 tank-farm 的传感器"),
        ("cellar/temp-b", "which is no sensor of site tank-farm; there are tank-farm-gas.", "不是厂区 tank-farm 的传感器"),
        (f"{GAS}/temp-own", "temp-own, which is no sensor of site tank-farm;", "不是厂区 tank-farm 的传感器"),
        (f"{GAS}/temp-old", "temp-old, which is retired; retire the limit as well, or name another sensor.", "已停用"),
        (f"{GAS}/lel-pump", "which is in %{LEL}, while temp-a is in Cel; only two sensors of one unit", "只有单位相同的两个传感器"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_said(house: House, other: str, english: str, chinese: str) -> None:
    """By the rules and in the sentences of a site file, beside the field, in both languages; nothing changes."""
    client = in_english(house.visitor(OFFICER))
    answer = propose(client, of(house, KEY), other=other)
    assert answer.status_code == 409
    assert english in answer.text
    assert 'id="f-other-bad"' in answer.text
    client.cookies.set("davy_language", "zh")
    assert chinese in propose(client, of(house, KEY), other=other).text
    assert (compared(house), values(house, KEY)["version"]) == ("temp-b", 1)


def test_another_sensor_waits_for_its_proof(house: House) -> None:
    """Nobody knows whether it calls later: refused without a back-test, applied with one, and written down by name."""
    limit = of(house, KEY)
    client = in_english(house.visitor(INTEGRATOR))
    history(house)
    assert propose(client, limit, other=f"{GAS}/temp-c").status_code == 303
    assert "no finished back-test shows that it does not" in settle(client, limit, "approve").text
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="needs a back-test"):
        as_web(house, "integrator", APPLY.format("NULL"))
    assert settle(client, limit, "backtest").status_code == 303
    with house.plant.owner() as owner:
        assert owner.execute("SELECT proposed FROM backtest").fetchall() == [({"other": f"{GAS}/temp-c"},)]
    history(house, lost=0, key=KEY)
    assert (
        "rollups only" in settle(client, limit, "approve").text
    )  # what is left of minutes says nothing of a second sensor
    with house.plant.owner() as owner:
        owner.execute("UPDATE backtest SET result = jsonb_set(result, '{rollups_only}', 'null') WHERE state = 'done'")
    answer = settle(client, limit, "approve")
    assert answer.status_code == 303, answer.text
    assert (compared(house), values(house, KEY)["version"]) == ("temp-c", 2)
    with house.plant.owner() as owner:
        entry = owner.execute("SELECT old, new FROM journal WHERE action = 'limit_changed'").fetchall()
    assert entry == [({"other": f"{GAS}/temp-b"}, {"other": f"{GAS}/temp-c"})]
    page = client.get(f"/limits/{limit}").text
    assert f"{GAS}/temp-b" in page
    assert f"<code>{GAS}/temp-c</code>" in page


def test_of_life_safety_it_takes_two(house: House) -> None:
    """And the second person is told where the sensor has been taken out of use meanwhile."""
    limit = of(house, KEY)
    with house.plant.owner() as owner:
        owner.execute("UPDATE alarm_definition SET priority = 'life-safety' WHERE definition_id = %s", (limit,))
    integrator, officer = in_english(house.visitor(INTEGRATOR)), in_english(house.visitor(OFFICER))
    assert propose(integrator, limit, other=f"{GAS}/temp-c").status_code == 303
    assert compared(house) == "temp-b"
    assert "A second person must approve this" in settle(integrator, limit, "approve").text
    retire = "UPDATE sensor SET retired_at = {} WHERE key = 'temp-c'"
    with house.plant.owner() as owner:
        owner.execute(retire.format("now()").encode())
    assert (
        "which is retired; retire the limit as well, or name another sensor." in settle(officer, limit, "approve").text
    )
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="compared with another sensor in use"):
        as_web(house, "officer", APPLY.format("NULL"))
    with house.plant.owner() as owner:
        owner.execute(retire.format("NULL").encode())
    assert settle(officer, limit, "approve").status_code == 303
    assert compared(house) == "temp-c"


def test_nobody_ends_it_to_bring_it_back_compared_with_another(house: House) -> None:
    """Out of use it calls nobody, so the sensor may change; back in use it is weighed against what it was."""
    limit = of(house, KEY)
    client = in_english(house.visitor(INTEGRATOR))
    with house.plant.owner() as owner:
        owner.execute(
            "INSERT INTO journal (at, company_id, actor, action, subject, old, new, reason)"
            " SELECT now(), company_id, 'tester', 'limit_retired', 'limit tank-farm/temp-a.agree', '{\"retired\": false}', '{\"retired\": true}', 'r'"
            " FROM alarm_definition WHERE definition_id = %s",
            (limit,),
        )
        owner.execute("UPDATE alarm_definition SET retired_at = now(), version = 2 WHERE definition_id = %s", (limit,))
    assert propose(client, limit, version=2, other=f"{GAS}/temp-c").status_code == 303
    assert compared(house) == "temp-c"
    history(house)
    assert propose(client, limit, version=3, retired="false").status_code == 303
    assert "This limit would come back looser than it was" in settle(client, limit, "approve").text
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="needs a back-test"):
        as_web(house, "integrator", APPLY.format("NULL"))
    assert settle(client, limit, "settle").status_code == 303
    assert propose(client, limit, version=3, retired="false", other=f"{GAS}/temp-b").status_code == 303
    assert (compared(house), values(house, KEY)["retired_at"]) == ("temp-b", None)


@pytest.mark.parametrize(
    ("key", "proposed", "said"),
    [
        (KEY, {"other": f"{GAS}/lel-pump"}, "compared with another sensor in use of its site and unit"),
        (KEY, {"other": f"{GAS}/temp-a"}, "compared with another sensor in use of its site and unit"),
        (KEY, {"other": f"{GAS}/temp-own"}, "compared with another sensor in use of its site and unit"),
        ("temp-pump.high", {"other": f"{GAS}/temp-b"}, "or with none"),
    ],
)
def test_the_database_itself_holds_the_rules(house: House, key: str, proposed: dict[str, Any], said: str) -> None:
    """A proposal that no page would write is not applied."""
    a = house.plant.a
    token = house.plant.database.person_token(a.people["officer"], "safety_officer", a.company_id)
    with house.plant.database.connect("web", token) as web:
        web.execute(
            "INSERT INTO limit_change (company_id, site_id, definition_id, base_version, old, proposed, reason, proposed_by, proposed_at)"
            " SELECT company_id, site_id, definition_id, 1, %s, %s, 'r', %s, now() FROM alarm_definition WHERE definition_id = %s",
            (Jsonb({"other": f"{GAS}/temp-b"}), Jsonb(proposed), a.people["officer"], of(house, key)),
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match=said):
            web.execute("SELECT davy_limit_apply(change_id, '', NULL, now()) FROM limit_change")
    assert compared(house) == "temp-b"


def test_programs_change_and_try_it_too(house: House) -> None:
    """The JSON twins: a mistake by its field, a change, and a back-test of one."""
    client = house.visitor(INTEGRATOR)
    limit = of(house, KEY)
    head = {"X-Form-Token": token_of(client), "accept-language": "en"}
    client.cookies.set("davy_language", "en")

    def change(other: str) -> httpx.Response:
        body = {"base_version": 1, "values": {"other": other}, "reason": "r"}
        return client.post(f"/api/v1/limits/{limit}/changes", json=body, headers=head)

    wrong = change(f"{GAS}/lel-pump")
    assert wrong.status_code == 422
    assert [each["field"] for each in wrong.json()["errors"]] == ["other"]
    history(house)
    asked = {"definition_id": limit, "from_at": "2026-03-01T00:00:00Z", "to_at": "2026-03-02T00:00:00Z"}
    for other, said in (
        ("temp-z", "which is no sensor in use at its site"),
        ("temp-old", "which is no sensor in use at its site"),
        ("temp-a", "is compared with its own sensor"),
        ("lel-pump", "only two sensors of one unit can be compared"),
    ):
        body = {**asked, "proposed": {"other": f"{GAS}/{other}"}}
        assert said in client.post("/api/v1/backtests", json=body, headers=head).text
    body = {**asked, "proposed": {"other": f"{GAS}/temp-c"}}
    tried = client.post("/api/v1/backtests", json=body, headers=head)
    assert tried.status_code == 201, tried.text
    assert tried.json()["proposed"] == {"other": f"{GAS}/temp-c"}
    body["definition_id"] = of(house, "temp-pump.high")
    assert "only the detectors" in client.post("/api/v1/backtests", json=body, headers=head).text
    with house.plant.owner() as owner:
        owner.execute("DELETE FROM reading_hour")  # never heard: there is nothing to try it on
    done = change(f"{GAS}/temp-c")
    assert done.status_code == 201, done.text
    assert (done.json()["other"], done.json()["version"]) == (f"{GAS}/temp-c", 2)
