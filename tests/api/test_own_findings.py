"""A finding against Davy on its page: what the insurer does about it, read by both sides, and settled with a reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.types.json import Jsonb

from core.db import transaction
from core.failures import FailedTest, WalkedLadder
from risk.own_finding import (
    DELIVERY_FAILED,
    NOBODY_ANSWERED,
    TOO_MANY_MESSAGES,
    Facts,
    TooMany,
    settled_at,
)
from risk.store import told_back
from tests.api.conftest import House
from tests.api.test_findings import OFFICER, UNDERWRITER, Person
from tests.api.test_once import call

pytestmark = pytest.mark.db

ENGINEER, STRANGER = "insurer-risk", "qinling-coal-officer"
FACTS = TooMany(days_over=4, of_days=7, most=23, budget=5, people=2)


def opened(house: House, kind: str = TOO_MANY_MESSAGES, facts: Facts = FACTS) -> int:
    """One that stands at company A's site since yesterday; gives its number."""
    at = datetime.now(UTC) - timedelta(days=1)
    with house.plant.owner() as owner:
        row = owner.execute(
            "INSERT INTO own_finding (company_id, site_id, kind, opened_at, told_at, facts) VALUES (%s, %s, %s, %s, %s, %s)"
            " RETURNING own_finding_id",
            (house.plant.a.company_id, house.plant.a.site_id, kind, at, at, Jsonb(facts.as_json())),
        ).fetchone()
    assert row is not None
    return int(row[0])


def write(person: Person, number: int, event: str, words: str = "死区加宽到2", cause: str = "") -> int:
    """Through the form, as a person does."""
    answer = person.post(f"/own-findings/{number}/notes", event=event, words=words, cause=cause)
    return answer.status_code


def test_cause_measure_and_end_are_the_insurers_and_read_by_both_sides(timescale_house: House) -> None:
    """Not settled before it is explained; the client reads cause, measure and reason."""
    house = timescale_house
    number, engineer = opened(house), Person(house, ENGINEER)
    assert write(engineer, number, "settled") == 409
    assert write(engineer, number, "cause") == 409
    assert write(engineer, number, "cause", "甲烷限值无回差", "limits") == 303
    assert write(engineer, number, "measure") == 303
    assert write(engineer, number, "comment", "已与安全员电话沟通 <b>") == 303
    assert write(engineer, number, "settled", "回差生效后三天无干扰") == 303
    assert write(engineer, number, "settled", "再来一次") == 409
    assert write(engineer, number, "comment", "复核完毕") == 303
    page = Person(house, OFFICER).client.get(f"/own-findings/{number}").text
    for said in (
        "甲烷限值无回差",
        "死区加宽到2",
        "回差生效后三天无干扰",
        "由 保险公司人员 了结",
        "&lt;b&gt;",
        "23",
    ):
        assert said in page, said
    with house.plant.owner() as owner:
        assert settled_at(owner, [house.plant.a.site_id]).keys() == {house.plant.a.site_id}
        entry = owner.execute("SELECT person_id, reason FROM journal WHERE action = 'own_finding_settled'").fetchall()
    assert entry == [(house.plant.insurer["risk"], "回差生效后三天无干扰")]


def test_whoever_said_that_alarms_come_too_often_is_told_once(timescale_house: House) -> None:
    """Their own word and what became of it stand on their page."""
    house = timescale_house
    number, engineer = opened(house), Person(house, ENGINEER)
    occurrence = house.plant.happen(house.plant.a, "temp-pump.high", datetime.now(UTC) - timedelta(hours=2))
    with house.plant.owner() as owner:
        owner.execute(
            "INSERT INTO rating (company_id, site_id, person_id, occurrence_id, useful, reason, rated_at, changed_at)"
            " VALUES (%s, %s, %s, %s, false, 'too_often', now() - interval '1 hour', now() - interval '1 hour')",
            (house.plant.a.company_id, house.plant.a.site_id, house.plant.a.people["officer"], occurrence),
        )
    write(engineer, number, "cause", "x", "davy")
    write(engineer, number, "measure")
    write(engineer, number, "settled", "好了")
    now = datetime.now(UTC)
    with house.plant.owner() as owner:
        assert told_back.write_settled_own_findings(owner, now) == 1
        assert told_back.write_settled_own_findings(owner, now) == 0
    assert "保险公司已采取改进措施" in Person(house, OFFICER).client.get("/voice").text


def test_who_may_read_and_who_may_write(timescale_house: House) -> None:
    """The client's people and an underwriter read; another company finds nothing; the web role writes in nobody else's name."""
    house = timescale_house
    number = opened(house)
    for login in (OFFICER, UNDERWRITER):
        person = Person(house, login)
        assert person.client.get(f"/own-findings/{number}").status_code == 200
        assert write(person, number, "comment") == 403
        assert "消息过多" in person.client.get("/own-findings").text
    stranger = Person(house, STRANGER)
    assert stranger.client.get(f"/own-findings/{number}").status_code == 404
    plant = house.plant
    token = plant.database.person_token(plant.a.people["officer"], "safety_officer", plant.a.company_id)
    with psycopg.connect(plant.database.url("web"), autocommit=True) as web:
        with transaction(web, token):
            assert (
                web.execute(
                    "UPDATE own_finding SET closed_at = now(), closed_by = %s", (plant.a.people["officer"],)
                ).rowcount
                == 0
            )
        with pytest.raises(psycopg.errors.InsufficientPrivilege), transaction(web, token):
            web.execute(
                "INSERT INTO own_finding_note (company_id, own_finding_id, person_id, at, event, words) VALUES (%s, %s, %s, now(), 'comment', 'x')",
                (plant.a.company_id, number, plant.a.people["officer"]),
            )


