"""What a notification says, to whom, in which language; and when it is not sent at all."""

from __future__ import annotations

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
from tests.alerting.messages import NOW, claimed

URL = "https://davy.example/"
LATER = NOW + timedelta(minutes=2)


def test_the_client_reads_where_what_and_what_to_do() -> None:
    """Seconds, place, number with its limit, instructions, the way to acknowledge; in the site's time."""
    message = compose(claimed(), now=NOW, public_url=URL)
    assert message.subject == "[Life safety] Gas at 25 % LEL, Tank farm"
    assert message.text == (
        "Life safety: Gas at 25 % LEL\n"
        "Where: Alpha Petro, Tank farm, Pumps, CH4 at pump 3\n"
        "Since: 2026-03-01 16:00:00 (Asia/Shanghai)\n"
        "Value: 31.46 % LEL, limit: 25 % LEL\n\n"
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
    message = compose(claimed(language="zh", due_at=LATER, step=1), now=LATER, public_url=URL)
    assert message.subject == "【人身安全】已 2分钟无人确认：可燃气体达25%LEL，罐区"
    assert "地点：甲石化 · 罐区 · 泵区 · 3号泵甲烷" in message.lines
    assert "处置措施：撤离现场" in message.lines
    assert "不是火灾自动报警系统" in message.text


def test_an_escalation_says_how_long_nobody_answered() -> None:
    """The deputy must know that the first one has not answered."""
    message = compose(claimed(due_at=LATER, step=1), now=LATER, public_url=URL)
    assert message.subject == "[Life safety] Nobody has acknowledged for 2 minutes: Gas at 25 % LEL, Tank farm"


def test_what_was_learnt_late_says_how_late() -> None:
    """One message about the past, that does not pretend to be news."""
    message = compose(claimed(created_at=NOW + timedelta(minutes=95)), now=NOW + timedelta(minutes=95), public_url=URL)
    assert message.subject.startswith("[Life safety] Learnt 95 minutes late")
    assert message.fields["historic"] is True


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_insurer_reads_no_live_value_and_nobody_s_name(language: str) -> None:
    """Data minimisation: neither number, sensor, zone nor instructions reach the insurer, in words or in fields."""
    row = claimed(
        audience="insurer", due_at=LATER, language=language, sensor="陈安全's sensor", sensor_zh="陈安全的传感器"
    )
    message = compose(row, now=LATER, public_url=URL)
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
    assert why_unwanted(claimed(**changes)) == reason


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
    texts = {message for _, _, message, _, _ in extract_from_dir(folder)}
    ((_, text),) = [found for found in catalogues(locale) if found[0].startswith("alerting/")]
    entries = {entry.id: entry for entry in read_po(BytesIO(text), locale=locale) if entry.id}
    assert set(entries) == texts
    assert all(entry.string and not entry.fuzzy for entry in entries.values())
