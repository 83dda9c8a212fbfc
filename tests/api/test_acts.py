"""What people do on the pages and through the API, on real databases."""

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from api.web import Received
from core.metrics import Metrics
from core.model import Role
from tests.api.conftest import House, app_of, log_in, served, token_of
from tests.api.plant import Plant

pytestmark = pytest.mark.db

OFFICER = "huaihai-petro-officer"


def transitions(plant: Plant, occurrence: int) -> list[tuple[str, str, int | None]]:
    with plant.owner() as connection:
        return connection.execute(
            "SELECT event, to_state::text, person_id FROM transition WHERE occurrence_id = %s ORDER BY transition_id",
            (occurrence,),
        ).fetchall()


def raised(house: House, definition: str = "lel-pump.lel-2", minutes: int = 4) -> int:
    at = house.plant.began - timedelta(minutes=minutes)
    occurrence = house.plant.happen(house.plant.a, definition, at)
    assert occurrence is not None
    return occurrence


def test_from_acknowledgement_to_resolution_by_plain_forms(house: House) -> None:
    """The whole life of a latched life-safety alarm without a line of JavaScript."""
    plant, occurrence = house.plant, raised(house)
    officer = house.visitor(OFFICER)
    token = token_of(officer)
    me = plant.a.people["officer"]

    def post(action: str, **fields: str) -> int:
        answer = officer.post(
            f"/occurrences/{occurrence}/{action}", data={"form_token": token, **fields}, follow_redirects=False
        )
        return answer.status_code

    page = officer.get(f"/occurrences/{occurrence}").text
    assert "报警中，未确认" in page
    assert "泵房可燃气体探测器 读数为 55.2 %LEL，达到或超过限值 40 %LEL。" in page
    assert "停泵，通风，人员撤离，通知值班长。" in page
    assert post("reset") == 409  # not while it is active
    assert post("resolve", resolution="true_danger", action_taken="x") == 409
    assert post("acknowledge") == 303
    assert post("acknowledge") == 409
    assert post("comment", body="值班长已到现场 <b>") == 303
    plant.happen(plant.a, "lel-pump.lel-2", plant.began - timedelta(minutes=1), active=False, value=12.0)
    assert post("reset") == 303
    assert post("resolve", resolution="true_danger", action_taken="") == 409
    assert post("resolve", resolution="true_danger", action_taken="换了垫片") == 303
    assert [(event, to) for event, to, _ in transitions(plant, occurrence)] == [
        ("raise", "B"), ("acknowledge", "C"), ("clear", "F"), ("reset", "A"), ("resolve", "A"),
    ]  # fmt: skip
    assert {who for event, _, who in transitions(plant, occurrence) if event not in ("raise", "clear")} == {me}
    page = officer.get(f"/occurrences/{occurrence}").text
    assert "已关闭：真实危险" in page
    assert "值班长已到现场 &lt;b&gt;" in page
    assert "真实危险: 换了垫片" in page
    assert "true_danger: " not in page
    assert f'action="/occurrences/{occurrence}/acknowledge"' not in page


def test_a_shelf_has_an_end_and_a_reason_and_stays_on_view(house: House) -> None:
    """Shelved alarms never vanish, and life safety is shelved for an hour at most."""
    occurrence = raised(house)
    officer = house.visitor(OFFICER)
    token = token_of(officer)

    def shelve(minutes: str, reason: str) -> int:
        fields = {"form_token": token, "minutes": minutes, "reason": reason}
        return officer.post(f"/occurrences/{occurrence}/shelve", data=fields).status_code

    assert shelve("15", "") == 409
    assert shelve("240", "校准") == 409
    assert shelve("-5", "校准") == 422
    assert shelve("99999999", "校准") == 422
    assert shelve("60", "校准探测器") == 303
    page = officer.get("/alarms").text
    suppressed = page.split('id="section-suppressed"')[1]
    assert "校准探测器" in suppressed
    assert "没有待确认的报警。" in page
    fields = {"form_token": token}
    assert officer.post(f"/occurrences/{occurrence}/unshelve", data=fields).status_code == 303
    assert officer.get("/api/v1/alarms").json()["alarms"][0]["suppression"] == "none"


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SAFETY_OFFICER])
def test_only_the_safety_officer_acts(timescale_house: House, role: Role) -> None:
    """Integrator, underwriter, risk engineer and operator see and do not touch."""
    occurrence = raised(timescale_house)
    login = {
        Role.INTEGRATOR: "huaihai-petro-integrator",
        Role.UNDERWRITER: "insurer-underwriter",
        Role.RISK_ENGINEER: "insurer-risk",
        Role.ADMIN: "insurer-operator",
    }[role]
    client = timescale_house.visitor(login)
    token = token_of(client)
    for action, fields in (
        ("acknowledge", {}),
        ("shelve", {"minutes": "15", "reason": "x"}),
        ("unshelve", {}),
        ("reset", {}),
        ("resolve", {"resolution": "nuisance", "action_taken": "x"}),
    ):
        answer = client.post(f"/occurrences/{occurrence}/{action}", data={"form_token": token, **fields})
        assert answer.status_code == 403, action
        path = f"/api/v1/occurrences/{occurrence}/{action}"
        answer = client.post(path, json={"minutes": 15, **fields}, headers={"X-Form-Token": token})
        assert answer.status_code in (403, 422), action
    assert [event for event, _, _ in transitions(timescale_house.plant, occurrence)] == ["raise"]


