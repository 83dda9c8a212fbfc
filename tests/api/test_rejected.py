"""Rejected messages on the integrator's pages: by reason and device, one as it came, taken in again, and who may not."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta

import psycopg
import pytest

from api.raw_view import as_text
from api.words.rejected import ADVICE, advice
from api.words.sentences import rejection
from core.i18n import translations
from core.wire_rules import MENDABLE, REASONS, diagnose
from tests.api.conftest import House, token_of
from tests.api.plant import Company, Plant

pytestmark = pytest.mark.db

INTEGRATOR, OTHERS = "huaihai-petro-integrator", "qinling-coal-integrator"
NASTY = b'{"s":"gus","v":1,"<img src=x onerror=alert(1)>":"\xe2\x80\xae"}'


def reject(
    plant: Plant, company: Company, reason: str, payload: bytes, at: datetime, *, length: int | None = None
) -> int:
    """A rejected message of the company's gas gateway, as ingest leaves it."""
    device = "tank-farm-gas" if company is plant.a else "mine-gas"
    site = device.removesuffix("-gas")
    sentence = REASONS["unknown_sensor"].format(device=device, sensor="gus") if reason == "unknown_sensor" else "x."
    with plant.owner() as owner:
        row = owner.execute(
            "INSERT INTO rejected_message (company_id, site_id, device_id, received_at, topic, payload, length, sha256, reason, sentence)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING rejected_id",
            (
                company.company_id, company.site_id, company.devices["gas"], at, f"davy/v1/{site}/{device}/readings",
                payload, length or len(payload), hashlib.sha256(payload).digest(), reason, sentence,
            ),
        ).fetchone()  # fmt: skip
    assert row is not None
    return int(row[0])


def test_by_reason_and_device_with_what_to_do(timescale_house: House) -> None:
    """How many, since when, until when, the sentence, what to do: as a page in both languages and as JSON; another company's not."""
    house, plant = timescale_house, timescale_house.plant
    for minute in range(3):
        reject(plant, plant.a, "unknown_sensor", NASTY, plant.began - timedelta(minutes=minute))
    reject(plant, plant.b, "unknown_sensor", NASTY, plant.began)
    client = house.visitor(INTEGRATOR)
    page = client.get("/rejected").text
    assert "设备 tank-farm-gas 没有传感器 gus" in page
    assert "在厂区文件中添加该传感器并导入" in page
    assert "已修正，重新接收 3 条" in page
    assert "mine-gas" not in page
    found = {group["reason"]: group for group in client.get("/api/v1/rejected-groups").json()}
    assert set(found) == {"not_json", "unknown_sensor"}
    group = found["unknown_sensor"]
    assert (group["device"], group["messages"], group["kept"], group["cut"]) == ("tank-farm-gas", 3, 3, 0)
    assert datetime.fromisoformat(group["last_at"]) - datetime.fromisoformat(group["first_at"]) == timedelta(minutes=2)
    assert (group["mendable"], found["not_json"]["mendable"]) == (True, False)
    assert house.visitor("insurer-operator").get("/rejected").text.count("mine-gas")


def test_one_message_as_it_came(timescale_house: House) -> None:
    """Escaped, its direction marks shown, its bytes beside it; what is no text is not guessed; a file no browser runs."""
    house, plant = timescale_house, timescale_house.plant
    client = house.visitor(INTEGRATOR)
    nasty = reject(plant, plant.a, "unknown_sensor", NASTY, plant.began)
    page = client.get(f"/rejected/messages/{nasty}").text
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "\\u202e" in page
    assert "0000  7b 22 73 22" in page
    assert hashlib.sha256(NASTY).hexdigest() in page
    file = client.get(f"/rejected/messages/{nasty}/payload")
    assert file.content == NASTY
    assert file.headers["content-type"] == "application/octet-stream"
    assert file.headers["content-disposition"] == f'attachment; filename="rejected-{nasty}.bin"'
    assert file.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in file.headers["content-security-policy"]
    binary = reject(plant, plant.a, "not_utf8", b"\xff\xfe\x00MZ" * 4000, plant.began, length=999_999)
    page = client.get(f"/rejected/messages/{binary}?lang=en").text
    assert "不是 UTF-8 文本" in page
    assert "0000  ff fe 00 4d 5a" in page
    said = client.get(f"/api/v1/rejected-messages/{binary}").json()
    assert (said["length"], said["kept"], len(said["hex"])) == (999_999, 20_000, 40_000)
    assert f"rejected-{binary}-beginning.bin" in str(
        client.get(f"/rejected/messages/{binary}/payload").headers["content-disposition"]
    )
    empty = reject(plant, plant.a, "empty", b"", plant.began)
    assert "内容为空" in client.get(f"/rejected/messages/{empty}").text
    for number in ("0", "999999", "9" * 30, "abc"):
        assert client.get(f"/rejected/messages/{number}").status_code in (404, 422)


