"""Readiness on the pages and through the API: exercises started and ended, marked on every page; how positions answer; who sees what."""

from __future__ import annotations

import re
from datetime import timedelta

import psycopg
import pytest

from alerting.exercises import keep_exercises
from core.db import transaction
from tests.alerting.wire import Wire
from tests.api.conftest import House
from tests.api.test_duty import on_duty
from tests.api.test_findings import OFFICER, UNDERWRITER, Person

pytestmark = pytest.mark.db

INTEGRATOR, STRANGER, RISK = "huaihai-petro-integrator", "qinling-coal-officer", "insurer-risk"


def keep(house: House) -> None:
    """The alerting process comes round."""
    with psycopg.connect(house.plant.database.url("alerting"), autocommit=True) as connection:
        for _ in range(2):
            with transaction(connection, house.plant.database.service_token()):
                row = connection.execute("SELECT now()").fetchone()
                assert row is not None
                keep_exercises(connection, row[0])


def started(house: House, **more: str) -> int:
    """The officer starts one on the page; gives its occurrence."""
    officer = Person(house, OFFICER)
    officer.post(
        "/readiness/tank-farm/exercises", **{"limit": "", "position": "", "minutes": "10", "why": "月度", **more}
    )
    keep(house)
    with house.plant.owner() as connection:
        row = connection.execute("SELECT occurrence_id FROM exercise ORDER BY exercise_id DESC LIMIT 1").fetchone()
    assert row is not None
    return int(row[0])


def test_an_exercise_is_started_marked_answered_and_over(house: House) -> None:
    """By plain forms: it shows as one in list, occurrences, its own page and JSON; the acknowledgement ends it."""
    on_duty(house)
    occurrence = started(house, position="duty")
    officer = Person(house, OFFICER)
    assert '<span class="exercise">演练</span>' in officer.client.get("/alarms").text
    assert '<span class="exercise">演练</span>' in officer.client.get("/occurrences").text
    page = officer.client.get(f"/occurrences/{occurrence}").text
    assert "现场未发生险情，仅检验能否联系到人员" in page
    assert "/shelve" not in page
    assert [a["exercise"] for a in officer.client.get("/api/v1/alarms").json()["alarms"]] == [True]
    assert "结束演练" in officer.client.get("/readiness").text
    officer.post(f"/occurrences/{occurrence}/acknowledge")
    keep(house)
    page = officer.client.get("/readiness").text
    assert "发起演练" in page
    assert "月度" in page
    found = officer.client.get("/api/v1/readiness").json()["sites"][0]["exercises"][0]
    assert (found["outcome"], found["occurrence_id"]) == ("answered", occurrence)
    assert found["answered_by"] is not None
    assert officer.client.get("/api/v1/alarms").json()["alarms"] == []


def test_it_is_ended_early_and_what_is_wrong_gets_a_sentence(house: House) -> None:
    """One at a time, no such limit, no number of minutes: what was typed stays."""
    on_duty(house)
    officer = Person(house, OFFICER)
    for wrong, said in (
        ({"limit": "nothing"}, "本厂区没有生效的限值nothing"),
        ({"minutes": "viel"}, "不在列表中"),
        ({"minutes": " "}, "请用分钟数填写最长时间"),
        ({"minutes": "900"}, "演练时长为1至60分钟"),
        ({"position": "nobody"}, "本厂区没有值班岗位nobody"),
    ):
        answer = officer.post(
            "/readiness/tank-farm/exercises", **{"limit": "", "position": "", "minutes": "10", "why": "保留", **wrong}
        )
        assert answer.status_code == 409
        assert said in answer.text
        assert 'value="保留"' in answer.text
    started(house, position="duty")
    assert "已有演练或查岗正在进行" in officer.post("/readiness/tank-farm/exercises", minutes="10").text
    with house.plant.owner() as connection:
        row = connection.execute("SELECT max(exercise_id) FROM exercise").fetchone()
    assert row is not None
    officer.post(f"/readiness/tank-farm/exercises/{row[0]}/stop")
    keep(house)
    found = officer.client.get("/api/v1/readiness").json()["sites"][0]["exercises"][0]
    assert found["outcome"] == "stopped"
    assert officer.post("/readiness/elsewhere/exercises", minutes="10").status_code == 404


