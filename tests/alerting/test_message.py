"""What a notification says, to whom, in which language; and when it is not sent at all."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import alerting
from alerting.delivery import GIVE_UP_AFTER, LONGEST_PAUSE, gives_up, pause_before_next, why_unwanted
from alerting.message import compose
from core.i18n import LANGUAGES, catalogues
from detectors.registry import DETECTORS
from tests.alerting.messages import NOW, claimed
from tools.catalogues import KEYWORDS

URL = "https://davy.example/"
LATER = NOW + timedelta(minutes=2)


def test_the_client_reads_where_what_and_what_to_do() -> None:
    """Seconds, place, number with its limit, instructions, the way to acknowledge; in the site's time."""
    message = compose(claimed(), public_url=URL)
    assert message.subject == "[Life safety] Gas at 25 % LEL, Tank farm"
    assert message.text == (
        "Life safety: Gas at 25 % LEL. Pumps, CH4 at pump 3: 31.5 %LEL, limit 25 %LEL.\n"
        "Alpha Petro, Tank farm, since 2026-03-01 16:00:00 (China Standard Time)\n\n"
        "Possible consequence: Explosion\n"
        "What to do: Leave the area\n"
        "Time to respond: 2 minutes\n\n"
        "Acknowledge, and say what was done:\n"
        "https://davy.example/occurrences/5\n\n"
        "Davy is a second pair of eyes. It is not a safety system and not a fire alarm: your own alarms and your site's plan"
        " come first. A message may arrive late, twice or not at all."
    )


def test_in_chinese() -> None:
    """Every word is Chinese but for names and addresses."""
    message = compose(claimed(language="zh", due_at=LATER, step=1, respond_within_s=60), public_url=URL)
    assert message.subject == "【人身安全】已2分钟无人确认：可燃气体达25%LEL，罐区"
    assert message.text == (
        "【人身安全】可燃气体达25%LEL。泵区 · 3号泵甲烷：31.5 %LEL，限值 25 %LEL。\n"
        "此报警已2分钟无人确认。\n"
        "甲石化 · 罐区，2026-03-01 16:00:00（中国标准时间）起\n\n"
        "可能后果：爆炸\n"
        "处置措施：撤离现场\n"
        "响应时限：60秒\n\n"
        "请确认报警，并填写处置情况：\n"
        "https://davy.example/occurrences/5\n\n"
        "Davy 只是多一双眼睛，不是安全仪表系统，也不是火灾自动报警系统：请以厂区自身的报警装置和应急预案为准。"
        "消息可能迟到、重复或未送达。"
    )


CONTACT = {"unit": "1", "value": 0.0, "setpoint": 0.5, "direction": "low"}
STALE = {"detector": "stale", "value": 61.0, "setpoint": 60.0}
BY_PERIOD = {**STALE, "setpoint": 10.0, "by_period": True}
STUCK = {"detector": "stuck", "value": 1801.0, "setpoint": 1800.0}
UNUSUAL = {"detector": "ewma", "value": 7.456, "setpoint": 6.0, "unit": "Cel"}
RATE = {"detector": "rate", "value": 7.456, "setpoint": 5.0, "unit": "Cel"}
LOST = {"unit": "1", "value": 12.0, "setpoint": 1.0, "zone": None, "zone_zh": None}


@pytest.mark.parametrize(
    ("changes", "english", "chinese"),
    [
        (CONTACT, "Pumps, CH4 at pump 3.", "泵区 · 3号泵甲烷。"),
        (STALE, "no reading for 61 seconds, limit 60 seconds.", "已61秒无数据，限值60秒。"),
        (
            BY_PERIOD,
            "no reading for 61 seconds, longer than is usual for it.",
            "已61秒无数据，超过该测点的正常上报间隔。",
        ),
        (STUCK, "unchanged for 30 minutes, limit 30 minutes.", "读数已30分钟未变化，限值30分钟。"),
        (RATE, "7.46 °C a minute, limit 5 °C a minute.", "每分钟变化 7.46 °C，限值每分钟 5 °C。"),
        (UNUSUAL, "7.46 standard deviations from its usual level, limit 6.", "偏离平时水平 7.46 个标准差，限值 6。"),
        (LOST, "CH4 at pump 3: 12, limit 1.", "3号泵甲烷：12，限值 1。"),
        (
            {"detector": "spike", "value": 3.2, "setpoint": 3.0},
            "jumped 3.2 times as far as ever while its normal was settled, limit 3.",
            "突跳幅度为基准期内最大跳变的 3.2 倍，限值 3 倍。",
        ),
        (
            {"detector": "outside", "value": 3.1, "setpoint": 2.5},
            "3.1 % of its range outside of what it can measure, limit 2.5 %.",
            "超出量程 3.1 %，限值 2.5 %。",
        ),
        (
            {"detector": "profile", "value": 7.4, "setpoint": 6.0},
            "7.4 standard deviations from what is usual at this hour of the week, limit 6.",
            "偏离该时段平时水平 7.4 个标准差，限值 6。",
        ),
        ({"value": None}, "Pumps, CH4 at pump 3.", "泵区 · 3号泵甲烷。"),
        ({"value": float("nan")}, "Pumps, CH4 at pump 3.", "泵区 · 3号泵甲烷。"),
    ],
)
def test_the_first_line_says_the_number_as_a_person_would(
    changes: dict[str, object], english: str, chinese: str
) -> None:
    """What, where, and the number against its limit in the unit it has there; none where it says nothing."""
    for language, words in (("en", english), ("zh", chinese)):
        first = compose(claimed(language=language, **changes), public_url=URL).lines[0]
        assert first.endswith(words)


