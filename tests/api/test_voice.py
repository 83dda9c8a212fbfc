"""The room of the voice on the pages and through the API: by plain forms, with bad input, and what each side sees."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.api.conftest import House
from tests.api.test_findings import INTEGRATOR, OFFICER, UNDERWRITER, Person

pytestmark = pytest.mark.db
ENGINEER, STRANGER = "insurer-risk", "qinling-coal-officer"


def resolved(house: House, *, company: str = "a", resolution: str | None = "nuisance") -> int:
    """An occurrence that is over; unresolved where there is no resolution."""
    of = house.plant.a if company == "a" else house.plant.b
    with house.plant.owner() as connection:
        row = connection.execute(
            "INSERT INTO occurrence (company_id, site_id, definition_id, sensor_id, began_at, normal_at, resolved_at, resolved_by, resolution,"
            " evidence_from) VALUES (%(c)s, %(s)s, %(d)s, %(n)s, %(at)s, %(at)s, %(resolved)s, %(who)s, %(how)s, %(at)s) RETURNING occurrence_id",
            {
                "c": of.company_id, "s": of.site_id, "d": of.definitions["temp-pump.high"], "n": of.sensors["temp-pump"],
                "at": house.plant.began, "resolved": house.plant.began if resolution else None,
                "who": of.people["officer"] if resolution else None, "how": resolution,
            },
        ).fetchone()  # fmt: skip
    assert row is not None
    return int(row[0])


def site(house: House) -> str:
    return f"s{house.plant.a.site_id}"


def test_one_tap_on_the_page_of_what_is_over(timescale_house: House) -> None:
    """Offered once it is resolved, kept with one form, changed with another tap, said on the room's page."""
    house = timescale_house
    officer = Person(house, OFFICER)
    occurrence = resolved(house)
    page = officer.client.get(f"/occurrences/{occurrence}").text
    assert "这次有用吗" in page
    assert "not_useful:no_danger" in page
    tap = {"thing": "occurrence", "number": str(occurrence)}
    answer = officer.post("/voice/ratings", said="not_useful:no_danger", words="又是误报", **tap)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/occurrences/{occurrence}#rate")
    page = officer.client.get(f"/occurrences/{occurrence}").text
    assert "您的评价：没用 · 没有实际危险" in page
    assert 'aria-pressed="true"' in page
    assert officer.post("/voice/ratings", said="useful:in_time", **tap).status_code == 303
    assert "有用 · 及时" in officer.client.get("/voice").text
    engineer = Person(house, ENGINEER)
    assert "这次有用吗" not in engineer.client.get(f"/occurrences/{occurrence}").text


def test_what_a_tap_refuses(timescale_house: House) -> None:
    """Another company's, unresolved, 1 MB, control characters, no number: a sentence in the reader's language, and never a crash."""
    house = timescale_house
    officer = Person(house, OFFICER)
    own, open_one, other = resolved(house), resolved(house, resolution=None), resolved(house, company="b")
    fine = {"thing": "occurrence", "number": str(own), "said": "useful:in_time"}
    for wrong, status, said in (
        ({"number": str(other)}, 409, "没有可由您评价的内容"),
        ({"number": str(open_one)}, 409, "结束后才能评价"),
        ({"thing": "planet"}, 409, "没有可由您评价的内容"),
        ({"number": "-1"}, 409, "不在列表中"),
        ({"said": "useful:' OR 1=1"}, 409, "请从所列原因中选择"),
        ({"words": "x" * 2000}, 409, "2000"),
        ({"words": "a\x00b"}, 409, "无法显示的字符"),
        ({"words": "a\u202eb"}, 409, "无法显示的字符"),
    ):
        answer = officer.post("/voice/ratings", **{**fine, **wrong})
        assert answer.status_code == status, (wrong, answer.status_code)
        assert said in answer.text, wrong
    assert officer.post("/voice/ratings", **{**fine, "words": "x" * 1_000_000}).status_code in (409, 413)
    for login in (UNDERWRITER, ENGINEER):
        assert Person(house, login).post("/voice/ratings", **fine).status_code == 403
    with house.plant.owner() as connection:
        assert connection.execute("SELECT count(*) FROM rating").fetchone() == (0,)


def test_the_recommendation_is_asked_once(timescale_house: House) -> None:
    """Until it is answered; then not for 90 days, whatever is sent."""
    house = timescale_house
    officer = Person(house, OFFICER)
    assert "您愿意推荐吗" in officer.client.get("/voice").text
    assert "请选择 0 到 10" in officer.post("/voice/recommendation", place=site(house), score="11").text
    assert officer.post("/voice/recommendation", place=site(house), score="9", words="及时").status_code == 303
    assert "您愿意推荐吗" not in officer.client.get("/voice").text
    assert "90 天" in officer.post("/voice/recommendation", place=site(house), score="0").text


