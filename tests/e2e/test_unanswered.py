"""An unanswered life-safety alarm: push, text, call, deputy, the insurer's duty desk, to the second; an answer at any step ends it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest

from tests.e2e.ladder import LADDER, WAYS, Ladder, ladder

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

LAST = len(LADDER) - 1
ANSWERS = [
    *((step, way) for step in range(len(LADDER)) for way in ("page", "json", "link")),
    *((step, "key") for step in range(2, len(LADDER))),  # a call has rung by then
]
sensors = count()


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ladder]:
    """One plant for all of them; each has gas at a sensor of its own."""
    with ladder(tmp_path_factory.mktemp("ladder")) as made:
        yield made


def gone_out(step: int) -> list[tuple[float, str, str]]:
    """What has gone out once a step is told."""
    return [(float(after_s), channel, who) for after_s, channel, who in LADDER[: step + 1]]


def test_an_unanswered_alarm_walks_to_the_duty_desk_to_the_second(plant: Ladder) -> None:
    """Each message at its peer, at the instant that the route declares and not a second before, in its reader's language; then no more."""
    before = len(plant.pushed), len(plant.phoned), len(plant.mails.mails)
    occurrence, onset = plant.raised(next(sensors))
    assert plant.told(occurrence, onset) == gone_out(0)
    for step in range(1, len(LADDER)):
        plant.follow(onset, LADDER[step][0] - 1)
        assert plant.told(occurrence, onset) == gone_out(step - 1)
        plant.follow(onset, LADDER[step][0])
        assert plant.told(occurrence, onset) == gone_out(step)
    plant.follow(onset, 310, 900)
    assert plant.told(occurrence, onset) == gone_out(LAST)
    pushed, phoned, mails = plant.pushed[before[0] :], plant.phoned[before[1] :], plant.mails.mails[before[2] :]
    assert "可燃气体达25%LEL" in pushed[0].body.decode()
    assert [request.path.rpartition("/")[2] for request in phoned] == ["Messages.json", "Calls.json"]
    assert [mail["To"] for mail in mails] == ["li@acme.example", "desk@insurer.example"]
    assert "Nobody has acknowledged for 3 minutes" in str(mails[0]["Subject"])
    assert len(pushed) == 1
    assert plant.rows("SELECT DISTINCT attempt FROM notification WHERE occurrence_id = %s", occurrence) == [(1,)]
    # The insurer's words hold no value that was measured, and no name.
    assert not re.search(r"\b30\b|王芳|李强", mails[1].get_content())


@pytest.mark.parametrize(("step", "way"), ANSWERS, ids=[f"{LADDER[s][1]}-{s}-{w}" for s, w in ANSWERS])
def test_an_answer_at_any_step_stops_the_rest(plant: Ladder, step: int, way: str) -> None:
    """Seven seconds after a step was told somebody answers: whatever is still to come is called off in that instant, for that reason."""
    occurrence, onset = plant.raised(next(sensors))
    plant.until(onset, step)
    plant.follow(onset, LADDER[step][0] + 7)
    answered_at = plant.now()
    # Whoever was told answers; a duty desk rings the plant's own people up, for it acknowledges nothing of theirs.
    who = "fang" if way == "key" or LADDER[step][2] == "desk" else LADDER[step][2]
    WAYS[way](plant, occurrence, who)
    plant.turn()
    plant.follow(onset, 299, 300, 310, 900)
    assert plant.told(occurrence, onset) == gone_out(step)
    called_off = plant.rows(
        "SELECT step, finished_at, outcome FROM notification WHERE occurrence_id = %s AND state = 'cancelled' ORDER BY step",
        occurrence,
    )
    assert called_off == [(later, answered_at, "acknowledged") for later in range(step + 1, len(LADDER))]
    assert plant.rows(
        "SELECT t.at, p.key FROM transition t JOIN person p USING (person_id) WHERE t.occurrence_id = %s", occurrence
    ) == [(answered_at, who)]


def test_the_insurers_acknowledgement_stops_nothing(plant: Ladder) -> None:
    """Its record is its own: the plant's deputy is called all the same."""
    occurrence, onset = plant.raised(next(sensors))
    plant.until(onset, 2)
    with plant.person("desk") as client:
        token = str(client.get("/api/v1/me").json()["form_token"])
        done = client.post(
            f"/api/v1/occurrences/{occurrence}/insurer-acknowledgement",
            json={"words": ""},
            headers={"X-Form-Token": token},
        )
        assert done.status_code < 300, done.text
    plant.follow(onset, 180, 300)
    assert plant.told(occurrence, onset) == gone_out(LAST)


