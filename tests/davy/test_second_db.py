"""The second opinion on a database: by the clock and by hand, once, through a crash; it calls nobody and the insurer does not see it."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
import pytest

from core.db import transaction
from core.errors import BadInput, Unavailable
from davy.duties.patient import patient
from davy.duties.second import SecondOpinionDuty, due
from davy.second import store
from davy.second.apart import Apart
from davy.second.command import second_opinion
from davy.second.gather import WINDOW, Gathered, gather, span_of, spectra
from davy.second.night import BROKEN_OFF, LEASE, Judging
from davy.second.store import Site
from detectors.second.opinion import judge, opinions
from detectors.store import second
from ingest.retention import Keep
from tests.api.plant import Plant, plant
from tests.database import TestDatabase

pytestmark = pytest.mark.db

DAY = date(2026, 3, 20)
BEGINS = datetime(2026, 3, 19, 16, tzinfo=UTC)  # of that day in Shanghai
NIGHT = BEGINS + timedelta(hours=24 + 3)
ODD = BEGINS + timedelta(hours=9)

MINUTES = """
INSERT INTO reading_minute (sensor_id, minute, company_id, readings, good, minimum, maximum, mean)
SELECT s.sensor_id, at, s.company_id, 60, 60, mean - 0.5, mean + 0.5, mean
FROM sensor s CROSS JOIN LATERAL (
    SELECT at, 20 + sin(extract(epoch FROM at) / 5000) + ((hashint8(extract(epoch FROM at)::bigint + s.sensor_id) %% 1000) / 1000.0)
           + CASE WHEN at >= %(odd)s AND at < %(odd)s + interval '15 minutes' THEN 10 ELSE 0 END AS mean
    FROM generate_series(%(since)s, %(until)s - interval '1 minute', interval '1 minute') at) m
WHERE s.sensor_id = %(sensor)s"""

TOUCHED = (
    "SELECT (SELECT count(*) FROM notification), (SELECT count(*) FROM occurrence), (SELECT count(*) FROM transition),"
    " (SELECT count(*) FROM finding), (SELECT count(*) FROM alarm WHERE state <> 'A')"
)


def fill(made: Plant, sensor: str, days: int = 12, odd: datetime = ODD) -> None:
    with made.owner() as connection:
        connection.execute(
            MINUTES,
            {
                "sensor": made.a.sensors[sensor],
                "since": BEGINS - timedelta(days=days),
                "until": BEGINS + timedelta(days=1),
                "odd": odd,
            },
        )


@pytest.fixture
def house(database: TestDatabase) -> Plant:
    """Twelve days of one signal, with a quarter of an hour on the last that is ten degrees too hot; four of the other."""
    made = plant(database, NIGHT)
    fill(made, "temp-pump")
    fill(made, "lel-pump", days=4)
    return made


def turns(
    made: Plant, duty: SecondOpinionDuty, now: datetime = NIGHT, until: Callable[[Plant], bool] | None = None
) -> None:
    """The risk process comes round until the nights are over."""
    over = until or (lambda each: not rows(each, "SELECT FROM second_opinion_night WHERE state = 'begun'"))
    with psycopg.connect(made.database.url("alerting"), autocommit=True) as connection:
        for _ in range(4):
            with transaction(connection, made.database.service_token()):
                duty(connection, now)
        for _ in range(100_000):
            if duty._going is not None and duty._going._apart is not None:
                duty._going._apart._process.wait(120)
            with transaction(connection, made.database.service_token()):
                duty(connection, now)
            if over(made) and duty._going is None:
                return
    raise AssertionError("the nights never ended")


def rows(made: Plant, query: str, *values: object) -> list[tuple[Any, ...]]:
    with made.owner() as connection:
        return connection.execute(query.encode(), values or None).fetchall()


def test_the_risk_process_keeps_it() -> None:
    """Somebody does it, and among what may take its time: never where a person waits for seconds."""
    keep = Keep()
    assert [duty.name for duty in patient(keep) if isinstance(duty.run, SecondOpinionDuty)] == ["second_opinion"]


def test_it_waits_for_two_o_clock_at_the_site() -> None:
    """By then what was late has come."""
    assert due(datetime(2026, 3, 20, 17, 59, tzinfo=UTC), "Asia/Shanghai") is None
    assert due(datetime(2026, 3, 20, 18, 0, tzinfo=UTC), "Asia/Shanghai") == DAY


def test_a_night_ranks_what_was_odd_and_calls_nobody(house: Plant) -> None:
    """The hot quarter of an hour comes first with its words; a short history is said; no alarm, no message, no finding comes of it."""
    before = rows(house, TOUCHED)
    turns(house, SecondOpinionDuty())
    first = rows(house, "SELECT sensor_id, from_at, until_at, models, facts FROM second_opinion WHERE place = 1")[0]
    assert first[0] == house.a.sensors["temp-pump"]
    assert first[1] <= ODD < first[2]
    assert len(first[3]) >= 3
    assert first[4]
    night = rows(
        house,
        "SELECT day, state, attempt, subjects, windows FROM second_opinion_night WHERE site_id = %s",
        house.a.site_id,
    )
    assert night == [(DAY, "done", 1, 1, 96)]
    left = rows(house, "SELECT left_out FROM second_opinion_night WHERE site_id = %s", house.a.site_id)[0][0]
    assert [(each["number"], each["why"], each["needs"], each["has"]) for each in left] == [
        (house.a.sensors["lel-pump"], "short", 7, 4)
    ]
    assert rows(house, TOUCHED) == before


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 4, 5), 24), (date(2026, 11, 2), 24)])
def test_instants_are_those_of_the_sites_clock_after_it_was_changed(
    database: TestDatabase, day: date, hours: int
) -> None:
    """On the night the clocks change and in the three weeks after it, a window is told when it was, and the day's last hour is judged."""
    made = plant(database, NIGHT)
    begins = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
    odd = begins + timedelta(hours=9)
    with made.owner() as connection:
        connection.execute("UPDATE site SET time_zone = 'Europe/Berlin' WHERE site_id = %s", (made.a.site_id,))
        connection.execute(
            MINUTES,
            {
                "sensor": made.a.sensors["temp-pump"], "since": begins - timedelta(days=21),
                "until": begins + timedelta(hours=hours), "odd": odd,
            },
        )  # fmt: skip
    gathered = Gathered()
    site = Site(made.a.site_id, made.a.company_id, "tank-farm", "Europe/Berlin")
    with (
        psycopg.connect(database.url("alerting"), autocommit=True) as connection,
        transaction(connection, database.service_token()),
    ):
        list(gather(lambda: connection, site, day, gathered))
    (case,) = gathered.cases
    assert case.windows.tolist() == list(range(4 * hours))
    first = opinions([judge(case)])[0]
    since, until = span_of(day, "Europe/Berlin")
    assert since + first.window * WINDOW == odd
    assert until - since == timedelta(hours=hours)