def filed(house: House, who: Person, **words: str) -> str:
    told = {"place": site(house), "title": "夜间误报太多", "body": "一周三次 <b>", **words}
    answer = who.post("/complaints", **told)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def test_a_complaint_by_plain_forms(timescale_house: House) -> None:
    """Filed, taken on by name, first answer, conclusion, not settled, answered again, settled by who complained."""
    house = timescale_house
    officer, engineer = Person(house, OFFICER), Person(house, ENGINEER)
    occurrence = resolved(house)
    path = filed(house, officer, about=f"occurrence/{occurrence}")
    page = officer.client.get(path).text
    for said in ("夜间误报太多", "一周三次 &lt;b&gt;", "待受理", "首次答复期限", "泵轴承过热", "AQ 9010-2019"):
        assert said in page, said
    assert engineer.post(f"{path}/take").status_code == 303
    assert "Luo Min" in officer.client.get(path).text
    assert "从列表中选择原因" in engineer.post(f"{path}/analyse", cause="x", facts="y").text
    assert engineer.post(f"{path}/analyse", cause="limit", facts="回差过小").status_code == 303
    assert engineer.post(f"{path}/solve", measures="回差改为 2").status_code == 303
    assert "是否已解决" in officer.client.get(path).text
    assert "由投诉人确认是否解决" in Person(house, INTEGRATOR).post(f"{path}/accept").text
    assert "请说明哪里没有解决" in officer.post(f"{path}/reopen", reason=" ").text
    assert officer.post(f"{path}/reopen", reason="夜间还在报").status_code == 303
    assert engineer.post(f"{path}/analyse", cause="limit", facts="延时过短").status_code == 303
    assert engineer.post(f"{path}/solve", measures="延时 30 s").status_code == 303
    assert officer.post(f"{path}/accept", words="好了").status_code == 303
    page = officer.client.get(path).text
    assert "已解决" in page
    assert "夜间还在报" in page
    again = officer.post(f"{path}/accept")
    assert (again.status_code, "该投诉已关闭" in again.text) == (409, True)
    number = path.rsplit("/", 1)[1]
    assert filed(house, officer, follows=number) != path


def test_who_may_do_what_to_a_complaint(timescale_house: House) -> None:
    """An underwriter reads no word of it and sees that it is there; another company nothing; nobody answers their own."""
    house = timescale_house
    officer, underwriter, stranger = Person(house, OFFICER), Person(house, UNDERWRITER), Person(house, STRANGER)
    path = filed(house, officer)
    assert underwriter.client.get(path).status_code == 403
    assert stranger.client.get(path).status_code == 404
    assert officer.post(f"{path}/take").status_code == 403
    assert Person(house, ENGINEER).post(f"{path}/accept").status_code == 403
    assert stranger.post(f"{path}/accept").status_code == 404
    page = underwriter.client.get("/voice").text
    assert "夜间误报太多" not in page
    assert "投诉时限执行情况" in page
    assert "complaints," in underwriter.client.get("/voice.csv").text
    assert officer.client.get("/voice.csv").status_code == 403
    for wrong, said in (
        ({"title": ""}, "投诉须有标题"), ({"body": "a\x1bb"}, "无法显示的字符"), ({"place": "s999999"}, "没有这个厂区"),
        ({"about": "occurrence/1; DROP"}, "不在该厂区"), ({"follows": "77"}, "没有编号为 77 的投诉"), ({"body": "x" * 5000}, "5000"),
    ):  # fmt: skip
        answer = officer.post("/complaints", **{"place": site(house), "title": "t", "body": "b", **wrong})
        assert (answer.status_code, said in answer.text) == (409, True), (wrong, answer.text[:3000])


def test_the_same_complaint_sent_twice_is_one(timescale_house: House) -> None:
    """A double tap and a resend make one complaint, with one pair of clocks."""
    house = timescale_house
    officer = Person(house, OFFICER)
    assert filed(house, officer, once="key-1") == filed(house, officer, once="key-1")


def test_the_json_twin(timescale_house: House) -> None:
    """Rates, files, answers and settles as the pages do; a wrong field is said."""
    house = timescale_house
    officer, engineer = Person(house, OFFICER), Person(house, ENGINEER)
    occurrence = resolved(house)
    tap: dict[str, Any] = {"thing": "occurrence", "number": occurrence, "useful": False, "reason": "too_often"}
    assert officer.call("/voice/ratings", **tap).status_code == 201
    assert officer.call("/voice/ratings", **{**tap, "number": 2**70}).status_code == 422
    assert officer.call("/voice/ratings", **{**tap, "words": "\x00"}).status_code == 409
    made = officer.call(
        "/complaints", site_id=house.plant.a.site_id, title="t", body="b", thing="occurrence", number=occurrence
    )
    assert made.status_code == 201, made.text
    path = f"/complaints/{made.json()['complaint_id']}"
    assert engineer.call(f"{path}/take").json()["owner_name"] == "Luo Min"
    answered = engineer.call(f"{path}/analyse", cause="limit", facts="f", further=True).json()
    assert answered["conclude_due_at"] > answered["answer_due_at"]
    own = engineer.call(f"{path}/extend", until="2030-01-01", reason="r")
    assert own.status_code == 409
    assert engineer.call(f"{path}/solve", measures="m").json()["state"] == "solved"
    assert officer.call(f"{path}/verdict", settled=True).json()["state"] == "closed"
    assert officer.call(f"{path}/verdict", settled=False, words="no").status_code == 409
    counted = Person(house, UNDERWRITER).client.get("/api/v1/voice").json()
    assert counted["ratings"] == []
    assert counted["complaints"][0]["filed"] == 1
    assert officer.client.get("/api/v1/voice/changes").json() == {"changes": []}
    assert officer.client.get("/api/v1/complaints").json()["complaints"][0]["state"] == "closed"