def test_a_form_sent_twice_starts_one(house: House) -> None:
    """A double tap calls nobody twice."""
    on_duty(house)
    officer = Person(house, OFFICER)
    for _ in range(2):
        officer.post("/readiness/tank-farm/exercises", position="duty", minutes="10", once="same-key")
    with house.plant.owner() as connection:
        assert connection.execute("SELECT count(*) FROM exercise").fetchone() == (1,)


def test_the_insurers_risk_engineer_may_and_reads_no_names(house: House) -> None:
    """Starts one through the API; the underwriter only looks; shares and times of the position, nobody's name."""
    roster = on_duty(house)
    with house.plant.owner() as connection:
        for number in range(6):
            connection.execute(
                "INSERT INTO exercise (company_id, site_id, kind, priority, roster_id, asked_at, lasts_s, began_at, local_hour, on_holiday, called_id,"
                " answered_at, answered_by, ended_at, outcome) SELECT company_id, site_id, 'roll_call', 'life-safety', roster_id, t.at, 600, t.at, 2, false,"
                " %(who)s, CASE WHEN %(n)s < 3 THEN t.at + interval '20 s' END, CASE WHEN %(n)s < 3 THEN %(who)s::int END, t.at + interval '10 min',"
                " CASE WHEN %(n)s < 3 THEN 'answered' ELSE 'unanswered' END"
                " FROM roster, (SELECT now() - %(ago)s::interval AS at) t WHERE roster_id = %(roster)s",
                {
                    "who": house.plant.a.people["officer"],
                    "n": number,
                    "ago": timedelta(days=number + 1),
                    "roster": roster,
                },
            )
    risk = Person(house, RISK)
    page = risk.client.get("/readiness")
    assert page.status_code == 200
    assert "6次查岗应答了3次" in page.text
    assert "同时呼叫本岗位之后的人员" in page.text
    with house.plant.owner() as connection:
        row = connection.execute(
            "SELECT name FROM person WHERE person_id = %s", (house.plant.a.people["officer"],)
        ).fetchone()
    assert row is not None
    assert row[0] not in page.text
    assert row[0] in Person(house, OFFICER).client.get("/readiness").text
    figures = risk.client.get("/api/v1/readiness").json()["sites"][0]["positions"][0]
    assert (figures["all"]["calls"], figures["all"]["unanswered_share"], figures["all"]["p50_s"]) == (6, 0.5, 20.0)
    assert figures["weak"][0] == {"hours": "00:00-06:00", "holiday": False, "keeps": 0.0}
    answer = risk.call("/sites/tank-farm/exercises", position="duty", minutes=5)
    assert answer.status_code == 201
    keep(house)
    looker = Person(house, UNDERWRITER)
    assert "发起演练" not in looker.client.get("/readiness").text
    assert looker.call("/sites/tank-farm/exercises", minutes=5).status_code == 403


def test_others_see_and_do_nothing(house: House) -> None:
    """A stranger's page has no word of the site; an integrator looks on."""
    on_duty(house)
    started(house, position="duty")
    stranger = Person(house, STRANGER)
    assert "tank-farm" not in stranger.client.get("/readiness").text
    assert stranger.post("/readiness/tank-farm/exercises", minutes="10").status_code == 404
    integrator = Person(house, INTEGRATOR)
    assert "结束演练" not in integrator.client.get("/readiness").text
    assert integrator.post("/readiness/tank-farm/exercises", minutes="10").status_code == 403


def test_what_is_real_stands_above_an_exercise(house: House) -> None:
    """Also where it is less grave than what is tried; and who was not called reads that others were, not that the routes forgot them."""
    on_duty(house)
    occurrence = started(house, position="duty")
    house.plant.happen(house.plant.a, "temp-pump.high", house.plant.began)
    officer = Person(house, OFFICER)
    alarms = officer.client.get("/api/v1/alarms").json()["alarms"]
    assert [(alarm["priority"], alarm["exercise"]) for alarm in alarms] == [("medium", False), ("life-safety", True)]
    page = officer.client.get("/alarms").text
    assert page.index("泵轴承过热") < page.index('<span class="exercise">')
    with house.plant.owner() as connection:
        connection.execute(
            "WITH r AS (INSERT INTO route (company_id, site_id, key, audience, priorities) VALUES (%(c)s, %(s)s, 'all', 'client', '{life-safety}')"
            " RETURNING route_id, company_id) INSERT INTO route_step (route_id, company_id, position, after_s, person_id, channel)"
            " SELECT r.route_id, r.company_id, row_number() OVER (), 0, p.person_id, 'smtp' FROM r JOIN person p USING (company_id)",
            {"c": house.plant.a.company_id, "s": house.plant.a.site_id},
        )
    assert "本次演练呼叫的是其他人员" in officer.client.get(f"/occurrences/{occurrence}").text