def test_nothing_hangs_on_it(database: TestDatabase) -> None:
    """No trigger and no foreign key leads from a window to a message or an alarm: nothing can come of it but by a person."""
    with database.connect("owner") as connection:
        triggers = connection.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid::regclass::text LIKE 'second_opinion%' AND NOT tgisinternal"
        ).fetchall()
        pointing = connection.execute(
            "SELECT conrelid::regclass::text FROM pg_constraint WHERE confrelid::regclass::text LIKE 'second_opinion%'"
        ).fetchall()
    assert triggers == []
    assert {str(row[0]) for row in pointing} <= {"second_opinion", "second_opinion_word"}


def test_it_is_done_once(house: Plant) -> None:
    """The same night again, by another process and by hand, changes nothing."""
    turns(house, SecondOpinionDuty())
    kept = rows(house, "SELECT * FROM second_opinion ORDER BY opinion_id")
    turns(house, SecondOpinionDuty())
    told = second_opinion(
        house.database.url("alerting"), house.database.service_token, site="tank-farm", day=DAY, now=NIGHT
    )
    assert rows(house, "SELECT * FROM second_opinion ORDER BY opinion_id") == kept
    assert told.windows[0]["sensor_id"] == house.a.sensors["temp-pump"]
    assert any("usually" in sentence for sentence in told.windows[0]["sentences"])
    assert told.left_out == ["Gas detector pump house: needs 7 days of usual history, has 4."]
    assert "no alarm then" in told.lines()[1]


def test_what_was_broken_off_is_begun_again_and_says_so(house: Plant) -> None:
    """A process that dies leaves a night begun; when its lease is over the next one begins anew, and the number of attempts is kept."""
    with psycopg.connect(house.database.url("alerting"), autocommit=True) as connection:
        dying = SecondOpinionDuty()
        with transaction(connection, house.database.service_token()):
            dying(connection, NIGHT)
    assert rows(house, "SELECT state, attempt FROM second_opinion_night") == [("begun", 1)]
    turns(house, SecondOpinionDuty(), NIGHT + LEASE + timedelta(minutes=1))
    assert set(rows(house, "SELECT state, attempt FROM second_opinion_night")) == {("done", 1), ("done", 2)}


