"""The card of a model: what it watches, was learnt from, keeps its promise of, and how people resolved what it raised."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from psycopg.types.json import Jsonb

from api.words.sentences import model_notice
from core.i18n import translations
from detectors.models import fitting
from tests.api.conftest import House
from tests.api.plant import Company, Plant

pytestmark = pytest.mark.db

SENSORS = """
WITH zone AS (SELECT zone_id, company_id, site_id FROM zone WHERE company_id = %(company)s), asset AS (
    INSERT INTO asset (company_id, zone_id, key, kind, name, name_zh) SELECT company_id, zone_id, 'pump-1', 'pump', 'Pump P1', '1号泵' FROM zone RETURNING *
), device AS (
    INSERT INTO device (company_id, site_id, key, kind) SELECT company_id, site_id, %(device)s, 'model' FROM zone RETURNING *
), model AS (
    INSERT INTO asset_model (asset_id, company_id, key, window_s, priority, valid_from) SELECT asset_id, company_id, %(key)s, 10, 'medium', now() FROM asset RETURNING *
), sensors AS (
    INSERT INTO sensor (company_id, site_id, zone_id, device_id, asset_id, key, name, name_zh, quantity, unit, is_virtual, period_s)
    SELECT d.company_id, d.site_id, z.zone_id, d.device_id, a.asset_id, k.key, 'Pump P1: ' || k.key, '1号泵：' || k.key, 'model', '1', true, 10
    FROM device d, zone z, asset a, (VALUES ('_mewma'), ('_knn'), ('_missing')) AS k (key) RETURNING *
), limits AS (
    INSERT INTO alarm_definition (company_id, site_id, sensor_id, key, detector, direction, setpoint, on_delay_s, priority, title, title_zh,
        consequence, consequence_zh, response, response_zh, respond_within_s)
    SELECT company_id, site_id, sensor_id, 'model' || key, 'limit', 'high', 2.3, 120, 'medium', 'Pump runs unusually', '泵运行异常',
        'It may fail.', '可能故障。', 'Look at it.', '检查。', 900 FROM sensors RETURNING *
)
SELECT asset_id, (SELECT jsonb_object_agg(key, sensor_id) FROM sensors), (SELECT jsonb_object_agg(key, definition_id) FROM limits) FROM model"""


def modelled(plant: Plant, company: Company) -> int:
    """Company a's pump with a model of two versions, the first in force; its asset."""
    with plant.owner() as owner:
        key = f"{company.key}-pump"
        row = owner.execute(SENSORS, {"company": company.company_id, "key": key, "device": f"_model.{key}"}).fetchone()
        assert row is not None
        asset, sensors, limits = row
        company.sensors.update(sensors)
        company.definitions.update({f"{name.removeprefix('model')}.unusual": number for name, number in limits.items()})
        members = ["tank-farm-gas/lel-pump", "tank-farm-gas/temp-pump"]
        for position, name in enumerate(("lel-pump", "temp-pump")):
            owner.execute(
                "INSERT INTO asset_model_member VALUES (%s, %s, %s, %s)",
                (asset, company.company_id, position, company.sensors[name]),
            )
        for version in (1, 2):
            for kind in ("mewma", "knn"):
                owner.execute(
                    "INSERT INTO detector_model (company_id, asset_id, version, kind, members, window_s, trained_from, trained_until, windows,"
                    " parameters, highest, notices, fitted_at, fitted_by, reason) VALUES (%s, %s, %s, %s, %s, 10, %s, %s, 700, %s, 2.54, '{}', %s, 'keeper', 'after overhaul')",
                    (
                        *(company.company_id, asset, version, kind, members),
                        *(plant.began - timedelta(hours=12), plant.began - timedelta(hours=10)),
                        *(
                            Jsonb({"model": {"level": [4242.5]}, "calibration": [0.1] * 345}),
                            plant.began - timedelta(hours=9),
                        ),
                    ),
                )
        owner.execute(
            "INSERT INTO model_promotion (company_id, asset_id, version, promoted_at, promoted_by, reason) VALUES (%s, %s, 1, %s, 'keeper', 'the first')",
            (company.company_id, asset, plant.began - timedelta(hours=8)),
        )
    return int(asset)


