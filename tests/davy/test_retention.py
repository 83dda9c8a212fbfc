"""Keeping and letting go as its operator meets it: the duty's turns, `davy retain`, `davy hold`, what doctor says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.errors import BadInput
from core.i18n import translations
from core.settings import Settings
from davy.doctor.examination import Check, Examination
from davy.doctor.retention import disk_lasts, legal_holds, readings_kept
from davy.duties.patient import patient
from davy.duties.retention import forget_old_rows, keep_of, look_after_days
from davy.retention import add_hold, list_holds, release_hold, retain
from ingest.retention import Keep
from ingest.store.chunks import Outcome
from tests.database import TestDatabase
from tests.ingest.test_retention_db import DAY, DAYS, Days, at, now, oldest

pytestmark = pytest.mark.db

THREE = {"DAVY_KEEP_RAW_DAYS": "3", "DAVY_STATE_DIR": "/"}


@pytest.fixture
def week(database: TestDatabase) -> Days:
    """Seven days of readings, on each kind of database."""
    return Days(database)


@pytest.fixture
def timescale_week(timescale_database: TestDatabase) -> Days:
    """For what is about Davy."""
    return Days(timescale_database)


def settings_of(week: Days, **more: str) -> Settings:
    """Three days are kept."""
    return Settings.read({**THREE, "DAVY_DATABASE_URL_OWNER": week.database.url("owner"), **more})


def days_left(week: Days) -> list[datetime]:
    """The days of which there are raw readings."""
    found = week.rows("SELECT DISTINCT date_trunc('day', measured_at, 'UTC') FROM reading ORDER BY 1")
    return [row[0] for row in found]


def test_settings_are_told_as_time() -> None:
    """Days and years of the settings; nothing set is what fits the database."""
    keep = keep_of(Settings.read(THREE))
    assert (keep.raw, keep.evidence.days) == (timedelta(days=3), 1826)
    assert keep_of(Settings.read({})).raw is None
    assert {"retention", "old_rows"} <= {duty.name for duty in patient(keep)}


def test_a_turn_of_the_duty_does_one_thing(week: Days) -> None:
    """Days ahead first where somebody must make them, then one old day a turn, the oldest first, until none is due."""
    keep, done = Keep(raw=timedelta(days=3)), []
    with week.alerting() as connection:
        for _ in range(6):
            with connection.transaction():
                done.append(look_after_days(keep, connection, now()))
        with connection.transaction():
            assert forget_old_rows(keep, connection, now()) == 0
    due = [Outcome.DROPPED] * 3
    assert done == ([None, *due, None, None] if week.database.kind == "plain" else [*due, None, None, None])
    assert days_left(week) == [oldest() + n * DAY for n in range(3, DAYS)]


def test_retain_says_what_would_go_and_lets_it_go(week: Days, capsys: pytest.CaptureFixture[str]) -> None:
    """A dry run changes nothing; a hold keeps its day; what goes is named with its size, and the disk's days are counted."""
    settings, owner = settings_of(week), week.database.url("owner")
    add_hold(
        owner, site="north", occurrence=None, since=oldest() + DAY, until=oldest() + DAY + timedelta(hours=1),
        reason="claim 12", actor="li", now=now(),
    )  # fmt: skip
    assert retain(settings, dry_run=True, as_json=True, now=now()) == 0
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    fates = [chunk["fate"] for chunk in said["chunks"] if datetime.fromisoformat(chunk["since"]) < now()]
    assert fates == ["drop", "held", "drop", "stays", "stays", "stays", "stays"]
    assert [chunk["holds"] for chunk in said["chunks"]][1] == [1]
    assert (said["keep"]["raw_days"], said["dry_run"], said["holds"][0]["reason"]) == (3, True, "claim 12")
    assert said["bytes_per_day"] > 0
    assert said["days_of_disk"] > 0
    assert len(days_left(week)) == DAYS
    assert retain(settings, dry_run=True, as_json=False, now=now()) == 0
    assert "would be dropped" in capsys.readouterr().out
    assert retain(settings, dry_run=False, as_json=False, now=now()) == 0
    told = capsys.readouterr().out
    assert told.count(": dropped") == 2
    assert f"{oldest() + DAY:%Y-%m-%d}" in told
    assert "held by 1" in told
    assert days_left(week) == [oldest() + n * DAY for n in (1, 3, 4, 5, 6)]


def test_retain_that_cannot_says_so(timescale_week: Days, capsys: pytest.CaptureFixture[str]) -> None:
    """Readings that nobody has counted: exit status 1, and why; nothing is lost."""
    with timescale_week.database.connect("owner") as owner:
        owner.execute("UPDATE rollup_mark SET batch_no = 0")
    assert retain(settings_of(timescale_week), dry_run=False, as_json=False, now=now()) == 1
    assert "not all of it is in minutes and hours" in capsys.readouterr().out
    assert len(days_left(timescale_week)) == DAYS


