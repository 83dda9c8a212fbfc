"""The second opinion on its page and through the API: what is shown, who sees it, and the one tap that says what it was."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

import psycopg
import pytest
from psycopg.types.json import Jsonb

from api.words.second import left_out_together
from core.db import transaction
from core.i18n import translations
from tests.api.conftest import House
from tests.api.test_findings import INTEGRATOR, OFFICER, UNDERWRITER, Person

pytestmark = pytest.mark.db

STRANGER, ADMIN, RISK = "qinling-coal-officer", "insurer-operator", "insurer-risk"


def night(house: House, *, days_ago: int = 1, state: str = "done") -> list[int]:
    """A night of company a with two windows, one of them with an alarm beside it."""
    a, day = house.plant.a, house.plant.began.date() - timedelta(days=days_ago)
    at = house.plant.began - timedelta(days=days_ago, hours=3)
    facts = [
        {"sensor": a.sensors["temp-pump"], "feature": "spread", "value": 4.0, "low": None, "high": None, "times": 4.0, "steps": 6.0},
        {"sensor": a.sensors["temp-pump"], "feature": "level", "value": 71.0, "low": 58.0, "high": 64.0, "times": None, "steps": 5.0},
    ]  # fmt: skip
    left = [{"kind": "sensor", "number": a.sensors["lel-pump"], "why": "short", "needs": 7, "has": 3}]
    with house.plant.owner() as connection:
        connection.execute(
            "INSERT INTO reading_minute SELECT %s, date_trunc('minute', %s::timestamptz) + n * interval '1 minute', %s, 60, 60, 60, 61 + n %% 5, 60.5"
            " FROM generate_series(-90, 90) n ON CONFLICT DO NOTHING",
            (a.sensors["temp-pump"], at, a.company_id),
        )
        row = connection.execute(
            "INSERT INTO second_opinion_night (company_id, site_id, day, state, attempt, begun_at, lease_until, ended_at, subjects, windows, left_out,"
            " problem) VALUES (%s, %s, %s, %s, 2, %s, %s, %s, 1, 96, %s, %s) RETURNING night_id",
            (
                a.company_id, a.site_id, day, state, at, at if state == "begun" else None, at, Jsonb(left),
                "The second opinion took too long and was ended." if state == "failed" else None,
            ),
        ).fetchone()  # fmt: skip
        assert row is not None
        made = []
        for place, sensor in enumerate(("temp-pump", "lel-pump") if state == "done" else (), start=1):
            kept = connection.execute(
                "INSERT INTO second_opinion (company_id, night_id, place, kind, sensor_id, from_at, until_at, rank, models, facts)"
                " VALUES (%s, %s, %s, 'sensor', %s, %s, %s, %s, %s, %s) RETURNING opinion_id",
                (
                    a.company_id, row[0], place, a.sensors[sensor], at, at + timedelta(minutes=15), 1.5 * place,
                    ["pca", "knn"] if place == 1 else [], Jsonb(facts if place == 1 else []),
                ),
            ).fetchone()  # fmt: skip
            assert kept is not None
            made.append(int(kept[0]))
        if state == "done":
            connection.execute(
                "INSERT INTO occurrence (company_id, site_id, definition_id, sensor_id, began_at, normal_at, evidence_from)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (
                    a.company_id, a.site_id, a.definitions["lel-pump.lel-1"], a.sensors["lel-pump"], at + timedelta(minutes=5),
                    at + timedelta(minutes=9), at,
                ),
            )  # fmt: skip
    return made


def test_the_page_tells_what_was_unusual_and_that_nobody_was_alarmed(house: House) -> None:
    """Words in the reader's language, a curve, the alarms of that time, and where there was none, that."""
    first, second = night(house)
    officer = Person(house, OFFICER)
    page = officer.client.get("/second-opinion").text
    assert (
        "<h1>夜间复核</h1>" in page
    )  # as docs/glossary.md has it: a model's second number, which alarms, is called otherwise
    assert "第二判断" not in page
    assert "波动幅度为平时的4倍" in page
    assert "水平为71 °C，平时为58至64 °C" in page
    assert page.count('class="no-alarm"') == 1
    assert "淮海石化可燃气体超过20 %LEL" in page
    assert "泵房可燃气体探测器：需要7天的正常历史，现有3天" in page
    assert "<polygon" in page
    assert "style=" not in page
    own = officer.client.get(f"/second-opinion/{first}").text
    assert "1号泵轴承温度" in own
    assert officer.client.get(f"/second-opinion/{second}").status_code == 200
    english = Person(house, OFFICER).client
    english.get("/language?to=en&next=/")
    text = english.get("/second-opinion").text
    assert "It spreads 4 times the usual" in text or "it spreads 4 times the usual" in text
    assert "No alarm then." in text