def scored(plant: Plant, company: Company, *, often: float = 1.0) -> None:
    """Two hours of windows whose number keeps its promise, or says large ones `often` times as often; and their shadows."""
    count = 720
    numbers = [-math.log10(min((k + 0.5) / count * 1.0, 1.0)) for k in range(count)]
    numbers = [min(number + math.log10(often), 2.54) if often > 1 else number for number in numbers]
    with plant.owner() as owner:
        with owner.cursor().copy("COPY reading (sensor_id, measured_at, value, quality, batch_no) FROM STDIN") as copy:
            for place, number in enumerate(numbers):
                at = plant.began - timedelta(seconds=10 * (count - (place * 7) % count))
                copy.write_row((company.sensors["_mewma"], at, number, 0, 1))
                copy.write_row((company.sensors["_missing"], at, float(place % 100 == 0), 0, 1))
        owner.execute(
            "INSERT INTO reading_minute (sensor_id, minute, company_id, readings, good, minimum, maximum, mean)"
            " SELECT %s, m, %s, 6, 6, 0.1, 1.5, 0.5 FROM generate_series(%s::timestamptz, %s, interval '1 minute') m",
            (company.sensors["_mewma"], company.company_id, plant.began - timedelta(hours=2), plant.began),
        )
        for version in (1, 2):
            owner.execute(
                "INSERT INTO shadow_score (asset_id, company_id, version, kind, until, number)"
                " SELECT asset_id, company_id, %s, 'mewma', u, 0.5 FROM asset_model, generate_series(%s::timestamptz, %s, interval '10 seconds') u",
                (version, plant.began - timedelta(minutes=10), plant.began),
            )


def resolved(plant: Plant, company: Company, definition: str, resolution: str, hours: float) -> int:
    """An alarm of the model that people resolved so."""
    began = plant.began - timedelta(hours=hours)
    found = plant.happen(company, definition, began, value=2.4)
    assert found is not None
    plant.happen(company, definition, began + timedelta(minutes=5), active=False, value=1.0)
    with plant.owner() as owner:
        owner.execute(
            "UPDATE occurrence SET resolved_at = began_at + interval '6 minutes', normal_at = began_at + interval '5 minutes', resolution = %s WHERE occurrence_id = %s",
            (resolution, found),
        )
        owner.execute(
            "UPDATE alarm SET state = 'A', active = false, occurrence_id = NULL, onset = NULL WHERE definition_id = %s",
            (company.definitions[definition],),
        )
    return found


@pytest.fixture
def card(house: House) -> tuple[House, int]:
    """A model with numbers, and three alarms of it."""
    plant, company = house.plant, house.plant.a
    asset = modelled(plant, company)
    scored(plant, company)
    resolved(plant, company, "_mewma.unusual", "near_miss", 7)
    resolved(plant, company, "_mewma.unusual", "nuisance", 6)
    plant.happen(company, "_knn.unusual", plant.began - timedelta(minutes=30), value=2.5)
    return house, asset


def read(house: House, login: str, path: str) -> Any:
    """The JSON of a path for somebody."""
    answer = house.visitor(login).get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_card_says_what_there_is_in_both_languages(card: tuple[House, int]) -> None:
    """Signals, interval, who and why, versions, limits, alarms by how they were resolved, and who may change it."""
    house, asset = card
    page = house.visitor("huaihai-petro-officer").get(f"/models/{asset}").text
    for said in (
        "1号泵的模型",
        "泵房可燃气体探测器",
        "after overhaul",
        "在用",
        "试运行",
        "评分名副其实",
        "险肇事件",
        "davy detectors promote",
    ):
        assert said in page
    assert "4242.5" not in page
    with house.plant.owner() as owner:
        owner.execute("UPDATE person SET language = 'en' WHERE role IN ('safety_officer', 'risk_engineer')")
    client = house.visitor("huaihai-petro-officer")
    page = client.get(f"/models/{asset}").text
    for said in (
        "Model of Pump P1",
        "in shadow: it judges beside",
        "The number means what it says",
        "Near miss",
        "keeper: after overhaul",
    ):
        assert said in page
    assert f'href="/models/{asset}"' in client.get("/models?of=tank-farm").text
    assert "Pump P1" not in client.get("/models?of=elsewhere").text
    assert 'href="/models"' in client.get("/devices").text
    assert 'href="/models?of=tank-farm"' in client.get("/sites/tank-farm").text