def test_a_program_reads_and_writes(timescale_house: House) -> None:
    """The same rules: a cause is one of a list, and nothing is settled before it is explained."""
    house = timescale_house
    number, engineer = opened(house), Person(house, ENGINEER)
    assert engineer.call(f"/own-findings/{number}/notes", event="settled", words="x").status_code == 409
    assert engineer.call(f"/own-findings/{number}/notes", event="cause", words="x", cause="weather").status_code == 422
    made = engineer.call(f"/own-findings/{number}/notes", event="cause", words="no deadband", cause="limits")
    assert (made.status_code, made.json()["cause"], len(made.json()["notes"])) == (201, "limits", 1)
    (line,) = Person(house, OFFICER).client.get("/api/v1/own-findings").json()["findings"]
    assert (line["site"], line["most"], line["closed_at"]) == ("tank-farm", 23, None)


def test_a_program_that_sends_a_note_again_has_written_one(timescale_house: House) -> None:
    """Under one key: the answer is that of the first, and settling again is no mistake; another word under it is one, told as such."""
    house = timescale_house
    number, engineer = opened(house), Person(house, ENGINEER)
    path, words = f"/own-findings/{number}/notes", {"words": "x"}
    sent = [call(engineer, path, "k1", {"event": "comment", **words}) for _ in range(2)]
    assert [answer.status_code for answer in sent] == [201, 201]
    assert [len(answer.json()["notes"]) for answer in sent] == [1, 1]
    assert call(engineer, path, "k1", {"event": "comment", "words": "y"}).status_code == 422
    call(engineer, path, "k2", {"event": "cause", "cause": "davy", **words})
    call(engineer, path, "k3", {"event": "measure", **words})
    ended = [call(engineer, path, "k4", {"event": "settled", **words}) for _ in range(2)]
    assert [(answer.status_code, answer.json()["settled"]) for answer in ended] == [(201, True), (201, True)]
    assert len(call(engineer, path, "", {"event": "comment", **words}).json()["notes"]) == 5


def failures(house: House) -> dict[str, FailedTest | WalkedLadder]:
    """What Davy failed at, with an occurrence of company A each."""
    began = datetime.now(UTC) - timedelta(hours=3)
    occurrence = house.plant.happen(house.plant.a, "temp-pump.high", began)
    assert occurrence is not None
    minute = timedelta(minutes=1)
    return {
        DELIVERY_FAILED: FailedTest(
            exercise_id=7, occurrence_id=occurrence, began_at=began, ended_at=began + minute, took_s=None, promised_s=60.0, missing="stored"
        ),
        NOBODY_ANSWERED: WalkedLadder(
            occurrence_id=occurrence, title="Gas at 25 % LEL", title_zh="可燃气体达25%LEL", onset=began, steps=3, calls=5, failed=1, people=4,
            last_at=began + 5 * minute, waited_s=300.0,
        ),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (
            DELIVERY_FAILED,
            ("每日送达测试未通过", "未送达", "应在1 分内送达", "消息服务器已接收测试读数，但数据接收未存储。"),
        ),
        (NOBODY_ANSWERED, ("人身安全报警无人应答", "可燃气体达25%LEL", "5 分", "未能发出：1")),
    ],
)
def test_a_failure_shows_its_evidence_and_ends_by_a_person(
    timescale_house: House, kind: str, said: tuple[str, ...]
) -> None:
    """On the page and in JSON with the way to what happened; its causes are its own; whoever finds alarms too frequent is not told of it."""
    house = timescale_house
    facts = failures(house)[kind]
    number, engineer, officer = opened(house, kind, facts), Person(house, ENGINEER), Person(house, OFFICER)
    page = officer.client.get(f"/own-findings/{number}").text
    for words in (*said, f'href="/occurrences/{facts.occurrence_id}"'):
        assert words in page, words
    assert said[0] in officer.client.get("/own-findings").text
    (line,) = officer.client.get("/api/v1/own-findings").json()["findings"]
    assert (line["kind"], line["most"]) == (kind, None)
    there, gone = ("delivery", "unanswered") if kind == DELIVERY_FAILED else ("unanswered", "delivery")
    assert (line[there]["occurrence_id"], line[gone]) == (facts.occurrence_id, None)
    assert write(engineer, number, "cause", "x", "limits") == 409
    assert write(engineer, number, "cause", "网关欠费停机", "channel") == 303
    assert write(engineer, number, "measure") == 303
    with house.plant.owner() as owner:
        owner.execute(
            "INSERT INTO rating (company_id, site_id, person_id, occurrence_id, useful, reason, rated_at, changed_at)"
            " VALUES (%s, %s, %s, %s, false, 'too_often', now() - interval '1 hour', now() - interval '1 hour')",
            (house.plant.a.company_id, house.plant.a.site_id, house.plant.a.people["officer"], facts.occurrence_id),
        )
    assert write(engineer, number, "settled", "已续费并复测") == 303
    with house.plant.owner() as owner:
        assert told_back.write_settled_own_findings(owner, datetime.now(UTC)) == 0