def test_what_was_not_looked_at_is_a_number(house: House) -> None:
    """Of a large site: how many had no turn that night and when they have, on the page and for a program; nothing of it where all had."""
    night(house)
    officer = Person(house, OFFICER)
    assert "当夜未复核" not in officer.client.get("/second-opinion").text
    with house.plant.owner() as connection:
        connection.execute("UPDATE second_opinion_night SET signals = 5000, not_looked_at = 4600")
    assert "当夜未复核：5,000个信号中的4,600个。" in officer.client.get("/second-opinion").text
    assert "约13夜内每个信号都会轮到" in officer.client.get("/second-opinion").text
    found = officer.client.get("/api/v1/second-opinion?site=tank-farm").json()[0]
    assert (found["signals"], found["not_looked_at"]) == (5000, 4600)


def test_a_site_without_signals_is_told_so(house: House) -> None:
    """There is nothing below that would say why nothing was judged."""
    night(house)
    officer = Person(house, OFFICER)
    with house.plant.owner() as connection:
        connection.execute("DELETE FROM second_opinion")
    assert "无法作出判断，原因见下。" in officer.client.get("/second-opinion").text
    with house.plant.owner() as connection:
        connection.execute("UPDATE second_opinion_night SET left_out = '[]', subjects = 0")
    assert "该厂区没有可供复核的在用数值型传感器。" in officer.client.get("/second-opinion").text


def test_what_is_left_out_for_one_reason_is_one_sentence() -> None:
    """On its first night a site of a hundred signals says once that there is no history yet; what somebody must look at stands alone."""

    class Named(NamedTuple):
        name: str
        name_zh: str
        unit: str = "1"

    names = {("sensor", n): Named(f"S{n}", f"第{n}号") for n in range(1, 5)}
    short = [{"kind": "sensor", "number": n, "why": "short", "needs": 7, "has": 0} for n in (1, 2)]
    moved = [{"kind": "sensor", "number": n, "why": "moved", "has": 3} for n in (3, 4)]
    told = left_out_together(translations("zh"), [*short, *moved], names, "zh", "zh_Hans_CN")
    assert [look for look, _ in told] == [False, True, True]
    assert told[0][1] == "第1号、第2号：需要7天的正常历史，现有0天。"


def test_one_tap_is_kept_counted_and_journalled(house: House) -> None:
    """It may be changed; the newest holds; the same again is one; and it is known which share was worth reading."""
    first, second = night(house)
    officer, integrator = Person(house, OFFICER), Person(house, INTEGRATOR)
    for person, number, word in ((officer, first, "nothing"), (officer, first, "worth"), (officer, first, "worth"), (integrator, second, "nothing")):  # fmt: skip
        answer = person.post(f"/second-opinion/{number}/said", word=word)
        assert answer.status_code == 303
        assert answer.headers["location"].endswith(f"#window-{number}")
    with house.plant.owner() as connection:
        said = connection.execute("SELECT opinion_id, said FROM second_opinion_word ORDER BY word_id").fetchall()
        noted = connection.execute(
            "SELECT old ->> 'said', new ->> 'said', subject FROM journal WHERE action = 'second_opinion_said' ORDER BY journal_id"
        ).fetchall()
    assert said == [(first, "nothing"), (first, "worth"), (second, "nothing")]
    assert noted == [
        (None, "nothing", f"second_opinion/{first}"),
        ("nothing", "worth", f"second_opinion/{first}"),
        (None, "nothing", f"second_opinion/{second}"),
    ]
    page = officer.client.get("/second-opinion").text
    assert "50 %" in page
    found = officer.client.get("/api/v1/second-opinion?site=tank-farm").json()[0]
    assert found["precision"] == {"shown": 2, "worth": 1, "sensor_fault": 0, "nothing": 1, "share": 0.5}


def test_the_api_says_and_hears_the_same(house: House) -> None:
    """Windows with sentences and alarms; a word by a call; what is no word is refused with a sentence."""
    first, second = night(house)
    officer = Person(house, OFFICER)
    found = officer.client.get("/api/v1/second-opinion?site=tank-farm").json()
    assert [each["opinion_id"] for each in found[0]["unusual"]] == [first, second]
    assert [len(each["alarms"]) for each in found[0]["unusual"]] == [0, 1]
    assert found[0]["unusual"][0]["sentences"][0] == "波动幅度为平时的4倍"
    assert officer.call(f"/second-opinion/{first}/word", said="sensor_fault").status_code == 204
    assert officer.call(f"/second-opinion/{first}/word", said="perhaps").status_code == 422
    assert officer.call(f"/second-opinion/{2**63}/word", said="worth").status_code == 404
    assert officer.call("/second-opinion/999999/word", said="worth").status_code == 404
    again = officer.client.get("/api/v1/second-opinion?site=tank-farm").json()
    assert again[0]["unusual"][0]["said"] == "sensor_fault"
    assert officer.client.get("/api/v1/second-opinion?site=tank-farm&day=1999-01-01").json()[0]["state"] is None