def test_limits_say_their_unit(card: tuple[House, int]) -> None:
    """A forecast's limit is one of its signal, in that signal's unit; a model's own number has none."""
    house, asset = card
    with house.plant.owner() as owner:
        owner.execute("UPDATE sensor SET unit = 'Cel' WHERE key = '_knn'")
        owner.execute(
            "UPDATE alarm_definition SET detector = 'stale', setpoint = 600, direction = 'high' WHERE key = 'model_missing'"
        )
    page = house.visitor("huaihai-petro-officer").get(f"/models/{asset}").text
    limits = page[page.index('id="h-limits"') :]
    for said in ("≥ 2.3 °C", "≥ 2.3 ·", "≥ 10 分 ·"):
        assert said in limits, said


def test_the_same_for_a_program(card: tuple[House, int]) -> None:
    """Calibration, record, shadows and standing as numbers."""
    house, asset = card
    found = read(house, "huaihai-petro-integrator", f"/api/v1/models/{asset}")
    assert {(v["version"], v["standing"]) for v in found["versions"]} == {(1, "in_force"), (2, "shadow")}
    (mewma, knn) = found["calibration"]
    assert mewma["verdict"] == "kept"
    assert mewma["windows"] == 720
    assert 0.5 < mewma["share"] / mewma["promised"] < 2.0
    assert knn["verdict"] == "unknown"
    assert found["record"] == [
        {"resolution": "near_miss", "alarms": {"_mewma": 1}},
        {"resolution": "nuisance", "alarms": {"_mewma": 1}},
        {"resolution": None, "alarms": {"_knn": 1}},
    ]
    assert [(s["version"], s["windows"], s["beyond"]) for s in found["shadows"]] == [(2, 61, 0), (1, 61, 0)]
    assert (found["blind_windows"], found["windows"]) == (8, 720)
    (line,) = read(house, "huaihai-petro-integrator", "/api/v1/models")
    assert (line["version"], line["versions"], line["open"], line["dangers"], line["nuisances"]) == (1, 2, 1, 1, 1)


def test_a_kind_in_shadow_is_counted_by_its_own_limit(card: tuple[House, int]) -> None:
    """A forecast is a value of its signal: 61 °C are not sixty-one windows beyond an oddness of 2.3; nor is 2.4 beyond a limit of 3."""
    house, asset = card
    with house.plant.owner() as owner:
        owner.execute("UPDATE alarm_definition SET setpoint = 3 WHERE key = 'model_knn'")
        for kind, number in (("forecast", 61.0), ("knn", 2.4), ("pca_q", 2.4)):
            owner.execute(
                "INSERT INTO shadow_score (asset_id, company_id, version, kind, until, number)"
                " SELECT asset_id, company_id, 2, %s, u, %s FROM asset_model, generate_series(%s::timestamptz, %s, interval '10 seconds') u",
                (kind, number, house.plant.began - timedelta(minutes=1), house.plant.began),
            )
    shadows = read(house, "huaihai-petro-officer", f"/api/v1/models/{asset}")["shadows"]
    assert {(s["kind"], s["windows"], s["beyond"]) for s in shadows if s["version"] == 2} == {
        ("mewma", 61, 0), ("forecast", 7, None), ("knn", 7, 0), ("pca_q", 7, 7)
    }  # fmt: skip
    page = house.visitor("huaihai-petro-officer").get(f"/models/{asset}").text
    assert "<td>预测值</td><td>7</td><td>0</td><td>—</td>" in page


def test_windows_of_a_real_alarm_are_not_held_against_it(card: tuple[House, int]) -> None:
    """A number is promised for normal operation; what people resolved as real was none."""
    house, asset = card
    resolved(house.plant, house.plant.a, "_mewma.unusual", "true_danger", 1)
    (mewma, _) = read(house, "huaihai-petro-officer", f"/api/v1/models/{asset}")["calibration"]
    assert mewma["left_out"] > 30
    assert mewma["windows"] + mewma["left_out"] == 720