def test_a_hold_about_an_occurrence_is_placed_listed_and_released(timescale_week: Days) -> None:
    """72 hours on both sides, no end while it goes on; the company's journal has who, why and what."""
    owner = timescale_week.database.url("owner")
    over = timescale_week.happened(at(5, 8), at(5, 9), resolved=True)
    open_one = timescale_week.happened(at(2, 8), None)
    asked: dict[str, Any] = {"site": None, "since": None, "until": None, "reason": "claim", "actor": "li", "now": now()}
    first = add_hold(owner, occurrence=over, **asked)
    second = add_hold(owner, occurrence=open_one, **asked)
    assert first["since"] == (at(5, 8) - timedelta(hours=72)).isoformat()
    assert first["until"] == (at(5, 9) + timedelta(hours=72)).isoformat()
    assert second["until"] is None
    assert list_holds(owner) == [first, second]
    release_hold(owner, first["hold"], reason="settled", actor="li", now=now())
    assert list_holds(owner) == [second]
    journal = timescale_week.rows(
        "SELECT actor, action, subject, reason, company_id IS NOT NULL FROM journal ORDER BY journal_id"
    )
    assert journal == [
        ("li", "hold_placed", "hold 1", "claim", True),
        ("li", "hold_placed", "hold 2", "claim", True),
        ("li", "hold_released", "hold 1", "settled", True),
    ]


def test_a_hold_that_makes_no_sense_is_refused_in_a_sentence(timescale_week: Days) -> None:
    """Nothing is written, and the sentence says what would be right."""
    owner = timescale_week.database.url("owner")
    right: dict[str, Any] = {
        "site": "north", "occurrence": None, "since": now() - DAY, "until": now(), "reason": "claim", "actor": "li", "now": now(),
    }  # fmt: skip
    for wrong, sentence in (
        ({"site": None}, "Name either a site"),
        ({"occurrence": 1}, "Name either a site"),
        ({"site": "nroth"}, "did you mean north?"),
        ({"site": None, "occurrence": 99}, "There is no occurrence 99"),
        ({"reason": " "}, "Say why"),
        ({"since": None}, "Say from when"),
        ({"until": now() - 2 * DAY}, "must end after it begins"),
    ):
        with pytest.raises(BadInput, match=sentence):
            add_hold(owner, **{**right, **wrong})
    with pytest.raises(BadInput, match="No hold 4 is in force"):
        release_hold(owner, 4, reason="x", actor="li", now=now())
    with pytest.raises(BadInput, match="Say why"):
        release_hold(owner, 4, reason="", actor="li", now=now())
    assert timescale_week.rows("SELECT count(*) FROM journal") == [(0,)]


def test_doctor_says_what_is_kept(week: Days) -> None:
    """Days and their size, what should have gone, how long the disk lasts, and which holds there are."""

    def asked(keep_days: str) -> dict[str, Check]:
        on = Examination(settings_of(week, DAVY_KEEP_RAW_DAYS=keep_days), now(), translations("en").gettext)
        with week.database.connect("owner") as connection:
            return {check.__name__: check(on, connection) for check in (readings_kept, disk_lasts, legal_holds)}

    found = asked("7")
    assert all(check.ok for check in found.values())
    assert found["readings_kept"].found.startswith(f"7 days of raw readings since {oldest():%Y-%m-%d}")
    assert found["legal_holds"].found == "No legal hold is in force."
    late = asked("3")["readings_kept"]
    assert not late.ok
    assert f"Should have gone: {oldest():%Y-%m-%d}, {oldest() + DAY:%Y-%m-%d}." in late.found
    assert late.advice is not None
    assert "davy retain" in late.advice
    add_hold(
        week.database.url("owner"),
        site="north",
        occurrence=None,
        since=oldest(),
        until=None,
        reason="x",
        actor="li",
        now=now(),
    )
    held = asked("3")
    assert held["readings_kept"].ok
    assert f"In force: 1 north {oldest():%Y-%m-%d}/...;" in held["legal_holds"].found


def test_an_empty_database_has_nothing_to_say(timescale_database: TestDatabase) -> None:
    """No reading, no rate, no hold: no fault."""
    on = Examination(Settings.read({"DAVY_STATE_DIR": "/"}), datetime.now(UTC), translations("zh").gettext)
    with timescale_database.connect("owner") as connection:
        assert all(check(on, connection).ok for check in (readings_kept, disk_lasts, legal_holds))
