"""The facts of a report from the real schema, on both kinds of database, against numbers counted by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.db import transaction
from risk.report.facts import ReportFacts
from risk.report.gathering import default_month, gather
from risk.report.month import INSURERS_DELAY, Month
from risk.report.refusal import Unreportable
from risk.report.store.site import find_site
from tests.api.plant import Plant, plant
from tests.database import TestDatabase
from tests.risk.seeded_month import Seeded, seed_month

pytestmark = pytest.mark.db
ROLES = {"officer": "safety_officer", "underwriter": "underwriter"}


def facts_of(made: Plant, month: Month, now: datetime, *, who: str = "officer") -> ReportFacts:
    """As the web reads them, for a person of company A or the underwriter."""
    person = made.a.people[who] if who in made.a.people else made.insurer[who]
    token = made.database.person_token(person, ROLES[who], made.a.company_id)
    delay = INSURERS_DELAY if who == "underwriter" else timedelta(0)
    with made.database.connect("web") as connection, transaction(connection, token):
        site = find_site(connection, "tank-farm", now)
        assert site is not None
        return gather(connection, site, month, now, delay=delay)


@pytest.fixture
def seeded(database: TestDatabase) -> tuple[Plant, Seeded]:
    """A plant with a month behind it."""
    made = plant(database)
    return made, seed_month(made)


def test_the_facts_are_those_of_the_rows(seeded: tuple[Plant, Seeded]) -> None:
    """Every figure of the report, counted by hand from what tests/risk/seeded_month.py writes."""
    made, month = seeded
    facts = facts_of(made, month.month, made.began)
    days = len(month.month.days())
    assert (facts.as_of, facts.complete, facts.simulated) == (month.until, True, True)
    assert (facts.site.company, facts.site.sensors, facts.site.mandatory) == ("Huaihai Petrochemical", 2, 1)
    assert [policy.number for policy in facts.policies] == ["PL-1"]
    scores = {score.name: (score.value, score.low, score.high, score.before) for score in facts.scores}
    assert scores["control"] == (78.0, 72.0, 84.0, 82.0)
    assert [day.control for day in facts.score_days][-2:] == [79.0, 78.0]
    assert [(d.key, d.lost, d.before) for d in facts.drivers] == [("response", 22.0, 18.0), ("suppression", None, None)]
    counted = {row.priority: (row.alarms, row.historic, row.answered, row.unanswered) for row in facts.priorities}
    assert counted == {"life-safety": (1, 0, 1, 0), "high": (3, 0, 2, 1), "medium": (1, 0, 1, 0), "low": (1, 1, 0, 0)}
    high = facts.priorities[1]
    assert (high.p50_s, high.p90_s, high.longest_s, high.target_s) == (120.0, None, 120.0, 300.0)
    assert facts.resolutions.by_reason == {"nuisance": 2, "test_or_drill": 1, "true_danger": 1, "unknown": 1}
    assert (facts.resolutions.open, facts.resolutions.nuisance_share) == (1, 0.4)
    assert sum(sum(day.counts) for day in facts.alarm_days) == 6
    assert [(one.suppression, one.priority, one.alarms) for one in facts.silenced] == [("shelved", "life-safety", 1)]
    assert facts.silenced[0].hours == pytest.approx(2 + 3)
    assert facts.share == pytest.approx((10 * 24 + 12) / (24 * days))
    assert [one.device for one in facts.coverage] == ["tank-farm-gas"]
    assert facts.coverage[0].days[9:12] == (1.0, 0.0, 0.5)
    assert [(one.sensor, one.overdue_days) for one in facts.overdue_calibrations] == [("Gas detector pump house", 11)]
    assert (facts.calibrated, facts.standard_limits, facts.verified_limits) == (1, 4, 0)


def test_findings_and_impairments_are_told_as_they_stood(seeded: tuple[Plant, Seeded]) -> None:
    """What was closed or restored after the month is open in its report."""
    made, month = seeded
    facts = facts_of(made, month.month, made.began)
    days = len(month.month.days())
    major, general = facts.grades
    assert (major.opened, major.closed, major.open_after, major.overdue) == (1, 0, 1, 1)
    assert major.overdue_days == pytest.approx(days - 10 - 9 / 24)
    assert (general.open_before, general.opened, general.closed, general.open_after, general.overdue) == (1, 1, 1, 1, 1)
    assert general.overdue_days == pytest.approx(2 + days - 27 - 9 / 24)
    assert [one.title for one in facts.open_findings] == ["Pump does not start", "Sign missing"]
    bypass, pump = facts.impairments
    assert (bypass.hours, bypass.restored_at, bypass.overran) == (24.0 * days, None, False)
    assert (pump.hours, pump.overran) == (6.0, True)


def test_a_month_that_is_over_is_told_the_same_later(seeded: tuple[Plant, Seeded]) -> None:
    """The facts of a month do not depend on the day they are read on."""
    made, month = seeded
    assert facts_of(made, month.month, month.until) == facts_of(made, month.month, month.until + timedelta(days=20))


def test_the_insurer_reads_the_same_a_day_later(seeded: tuple[Plant, Seeded]) -> None:
    """Of a month that is long over the insurer's people read what the client reads; of a young one nothing younger than a day."""
    made, month = seeded
    late = max(made.began, month.until + timedelta(days=2))
    assert facts_of(made, month.month, late, who="underwriter") == facts_of(made, month.month, late)
    young = facts_of(made, month.month, month.at(3, 12), who="underwriter")
    assert young.as_of == month.at(2, 12)
    assert [row.alarms for row in young.priorities] == [1, 1, 0, 0]
    assert young.formula is None