def test_the_whole_is_one_timeline(plant: Ladder) -> None:
    """Planned, sent, taken over, handed over, acknowledged, called off: in one order, as JSON and on the page in both languages."""
    occurrence, onset = plant.raised(next(sensors))
    plant.until(onset, 2)
    plant.follow(onset, 130)
    take_over(plant)
    plant.follow(onset, 131, 180, 190)
    WAYS["key"](plant, occurrence, "fang")
    with plant.person("fang") as client:
        rows = client.get(f"/api/v1/occurrences/{occurrence}").json()["timeline"]
        pages = {language: page_of(client, occurrence, language) for language in ("zh", "en")}
    assert told_of(rows, onset) == [
        (0.0, "transition", "raise", "B"),
        *((after_s, "notification", channel, "planned") for after_s, channel, _ in LADDER),
        (0.0, "notification", "ntfy", "sent"),
        (60.0, "notification", "sms", "sent"),
        (120.0, "notification", "voice", "sent"),
        (130.0, "duty", "taken_over", "赵敏"),
        (130.0, "notification", "smtp", "cancelled"),
        (180.0, "notification", "smtp", "planned"),
        (180.0, "notification", "smtp", "sent"),
        (190.0, "transition", "acknowledge", "C"),
        (190.0, "notification", "smtp", "cancelled"),
    ]
    assert [row["text"] for row in rows if row["detail"] == "cancelled"] == ["acknowledged", "somebody else is on duty"]
    assert "zhao@acme.example" in {mail["To"] for mail in plant.mails.mails}
    english = [
        "Messages planned: 5", "Push message: sent", "Text message: sent", "Telephone call: sent", "takes over the duty",
        "Handed over: somebody else is on duty", "E-mail: sent", "Acknowledged", "Messages called off: 1",
    ]  # fmt: skip
    assert in_order(pages["en"], list(reversed(english)))
    chinese = [
        "计划发送的通知：5条", "手机推送", "短信", "语音电话", "接替值班", "已转交：改由他人值班", "电子邮件", "已确认",
        "取消发送的通知：1条",
    ]  # fmt: skip
    assert in_order(pages["zh"], list(reversed(chinese)))
    with plant.person("desk") as client:
        shown = client.get(f"/occurrences/{occurrence}").text
        insurers = client.get(f"/api/v1/occurrences/{occurrence}").json()["timeline"]
    assert "赵敏" not in shown + str(insurers)
    assert "王芳" not in shown + str(insurers)


def take_over(plant: Ladder) -> None:
    """Another of the plant's people fills the deputy's position from now on, by the page."""
    ((roster,),) = plant.rows("SELECT roster_id FROM roster WHERE key = 'standby'")
    ((person,),) = plant.rows("SELECT person_id FROM person WHERE key = 'min'")
    with plant.person("min") as client:
        page = client.get("/duty").text
        token = re.findall(r'name="form_token" value="([^"]+)"', page)[0]
        until = (plant.now() + timedelta(hours=10)).strftime("%Y-%m-%dT%H:%M")
        given = {"form_token": token, "person": str(person), "begins": "", "until": until, "reason": "换班"}
        done = client.post(f"/duty/{roster}/take-over", data=given)
        assert done.status_code in (200, 303), done.text


def told_of(rows: list[dict[str, Any]], onset: datetime) -> list[tuple[Any, ...]]:
    """The earliest first: seconds after the onset (of what is planned when it is due), and what."""
    told = []
    for row in reversed(rows):
        at = row["until"] if row["detail"] == "planned" else row["at"]
        told.append((seconds(at, onset), row["kind"], row["what"], row["detail"]))
    return told


def seconds(at: str, onset: datetime) -> float:
    return round((datetime.fromisoformat(at) - onset).total_seconds(), 3)


def page_of(client: Any, occurrence: int, language: str) -> str:
    """The timeline of the page, as it reads."""
    client.get(f"/language?to={language}&next=/alarms")
    page = client.get(f"/occurrences/{occurrence}").text
    line = page.split('<ol class="timeline">')[1].split("</ol>")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", line).split())


def in_order(text: str, words: list[str]) -> bool:
    """Whether the words stand there, one behind the other."""
    at = 0
    for word in words:
        at = text.find(word, at)
        assert at >= 0, f"{word} is not there, or not in its place: {text}"
        at += len(word)
    return True