def test_what_is_cut_within_a_character_is_still_text() -> None:
    """The cut is ours, not the sender's."""
    assert as_text("气体".encode()[:-1], 6) == "气"
    assert as_text(b"\xff", 1) is None


def test_taking_in_again_is_asked_for_once_and_written_down(house: House) -> None:
    """By a form or by a program, twice is once; the company's journal has who, what and when; the page says how it came out."""
    plant = house.plant
    reject(plant, plant.a, "unknown_sensor", NASTY, plant.began)
    client = house.visitor(INTEGRATOR)
    form = {
        "form_token": token_of(client),
        "site": str(plant.a.site_id),
        "device": "tank-farm-gas",
        "reason": "unknown_sensor",
    }
    for _ in range(2):
        assert client.post("/rejected/replay", data=form, follow_redirects=False).status_code == 303
    headers = {"x-form-token": form["form_token"]}
    asked = {"site_id": plant.a.site_id, "device": "tank-farm-gas", "reason": "unknown_sensor"}
    again = client.post("/api/v1/rejected-replays", json=asked, headers=headers)
    assert (again.status_code, again.json()["finished_at"]) == (201, None)
    with plant.owner() as owner:
        requests = owner.execute("SELECT person_id, device, reason, asked_by FROM rejected_replay").fetchall()
        journal = owner.execute(
            "SELECT company_id, person_id, subject, new ->> 'device' FROM journal WHERE action = 'rejected_replay'"
        ).fetchall()
        me = plant.a.people["integrator"]
        assert requests == [(me, "tank-farm-gas", "unknown_sensor", "Integrator of Huaihai Petrochemical")]
        assert journal == [(plant.a.company_id, me, "site/tank-farm", "tank-farm-gas")]
        assert "正在重新接收" in client.get("/rejected").text
        owner.execute("UPDATE rejected_replay SET finished_at = now(), taken = 7, refused = 2")
    assert "已完成：接收 7 条，再次拒收 2 条" in client.get("/rejected").text
    assert client.get("/api/v1/rejected-replays").json()[0]["taken"] == 7


def test_what_cannot_be_mended_is_not_asked_for(timescale_house: House) -> None:
    """A device's own mistake, messages kept in part, another company's, nothing at all: each a sentence, and no request."""
    house, plant = timescale_house, timescale_house.plant
    reject(plant, plant.a, "unknown_sensor", NASTY, plant.began, length=70_000)
    reject(plant, plant.b, "unknown_sensor", NASTY, plant.began)
    client = house.visitor(INTEGRATOR)
    token = token_of(client)

    def ask(site: int, device: str, reason: str) -> tuple[int, str]:
        answer = client.post(
            "/rejected/replay", data={"form_token": token, "site": str(site), "device": device, "reason": reason}
        )
        return answer.status_code, answer.text

    assert "须由设备按正确格式发送" in ask(plant.a.site_id, "tank-farm-gas", "not_json")[1]
    status, page = ask(plant.a.site_id, "tank-farm-gas", "unknown_sensor")
    assert (status, "只保留了开头部分，须由设备重新发送" in page) == (409, True)
    assert ask(plant.b.site_id, "mine-gas", "unknown_sensor")[0] == 404
    assert ask(plant.a.site_id, "nobody", "unknown_sensor")[0] == 404
    assert ask(2**31 - 1, "tank-farm-gas", "unknown_sensor")[0] == 404
    assert ask(2**70, "tank-farm-gas", "unknown_sensor")[0] == 422
    assert ask(plant.a.site_id, "a\x00b", "unknown_sensor")[0] == 422
    with plant.owner() as owner:
        assert owner.execute("SELECT count(*) FROM rejected_replay").fetchone() == (0,)


