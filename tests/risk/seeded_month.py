"""The month before this one, written into the rows of `tests.api.plant`: what a report of it says can be counted by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from risk.report.month import Month
from tests.api.plant import Company, Plant

ZONE = "Asia/Shanghai"


@dataclass(frozen=True, slots=True)
class Seeded:
    """Which month, and where it begins."""

    month: Month
    since: datetime
    until: datetime

    def at(self, day: int, hour: float = 9.0) -> datetime:
        """An instant of it; day 1 is its first."""
        return self.since + timedelta(days=day - 1, hours=hour)


def seed_month(plant: Plant, month: Month | None = None) -> Seeded:
    """Scores, alarms, findings, impairments and readings of company A's site."""
    month = month or Month.of(plant.began, ZONE).previous()
    seeded = Seeded(month, month.since(ZONE), month.until(ZONE))
    with plant.owner() as c:
        _policy(c, plant.a, seeded)
        _readings(c, plant.a, seeded)
        _alarms(c, plant.a, seeded)
        _findings(c, plant.a, seeded)
        _impairments(c, plant.a, seeded)
        _scores(c, plant.a, seeded)
    return seeded


def _policy(c: psycopg.Connection[Any], a: Company, m: Seeded) -> None:
    first = m.month.first_day()
    c.execute(
        "WITH p AS (INSERT INTO policy (company_id, number, begins_on, ends_on, premium, sum_insured, currency)"
        " VALUES (%s, 'PL-1', %s, %s, 486000, 60000000, 'CNY') RETURNING policy_id)"
        " INSERT INTO policy_site SELECT policy_id, %s, %s FROM p",
        (a.company_id, first - timedelta(days=90), first + timedelta(days=200), a.site_id, a.company_id),
    )


def _readings(c: psycopg.Connection[Any], a: Company, m: Seeded) -> None:
    """The gas detector reports once a minute: ten whole days, a silent one, half a day with one hour of twice as many."""
    gas = a.sensors["lel-pump"]
    c.execute(
        "UPDATE sensor SET period_s = 60, mandatory = true, calibrated_on = %s, calibration_days = 90 WHERE sensor_id = %s",
        (m.until.date() - timedelta(days=100), gas),
    )
    hours = [(day, hour, 60) for day in range(1, 11) for hour in range(24)]
    hours += [(12, hour, 120 if hour == 3 else 60) for hour in range(12)]
    for day, hour, readings in hours:
        c.execute(
            "INSERT INTO reading_hour (sensor_id, hour, company_id, readings, good, simulated) VALUES (%s, %s, %s, %s, %s, true)",
            (gas, m.at(day, hour), a.company_id, readings, readings),
        )


def _alarms(c: psycopg.Connection[Any], a: Company, m: Seeded) -> None:
    """Six in the month and one before it."""
    for definition, began, answer_s, resolution, historic in (
        ("lel-pump.lel-2", m.at(2), 90, "true_danger", False),
        ("lel-pump.lel-1", m.at(2), 60, "nuisance", False),
        ("lel-pump.lel-1", m.at(3), 120, "nuisance", False),
        ("lel-pump.lel-1", m.at(20), None, None, False),
        ("temp-pump.high", m.at(20, 1), 30, "test_or_drill", False),
        ("temp-pump.stale", m.at(21), None, "unknown", True),
        ("temp-pump.stale", m.at(-3), 5, "unknown", False),
    ):
        closed = None if resolution is None else began + timedelta(hours=2)
        sensor = a.sensors[definition.rsplit(".", 1)[0]]
        row = c.execute(
            "INSERT INTO occurrence (company_id, site_id, definition_id, sensor_id, began_at, normal_at, resolved_at, resolution,"
            " action_taken, first_value, setpoint, evidence_from, historic) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'x', 55.25, 40, %s, %s)"
            " RETURNING occurrence_id",
            (
                a.company_id,
                a.site_id,
                a.definitions[definition],
                sensor,
                began,
                closed,
                closed,
                resolution,
                began,
                historic,
            ),
        ).fetchone()
        assert row is not None
        _step(c, a, definition, row[0], began, "raise", "B", late=timedelta(hours=1) if historic else timedelta(0))
        if answer_s is not None:
            _step(c, a, definition, row[0], began + timedelta(seconds=answer_s), "acknowledge", "C")
    # Shelved for two hours, and again over the end of the month.
    for at, event, suppression in (
        (m.at(5), "shelve", "shelved"),
        (m.at(5, 11), "unshelve", "none"),
        (m.until - timedelta(hours=3), "shelve", "shelved"),
        (m.until + timedelta(hours=3), "unshelve", "none"),
    ):
        _step(c, a, "lel-pump.lel-2", None, at, event, "A", suppression)


def _step(
    c: psycopg.Connection[Any], a: Company, definition: str, occurrence: int | None, at: datetime, event: str, to: str,
    suppression: str = "none", late: timedelta = timedelta(0),
) -> None:  # fmt: skip
    c.execute(
        "INSERT INTO transition (company_id, definition_id, sensor_id, number, occurrence_id, at, recorded_at, event, from_state,"
        " to_state, suppression, previous, hash) SELECT %(c)s, %(d)s, %(s)s, 1 + count(*), %(o)s, %(at)s, %(at)s + %(late)s, %(e)s, 'A', %(to)s,"
        " %(x)s, 'p', 'h' FROM transition WHERE definition_id = %(d)s",
        {
            "c": a.company_id, "d": a.definitions[definition], "s": a.sensors[definition.rsplit(".", 1)[0]],
            "o": occurrence, "at": at, "late": late, "e": event, "to": to, "x": suppression,
        },
    )  # fmt: skip