@pytest.mark.parametrize("detector", [each for each in DETECTORS if each != "limit"])
def test_every_detector_has_words_of_its_own(detector: str) -> None:
    """Whatever fired says in the reader's language what its number means, and both numbers."""
    found = {}
    for language in ("en", "zh"):
        of = claimed(language=language, detector=detector, value=7.5, setpoint=3.0, unit="Cel")
        found[language] = compose(of, public_url=URL).lines[0]
        plain = compose(
            claimed(language=language, detector="limit", value=7.5, setpoint=3.0, unit="Cel"), public_url=URL
        )
        assert found[language] != plain.lines[0]
        assert "7.5" in found[language] or "8" in found[language]  # a time is told in whole seconds
    assert re.search("[a-z]{5}", found["zh"].replace("Davy", "")) is None


def test_a_fault_of_the_sensor_says_that_it_is_one() -> None:
    """Who gets it must not take what the sensor shows for an all-clear; an alarm of the plant says nothing of the kind."""
    for detector in ("stale", "stuck", "unusable", "drift"):
        lines = compose(claimed(detector=detector, value=900.0), public_url=URL).lines
        assert any("neither to warn you nor to give the all-clear" in line for line in lines)
    assert not any("all-clear" in line for line in compose(claimed(), public_url=URL).lines)


def test_what_still_holds_says_for_how_long() -> None:
    """Called long after it began (learnt of late, or shelved): neither news nor the past."""
    late = NOW + timedelta(minutes=95)
    message = compose(claimed(onset=late, due_at=late, created_at=late), public_url=URL)
    assert message.subject == "[Life safety] Still active after 95 minutes: Gas at 25 % LEL, Tank farm"
    assert message.lines[1:3] == (
        "It began 95 minutes ago and still holds.",
        "Alpha Petro, Tank farm, since 2026-03-01 16:00:00 (China Standard Time)",
    )


def test_what_is_announced_again_says_that_it_was_acknowledged() -> None:
    """The re-alarm timer: for how long it has held, and that it is no news; to both."""
    late = NOW + timedelta(hours=8)
    for audience in ("client", "insurer"):
        message = compose(
            claimed(onset=late, due_at=late, created_at=late, again=True, audience=audience), public_url=URL
        )
        assert message.subject == "[Life safety] Still active after 8 hours: Gas at 25 % LEL, Tank farm"
        assert "It was acknowledged. It began 8 hours ago and still holds, so it is announced again." in message.lines


def test_what_latched_says_that_it_is_over_and_waits() -> None:
    """To both, and no all-clear; that nobody answered is told first of who comes later."""
    for audience in ("client", "insurer"):
        message = compose(claimed(state="E", audience=audience), public_url=URL)
        assert message.subject == "[Life safety] Latched, waits for a person: Gas at 25 % LEL, Tank farm"
        assert "The condition has ended, but the alarm is latched" in message.text
        assert "The condition may come back." in message.text
    later = compose(claimed(state="E", due_at=LATER, step=1), public_url=URL)
    assert later.subject.startswith("[Life safety] Nobody has acknowledged")
    assert "is latched" in later.text


def test_an_escalation_says_how_long_nobody_answered() -> None:
    """The deputy must know that the first one has not answered."""
    message = compose(claimed(due_at=LATER, step=1), public_url=URL)
    assert message.subject == "[Life safety] Nobody has acknowledged for 2 minutes: Gas at 25 % LEL, Tank farm"