@pytest.mark.parametrize("login", ["huaihai-petro-officer", "insurer-underwriter", "insurer-risk", OTHERS])
def test_payloads_are_the_integrator_s_to_see(timescale_house: House, login: str) -> None:
    """Neither the insurer's people, nor another company, nor a role without the right sees a byte or asks for anything."""
    house, plant = timescale_house, timescale_house.plant
    kept = reject(plant, plant.a, "unknown_sensor", NASTY, plant.began)
    client = house.visitor(login)
    for path in (
        f"/rejected/messages/{kept}", f"/rejected/messages/{kept}/payload", f"/api/v1/rejected-messages/{kept}",
    ):  # fmt: skip
        answer = client.get(path)
        assert answer.status_code in (403, 404)
        assert b"gus" not in answer.content
    for path in ("/rejected", "/rejected/messages", "/api/v1/rejected-groups", "/api/v1/rejected-messages"):
        assert "tank-farm-gas" not in client.get(path).text
    asked = {"site_id": plant.a.site_id, "device": "tank-farm-gas", "reason": "unknown_sensor"}
    headers = {"x-form-token": token_of(client)}
    assert client.post("/api/v1/rejected-replays", json=asked, headers=headers).status_code in (403, 404)


def test_the_database_itself_holds_who_may_ask(timescale_house: House) -> None:
    """As web: in one's own name, for one's own company, now, as an integrator; no message is made or changed."""
    plant = timescale_house.plant
    me, a, b = plant.a.people["integrator"], plant.a, plant.b
    ask = (
        "INSERT INTO rejected_replay (company_id, site_id, device, reason, upto_id, asked_at, person_id, asked_by, taken)"
        " VALUES (%s, %s, 'd', 'unknown_sensor', 9, now() - %s::interval, %s, 'x', %s)"
    )
    integrator = plant.database.person_token(me, "integrator", a.company_id)
    officer = plant.database.person_token(a.people["officer"], "safety_officer", a.company_id)
    with plant.database.connect("web", integrator) as web:
        for values in (
            (b.company_id, b.site_id, "0 s", me, 0),
            (a.company_id, b.site_id, "0 s", me, 0),
            (a.company_id, a.site_id, "0 s", a.people["officer"], 0),
            (a.company_id, a.site_id, "1 day", me, 0),
            (a.company_id, a.site_id, "0 s", me, 5),
        ):
            with pytest.raises(psycopg.Error):
                web.execute(ask, values)
        for change in ("UPDATE rejected_message SET payload = ''", "UPDATE rejected_replay SET taken = 1"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                web.execute(change)
        web.execute(ask, (a.company_id, a.site_id, "0 s", me, 0))
    with plant.database.connect("web", officer) as web, pytest.raises(psycopg.errors.InsufficientPrivilege):
        web.execute(ask, (a.company_id, a.site_id, "0 s", a.people["officer"], 0))


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b'{"seq": 1}', "缺少 boot；消息须含 boot、seq 和 sent_at。"),
        (b'{"boot": "x"}', 'boot 为文本 "x"；应为 0 至 4294967295 的整数。'),
        (b"[]", "内容为列表；必须是 JSON 对象。"),
        (b'{"boot":1,"seq":1,"sent_at":1,"readings":[{"s":"a","v":true}]}', None),
    ],
)
def test_what_a_device_did_wrong_is_said_in_chinese_to_the_end(payload: bytes, said: str | None) -> None:
    """The rule that stands behind the semicolon too, not only the sentence around it."""
    mistake = diagnose(payload)
    told = rejection(translations("zh"), mistake.reason, str(mistake))
    assert said is None or told == said
    assert not re.search(r"\b(must|has|is|the)\b", told), told


def test_every_reason_has_its_advice_in_chinese() -> None:
    """What to do is said for each; what the map can mend says so."""
    texts = translations("zh")
    assert set(ADVICE) <= set(REASONS)
    assert set(ADVICE) >= MENDABLE
    for reason in REASONS:
        assert advice(texts, reason) != advice(translations("en"), reason)
