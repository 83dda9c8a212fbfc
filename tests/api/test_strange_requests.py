"""Requests that no page of ours makes."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.conftest import House, token_of

pytestmark = [pytest.mark.db, pytest.mark.enable_socket]

OFFICER = "huaihai-petro-officer"


def test_what_a_person_may_see_is_never_kept_by_a_cache(timescale_house: House) -> None:
    """Pages and the JSON API alike; and a static file that is not there is not missing for a year."""
    client = timescale_house.visitor(OFFICER)
    for path in ("/alarms", "/api/v1/me", "/api/v1/alarms", "/api/v1/sensors", "/static/nothing.js"):
        assert client.get(path).headers["cache-control"] == "no-store", path
    assert "immutable" in client.get("/static/davy.js").headers["cache-control"]


def test_the_host_header_leads_nobody_away(timescale_house: House) -> None:
    """No address is made from what the asker says our name is."""
    client = timescale_house.visitor(OFFICER)
    for path in ("/alarms/", "/api/v1/alarms/", "/nothing/"):
        answer = client.get(path, headers={"host": "evil.example"}, follow_redirects=False)
        assert answer.status_code == 404, path
        assert "evil.example" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/occurrences?before=99999999999999999999999",
        "/api/v1/occurrences?before=99999999999999999999999",
        "/api/v1/sensors/1/readings?until=0001-01-01T00:00:00Z",
        "/api/v1/sensors/1/readings?since=0001-01-01T00:00:00%2B14:00&until=0001-01-01T01:00:00%2B14:00",
        "/api/v1/sensors/1/readings?since=9999-12-31T23:00:00-14:00&until=9999-12-31T23:59:59-14:00",
    ],
)
def test_numbers_and_times_beyond_everything_are_the_asker_s_mistake(timescale_house: House, path: str) -> None:
    """They are answered with a sentence; only our own mistakes are errors in the log."""
    answer = timescale_house.visitor(OFFICER).get(path)
    assert answer.status_code == 422
    assert answer.headers["content-security-policy"]


def test_a_text_that_cannot_be_kept_is_refused(timescale_house: House) -> None:
    """PostgreSQL keeps no NUL; whoever sends one learns that it was theirs."""
    house = timescale_house
    client = house.visitor(OFFICER)
    occurrence = house.plant.happen(house.plant.a, "lel-pump.lel-2", house.plant.began)
    token = token_of(client)
    answer = client.post(
        f"/api/v1/occurrences/{occurrence}/comments", json={"body": "a\x00b"}, headers={"X-Form-Token": token}
    )
    assert answer.status_code == 422
    answer = client.post(f"/occurrences/{occurrence}/comment", data={"body": "a\x00b", "form_token": token})
    assert answer.status_code == 422


def test_a_wrong_field_is_named(timescale_house: House) -> None:
    """Page and program read which field, what was wrong and what would be right; nothing that was sent comes back."""
    house = timescale_house
    client = house.visitor(OFFICER)
    token = token_of(client)
    occurrence = house.plant.happen(house.plant.a, "lel-pump.lel-2", house.plant.began)
    sent = {"form_token": token, "minutes": "<script>9", "reason": "校准"}
    page = client.post(f"/occurrences/{occurrence}/shelve", data=sent)
    assert page.status_code == 422
    assert ">搁置时长（分钟）：须为整数。<" in page.text
    assert "<script>9" not in page.text
    headers = {"X-Form-Token": token, "Accept-Language": "en"}
    path = f"/api/v1/occurrences/{occurrence}/shelve"
    answer = client.post(path, json={"minutes": 0, "reason": ""}, headers=headers)
    assert answer.status_code == 422
    assert answer.json() == {
        "error": "minutes must be at least 1. reason must not be empty.",
        "errors": [
            {"field": "minutes", "problem": "must be at least 1"},
            {"field": "reason", "problem": "must not be empty"},
        ],
    }
    headers = {"X-Form-Token": token, "Content-Type": "application/json"}
    answer = client.post("/api/v1/findings", content="{", headers=headers)
    assert answer.json()["errors"] == [{"field": "body", "problem": "不是有效的 JSON"}]
    answer = client.post("/api/v1/session", json={"login": "x", "password": ""})
    assert answer.json()["errors"] == [{"field": "password", "problem": "不能为空"}]


def test_half_a_character_is_refused_on_every_json_route(timescale_house: House) -> None:
    r"""JSON can spell "\ud800", UTF-8 cannot: no route that takes text answers with our own mistake."""
    house = timescale_house
    client = house.visitor(OFFICER)
    headers = {"X-Form-Token": token_of(client), "Content-Type": "application/json"}
    said = house.app.openapi()
    asked = 0
    for path, methods in said["paths"].items():
        body = methods.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json")
        if not path.startswith("/api/v1") or body is None or "$ref" not in body["schema"]:
            continue
        fields = said["components"]["schemas"][body["schema"]["$ref"].rsplit("/", 1)[1]]["properties"]
        sent = {name: _half(field) for name, field in fields.items()}
        answer = client.post(re.sub(r"\{.*?\}", "1", path), content=json.dumps(sent), headers=headers)
        assert answer.status_code < 500, path
        asked += 1
    assert asked >= 10
    finding = {"site_id": house.plant.a.site_id, "title": "\ud800", "grade": "general"}
    impairment = {
        "site_id": house.plant.a.site_id,
        "kind": "other",
        "what": "\ud800",
        "reason": "r",
        "interim_measures": "i",
        "expected_until": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
    }
    for path, sent in (("/api/v1/findings", finding), ("/api/v1/impairments", impairment)):
        answer = client.post(path, content=json.dumps(sent), headers=headers)
        assert answer.status_code == 422, answer.text
        assert "无法保存的字符" in answer.json()["error"]


def _half(field: dict[str, Any]) -> object:
    kinds = [field, *field.get("anyOf", [])]
    if any(kind.get("format") == "date-time" for kind in kinds):
        return (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    if any(kind.get("type") == "string" for kind in kinds):
        return "\ud800"
    return 1
