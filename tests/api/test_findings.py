"""Findings on the pages and through the API: the loop by plain forms, what the insurer sees, photos, bad input."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from api.acts.photos import DECODING
from tests.api.conftest import House, token_of
from tests.risk.conftest import picture

pytestmark = pytest.mark.db

OFFICER, INTEGRATOR = "huaihai-petro-officer", "huaihai-petro-integrator"
UNDERWRITER = "insurer-underwriter"


def day(house: House, days: int) -> str:
    return (house.plant.began + timedelta(days=days)).date().isoformat()


class Person:
    """Somebody at a browser without JavaScript."""

    def __init__(self, house: House, login: str) -> None:
        self.client = house.visitor(login)
        self.token = token_of(self.client)

    def post(self, path: str, **fields: Any) -> httpx.Response:
        return self.client.post(path, data={"form_token": self.token, **fields}, follow_redirects=False)

    def send(self, path: str, content: bytes, **fields: Any) -> httpx.Response:
        files = {"photo": ("IMG_0001.jpg", content, "image/jpeg")}
        return self.client.post(
            path, data={"form_token": self.token, "shows": "before", **fields}, files=files, follow_redirects=False
        )

    def call(self, path: str, **body: Any) -> httpx.Response:
        return self.client.post(f"/api/v1{path}", json=body, headers={"X-Form-Token": self.token})


def place(house: House) -> str:
    with house.plant.owner() as connection:
        row = connection.execute("SELECT zone_id FROM zone WHERE site_id = %s", (house.plant.a.site_id,)).fetchone()
    assert row is not None
    return f"s{house.plant.a.site_id}z{row[0]}"


def reported(house: House, person: Person, title: str = "2号泵法兰渗漏") -> str:
    fields = {"title": title, "place": place(house), "grade": "general", "description": "李工发现，油迹 <b>"}
    answer = person.post("/findings", **fields)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def settled(house: House, owner: str = "integrator") -> dict[str, str]:
    return {
        "grade": "major", "owner_id": str(house.plant.a.people[owner]), "measures": "更换垫片", "funds": "200元",
        "due": day(house, 5), "contingency": "禁火，每班巡检",
    }  # fmt: skip


def test_the_loop_by_plain_forms(house: House) -> None:
    """Reported, put in hand, a photo, done by one, verified by another, on the board at each step."""
    officer, integrator = Person(house, OFFICER), Person(house, INTEGRATOR)
    path = reported(house, officer)
    page = officer.client.get(path).text
    assert "一般隐患" in page
    assert "待核定" in page
    assert "油迹 &lt;b&gt;" in page
    missing = officer.post(f"{path}/plan", **{**settled(house), "funds": " ", "due": ""})
    assert missing.status_code == 409
    assert "尚缺：资金、时限。" in missing.text
    assert "每班巡检" in missing.text, "what was typed stays"
    assert officer.post(f"{path}/plan", **settled(house)).status_code == 303
    assert integrator.send(f"{path}/photos", picture(900, 600)).status_code == 303
    assert integrator.post(f"{path}/claim", note="垫片已更换").status_code == 303
    refused = integrator.post(f"{path}/verify", note="看过")
    assert refused.status_code == 409
    assert "责任人不能自行验收" in refused.text
    assert f'action="{path}/verify"' not in integrator.client.get(path).text
    assert "须由他人验收" in integrator.client.get(path).text
    assert officer.post(f"{path}/verify", note="皂液试验合格").status_code == 303
    page = officer.client.get(path).text
    for said in ("验收销号", "皂液试验合格", "垫片已更换", "等级核定", "一般隐患 → 重大隐患", "添加照片"):
        assert said in page, said
    assert officer.post(f"{path}/reopen", note="又漏", due=day(house, 9)).status_code == 303
    board = officer.client.get("/findings").text
    assert "整改中" in board
    assert "还剩" in board


def test_a_company_of_two_is_told_who_should_say_it(timescale_house: House) -> None:
    """If the other one says that it is done, nobody is left to verify: the page says so before and after."""
    house = timescale_house
    officer, integrator = Person(house, OFFICER), Person(house, INTEGRATOR)
    path = reported(house, officer)
    officer.post(f"{path}/plan", **settled(house))
    assert "请由责任人申报" in officer.client.get(path).text
    assert "请由责任人申报" not in integrator.client.get(path).text
    officer.post(f"{path}/claim", note="已更换")
    assert "请退回，由责任人申报整改完成" in officer.client.get(path).text
    assert officer.post(f"{path}/send-back", note="由责任人申报").status_code == 303
    integrator.post(f"{path}/claim", note="已更换")
    page = officer.client.get(path).text
    assert f'action="{path}/verify"' in page
    assert "无其他人" not in page


def test_overdue_is_said_in_words_and_comes_first(timescale_house: House) -> None:
    """Colour never alone; and the list begins with what is late."""
    house = timescale_house
    officer = Person(house, OFFICER)
    late, major = reported(house, officer, "迟的"), reported(house, officer, "新的")
    for path in (late, major):
        assert officer.post(f"{path}/plan", **settled(house)).status_code == 303
    with house.plant.owner() as connection:
        connection.execute(
            "UPDATE finding SET due_at = now() - interval '3 d' WHERE finding_id = %s", (late.split("/")[-1],)
        )
    board = officer.client.get("/findings").text
    assert "有 1 项超期。" in board
    assert board.index("迟的") < board.index("新的")
    assert "超期 3 天" in board
    listed = officer.client.get("/api/v1/findings").json()["findings"]
    assert [(row["title"], row["overdue"]) for row in listed] == [("迟的", True), ("新的", False)]


def test_one_click_from_the_occurrence(timescale_house: House) -> None:
    """Title, place and grade are taken over; a second click leads to the same one; each page leads to the other."""
    house = timescale_house
    occurrence = house.plant.happen(house.plant.a, "lel-pump.lel-2", house.plant.began - timedelta(minutes=4))
    officer = Person(house, OFFICER)
    assert "登记为隐患" in officer.client.get(f"/occurrences/{occurrence}").text
    first = officer.post(f"/occurrences/{occurrence}/finding").headers["location"]
    assert officer.post(f"/occurrences/{occurrence}/finding").headers["location"] == first
    page = officer.client.get(first).text
    for said in ("淮海石化可燃气体超过40 %LEL", "泵房", "重大隐患", "待核定", f'href="/occurrences/{occurrence}"'):
        assert said in page, said
    assert f'href="{first}"' in officer.client.get(f"/occurrences/{occurrence}").text
    answer = officer.client.get(f"/api/v1{first}").json()
    assert (answer["title"], answer["source"]) == ("Gas above 40 %LEL at Huaihai Petrochemical", "occurrence")
    stranger = Person(house, "qinling-coal-officer")
    assert stranger.post(f"/occurrences/{occurrence}/finding").status_code == 404
    insurer = Person(house, UNDERWRITER)
    assert insurer.post(f"/occurrences/{occurrence}/finding").status_code == 403
    assert "登记为隐患" not in insurer.client.get(f"/occurrences/{occurrence}").text
    assert first in insurer.client.get(f"/occurrences/{occurrence}").text


def test_the_insurer_sees_no_people_no_words_and_no_photos(timescale_house: House) -> None:
    """Title, grade, zone, state, deadline; on the pages and through the API alike."""
    house = timescale_house
    officer = Person(house, OFFICER)
    path = reported(house, officer)
    officer.send(f"{path}/photos", picture(20, 20))
    officer.post(f"{path}/plan", **settled(house))
    officer.post(f"{path}/note", note="张三知情")
    photo = officer.client.get(f"/api/v1{path}").json()["photos"][0]["photo_id"]
    insurer = Person(house, UNDERWRITER)
    answer = insurer.client.get(f"/api/v1{path}")
    for text in (
        insurer.client.get(path).text,
        insurer.client.get("/findings").text,
        json.dumps(answer.json(), ensure_ascii=False),
    ):
        for hidden in (
            "Officer of",
            "Integrator of",
            "李工",
            "油迹",
            "更换垫片",
            "200元",
            "每班巡检",
            "张三",
            "/photos/",
        ):
            assert hidden not in text, hidden
        assert "法兰渗漏" in text
    assert answer.json()["grade"] == "major"
    assert answer.json()["due_at"] is not None
    for prefix in ("", "/api/v1"):
        assert insurer.client.get(f"{prefix}{path}/photos/{photo}").status_code == 403
    for act in ("plan", "claim", "verify", "note", "grade", "extend", "reopen", "send-back", "photos"):
        assert insurer.post(f"{path}/{act}", note="x").status_code == 403, act
    assert insurer.client.get("/findings/new").status_code == 403


def test_a_photo_is_served_to_be_looked_at_and_nothing_else(timescale_house: House) -> None:
    """Its own policy, no cache, and only what we made of it."""
    house = timescale_house
    officer = Person(house, OFFICER)
    path = reported(house, officer)
    assert officer.send(f"{path}/photos", picture(2000, 1000)).status_code == 303
    (photo,) = officer.client.get(f"/api/v1{path}").json()["photos"]
    assert (photo["width"], photo["height"], photo["shows"]) == (1600, 800, "before")
    answer = officer.client.get(f"{path}/photos/{photo['photo_id']}")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; sandbox")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.content[:2] == b"\xff\xd8"
    other = reported(house, officer)
    assert officer.client.get(f"{other}/photos/{photo['photo_id']}").status_code == 404
    assert Person(house, "qinling-coal-officer").client.get(f"{path}/photos/{photo['photo_id']}").status_code == 404


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "请先选择照片"),
        (b"<script>alert(1)</script>", "无法识别该文件为照片"),
        (bytes(10 * 1024 * 1024 + 1), "照片超过 10 MB"),
    ],
    ids=["nothing", "a script", "too large"],
)
def test_what_is_no_photo_gets_a_sentence(timescale_house: House, content: bytes, sentence: str) -> None:
    """On the page of the finding, with nothing lost and nothing kept."""
    house = timescale_house
    officer = Person(house, OFFICER)
    path = reported(house, officer)
    answer = officer.send(f"{path}/photos", content)
    assert answer.status_code == 409
    assert sentence in answer.text
    said = officer.client.post(
        f"/api/v1{path}/photos",
        data={"shows": "after"},
        files={"photo": ("x", content)},
        headers={"X-Form-Token": officer.token},
    )
    assert said.status_code == 409
    assert sentence in said.json()["error"]
    assert officer.client.get(f"/api/v1{path}").json()["photos"] == []


def test_a_third_photo_at_once_is_told_to_come_again(timescale_house: House) -> None:
    """Nobody waits in a thread that acknowledges alarms: page and call answer at once, in the person's language."""
    officer = Person(timescale_house, OFFICER)
    path = reported(timescale_house, officer)
    with DECODING, DECODING:
        page = officer.send(f"{path}/photos", picture(20, 20))
        assert page.status_code == 409
        assert "正在处理其他照片，请几秒后再上传。" in page.text
        call = officer.client.post(
            f"/api/v1{path}/photos",
            headers={"X-Form-Token": officer.token, "Accept-Language": "en"},
            data={"shows": "before"},
            files={"photo": ("x", picture(20, 20))},
        )
        assert call.status_code == 409
    assert officer.send(f"{path}/photos", b"no photo").status_code == 409
    assert officer.send(f"{path}/photos", picture(20, 20)).status_code == 303