def test_a_service_is_noted_and_rated(timescale_house: House) -> None:
    """By the insurer's risk engineer; the company's people see and rate it, another company does not."""
    house = timescale_house
    engineer, officer = Person(house, ENGINEER), Person(house, OFFICER)
    told = {
        "place": site(house), "item": "training", "what": "粉尘防爆培训", "served_by": "某机构", "given_on": house.plant.began.date().isoformat(),
    }  # fmt: skip
    assert "无法识别" in engineer.post("/services", **{**told, "given_on": "gestern"}).text
    assert officer.post("/services", **told).status_code == 403
    path = str(engineer.post("/services", **told).headers["location"])
    assert "粉尘防爆培训" in officer.client.get(path).text
    assert Person(house, STRANGER).client.get(path).status_code == 404
    number = path.rsplit("/", 1)[1]
    assert officer.post("/voice/ratings", thing="service", number=number, said="useful:clear").status_code == 303


def says(house: House, person: str, times: int, *, of: str = "a", hazard: str = "gas") -> None:
    """Somebody found alarms of the last quarter useless, so many times."""
    where = house.plant.a if of == "a" else house.plant.b
    last = house.plant.began - timedelta(days=92)
    with house.plant.owner() as connection:
        connection.execute("UPDATE sensor SET quantity = %s WHERE sensor_id = %s", (hazard, where.sensors["temp-pump"]))
        for _ in range(times):
            row = connection.execute(
                "INSERT INTO occurrence (company_id, site_id, definition_id, sensor_id, began_at, resolved_at, resolution, evidence_from)"
                " VALUES (%(c)s, %(s)s, %(d)s, %(n)s, %(at)s, %(at)s, 'nuisance', %(at)s) RETURNING occurrence_id",
                {"c": where.company_id, "s": where.site_id, "d": where.definitions["temp-pump.high"],
                 "n": where.sensors["temp-pump"], "at": last},
            ).fetchone()  # fmt: skip
            assert row is not None
            connection.execute(
                "INSERT INTO rating (company_id, site_id, occurrence_id, person_id, useful, reason, rated_at, changed_at)"
                " SELECT %s, %s, %s, person_id, false, 'no_danger', %s, %s FROM person WHERE key = %s",
                (where.company_id, where.site_id, row[0], last, last, person),
            )


def test_counts_name_nobody(timescale_house: House) -> None:
    """Five answers by three people of a quarter that is over are shown; fewer go with the rest, or not at all; the running quarter never."""
    house = timescale_house
    underwriter = Person(house, UNDERWRITER)

    def say(person: str, times: int, *, of: str = "a") -> None:
        says(house, person, times, of=of)

    def cells() -> list[tuple[str | None, str | None, int, int]]:
        found = underwriter.client.get("/api/v1/voice").json()["ratings"]
        return [(each["site"], each["hazard"], each["people"], each["answers"]) for each in found]

    with house.plant.owner() as connection:
        connection.execute(
            "INSERT INTO person (company_id, key, name, role) VALUES (%s, 'third', 'T', 'safety_officer')",
            (house.plant.a.company_id,),
        )
    say("huaihai-petro-officer", 4)
    say("huaihai-petro-integrator", 4)
    assert cells() == []  # two people, however often
    say("third", 1)
    assert cells() == [("Tank farm", "gas", 3, 9)]
    say("qinling-coal-officer", 5, of="b")
    assert cells() == [
        ("Tank farm", "gas", 3, 9)
    ]  # one person of the mine: not even with the rest, which is them alone
    page = underwriter.client.get("/voice").text
    assert "没有实际危险 9" in page
    assert Person(house, ENGINEER).client.get("/api/v1/voice").json()["ratings"][0]["answers"] == 9
    resolved(house)
    officer = Person(house, OFFICER)
    officer.post(
        "/voice/ratings",
        thing="occurrence",
        number=str(resolved(house, resolution="true_danger")),
        said="useful:in_time",
    )
    assert cells() == [("Tank farm", "gas", 3, 9)]


def test_no_cell_reaches_beyond_a_company(timescale_house: House) -> None:
    """Else two of the insurer's people who look after different companies have totals that differ by a company, which is one person's word."""
    house = timescale_house
    says(house, "huaihai-petro-officer", 4)
    says(house, "huaihai-petro-integrator", 4)
    says(house, "qinling-coal-officer", 4, of="b")
    assert Person(house, UNDERWRITER).client.get("/api/v1/voice").json()["ratings"] == []