def test_what_never_ends_is_given_up(house: Plant) -> None:
    """After three that were broken off nobody begins again; the page says why."""
    with house.owner() as connection:
        connection.execute(
            "INSERT INTO second_opinion_night (company_id, site_id, day, attempt, begun_at, lease_until)"
            " SELECT company_id, site_id, %(day)s, 3, %(at)s, %(at)s FROM site",
            {"day": DAY, "at": NIGHT - timedelta(hours=1)},
        )
    turns(house, SecondOpinionDuty())
    assert set(rows(house, "SELECT state, problem FROM second_opinion_night")) == {("failed", BROKEN_OFF)}


def test_nothing_is_learnt_from_a_danger(house: Plant) -> None:
    """Three days before it was as hot for a day, which somebody called a true danger: the quarter of an hour is odd all the same."""
    hot = BEGINS - timedelta(days=3)
    with house.owner() as connection:
        connection.execute(
            "UPDATE reading_minute SET mean = mean + 10, maximum = maximum + 10, minimum = minimum + 10"
            " WHERE sensor_id = %s AND minute >= %s AND minute < %s",
            (house.a.sensors["temp-pump"], hot, hot + timedelta(days=1)),
        )
        connection.execute(
            "INSERT INTO occurrence (company_id, site_id, definition_id, sensor_id, began_at, normal_at, resolved_at, resolution, evidence_from)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, 'true_danger', %s)",
            (
                house.a.company_id, house.a.site_id, house.a.definitions["temp-pump.high"], house.a.sensors["temp-pump"], hot,
                hot + timedelta(days=1), hot + timedelta(days=1), hot,
            ),
        )  # fmt: skip
    turns(house, SecondOpinionDuty())
    first = rows(house, "SELECT from_at, until_at, models FROM second_opinion WHERE place = 1")[0]
    assert first[0] <= ODD < first[1]
    assert len(first[2]) >= 3


def test_a_machine_is_judged_together_and_shown_once(house: Plant) -> None:
    """Two signals of one machine that are odd at one time are one thing to look at, not three."""
    with house.owner() as connection:
        connection.execute("DELETE FROM reading_minute WHERE sensor_id = %s", (house.a.sensors["lel-pump"],))
        fill(house, "lel-pump", days=12)
        connection.execute(
            "WITH a AS (INSERT INTO asset (company_id, zone_id, key, kind, name, name_zh) SELECT company_id, zone_id, 'p1', 'pump', 'Pump 1', '1号泵'"
            " FROM zone WHERE site_id = %(site)s RETURNING asset_id) UPDATE sensor SET asset_id = (SELECT asset_id FROM a) WHERE site_id = %(site)s",
            {"site": house.a.site_id},
        )
    turns(house, SecondOpinionDuty())
    found = rows(house, "SELECT from_at, until_at FROM second_opinion WHERE from_at <= %s AND until_at > %s", ODD, ODD)
    assert len(found) == 1
    assert rows(house, "SELECT subjects FROM second_opinion_night WHERE site_id = %s", house.a.site_id) == [(3,)]


def test_what_had_no_time_begins_the_next_night(house: Plant) -> None:
    """A night whose time is up counts what it has not looked at, and names none of it; the next one begins with that."""
    with house.owner() as connection:
        connection.execute("DELETE FROM reading_minute WHERE sensor_id = %s", (house.a.sensors["lel-pump"],))
    fill(house, "lel-pump")
    site = Site(house.a.site_id, house.a.company_id, "tank-farm", "Asia/Shanghai")
    before = DAY - timedelta(days=1)
    with (
        psycopg.connect(house.database.url("alerting"), autocommit=True) as connection,
        transaction(connection, house.database.service_token()),
    ):
        usual = gathered(connection, site).cases
        assert len(usual) == 2
        night = second.take_up(connection, site.site_id, site.company_id, before, NIGHT, LEASE, again=False)
    assert night is not None
    judge_to_its_end(
        house, Judging(site, night, time_s=0.0)
    )  # the first signal is read and judged however short the time
    ((signals, missed, left, sensor),) = rows(
        house,
        "SELECT signals, not_looked_at, left_out, goes_on_sensor FROM second_opinion_night WHERE day = %s",
        before,
    )
    second_one = usual[1].subject[1]
    assert (signals, missed, left, sensor) == (2, 1, [], second_one)
    with (
        psycopg.connect(house.database.url("alerting"), autocommit=True) as connection,
        transaction(connection, house.database.service_token()),
    ):
        assert [case.subject for case in gathered(connection, site).cases] == [usual[1].subject, usual[0].subject]
    told = second_opinion(
        house.database.url("alerting"), house.database.service_token, site="tank-farm", day=before, now=NIGHT
    )
    assert (told.signals, told.not_looked_at) == (2, 1)
    assert any(line.startswith("Not looked at that night: 1 of 2 signals.") for line in told.lines())


