"""Alarms for programs of others: CAP 1.2 messages that are valid by the OASIS schema, in an Atom feed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import httpx
import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st

from api import cap
from api.store.cap import Step, Told
from tests.api.conftest import House
from tests.api.test_duty import on_duty
from tests.api.test_feeds import made
from tests.api.test_findings import OFFICER, Person
from tests.api.test_readiness import keep, started

SCHEMA = xmlschema.XMLSchema(str(Path(__file__).resolve().parents[1] / "vendor" / "oasis" / "CAP-v1.2.xsd"))
ATOM, CAP = "{http://www.w3.org/2005/Atom}", f"{{{cap.NAMESPACE}}}"
AT = datetime(2026, 11, 26, 6, 0, tzinfo=UTC)

STATES = st.sampled_from("ABCDEF")
SUPPRESSIONS = st.sampled_from(["none", "shelved", "by_design", "out_of_service"])
CHANGES = st.lists(st.tuples(STATES, SUPPRESSIONS), max_size=12)


def told(**more: Any) -> Told:
    """An occurrence."""
    fields: dict[str, Any] = {
        "occurrence_id": 17, "began_at": AT, "exercise": False, "simulated": False, "replayed": False, "drill": False, "priority": "life-safety",
        "detector": "limit", "title": "Gas > 40 %LEL & rising", "title_zh": "可燃气体超过40 %LEL", "consequence": "Explosion.",
        "consequence_zh": "爆炸。", "response": "Stop the pump.", "response_zh": "停泵。", "zone": "Pump house", "zone_zh": "泵房",
        "site_key": "tank-farm", "site": "Tank farm", "site_zh": "罐区", "company_key": "huaihai-petro", "company": "Huaihai",
        "company_zh": "淮海石化", "time_zone": "Asia/Shanghai",
    }  # fmt: skip
    return Told(**{**fields, **more})


def steps(changes: list[tuple[str, str]]) -> list[Step]:
    """What happened, a minute apart."""
    return [Step(17, AT + timedelta(minutes=n), state, suppression) for n, (state, suppression) in enumerate(changes)]


def text(root: Element, path: str) -> str:
    """The text of one element."""
    found = root.find(path.replace("cap:", CAP).replace("atom:", ATOM))
    assert found is not None, path
    return found.text or ""


@given(
    CHANGES,
    st.text(max_size=40),
    st.sampled_from(["life-safety", "high", "medium", "low"]),
    st.sampled_from(["limit", "stale", "mewma"]),
    st.booleans(),
)
def test_every_message_is_valid(
    changes: list[tuple[str, str]], title: str, priority: str, detector: str, exercise: bool
) -> None:
    """By the schema of OASIS, whatever happens and whatever people write; and every reference names a message that was sent."""
    of = told(title=title, title_zh=title, priority=priority, detector=detector, exercise=exercise)
    messages = cap.series(steps(changes))
    sent: list[str] = []
    for said in messages:
        content = cap.message(
            of, said, cap.since_alert(messages, said.number), host="davy.example", base="https://davy.example"
        )
        SCHEMA.validate(content.decode())
        root = fromstring(content)
        references = root.findtext(f"{CAP}references", "").split()
        assert set(references) <= set(sent)
        assert bool(references) == (said.kind != "Alert")
        sent.append(",".join(text(root, f"cap:{name}") for name in ("sender", "identifier", "sent")))


@given(CHANGES)
def test_a_series_begins_with_an_alert_and_stops_with_a_cancel(changes: list[tuple[str, str]]) -> None:
    """Nobody is told of an end without a beginning, or of one thing twice; what is put aside from its start is not told of."""
    kinds = [said.kind for said in cap.series(steps(changes))]
    for before, kind in zip(["Cancel", *kinds], kinds, strict=False):
        assert (kind == "Alert") == (before == "Cancel")
    assert not cap.series(steps([("B", "out_of_service"), ("A", "none")]))


def test_the_values_are_those_of_the_page() -> None:
    """Urgency, severity and certainty as docs/reference/cap.md has them."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "cap.md").read_text("utf-8")
    for priority, severity in cap.SEVERITY.items():
        assert f"| {priority} | {severity} | {cap.URGENCY[priority]} |" in page
    for certainty in {*cap.CERTAINTY.values(), "Possible"}:
        assert f"| {certainty} |" in page