def test_the_insurer_s_engineer_sees_the_card_without_numbers(card: tuple[House, int]) -> None:
    """What it watches, since when, and its record; no number, no curve, no name and no word of the client. An underwriter sees none."""
    house, asset = card
    engineer = house.visitor("insurer-risk")
    page = engineer.get(f"/models/{asset}").text
    assert "1号泵的模型" in page
    assert "险肇事件" in page
    assert "keeper" not in page
    assert "after overhaul" not in page
    assert "<polyline" not in page
    found = engineer.get(f"/api/v1/models/{asset}").json()
    assert found["calibration"] == found["shadows"] == []
    assert {v["fitted_by"] for v in found["versions"]} == {None}
    assert found["promotions"][0]["promoted_by"] is None
    assert house.visitor("insurer-underwriter").get(f"/models/{asset}").status_code == 403
    looked = house.visitor("huaihai-petro-officer").get("/looks").text
    assert "模型说明卡：1号泵" in looked


def test_what_no_longer_fits_its_machine_is_said(card: tuple[House, int]) -> None:
    """Of the version in force alone, to the client alone."""
    house, asset = card
    with house.plant.owner() as owner:
        owner.execute(
            "INSERT INTO model_drift (asset_id, company_id, version, looked_at, drifted_since, found) VALUES (%s, %s, 1, now(), now() - interval '1 day', '{}')",
            (asset, house.plant.a.company_id),
        )
    officer, engineer = house.visitor("huaihai-petro-officer"), house.visitor("insurer-risk")
    assert "查明变化后重新拟合" in officer.get(f"/models/{asset}").text
    assert officer.get(f"/api/v1/models/{asset}").json()["drift"]["version"] == 1
    assert engineer.get(f"/api/v1/models/{asset}").json()["drift"] is None
    with house.plant.owner() as owner:
        owner.execute("UPDATE model_drift SET version = 2")
    assert officer.get(f"/api/v1/models/{asset}").json()["drift"] is None


def test_another_company_s_model_is_not_there(card: tuple[House, int]) -> None:
    """Nor one that never was, nor a word in place of a number."""
    house, asset = card
    stranger = house.visitor("qinling-coal-officer")
    assert stranger.get(f"/models/{asset}").status_code == 404
    assert stranger.get(f"/api/v1/models/{asset}").status_code == 404
    assert "1号泵" not in stranger.get("/models").text
    assert stranger.get("/models/999999").status_code == 404
    assert stranger.get("/models/99999999999999999999").status_code in (404, 422)
    assert stranger.get("/models/pump").status_code in (404, 422)
    assert house.visitor(None).get(f"/models/{asset}").status_code in (303, 401)


def test_a_model_that_says_too_much_is_told_to_be_fitted_anew(house: House) -> None:
    """Ten times as often beyond as promised is no promise kept."""
    asset = modelled(house.plant, house.plant.a)
    scored(house.plant, house.plant.a, often=10.0)
    (mewma, _) = read(house, "huaihai-petro-officer", f"/api/v1/models/{asset}")["calibration"]
    assert mewma["verdict"] == "often"
    assert "请先查明，再重新拟合" in house.visitor("huaihai-petro-officer").get(f"/models/{asset}").text


def test_a_model_without_a_fit_and_one_of_other_signals_say_so(house: House) -> None:
    """Neither judges, and the card says which signals are the reason."""
    plant = house.plant
    asset = modelled(plant, plant.a)
    with plant.owner() as owner:
        owner.execute("DELETE FROM asset_model_member WHERE position = 1")
    page = house.visitor("huaihai-petro-officer").get(f"/models/{asset}").text
    assert "tank-farm-gas/temp-pump" in page
    assert "该模型目前不作判断" in page
    with plant.owner() as owner:
        owner.execute("DELETE FROM model_promotion")
    assert "试运行，不触发报警" in house.visitor("huaihai-petro-officer").get(f"/models/{asset}").text
    with plant.owner() as owner:
        owner.execute("DELETE FROM detector_model")
    page = house.visitor("huaihai-petro-officer").get(f"/models/{asset}").text
    assert "尚未拟合" in page
    assert "无：不作判断" in house.visitor("huaihai-petro-officer").get("/models").text


SETUP = {"slow": ["tank-farm-gas/temp-pump"], "load": ["tank-farm-gas/lel-pump"], "forecast": {"of": "tank-farm-gas/temp-pump", "ahead_s": 60, "falling": None, "limit": 80}}  # fmt: skip