def _findings(c: psycopg.Connection[Any], a: Company, m: Seeded) -> None:
    """A major one that is overdue, one closed in the month, one closed after it."""
    officer, other = a.people["officer"], a.people["integrator"]
    for title, grade, reported, due, steps in (
        ("Pump does not start", "major", m.at(4), m.at(11), [(m.at(5), "rectifying")]),
        ("Valve not locked", "general", m.at(-9), m.at(6), [(m.at(-8), "rectifying"), (m.at(8), "closed")]),
        (
            "Sign missing",
            "general",
            m.at(25),
            m.at(28),
            [(m.at(25), "rectifying"), (m.until + timedelta(hours=5), "closed")],
        ),
    ):
        state = steps[-1][1]
        row = c.execute(
            "INSERT INTO finding (company_id, site_id, source, title, grade, graded_by, state, reported_at, reported_by, owner_id,"
            " measures, funds, due_at, contingency, claimed_at, claimed_by, closed_at, verified_by) VALUES (%s, %s, 'person', %s,"
            " %s, %s, %s, %s, %s, %s, 'm', 'f', %s, 'c', %s, %s, %s, %s) RETURNING finding_id",
            (a.company_id, a.site_id, title, grade, other, state, reported, officer, officer, due,
             *((steps[-1][0], officer, steps[-1][0], other) if state == "closed" else (None,) * 4)),
        ).fetchone()  # fmt: skip
        assert row is not None
        before = None
        for at, after, event in [(reported, "reported", "reported"), *((at, to, "assigned") for at, to in steps)]:
            c.execute(
                "INSERT INTO finding_event (company_id, finding_id, at, person_id, event, from_state, to_state)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (a.company_id, row[0], at, officer, event, before, after),
            )
            before = after


def _impairments(c: psycopg.Connection[Any], a: Company, m: Seeded) -> None:
    """One of six hours, longer than announced; one that began before and is not restored until after the month."""
    for kind, sensor, began, expected, restored in (
        ("fire_pump", None, m.at(7), m.at(7, 11), m.at(7, 15)),
        (
            "detector_bypass",
            a.sensors["lel-pump"],
            m.since - timedelta(days=2),
            m.until + timedelta(days=9),
            m.until + timedelta(days=1),
        ),
    ):
        c.execute(
            "INSERT INTO impairment (company_id, site_id, kind, sensor_id, what, reason, interim_measures, began_at, expected_until,"
            " reported_at, reported_by, restored_at, restored_by, restore_proof) VALUES (%s, %s, %s, %s, 'P-101', 'repair', 'watch', %s, %s, %s, %s,"
            " %s, %s, 'tested')",
            (
                a.company_id,
                a.site_id,
                kind,
                sensor,
                began,
                expected,
                began,
                a.people["officer"],
                restored,
                a.people["officer"],
            ),
        )


def _scores(c: psycopg.Connection[Any], a: Company, m: Seeded) -> None:
    last = m.month.next().first_day() - timedelta(days=1)
    for day, control in (
        (last, 78.0),
        (last - timedelta(days=1), 79.0),
        (m.month.first_day() - timedelta(days=1), 82.0),
    ):
        score(c, a, day, control)
    score(c, a, m.month.next().first_day(), 11.0)


def parts_of(control: float) -> dict[str, Any]:
    """What such a score is made of: answering takes all that is off."""
    response = {
        "key": "response", "name": "Time to acknowledge", "name_zh": "报警确认时间", "value": 1.8, "unit": "", "weight": 0.35,
        "points": 37.0, "low": 30.0, "high": 44.0, "lost": 100 - control, "sentence": "response",
        "words": {"alarms": 4, "ratio": 1.8, "late": 1},
    }  # fmt: skip
    shelving = response | {
        "key": "suppression", "name": "Alarms shelved", "name_zh": "报警搁置", "value": 0, "lost": None, "points": None,
        "low": None, "high": None, "sentence": "suppression.none", "words": {"alarms": 0},
    }  # fmt: skip
    return {
        "window": {"days": 30, "days_with_readings": 11}, "hazard": [], "control": [shelving, response], "confidence": [],
        "absent": [], "devices": [], "figures": {"alarms": 6, "sensors": 2, "alarms_per_1000_sensor_hours": None,
        "sensor_hours": 0, "acknowledged": 3, "waiting": 1, "late": 1, "ack_p50_s": 60, "ack_p90_s": 120},
    }  # fmt: skip


def score(c: psycopg.Connection[Any], a: Company, day: date, control: float) -> None:
    """A day's score."""
    c.execute(
        "INSERT INTO site_score (site_id, company_id, day, formula, hazard, hazard_low, hazard_high, control, control_low, control_high,"
        " confidence, confidence_low, confidence_high, not_enough, coverage, parts, computed_at)"
        " VALUES (%s, %s, %s, 'control-1', 60, 50, 70, %s, %s, %s, 90, 88, 92, %s, 0.9, %s, now())",
        (
            a.site_id, a.company_id, day, control, control - 6, control + 6, None, Jsonb(parts_of(control)),
        ),
    )  # fmt: skip
