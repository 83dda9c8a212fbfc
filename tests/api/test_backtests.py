"""Back-tests on the pages and through the API: asked for, called off, and read by those whom they concern."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg.types.json import Jsonb

from core.db import transaction
from tests.api.conftest import House
from tests.api.test_findings import OFFICER, UNDERWRITER, Person

pytestmark = pytest.mark.db

CHINA = ZoneInfo("Asia/Shanghai")


def limit_of(house: House) -> tuple[str, int]:
    """A limit of company a: its key and id."""
    with house.plant.owner() as connection:
        row = connection.execute(
            "SELECT key, definition_id FROM alarm_definition WHERE company_id = %s AND detector = 'limit' ORDER BY key LIMIT 1",
            (house.plant.a.company_id,),
        ).fetchone()
    assert row is not None
    return str(row[0]), int(row[1])


def form(house: House, **changes: Any) -> dict[str, Any]:
    began = house.plant.began

    def clock(hours: float) -> str:
        return (began + timedelta(hours=hours)).astimezone(CHINA).strftime("%Y-%m-%dT%H:%M")

    return {
        "limit": limit_of(house)[1],
        "begin": clock(-30),
        "end": clock(-1),
        "setpoint": "",
        "on_delay_s": "5",
        **changes,
    }


RESULT: dict[str, Any] = {
    "would_fire": 3,
    "lost_true": 1,
    "delayed_true": 0,
    "notifications_per_day": 1.5,
    "nuisance": {"resolved": 4, "would_not_come": 3},
    "known": {"share": 0.984, "holes": 1, "missing_messages": 12},
    "rollups_only": None,
    "problems": [],
    "endless": [{"definition": "temp-pump.high", "version": "in_force", "from": "2026-03-01T00:00:00+00:00"}],
    "verdict": {
        "refused": True,
        "lost": 1,
        "delayed": 0,
        "lost_injected": 0,
        "dangers": 3,
        "unknown": 2,
        "endless": 0,
    },
}


def finished(house: House, backtest_id: int) -> None:
    """As the risk process leaves it."""
    with house.plant.owner() as connection:
        row = connection.execute(
            "SELECT from_at, to_at FROM backtest WHERE backtest_id = %s", (backtest_id,)
        ).fetchone()
        assert row is not None
        since, until = row
        length = until - since

        def at(share: float) -> str:
            return str((since + share * length).isoformat())

        spells = [{"from": at(k / 40), "to": at(k / 40 + 0.003 * (k % 5)), "value": 51.0} for k in range(1, 36)]
        numbers: dict[str, Any] = {
            "would_fire": 9, "held_at_beginning": 0, "active_s": 4000.0, "chatter": 2, "flood_windows": 0, "fired_in_floods": 0,
            "calls": 4, "messages": 4, "notifications_per_day": 3.5, "fired_more": 0, "fired": spells,
        }  # fmt: skip
        fewer = {
            **numbers,
            "would_fire": 3,
            "notifications_per_day": 1.5,
            "active_s": 2500.0,
            "chatter": 0,
            "fired": spells[::4],
        }
        danger = {
            "occurrence": 1, "definition": "x", "own": True, "resolution": "true_danger", "at": at(0.2), "in_force_at": at(0.2),
            "proposed_at": None, "delay_s": None, "outcome": "lost",
        }  # fmt: skip
        later = {
            **danger, "own": False, "resolution": "near_miss", "at": at(0.6), "proposed_at": at(0.61), "delay_s": 12.0, "outcome": "later",
        }  # fmt: skip
        incidents = [
            {
                "shape": shape, "size": size, "in_force_s": 900.0, "proposed_s": None if shape == "spike" else 912.0,
                "counts": shape != "spike", "onset": at(0.5),
            }
            for shape in ("step", "ramp", "slow_leak", "spike") for size in ("slight", "clear")
        ]  # fmt: skip
        part = {
            "definition": "x", "unit": "%", "detector": "limit", "priority": "high",
            "changes": {"on_delay_s": [0.0, 5.0], "setpoint": [50.0, 52.5]}, "in_force": numbers, "proposed": fewer,
            "dangers": [danger, later, {**later, "at": at(0.8), "proposed_at": at(0.8), "delay_s": 0.0, "outcome": "found"}],
            "injected": {"incidents": 8, "each": incidents}, "holes": [{"from": at(0.3), "to": at(0.36)}],
            "verdict": RESULT["verdict"],
        }  # fmt: skip
        result = {**RESULT, "in_force": numbers, "proposed": fewer, "definitions": [part]}
        connection.execute(
            "UPDATE backtest SET state = 'done', progress = 1, result = %s, finished_at = now() WHERE backtest_id = %s",
            (Jsonb(result), backtest_id),
        )


def test_asked_for_by_a_plain_form_called_off_and_read(house: House) -> None:
    """The form makes one, sent twice still one; the page says how far it is, and calls it off; another one's answer stands there in
    words: the verdict, the difference, the danger that would be lost."""
    officer = Person(house, OFFICER)
    page = officer.client.get(f"/backtests?definition={limit_of(house)[1]}").text
    assert "历史回测" in page
    assert "现行：" in page
    made = officer.post("/backtests", **form(house))
    assert made.status_code == 303, made.text
    path = made.headers["location"]
    assert officer.post("/backtests", **form(house)).headers["location"] == path
    assert "等待中" in officer.client.get(path).text
    assert 'http-equiv="refresh"' in officer.client.get(path).text, "without JavaScript it looks again by itself"
    assert officer.post(f"{path}/cancel").status_code == 303
    assert "已取消" in officer.client.get(path).text
    assert "须在完成之前" in officer.post(f"{path}/cancel").text
    other = officer.post("/backtests", **form(house, on_delay_s="4")).headers["location"]
    finished(house, int(other.rsplit("/", 1)[1]))
    said = officer.client.get(other).text
    for words in (
        "两人书面",
        "漏掉真实危险 1 起",
        "因读数缺失无法判定：2 起",
        "temp-pump.high 不停抖动",
        "少 6",
        "半小时缓慢泄漏",
        "12 秒",
        "始终未到的消息 12 条",
        "其中 3 次",
    ):
        assert words in said, words
    assert "两人书面" in officer.client.get("/backtests").text


MISTAKES: tuple[tuple[dict[str, Any], str], ...] = (
    ({"limit": ""}, "请选择要回测的限值"),
    ({"setpoint": "viel"}, "须填数字"),
    ({"setpoint": "120"}, "永远不会触发"),
    ({"on_delay_s": "-1"}, "须在 0 至"),
    ({"deadband": "1e9"}, "报警将无法解除"),
    ({"begin": ""}, "请填写起止时间"),
    ({"end": "2199-01-01T00:00"}, "晚于现在"),
    ({"begin": "2001-01-01T00:00"}, "数据最多保存"),
)


def test_what_cannot_be_tried_is_refused_in_words(timescale_house: House) -> None:
    """On the page, with what was typed kept, and nothing asked for."""
    officer = Person(timescale_house, OFFICER)
    with timescale_house.plant.owner() as connection:
        connection.execute("UPDATE sensor SET range_low = 0, range_high = 100")
    for change, sentence in MISTAKES:
        answer = officer.post("/backtests", **form(timescale_house, **change))
        assert answer.status_code == 409, change
        assert sentence in answer.text, change
        assert 'value="5"' in answer.text or "on_delay_s" in change
    with timescale_house.plant.owner() as connection:
        assert connection.execute("SELECT count(*) FROM backtest").fetchone() == (0,)


def test_the_insurer_sees_none_and_no_page_writes_a_proof(house: House) -> None:
    """Neither pages nor rows for the insurer's people; the web role can neither forge a result nor ask in another's name, whatever
    SQL it is made to say."""
    officer, insurer = Person(house, OFFICER), Person(house, UNDERWRITER)
    path = officer.post("/backtests", **form(house)).headers["location"]
    assert insurer.client.get("/backtests").status_code == 403
    assert insurer.client.get(path).status_code == 403
    plant = house.plant
    people = plant.a.people
    token = plant.database.person_token(people["officer"], "safety_officer", plant.a.company_id)
    with psycopg.connect(plant.database.url("web"), autocommit=True) as web:
        with transaction(
            web, plant.database.person_token(plant.insurer["underwriter"], "underwriter", plant.a.company_id)
        ):
            assert web.execute("SELECT count(*) FROM backtest").fetchone() == (0,)
        for statement in (
            "UPDATE backtest SET result = '{}', state = 'done'",
            "UPDATE backtest SET state = 'done'",
            """INSERT INTO backtest (company_id, site_id, definition_key, from_at, to_at, asked_at, asked_by, state, result)
               SELECT company_id, site_id, 'x', '2026-01-01', '2026-01-02', now(), asked_by, 'done', '{}' FROM backtest""",
            """INSERT INTO backtest (company_id, site_id, definition_key, from_at, to_at, asked_at, asked_by)
               SELECT company_id, site_id, 'x', '2026-01-01', '2026-01-02', now(), NULL FROM backtest""",
        ):
            with pytest.raises(psycopg.errors.Error) as refused, transaction(web, token):
                web.execute(statement)
            assert refused.value.sqlstate in ("42501", "23514"), statement


def test_the_same_through_the_api(timescale_house: House) -> None:
    """Asked, read, listed, called off, with the sentences of the page."""
    house = timescale_house
    officer = Person(house, OFFICER)
    until = house.plant.began - timedelta(hours=1)
    question = {
        "definition_id": limit_of(house)[1], "from_at": (until - timedelta(days=1)).isoformat(), "to_at": until.isoformat(),
        "proposed": {"on_delay_s": 4},
    }  # fmt: skip
    token = officer.client.get("/api/v1/me").json()["form_token"]
    headers = {"X-Form-Token": token}
    made = officer.client.post("/api/v1/backtests", json=question, headers=headers)
    assert made.status_code == 201, made.text
    number = made.json()["backtest_id"]
    assert made.json()["state"] == "waiting"
    assert made.json()["proposed"] == {"on_delay_s": 4.0}
    later = {
        edge: (datetime.fromisoformat(str(question[edge])) + timedelta(minutes=1)).isoformat()
        for edge in ("from_at", "to_at")
    }
    again = officer.client.post("/api/v1/backtests", json={**question, **later}, headers=headers)
    assert again.json()["backtest_id"] == number  # asked for once more a minute later: it waits already
    assert [row["backtest_id"] for row in officer.client.get("/api/v1/backtests").json()] == [number]
    wrong = officer.client.post("/api/v1/backtests", json={**question, "proposed": {"setpont": 1}}, headers=headers)
    assert wrong.status_code == 409
    assert "setpoint" in wrong.text
    off = officer.client.post(f"/api/v1/backtests/{number}/cancel", headers=headers)
    assert off.json()["state"] == "cancelled"
    assert officer.client.get("/api/v1/backtests/999999").status_code == 404