def test_an_empty_month_has_a_sentence(seeded: tuple[Plant, Seeded]) -> None:
    """No report is made of nothing: before the first record it names the month of that; what is to come has its own sentence."""
    made, month = seeded
    first = month.month.previous()
    with pytest.raises(Unreportable, match=rf"recorded of tank-farm in 2019-03: its records begin in {first}\."):
        facts_of(made, Month(2019, 3), made.began)
    with made.owner() as owner:
        owner.execute(
            "UPDATE occurrence SET began_at = began_at - interval '70 days' WHERE began_at < %s", (month.since,)
        )
    with pytest.raises(Unreportable, match=rf"recorded of tank-farm in {first.previous()}, up to {first}-01 00:00\."):
        facts_of(made, first.previous(), made.began)
    with pytest.raises(Unreportable, match="has not begun yet"):
        facts_of(made, Month.of(made.began, "Asia/Shanghai").next(), made.began)


def test_who_names_no_month_gets_the_last_whole_one(seeded: tuple[Plant, Seeded]) -> None:
    """Where it has records; a site that is new has only the month that runs."""
    made, month = seeded
    token = made.database.service_token()
    with made.database.connect("alerting") as connection, transaction(connection, token):
        for key, wanted in (("tank-farm", month.month), ("mine", month.month.next())):
            site = find_site(connection, key, made.began)
            assert site is not None
            assert default_month(connection, site, made.began) == wanted


def test_another_companys_site_is_not_there(seeded: tuple[Plant, Seeded]) -> None:
    """Row security decides what a report can be made of."""
    made, _ = seeded
    token = made.database.person_token(made.b.people["officer"], "safety_officer", made.b.company_id)
    with made.database.connect("web") as connection, transaction(connection, token):
        assert find_site(connection, "tank-farm", datetime.now(UTC)) is None


def test_a_score_without_a_number_is_no_record(database: TestDatabase) -> None:
    """A site of yesterday has rows of scores that say only that there is not enough: no report is made of them."""
    made = plant(database)
    month = Month.of(made.began, "Asia/Shanghai").previous()
    with made.owner() as owner:
        owner.execute(
            "INSERT INTO site_score (site_id, company_id, day, formula, hazard, not_enough, parts, computed_at)"
            " VALUES (%s, %s, %s, 'control-1', 60, 'too_few_days', '{}', now())",
            (made.a.site_id, made.a.company_id, month.first_day()),
        )
    with pytest.raises(Unreportable, match="Nothing is recorded"):
        facts_of(made, month, made.began)