def test_two_people_at_once_make_one_acknowledgement(timescale_house: House) -> None:
    """The row is locked; who comes second is told so in a sentence."""
    occurrence = raised(timescale_house)
    clients = [timescale_house.visitor(OFFICER) for _ in range(4)]
    tokens = [token_of(client) for client in clients]
    statuses: list[int] = []

    def acknowledge(i: int) -> None:
        answer = clients[i].post(f"/api/v1/occurrences/{occurrence}/acknowledge", headers={"X-Form-Token": tokens[i]})
        statuses.append(answer.status_code)

    threads = [threading.Thread(target=acknowledge, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 409, 409, 409]
    assert [event for event, _, _ in transitions(timescale_house.plant, occurrence)] == ["raise", "acknowledge"]


def test_the_insurer_sees_evidence_only_once_resolved_and_the_client_sees_that(house: House) -> None:
    """Before: no value, no curve, no name, no comment. After: values and curve, never a name; and each look is on the page."""
    plant, occurrence = house.plant, raised(house)
    officer, insurer = house.visitor(OFFICER), house.visitor("insurer-underwriter")
    token = token_of(officer)
    officer.post(f"/occurrences/{occurrence}/acknowledge", data={"form_token": token})
    officer.post(f"/occurrences/{occurrence}/comment", data={"form_token": token, "body": "Li 被送医"})

    page = insurer.get(f"/occurrences/{occurrence}").text
    assert insurer.get(f"/api/v1/occurrences/{occurrence}/curve").status_code == 404
    assert insurer.get("/alarms").status_code == 403
    assert insurer.get("/api/v1/sensors").status_code == 403
    answer = insurer.get(f"/api/v1/occurrences/{occurrence}").json()
    for said in (page, json.dumps(answer, ensure_ascii=False), insurer.get("/occurrences").text):
        assert "55.2" not in said
        assert "Officer of Huaihai" not in said
        assert "Li 被送医" not in said
        assert "淮海石化可燃气体超过40 %LEL" in said
    assert answer["first_value"] is None

    plant.happen(plant.a, "lel-pump.lel-2", plant.began - timedelta(minutes=1), active=False, value=12.0)
    officer.post(f"/occurrences/{occurrence}/reset", data={"form_token": token})
    fields = {"form_token": token, "resolution": "near_miss", "action_taken": "已处理"}
    assert officer.post(f"/occurrences/{occurrence}/resolve", data=fields).status_code == 303
    page = insurer.get(f"/occurrences/{occurrence}").text
    assert "读数为 55.2 %LEL" in page
    assert "Officer of Huaihai" not in page
    curve = insurer.get(f"/api/v1/occurrences/{occurrence}/curve").json()
    assert len([value for value in curve["high"] if value is not None]) > 60
    assert "保险公司查看了证据" in officer.get(f"/occurrences/{occurrence}").text
    assert house.visitor("insurer-risk").get(f"/occurrences/{occurrence}").status_code == 200


def test_the_curve_is_the_stored_readings_with_their_gaps(house: House) -> None:
    """Every reading of the window, the limit, the onset, and the minute that is missing."""
    occurrence = raised(house)
    curve = house.visitor(OFFICER).get(f"/api/v1/occurrences/{occurrence}/curve").json()
    assert curve["limit"] == 40.0
    assert curve["unit"] == "%{LEL}"
    began = house.plant.began.timestamp()
    assert curve["began_at"] == began - 240
    missing = [gap for gap in curve["gaps"] if gap[0] < began - 300]
    assert any(abs(a - (began - 541)) <= 2 and abs(b - (began - 479)) <= 2 for a, b in missing), curve["gaps"]
    last = max(value for value in curve["high"] if value is not None)
    assert 55 < last < 59
    readings = house.visitor(OFFICER).get(f"/api/v1/sensors/{house.plant.a.sensors['lel-pump']}/readings").json()
    assert readings["limit"] is None
    assert len(readings["times"]) > 300


def test_the_integrator_reads_rejected_messages_safely(house: House) -> None:
    """The reason as a sentence, the payload escaped, the device's counters."""
    client = house.visitor("huaihai-petro-integrator")
    device = house.plant.a.devices["gas"]
    page = client.get(f"/devices/{device}").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert(1)" not in page
    listed = client.get("/api/v1/devices").json()
    assert [(d["missing"], d["repeated"], d["rejected"], d["clock_offset_ms"]) for d in listed] == [(2, 5, 1, 120.0)]
    assert client.get("/api/v1/rejected-messages").json()[0]["raw"] == "<script>alert(1)</script>"
    assert house.visitor(OFFICER).get(f"/devices/{device}").status_code == 403


def test_the_operator_sees_all_companies_and_their_people(timescale_house: House) -> None:
    """The operator keeps Davy running for everybody."""
    raised(timescale_house)
    operator = timescale_house.visitor("insurer-operator")
    assert "qinling-coal-officer" in operator.get("/users").text
    assert timescale_house.visitor(OFFICER).get("/users").status_code == 403
    assert len(operator.get("/api/v1/alarms").json()["alarms"]) == 1
    assert {device["company"] for device in operator.get("/api/v1/devices").json()} == {
        "Huaihai Petrochemical",
        "Qinling Coal",
    }


def test_language_follows_the_person_and_the_switch(timescale_house: House) -> None:
    """Chinese by the person, English by the switch, the same alarms in both."""
    raised(timescale_house)
    officer = timescale_house.visitor(OFFICER)
    assert 'lang="zh-Hans"' in officer.get("/alarms").text
    officer.get("/language", params={"to": "en", "next": "/alarms"})
    page = officer.get("/alarms").text
    assert '<html lang="en">' in page
    assert "Gas above 40 %LEL at Huaihai Petrochemical" in page
    assert "Active, unacknowledged" in page
    assert officer.get("/api/v1/occurrences/999999").json() == {
        "error": "There is nothing here, or nothing that you may see."
    }


def test_a_page_over_a_dead_ingest_says_so(timescale_house: House) -> None:
    """A quiet list must not look safe when nothing is being stored."""
    officer = timescale_house.visitor(OFFICER)
    assert "未能保存" not in officer.get("/alarms").text
    timescale_house.plant.beat(timescale_house.plant.began - timedelta(minutes=7))
    page = officer.get("/alarms").text
    assert 'class="trouble" role="alert"' in page
    assert "起读数未能保存" in page


def test_a_page_says_when_nobody_is_called(timescale_house: House) -> None:
    """Alerting is not running: the alarm is there, and so is that its message has not gone out."""
    house = timescale_house
    officer = house.visitor(OFFICER)
    assert "通知仍未发出" not in officer.get("/alarms").text
    occurrence = raised(house)
    with house.plant.owner() as connection:
        connection.execute(
            "INSERT INTO notification (key, company_id, occurrence_id, definition_id, sensor_id, onset, step, rule, audience,"
            " person_id, channel, due_at, urgency, created_at) SELECT 'late', company_id, occurrence_id, definition_id,"
            " sensor_id, began_at, 0, 'urgent', 'client', (SELECT min(person_id) FROM person p WHERE p.company_id ="
            " o.company_id), 'smtp', now() - interval '31 s', 0, now() FROM occurrence o WHERE occurrence_id = %s",
            (occurrence,),
        )
    assert "通知仍未发出" in officer.get("/alarms").text


def test_a_flood_shows_the_worst_and_counts_the_rest(timescale_house: House) -> None:
    """Life safety stands above what came later but matters less."""
    plant = timescale_house.plant
    for definition in ("temp-pump.stale", "temp-pump.high", "lel-pump.lel-1", "lel-pump.lel-2"):
        raised(timescale_house, definition)
    plant.happen(plant.a, "temp-pump.stale", plant.began, active=True)
    listed = timescale_house.visitor(OFFICER).get("/api/v1/alarms").json()["alarms"]
    assert [alarm["priority"] for alarm in listed] == ["life-safety", "high", "medium", "low"]


def test_the_openapi_document_is_the_committed_one(timescale_house: House) -> None:
    """The contract with programs changes on purpose only: `python tools/openapi.py` rewrites the file."""
    committed = json.loads((Path(__file__).parents[2] / "docs/reference/openapi.json").read_text("utf-8"))
    served = timescale_house.visitor(None).get("/api/v1/openapi.json").json()
    served["info"]["version"] = committed["info"]["version"]
    assert served == committed


def test_ready_says_what_is_ready(timescale_house: House) -> None:
    """The database answers and changes are heard."""
    client = timescale_house.visitor(None)
    assert client.get("/healthz").json() == {"alive": True}
    deadline = datetime.now().astimezone() + timedelta(seconds=10)
    while not client.get("/readyz").json()["news"]:
        assert datetime.now().astimezone() < deadline, "the process never listened"
    assert client.get("/readyz").status_code == 200


def test_wrong_input_gets_a_sentence_and_never_a_stack(timescale_house: House) -> None:
    """Ids that are no numbers, windows that end before they begin, methods that are not there."""
    client = timescale_house.visitor(OFFICER)
    sensor = timescale_house.plant.a.sensors["lel-pump"]
    for path, status in (
        ("/occurrences/abc", 404),
        ("/occurrences/-1", 404),
        ("/occurrences?before=x", 422),
        ("/api/v1/occurrences/abc", 404),
        (f"/api/v1/sensors/{sensor}/readings?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", 422),
        (f"/api/v1/sensors/{sensor}/readings?since=2026-01-02T00:00:00", 422),
        ("/occurrences/99999999999999999999999", 404),
        ("/devices/99999999999999999999999", 403),
        ("/%00", 404),
    ):
        answer = client.get(path)
        assert answer.status_code == status, path
        assert "Traceback" not in answer.text
    assert client.put("/alarms").status_code == 405
    assert log_in(timescale_house.visitor(None), "a\x00b", "x").status_code == 401


class Inbox:
    """What the demo's sinks received, here two messages."""

    def received(self) -> list[Received]:
        at = datetime(2026, 11, 23, 8, tzinfo=UTC)
        return [
            Received(at, "webhook", "http://127.0.0.1:1/hook", "", '{"alarm": "<b>"}', verified=True),
            Received(at, "mail", "officer@example.invalid", "[人身安全] 可燃气体", "<script>alert(1)</script>"),
        ]


def test_the_demo_s_inbox_is_there_only_in_the_demo(timescale_house: House) -> None:
    """Outside the demo the page does not exist; in it, what came is shown and never run."""
    assert timescale_house.visitor(None).get("/demo/inbox").status_code == 404
    with served(app_of(timescale_house.plant.database, demo_inbox=Inbox())) as url:
        page = httpx.get(f"{url}/demo/inbox").text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
        assert "签名有效" in page or "signature holds" in page


def test_requests_are_counted_by_route_not_by_path(timescale_house: House) -> None:
    """A path would make a series of every occurrence, and some are secrets; so would whatever somebody writes for a method. `/metrics`
    itself is not public."""
    metrics = Metrics()
    with served(app_of(timescale_house.plant.database, metrics=metrics.api)) as url:
        for path in (
            "/occurrences/1",
            "/occurrences/2",
            "/api/v1/occurrences/3",
            "/nothing/4",
            "/metrics",
            "/occurrences/x",
            "/calendar/1.2.s3cret.ics",
            "/cap/1.2.s3cret/alerts.atom",
            "/cap/1.2.s3cret/davy-1-1.xml",
            "/a/k1.s3cret",
            "/login",
        ):
            httpx.get(url + path)
        httpx.post(url + "/api/v1/receipts/aliyun/s3cret", json=[])
        httpx.request("BREW", url + "/login")
    said = metrics.exposition().decode()
    assert 'route="/occurrences/{occurrence_id}",status="303"} 3.0' in said
    assert 'route="/api/v1/occurrences/{occurrence_id}",status="401"} 1.0' in said
    assert 'route="none",status="404"} 2.0' in said
    assert 'route="/calendar/{token}.ics",status="404"} 1.0' in said
    assert 'route="/cap/{token}/{name}.xml",status="404"} 1.0' in said
    assert 'route="/login",status="200"} 1.0' in said
    assert "s3cret" not in said
    assert 'method="other"' in said
    assert "BREW" not in said
