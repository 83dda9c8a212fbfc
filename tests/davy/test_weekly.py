"""The week of a duty position: told once, on a Monday by day, to whoever is called first, and in numbers to the insurer."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from core.errors import BadInput
from davy.alarms_performance import performance
from davy.duties.weekly import send_weeks
from tests.alerting.plant import NOW, make_plant
from tests.database import TestDatabase
from tests.davy.risky_plant import HOUR, RiskyPlant
from tests.davy.test_notices import risky

pytestmark = pytest.mark.db

MONDAY = NOW + 17 * HOUR  # nine in the morning at the site
MINUTE = timedelta(minutes=1)


@pytest.fixture
def subject(timescale_database: TestDatabase) -> RiskyPlant:
    """Somebody of the insurer's gets digests; nothing waits."""
    return risky(make_plant(timescale_database))


def weeks(subject: RiskyPlant, now: Any) -> int:
    """As the risk process does."""
    with subject.plant.as_service("alerting") as connection:
        return send_weeks(connection, now)


def rung(subject: RiskyPlant, key: str, times: int, at: Any) -> None:
    """An alarm that comes and goes."""
    for n in range(times):
        begun = at + n * MINUTE
        subject.plant.apply(subject.plant.raised(key, begun), now=begun)
        subject.plant.apply(subject.plant.cleared(key, begun + MINUTE / 4), now=begun + MINUTE / 4)


def told(subject: RiskyPlant) -> list[tuple[Any, ...]]:
    """(person, state, tally) of every week that was written down."""
    people = {person: key for key, person in subject.plant.people.items()}
    rows = subject.plant.rows(
        "SELECT person_id, state, tally FROM notification WHERE subject = 'weekly' ORDER BY onset, notification_id"
    )
    return [(people[person], state, tally) for person, state, tally in rows]


def test_a_week_is_told_once_to_whoever_is_called_first(subject: RiskyPlant) -> None:
    """Not at night, not on a Sunday; the deputy, who is called second, hears nothing of it; the insurer gets no alarm by name."""
    rung(subject, "gas", 6, NOW - 20 * HOUR)
    rung(subject, "heat", 1, NOW - 9 * 24 * HOUR)
    assert weeks(subject, MONDAY - 2 * HOUR) == 0  # seven in the morning
    assert weeks(subject, MONDAY) == 2
    assert weeks(subject, MONDAY + HOUR) == weeks(subject, MONDAY + 24 * HOUR) == 0
    (officer, officers), (underwriter, insurers) = [(who, tally) for who, _, tally in told(subject)]
    assert (officer, underwriter) == ("officer", "underwriter")
    (site,) = officers["sites"]
    assert (site["announced"], site["announced_before"], site["worst"][0]["announced"]) == (6, 1, 6)
    assert [each["change"] for each in site["worst"]] == ["mend"]  # life safety, and its deadband is wide enough
    assert [each["worst"] for each in insurers["sites"]] == [[]]
    assert "陈" not in str(insurers)


def test_the_message_reads_well_in_both_languages(subject: RiskyPlant) -> None:
    """The officer reads Chinese, the underwriter English: numbers beside those of the week before, and where to look."""
    rung(subject, "gas", 6, NOW - 20 * HOUR)
    subject.plant.rows("UPDATE notification SET state = 'cancelled' RETURNING 1")
    assert weeks(subject, MONDAY) == 2
    mails = subject.sent(MONDAY)[0]
    assert mails == ["【2026-02-23 当周】报警 6 次，前一周 0 次", "[Week of 2026-02-23] 6 alarms, 0 the week before"]


def test_a_week_without_an_alarm_is_written_down_and_not_sent(subject: RiskyPlant) -> None:
    """A week is decided once: what was quiet is not told later. What the demo's history made up counts for nothing."""
    rung(subject, "gas", 3, NOW - 20 * HOUR)
    subject.plant.rows("UPDATE occurrence SET simulated = true RETURNING 1")
    assert weeks(subject, MONDAY) == 0
    assert [state for _, state, _ in told(subject)] == ["cancelled", "cancelled"]
    subject.plant.rows("UPDATE occurrence SET simulated = false RETURNING 1")
    assert weeks(subject, MONDAY + HOUR) == 0


def test_the_command_says_the_same(subject: RiskyPlant, capsys: pytest.CaptureFixture[str]) -> None:
    """`davy alarms performance` has the page's numbers; days and sites that are not there are a sentence."""
    rung(subject, "gas", 6, NOW - 20 * HOUR)
    url = subject.plant.database.url("owner")
    assert performance(url, site="a-1", first="2026-02-23", last="2026-03-01", as_json=True, now=MONDAY) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["site"], answer["announced"], answer["mix"]["life-safety"]) == ("a-1", 6, 6)
    assert len(answer["days"]) == 7
    assert performance(url, site="a-1", first="2026-02-23", last="", as_json=False, now=MONDAY) == 0
    assert "worst: gas, announced 6 times; proposed: mend" in capsys.readouterr().out
    with pytest.raises(BadInput, match="no site a-2; did you mean a-1"):
        performance(url, site="a-2", first="", last="", as_json=True, now=MONDAY)
    with pytest.raises(BadInput, match=r"A day is written as 2026-12-31\."):
        performance(url, site="a-1", first="soon", last="", as_json=True, now=MONDAY)