def test_a_version_of_another_setup_is_said(card: tuple[House, int]) -> None:
    """On the card, in the list and for a program: in what it was fitted for something else, and that it does not judge. Nothing where it suits."""
    house, asset = card
    officer = house.visitor("huaihai-petro-officer")
    assert 'id="other-setup"' not in officer.get(f"/models/{asset}").text
    with house.plant.owner() as owner:
        owner.execute("UPDATE asset_model SET setup = %s WHERE asset_id = %s", (Jsonb(SETUP), asset))
    page = officer.get(f"/models/{asset}").text
    for said in (
        "该模型目前不作判断",
        "慢变信号：拟合时为无，现在声明为1号泵轴承温度。",
        "预测内容：拟合时为无，现在声明为60秒内1号泵轴承温度的最高值。",
        "配置不同",
    ):
        assert said in page, said
    assert "配置不同，不作判断" in officer.get("/models").text
    found = read(house, "huaihai-petro-officer", f"/api/v1/models/{asset}")
    assert [(each["part"], each["was"]) for each in found["model"]["other_setup"]] == [
        ("slow", None), ("load", None), ("forecast", None)
    ]  # fmt: skip
    assert found["model"]["is_silent"]
    assert all(version["other_setup"] and version["setup"] == {} for version in found["versions"])
    with house.plant.owner() as owner:
        owner.execute("UPDATE detector_model SET parameters = parameters || %s", (Jsonb({"setup": SETUP}),))
    assert 'id="other-setup"' not in officer.get(f"/models/{asset}").text
    assert read(house, "huaihai-petro-officer", f"/api/v1/models/{asset}")["versions"][0]["setup"] == SETUP
    engineer = house.visitor("insurer-risk").get(f"/api/v1/models/{asset}").json()
    assert engineer["versions"][0]["setup"]["slow"] == ["tank-farm-gas/temp-pump"]


def test_another_forecast_leaves_the_other_numbers(card: tuple[House, int]) -> None:
    """It says so; and in English which signals came and went."""
    house, asset = card
    with house.plant.owner() as owner:
        owner.execute("UPDATE person SET language = 'en' WHERE role = 'safety_officer'")
        owner.execute(
            "UPDATE asset_model SET setup = %s WHERE asset_id = %s", (Jsonb({"forecast": SETUP["forecast"]}), asset)
        )
    officer = house.visitor("huaihai-petro-officer")
    page = officer.get(f"/models/{asset}").text
    assert "It makes no forecast: version 1, which is in force" in page
    assert "for another setup: no forecast" in officer.get("/models").text
    assert not read(house, "huaihai-petro-officer", f"/api/v1/models/{asset}")["model"]["is_silent"]
    with house.plant.owner() as owner:
        owner.execute("UPDATE detector_model SET members = '{tank-farm-gas/lel-pump,tank-farm-gas/gone}'")
    page = officer.get(f"/models/{asset}").text
    assert "It does not judge: version 1, which is in force" in page
    assert "Signals: new: Bearing temperature pump 1; no longer declared: tank-farm-gas/gone." in page


def test_what_the_fit_told_of_its_interval_is_said_in_the_readers_language(card: tuple[House, int]) -> None:
    """Of every kind of the version in force, each once."""
    house, asset = card
    told = "knn: the later half of the interval is 3.6 times as odd as the earlier half. It may hold two operating points, or something that was not normal: look at it, or choose another."
    with house.plant.owner() as owner:
        owner.execute("UPDATE detector_model SET notices = %s WHERE kind = 'knn'", ([told],))
    page = house.visitor("huaihai-petro-officer").get(f"/models/{asset}").text
    assert page.count("该时段后半段的异常程度是前半段的3.6倍") == 1
    assert "operating points" not in page


def test_what_fitting_said_is_read_in_chinese() -> None:
    """Every sentence that fitting keeps with a version; they are made by the code that makes them."""
    rows = np.random.default_rng(1).normal(size=(40, 2))
    halves = rows.copy(), rows.copy()
    gone = np.arange(40) == 0
    said = [
        *fitting._leave_out(*halves, (gone, ~gone & False)),
        *(fitting._too_little(rows[:3], rows[:3], 0, what) for what in ("The interval", "State idle")),
        *(
            fitting._too_little(np.zeros((200, 2)), np.zeros((400, 2)), 0, what)
            for what in ("The interval", "State idle")
        ),
        *fitting._drifted("mewma", np.ones(9), np.full(9, 9.0)),
        *fitting._drifted("mewma, State idle", np.ones(9), np.full(9, 9.0)),
    ]
    assert len(said) == 7
    for each in said:
        told = model_notice(translations("zh"), each)
        assert told != each, each
        assert "{" not in told
