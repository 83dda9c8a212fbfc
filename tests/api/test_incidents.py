"""One incident of an asset on the list of alarms, and what a site bears of false alarms on the page of its performance."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Browser
from psycopg.types.json import Jsonb

from tests.api.conftest import House
from tests.api.test_browser import OFFICER, browser, open_page
from tests.api.test_performance import PAGE, figures
from tests.look import PHONE, look_right

__all__ = ["browser"]

pytestmark = pytest.mark.db

MODEL = "_model.pump-1.model-unusual"


def definition(house: House, sensor: str, key: str, detector: str, title: str, title_zh: str) -> None:
    """One statistical alarm of company a."""
    a = house.plant.a
    with house.plant.owner() as owner:
        row = owner.execute(
            "INSERT INTO alarm_definition (company_id, site_id, sensor_id, key, detector, direction, setpoint, on_delay_s, off_delay_s, priority,"
            " title, title_zh, consequence, consequence_zh, response, response_zh, respond_within_s)"
            " VALUES (%s, %s, %s, %s, %s, 'high', 2.3, 120, 120, 'medium', %s, %s, 'A fault.', '故障。', 'Look.', '查看。', 3600) RETURNING definition_id",
            (a.company_id, a.site_id, a.sensors[sensor], key, detector, title, title_zh),
        ).fetchone()
    assert row is not None
    a.definitions[key] = int(row[0])
    a.sensors[key.rsplit(".", 1)[0]] = a.sensors[sensor]


@pytest.fixture
def failing(timescale_house: House) -> House:
    """A pump of which its model, one signal's statistic and the stillness of it speak; and life safety beside them."""
    house, a = timescale_house, timescale_house.plant.a
    with house.plant.owner() as owner:
        asset = owner.execute(
            "INSERT INTO asset (company_id, zone_id, key, kind, name, name_zh) SELECT company_id, zone_id, 'pump-1', 'pump', 'Pump P1',"
            " '1号泵' FROM zone WHERE site_id = %s RETURNING asset_id",
            (a.site_id,),
        ).fetchone()
        assert asset is not None
        owner.execute("UPDATE sensor SET asset_id = %s WHERE site_id = %s", (asset[0], a.site_id))
        device = owner.execute(
            "INSERT INTO device (company_id, site_id, key, kind) VALUES (%s, %s, '_model.pump-1', 'model') RETURNING device_id",
            (a.company_id, a.site_id),
        ).fetchone()
        assert device is not None
        score = owner.execute(
            "INSERT INTO sensor (company_id, site_id, zone_id, asset_id, device_id, key, name, name_zh, quantity, unit, is_virtual)"
            " SELECT company_id, site_id, zone_id, %s, %s, '_mewma', 'Pump P1: all signals together', '1号泵：各信号综合', 'model', '1', true"
            " FROM zone WHERE site_id = %s RETURNING sensor_id",
            (asset[0], device[0], a.site_id),
        ).fetchone()
        assert score is not None
        a.sensors["_mewma"] = int(score[0])
    definition(house, "_mewma", MODEL, "limit", "Machine does not run as usual", "设备运行状态异常")
    definition(
        house,
        "temp-pump",
        "temp-pump.unusual",
        "ewma",
        "Reading is unusual for this sensor",
        "读数偏离该测点的正常水平",
    )
    began = house.plant.began - timedelta(minutes=20)
    model = house.plant.happen(a, MODEL, began, value=2.6)
    house.plant.happen(a, "temp-pump.unusual", began + timedelta(minutes=1), value=7.0)
    house.plant.happen(a, "lel-pump.lel-2", began + timedelta(minutes=2), value=55.0)
    members = [
        {"sensor": "tank-farm-gas/temp-pump", "name": "Bearing temperature pump 1", "name_zh": "1号泵轴承温度", "unit": "Cel", "observed": 80.0,
         "expected": 60.0, "share": 0.71},
        {"sensor": "tank-farm-gas/lel-pump", "name": "Gas", "name_zh": "气体", "unit": "%{LEL}", "observed": 1.0, "expected": 1.0, "share": 0.29},
    ]  # fmt: skip
    with house.plant.owner() as owner:
        owner.execute(
            "INSERT INTO model_evidence (occurrence_id, company_id, window_end, number, members, frozen_at) VALUES (%s, %s, %s, 2.6, %s, %s)",
            (model, a.company_id, began, Jsonb(members), began),
        )
        owner.execute(
            "INSERT INTO budgeted_limit (definition_id, company_id, site_id, base_setpoint, base_on_delay_s, setpoint, on_delay_s, looked_at, state,"
            " share, expected, judged_s, far, calibrated, needs) VALUES (%s, %s, %s, 2.3, 120, 2.3, 120, %s, 'capped', 1, 2.4, 86400, 4, 345, 2100)",
            (a.definitions[MODEL], a.company_id, a.site_id, began),
        )
    return house


def test_the_list_leads_with_the_root_and_loses_no_alarm(failing: House) -> None:
    """Each alarm stands in the list once; life safety by itself, above."""
    text = failing.visitor(OFFICER).get("/alarms").text
    assert "同一异常事件：1号泵，2 条报警" in text
    assert "请先查看 1号泵轴承温度：它占模型异常值的 71 %，且各测点中它的报警最早出现。" in text
    assert "可能有误" in text
    a = failing.plant.a
    places = {
        key: text.index(f'id="alarm-{a.definitions[key]}-') for key in (MODEL, "temp-pump.unusual", "lel-pump.lel-2")
    }
    assert places["lel-pump.lel-2"] < text.index("同一异常事件") < places["temp-pump.unusual"] < places[MODEL]
    assert all(text.count(f'id="alarm-{a.definitions[key]}-') == 1 for key in places)


def test_the_insurer_reads_no_member(failing: House) -> None:
    """Why a model fired is the client's until it is resolved or shared."""
    answer = failing.visitor("insurer-risk").get("/alarms")
    assert "71 %" not in answer.text


def test_realised_stands_beside_the_budget(failing: House) -> None:
    """What people called false, what was a danger, what nobody has resolved; and what a calibration lacks."""
    with failing.plant.owner() as owner:
        owner.execute(
            "UPDATE occurrence SET resolved_at = began_at + interval '5 minutes', resolution = 'nuisance' WHERE definition_id = %s",
            (failing.plant.a.definitions["temp-pump.unusual"],),
        )
    told = figures(failing.visitor(OFFICER))["false_alarms"]
    assert (told["budget_per_week"], told["scores"], told["false"], told["true"], told["open"]) == (2.0, 2, 1, 0, 1)
    assert told["limits"][0]["needs"] == 2100
    page = failing.visitor(OFFICER).get(PAGE).text
    assert "本厂区每周可承受误报 2 次，由 2 项统计类报警分担" in page
    assert "需要 2,100 个校准窗口，现有 345 个" in page


@pytest.mark.browser
def test_both_read_well(failing: House, browser: Browser) -> None:
    """Each looks right."""
    page = open_page(browser, failing, OFFICER, PHONE, "zh")
    look_right(page, "/alarms", PAGE)
    page.context.close()