def test_the_daily_test_from_the_wire_is_told_by_its_legs(house: House) -> None:
    """What came, how long each leg took, and the first that did not come: on the page, in the JSON, and how its occurrence began."""
    wire, now = Wire(house.plant.database, house.plant.insurer["operator"]), house.plant.began
    officer = Person(house, OFFICER)
    wire.ask(now)
    wire.publish(now)
    occurrence = wire.judge(now)
    with house.plant.owner() as connection:
        connection.execute(
            "UPDATE exercise SET taken_at = published_at + interval '0.2 s', raised_at = published_at + interval '0.5 s' WHERE occurrence_id IS NOT NULL"
        )
    page = officer.client.get("/readiness").text
    assert facts(page) == {"到达消息服务器": "0.2 秒", "存储并产生报警": "0.5 秒", "接收方收到": "—"}
    told = officer.client.get(f"/occurrences/{occurrence}").text
    assert "由本厂区测试设备的一条读数触发" in told
    assert "没有读数触发它" not in told
    assert facts(told)["存储并产生报警"] == "0.5 秒"
    wire.keep(now + timedelta(minutes=2))
    page = officer.client.get("/readiness").text
    assert "每日送达测试未按时送达。" in page
    assert "报警已产生，但消息未发出。" in page
    delivery = officer.client.get("/api/v1/readiness").json()["sites"][0]["delivery"]
    assert (delivery["on_wire"], delivery["missing"], delivery["outcome"]) == (True, "sent", "undelivered")
    assert (delivery["to_broker_s"], delivery["to_alarm_s"], delivery["took_s"]) == (0.2, 0.5, None)


def test_the_test_device_stands_in_no_list(house: House) -> None:
    """Nobody set it up, nobody can mend it, and it sends once a day: among devices or sensors it would look like one that is silent."""
    wire, now = Wire(house.plant.database, house.plant.insurer["operator"]), house.plant.began
    wire.ask(now)
    with house.plant.owner() as connection:
        heard = connection.execute(
            "INSERT INTO device_stream (device_id, company_id, boot, seq, last_received_at)"
            " SELECT device_id, company_id, 7, 0, now() FROM device WHERE key = '_test.tank-farm' RETURNING device_id"
        ).fetchone()
    assert heard is not None
    client = Person(house, INTEGRATOR).client
    for path in ("/devices", "/api/v1/devices", "/api/v1/sensors"):
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert "_test" not in answer.text, path
        assert "_wire" not in answer.text, path
    assert client.get(f"/devices/{heard[0]}").status_code == 404


def test_a_reading_that_came_too_late_says_so(house: House) -> None:
    """Its occurrence belongs to no test: the page neither asks for an acknowledgement nor says that no reading began it."""
    wire, now = Wire(house.plant.database, house.plant.insurer["operator"]), house.plant.began
    wire.ask(now)
    wire.publish(now)
    wire.keep(now + timedelta(minutes=2))
    occurrence = wire.judge(now, now + timedelta(minutes=3))
    wire.keep(now + timedelta(minutes=3, seconds=1))
    told = Person(house, OFFICER).client.get(f"/occurrences/{occurrence}").text
    assert "读数到达时所属测试已结束" in told
    assert "没有读数触发它" not in told


def facts(page: str) -> dict[str, str]:
    """What a page states of the legs of a delivery test."""
    rows = re.findall(r"<div><dt>([^<]+)</dt><dd>([^<]+)</dd></div>", page)
    return {name: said for name, said in rows if name in ("到达消息服务器", "存储并产生报警", "接收方收到")}