def test_large_bodies_are_for_photos_of_known_people_only(timescale_house: House) -> None:
    """A stranger's body ends at 64 KB on this route too; and so does everybody's on every other."""
    house = timescale_house
    officer = Person(house, OFFICER)
    path = reported(house, officer)
    large = bytes(100_000)
    assert httpx.post(f"{house.url}{path}/photos", files={"photo": ("x", large)}).status_code == 413
    forged = {"davy_session": f"{'A' * 43}.1.{'0' * 64}"}
    with httpx.Client(base_url=house.url, cookies=forged) as client:
        assert client.post(f"{path}/photos", files={"photo": ("x", large)}).status_code == 413
    assert officer.send(f"{path}/photos", large).status_code == 409
    assert officer.post(f"{path}/note", note="x" * 100_000).status_code == 413
    answer = officer.send(f"{path}/photos", bytes(33 * 1024 * 1024))
    assert answer.status_code == 413
    assert "照片超过 10 MB" in answer.text
    assert f'<a class="button" href="{path}">' in answer.text


def test_wrong_input_gets_a_sentence(timescale_house: House) -> None:
    """Dates that are none, places from elsewhere, ids that are words, steps that cannot be."""
    house = timescale_house
    officer = Person(house, OFFICER)
    for fields, said in (
        ({"title": "", "place": place(house), "grade": "general"}, "请填写隐患名称"),
        ({"title": "x", "place": "s1z2; DROP", "grade": "general"}, "没有这个厂区或区域"),
        ({"title": "x", "place": f"s{house.plant.b.site_id}", "grade": "general"}, "没有这个厂区或区域"),
        ({"title": "x", "place": place(house), "grade": "minor"}, "隐患等级只能是"),
        ({"title": "字" * 201, "place": place(house), "grade": "major"}, "201"),
    ):
        answer = officer.post("/findings", **fields)
        assert answer.status_code == 409, fields
        assert said in answer.text, fields
    path = reported(house, officer)
    for changed, said in (
        ({"due": "31.12.2026"}, "无法识别日期"),
        ({"due": "9999-12-31"}, f"整改期限超过三年，请在 {day(house, 1)} 至"),
        ({"due": "1999-12-31"}, f"整改期限须晚于现在，请在 {day(house, 1)} 至"),
        ({"due": "0001-01-01"}, "整改期限须晚于现在"),
        ({"due": day(house, -3)}, "整改期限须晚于现在"),
        ({"due": day(house, 3000)}, "超过三年"),
        ({"owner_id": "eve"}, "不在列表中"),
        ({"owner_id": str(house.plant.b.people["officer"])}, "责任人须为本企业人员"),
        ({"owner_id": "999999999"}, "责任人须为本企业人员"),
    ):
        answer = officer.post(f"{path}/plan", **{**settled(house), **changed})
        assert answer.status_code == 409, changed
        assert said in answer.text, changed
    assert "现在不能这样操作" in officer.post(f"{path}/claim", note="x").text
    for wrong in (
        "/findings/abc",
        "/findings/999999",
        "/findings/1/photos/abc",
        "/api/v1/findings/99999999999999999999",
    ):
        assert officer.client.get(wrong).status_code in (404, 422), wrong
    assert officer.call("/findings", title="x", grade="major").status_code == 422
    assert officer.call(f"{path}/extend", due_at="2026-12-01T00:00:00", reason="x").status_code == 422
    assert officer.post(f"{path}/note", note="a\x00b").status_code == 422