def test_what_is_wrong_gets_a_sentence(house: House) -> None:
    """A word that is none, a window that is not there, a site that is not theirs, a form of another page."""
    first, _ = night(house)
    officer = Person(house, OFFICER)
    answer = officer.post(f"/second-opinion/{first}/said", word="perhaps")
    assert answer.status_code == 409
    assert "请选择：值得查看、没有问题或传感器故障" in answer.text
    assert officer.post("/second-opinion/999999/said", word="worth").status_code == 404
    assert officer.post(f"/second-opinion/{2**70}/said", word="worth").status_code == 404
    assert officer.client.get(f"/second-opinion/{2**70}").status_code == 404
    assert officer.client.get("/second-opinion?site=mine").status_code == 404
    assert officer.client.get("/second-opinion?site=tank-farm&day=yesterday").status_code == 200
    refused = officer.client.post(f"/second-opinion/{first}/said", data={"word": "worth", "form_token": "x"})
    assert refused.status_code == 403


@pytest.mark.parametrize("login", [UNDERWRITER, RISK])
def test_the_insurer_does_not_see_it(house: House, login: str) -> None:
    """Neither the room, nor a window, nor the API; and row security shows an insurer's token no row."""
    first, _ = night(house)
    insurer = Person(house, login)
    for path in ("/second-opinion", f"/second-opinion/{first}", "/api/v1/second-opinion"):
        assert insurer.client.get(path).status_code == 403
    assert 'href="/second-opinion"' not in insurer.client.get("/occurrences").text
    role = "underwriter" if login == UNDERWRITER else "risk_engineer"
    token = house.plant.database.person_token(
        house.plant.insurer["underwriter" if login == UNDERWRITER else "risk"], role, house.plant.a.company_id
    )
    with (
        psycopg.connect(house.plant.database.url("web"), autocommit=True) as connection,
        transaction(connection, token),
    ):
        for query in (
            "SELECT count(*) FROM second_opinion",
            "SELECT count(*) FROM second_opinion_night",
            "SELECT count(*) FROM second_opinion_word",
        ):
            assert connection.execute(query.encode()).fetchone() == (0,)


def test_another_company_sees_and_says_nothing(house: House) -> None:
    """A window of somebody else's is not there; and nobody speaks in another's name, whatever the program says."""
    first, _ = night(house)
    stranger = Person(house, STRANGER)
    assert stranger.client.get(f"/second-opinion/{first}").status_code == 404
    assert stranger.post(f"/second-opinion/{first}/said", word="worth").status_code == 404
    a = house.plant.a
    token = house.plant.database.person_token(a.people["officer"], "safety_officer", a.company_id)
    with psycopg.connect(house.plant.database.url("web"), autocommit=True) as connection:
        for person, role_token in (
            (a.people["integrator"], token),
            (house.plant.insurer["operator"], house.plant.database.person_token(house.plant.insurer["operator"], "admin", a.company_id)),
        ):  # fmt: skip
            with pytest.raises(psycopg.errors.InsufficientPrivilege), transaction(connection, role_token):
                connection.execute(
                    "INSERT INTO second_opinion_word (company_id, opinion_id, said, person_id, said_at) VALUES (%s, %s, 'worth', %s, now())",
                    (a.company_id, first, person),
                )


def test_the_operator_reads_and_does_not_say(house: House) -> None:
    """Who keeps Davy running sees the page without its buttons."""
    first, _ = night(house)
    operator = Person(house, ADMIN)
    page = operator.client.get("/second-opinion").text
    assert 'name="word"' not in page
    assert operator.post(f"/second-opinion/{first}/said", word="worth").status_code == 403


def test_a_night_that_is_under_way_or_came_to_nothing_says_so(house: House) -> None:
    """Begun again after it was broken off, or failed with why; and before the first night, when that is."""
    officer = Person(house, OFFICER)
    assert "尚未进行过夜间复核" in officer.client.get("/second-opinion").text
    night(house, days_ago=2, state="failed")
    assert "夜间复核用时过长，已终止" in officer.client.get("/second-opinion").text
    night(house, days_ago=1, state="begun")
    assert "第2次" in officer.client.get("/second-opinion").text