def test_what_was_learnt_late_says_how_late() -> None:
    """One message about the past, that does not pretend to be news."""
    message = compose(claimed(created_at=NOW + timedelta(minutes=95)), public_url=URL)
    assert message.subject.startswith("[Life safety] Learnt 95 minutes late")
    assert message.fields["historic"] is True


@pytest.mark.parametrize("audience", ["client", "insurer"])
def test_what_comes_of_replayed_history_says_so_and_is_no_all_clear(audience: str) -> None:
    """Before anything else, in the text and for machines; and what is not says nothing of it."""
    row = claimed(audience=audience, replayed=True)
    message = compose(row, public_url=URL)
    assert message.subject == "Replayed data: [Life safety] Gas at 25 % LEL, Tank farm"
    assert (
        "marked as history that is being replayed. If nobody at the plant is replaying anything, treat it as real."
        in message.text
    )
    assert message.fields["replayed"] is True
    assert message.urgent
    chinese = compose(replace(row, language="zh"), public_url=URL)
    assert chinese.subject.startswith("回放数据：")
    assert "如现场无人进行回放，请按真实报警处理" in chinese.text
    real = compose(claimed(audience=audience), public_url=URL)
    assert real.fields["replayed"] is False
    assert "replay" not in f"{real.subject} {real.text}".lower()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_insurer_reads_no_live_value_and_nobody_s_name(language: str) -> None:
    """Data minimisation: neither number, sensor, zone nor instructions reach the insurer, in words or in fields."""
    row = claimed(
        audience="insurer", due_at=LATER, language=language, sensor="陈安全's sensor", sensor_zh="陈安全的传感器"
    )
    message = compose(row, public_url=URL)
    everything = f"{message.subject} {message.text} {message.fields}"
    for secret in ("31.4", "陈安全", "Pumps", "泵区", "Leave the area", "撤离现场"):
        assert secret not in everything
    assert "Alpha Petro" in everything or "甲石化" in everything


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"state": "D"}, None),
        ({"state": "E"}, None),
        ({"state": "C"}, "acknowledged"),
        ({"state": "A"}, "acknowledged"),
        ({"suppression": "shelved"}, "shelved"),
        ({"suppression": "out_of_service"}, "out of service"),
        ({"resolved_at": NOW}, "resolved"),
        ({"person_active": False}, "the person is no longer active"),
        ({"state": "C", "attempt": 2}, "acknowledged; an earlier attempt may have arrived"),
    ],
)
def test_when_it_is_not_wanted_any_more(changes: dict[str, object], reason: str | None) -> None:
    """Looked at again just before sending."""
    assert why_unwanted(claimed(**changes), NOW) == reason


def test_pauses_double_with_jitter_and_end() -> None:
    """Retries spread out, never wait longer than a quarter of an hour and a jitter, and honour what the receiver asks."""
    pauses = [pause_before_next("k", attempt).total_seconds() for attempt in range(1, 30)]
    assert 3.75 <= pauses[0] <= 6.25
    assert all(3.75 * 2**i <= pause <= 6.25 * 2**i for i, pause in enumerate(pauses[:7]))
    assert max(pauses) <= LONGEST_PAUSE.total_seconds() * 1.25
    assert len({pause_before_next(f"key {i}", 3) for i in range(20)}) == 20
    assert pause_before_next("k", 1, asked=timedelta(seconds=90)) == timedelta(seconds=90)
    assert pause_before_next("k", 1, asked=timedelta(days=9)) == LONGEST_PAUSE
    assert not gives_up(claimed(), NOW + GIVE_UP_AFTER)
    assert gives_up(claimed(), NOW + GIVE_UP_AFTER + timedelta(seconds=1))


@pytest.mark.parametrize("locale", sorted(LANGUAGES.values()))
def test_every_text_is_translated(locale: str) -> None:
    """The catalogue has each text of the package, none empty, none fuzzy, none left over."""
    folder = Path(alerting.__file__).parent
    texts = {message for _, _, message, _, _ in extract_from_dir(folder, keywords=KEYWORDS)}
    ((_, text),) = [found for found in catalogues(locale) if found[0].startswith("alerting/")]
    entries = {entry.id: entry for entry in read_po(BytesIO(text), locale=locale) if entry.id}
    assert set(entries) == texts
    assert all(entry.string and not entry.fuzzy for entry in entries.values())