def test_the_loop_by_the_api(timescale_house: House) -> None:
    """A program does the same under the same rules, and is told the same sentences."""
    house = timescale_house
    officer, integrator = Person(house, OFFICER), Person(house, INTEGRATOR)
    made = officer.call("/findings", site_id=house.plant.a.site_id, title="Hose worn", grade="general")
    assert made.status_code == 201, made.text
    path = f"/findings/{made.json()['finding_id']}"
    plan = {
        "grade": "general", "owner_id": house.plant.a.people["integrator"], "measures": "New hose", "funds": "50",
        "due_at": (house.plant.began + timedelta(days=3)).isoformat(), "contingency": "Out of use",
    }  # fmt: skip
    assert officer.call(f"{path}/plan", **plan).json()["state"] == "rectifying"
    later = (house.plant.began + timedelta(days=9)).isoformat()
    assert integrator.call(f"{path}/extend", due_at=later, reason="busy").status_code == 409
    assert datetime.fromisoformat(
        officer.call(f"{path}/extend", due_at=later, reason="hose is late").json()["due_at"]
    ) == (datetime.fromisoformat(later))
    assert integrator.call(f"{path}/claim", note="done").json()["state"] == "claimed_done"
    assert officer.call(f"{path}/send-back", note="the old one is still there").json()["reopened"] == 1
    assert integrator.call(f"{path}/claim", note="done now").status_code == 200
    closed = officer.call(f"{path}/verify", note="seen").json()
    assert (closed["state"], closed["verified_by"], closed["owner"]) == (
        "closed", "Officer of Huaihai Petrochemical", "Integrator of Huaihai Petrochemical",
    )  # fmt: skip
    assert [event["event"] for event in closed["events"]][:2] == ["verified", "claimed_done"]
    assert officer.client.post(f"/api/v1{path}/notes", json={"note": "x"}).status_code == 403