def test_both_languages_and_no_value_of_a_reading() -> None:
    """zh-CN and en-US say the same; an end is no all-clear; what is made up is a test; a drill is no exercise."""
    messages = cap.series(steps([("B", "none"), ("C", "none"), ("A", "none")]))
    said = fromstring(cap.message(told(drill=True), messages[0], [], host="h", base="https://h"))
    assert [each.text for each in said.iter(f"{CAP}language")] == ["zh-CN", "en-US"]
    assert [each.text for each in said.iter(f"{CAP}event")] == ["可燃气体超过40 %LEL", "Gas > 40 %LEL & rising"]
    assert text(said, "cap:status") == "Actual"
    assert "演练" in text(said, "cap:info/cap:description")
    tried = fromstring(cap.message(told(exercise=True), messages[0], [], host="h", base="https://h"))
    assert (text(tried, "cap:status"), text(tried, "cap:note")) == ("Exercise", "Exercise davy-17")
    over = fromstring(cap.message(told(simulated=True), messages[2], messages[:2], host="h", base="https://h"))
    assert (text(over, "cap:status"), text(over, "cap:msgType")) == ("Test", "Cancel")
    assert "AllClear" not in cap.message(told(), messages[2], messages[:2], host="h", base="https://h").decode()
    assert {each.text for each in over.iter(f"{CAP}urgency")} == {"Past"}


def entries(answer: httpx.Response) -> Iterator[tuple[Element, Element]]:
    """(entry, CAP message) of a feed."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/atom+xml")
    root = fromstring(answer.content)
    for needed in ("atom:id", "atom:title", "atom:updated", "atom:author/atom:name"):  # RFC 4287 4.1.1
        assert text(root, needed)
    for entry in root.iter(f"{ATOM}entry"):
        assert all(text(entry, needed) for needed in ("atom:id", "atom:title", "atom:updated"))
        link = entry.find(f"{ATOM}link")
        assert link is not None
        message = httpx.get(link.attrib["href"])
        assert message.status_code == 200
        SCHEMA.validate(message.text)
        yield entry, fromstring(message.content)


@pytest.mark.db
def test_an_alarm_lives_in_the_feed(house: House) -> None:
    """It begins as an Alert, its acknowledgement is an Update, its end a Cancel; the entry stays one; unchanged costs nothing."""
    site = house.plant.a.site_id
    address = made(house, OFFICER, f"site:{site}")
    assert list(entries(httpx.get(address))) == []
    began = datetime.now(UTC) - timedelta(minutes=3)
    occurrence = house.plant.happen(house.plant.a, "lel-pump.lel-1", began)
    ((entry, first),) = entries(httpx.get(address))
    assert text(first, "cap:msgType") == "Alert"
    assert text(first, "cap:info/cap:severity") == "Severe"
    officer = Person(house, OFFICER)
    officer.post(f"/occurrences/{occurrence}/acknowledge")
    ((again, second),) = entries(httpx.get(address))
    assert text(second, "cap:msgType") == "Update"
    assert text(again, "atom:id") == text(entry, "atom:id")
    assert text(first, "cap:identifier") in text(second, "cap:references")
    house.plant.happen(house.plant.a, "lel-pump.lel-1", began + timedelta(minutes=2), active=False, value=1.0)
    ((_, third),) = entries(httpx.get(address))
    assert text(third, "cap:msgType") == "Cancel"
    answer = httpx.get(address)
    kept = httpx.get(address, headers={"if-none-match": answer.headers["etag"]})
    assert (kept.status_code, kept.content) == (304, b"")


@pytest.mark.db
def test_a_feed_tells_of_its_own_site_only(house: House) -> None:
    """Another company's alarms are not in it, and a message of theirs is not to be had at its address."""
    mine = house.plant.happen(house.plant.a, "lel-pump.lel-2", datetime.now(UTC) - timedelta(minutes=1))
    theirs = house.plant.happen(house.plant.b, "lel-pump.lel-2", datetime.now(UTC) - timedelta(minutes=1))
    address = made(house, OFFICER, f"company:{house.plant.a.company_id}")
    ((_, message),) = entries(httpx.get(address))
    assert text(message, "cap:incidents") == f"davy-{mine}"
    base = address.removesuffix("/alerts.atom")
    for name in (f"davy-{theirs}-1", f"davy-{mine}-99", "davy-1", "x", "davy-99999999999999999999-1"):
        assert httpx.get(f"{base}/{name}.xml").status_code == 404


@pytest.mark.db
def test_an_exercise_is_an_exercise_to_other_programs(house: House) -> None:
    """From its Alert to its Cancel, valid by the schema: nobody else's siren sounds for it."""
    on_duty(house)
    occurrence = started(house, position="duty")
    address = made(house, OFFICER, f"site:{house.plant.a.site_id}")
    ((_, alert),) = entries(httpx.get(address))
    assert (text(alert, "cap:status"), text(alert, "cap:msgType")) == ("Exercise", "Alert")
    assert text(alert, "cap:note") == f"Exercise davy-{occurrence}"
    Person(house, OFFICER).post(f"/occurrences/{occurrence}/acknowledge")
    keep(house)
    ((_, over),) = entries(httpx.get(address))
    assert (text(over, "cap:status"), text(over, "cap:msgType")) == ("Exercise", "Cancel")