def gathered(connection: psycopg.Connection[Any], site: Site) -> Gathered:
    """What a night would look at, read to its end."""
    found = Gathered()
    list(gather(lambda: connection, site, DAY, found))
    return found


def judge_to_its_end(made: Plant, going: Judging) -> None:
    """The turns of one night."""
    with psycopg.connect(made.database.url("alerting"), autocommit=True) as connection:
        for _ in range(1000):
            if going._apart is not None:
                going._apart._process.wait(120)
            with transaction(connection, made.database.service_token()):
                if going.turn(connection, NIGHT):
                    return
    raise AssertionError("the night never ended")


def test_the_site_that_waits_longest_is_first(house: Plant) -> None:
    """However the process was begun anew: a site that was judged yesterday comes behind one that never was."""
    with house.owner() as connection:
        connection.execute(
            "INSERT INTO second_opinion_night (company_id, site_id, day, state, begun_at, ended_at) VALUES (%s, %s, %s, 'done', %s, %s)",
            (house.a.company_id, house.a.site_id, DAY - timedelta(days=1), NIGHT, NIGHT),
        )
    with (
        psycopg.connect(house.database.url("alerting"), autocommit=True) as connection,
        transaction(connection, house.database.service_token()),
    ):
        there = store.sites(connection)
    assert len(there) > 1
    assert there[-1].site_id == house.a.site_id


def test_one_who_is_no_longer_wanted_leaves_no_process(house: Plant) -> None:
    """What judges apart is ended with who started it."""
    apart = Apart([], works_s=60.0, ends_s=60.0)
    process = apart._process
    apart.end()
    assert process.poll() is not None


def test_by_hand_what_is_wrong_has_a_sentence(house: Plant) -> None:
    """No such site, several of them, a day that is not over, and a night that somebody else is at."""
    url, token = house.database.url("alerting"), house.database.service_token
    for site, day, said in (
        ("tank-fram", DAY, "did you mean tank-farm"),
        ("", DAY, "say which with --site"),
        ("tank-farm", date(2026, 3, 21), "has not ended at tank-farm"),
        ("tank-farm", date(1, 1, 1), "before all readings"),
    ):
        with pytest.raises(BadInput, match=said):
            second_opinion(url, token, site=site, day=day, now=NIGHT)
    with house.owner() as connection:
        connection.execute(
            "INSERT INTO second_opinion_night (company_id, site_id, day, begun_at, lease_until) VALUES (%s, %s, %s, %s, %s)",
            (house.a.company_id, house.a.site_id, DAY, NIGHT, NIGHT + LEASE),
        )
    with pytest.raises(Unavailable, match="Somebody is judging"):
        second_opinion(url, token, site="tank-farm", day=DAY, now=NIGHT)


def test_a_waveform_is_read_by_its_snapshots(database: TestDatabase) -> None:
    """Of each window the first readings are looked at, in their order; where there are none, or bad ones, there is no spectrum."""
    made = plant(database, NIGHT)
    sensor = made.a.sensors["temp-pump"]
    with (
        database.connect("owner") as connection,
        connection.cursor().copy("COPY reading (sensor_id, measured_at, value, quality, batch_no) FROM STDIN") as copy,
    ):
        for n in range(600):
            for window, quality in ((0, 0), (2, 2)):
                at = BEGINS + window * WINDOW + timedelta(seconds=n / 30)
                copy.write_row((sensor, at, 4.0 + math.sqrt(2) * math.sin(2 * math.pi * 5 * n / 30), quality, 1))
    service = psycopg.connect(database.url("alerting"), autocommit=True)
    with service as connection, transaction(connection, database.service_token()):
        found = spectra(connection, sensor, BEGINS, BEGINS + timedelta(hours=1), 30.0, 3)
    assert found.shape == (4, 3)
    assert np.exp(found[0, 0]) == pytest.approx(1.0, rel=0.05)
    assert np.isnan(found[1:]).all()
