"""The demo's sixty days in a database: through the functions of people's clicks, marked, scored by risk, told to nobody."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alerting import chain
from alerting.ledger import AlarmKey
from alerting.store.alarms import transitions_of
from core.db import transaction
from core.principal import ServiceToken
from davy.duties.notices import send_digests, tell_occasions
from davy.past.plan import DAYS
from davy.past.sixty_days import write_sixty_days
from davy.past.stories import FINDINGS, IMPAIRMENTS, KINDS
from davy.private.up import PORTFOLIO
from davy.site.importing import import_site
from risk.score.formula import shipped
from risk.score.scoring import score_day
from risk.store import scores
from tests.database import TestDatabase

pytestmark = [pytest.mark.db, pytest.mark.timeout(240)]

UNTIL = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


@dataclass(frozen=True)
class Past:
    """A database with the demo's portfolio and its sixty days."""

    database: TestDatabase

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """As the owner, who sees all."""
        with self.database.connect("owner", self.database.service_token()) as connection:
            return connection.execute(query, values or None).fetchall()

    def write(self, seed: int = 1) -> None:
        """What the process does, as often as asked."""
        token = ServiceToken(self.database.key)
        write_sixty_days(
            self.database.url("owner"), lambda: token.at(time.time()), seed=seed, until=UNTIL, stopped=lambda: False
        )


@pytest.fixture
def past(database: TestDatabase) -> Past:
    """Sixty days, written once."""
    import_site(
        database.url("owner"), PORTFOLIO, actor="test", reason="", variables={"DEMO_WEBHOOK": "http://127.0.0.1:1"}
    )
    made = Past(database)
    made.write()
    return made


ALL = """SELECT d.key, o.began_at, o.normal_at, o.resolved_at, o.resolution, o.first_value FROM occurrence o
JOIN alarm_definition d USING (definition_id) ORDER BY o.began_at, d.key"""
NUMBERS = "SELECT site_id, day, hazard, control, confidence, not_enough, coverage FROM site_score ORDER BY site_id, day"


def test_it_is_marked_chained_scored_and_told_to_nobody(past: Past) -> None:
    """One long look, as writing it takes its time: occurrences, chain, findings, impairments, hours, scores, silence; and a
    second run changes nothing."""
    occurrences = past.rows(ALL)
    assert len(occurrences) == sum(kind.times for kind in KINDS)
    assert past.rows("SELECT count(*) FROM occurrence WHERE NOT simulated OR resolved_at IS NULL OR historic") == [(0,)]
    assert past.rows("SELECT count(*) FROM alarm WHERE state <> 'A' OR suppression <> 'none'") == [(0,)]
    the_chain_holds(past)
    states = dict(past.rows("SELECT state, count(*) FROM finding WHERE simulated GROUP BY 1"))
    assert set(states) == {"reported", "rectifying", "claimed_done", "closed"}
    assert sum(states.values()) == len(FINDINGS)
    assert past.rows("SELECT grade FROM finding WHERE state = 'rectifying' AND due_at < %s", UNTIL) == [("major",)]
    assert past.rows("SELECT count(*) FROM impairment WHERE simulated") == [(len(IMPAIRMENTS),)]
    late = "SELECT count(*) FROM impairment WHERE restored_at IS NULL AND expected_until < %s"
    assert past.rows(late, UNTIL) == [(1,)]
    assert past.rows("SELECT bool_and(simulated), count(DISTINCT hour) FROM reading_hour") == [(True, 24 * DAYS)]
    the_scores_are_risk_s_own(past)
    nobody_is_told(past)
    numbers = past.rows(NUMBERS)
    past.write()
    assert (past.rows(ALL), past.rows(NUMBERS)) == (occurrences, numbers)


def the_chain_holds(past: Past) -> None:
    """Every alarm's transitions verify, from the genesis on."""
    keys = [AlarmKey(*row) for row in past.rows("SELECT definition_id, sensor_id FROM alarm")]
    with past.database.connect("owner", past.database.service_token()) as connection:
        links = transitions_of(connection, keys)
    assert len(links) > 4 * sum(kind.times for kind in KINDS) - 1
    assert chain.verify(links) is None


def the_scores_are_risk_s_own(past: Past) -> None:
    """Each kept score is what `davy score` computes of that day now; sites differ, and some days have no number."""
    with past.database.connect("owner") as connection, transaction(connection, past.database.service_token()):
        for site in scores.sites(connection):
            kept = [
                scores.find_score(connection, site.site_id, day, shipped().formula) for day in days(past, site.site_id)
            ]
            assert len(kept) == DAYS - 1
            for row in kept[:: DAYS // 4]:
                assert row is not None
                assert score_day(connection, site, row.day, shipped(), row.computed_at) == row
                assert row.simulated
    newest = past.rows(
        "SELECT DISTINCT ON (site_id) round(control), round(confidence) FROM site_score ORDER BY site_id, day DESC"
    )
    assert len(set(newest)) == 3
    assert past.rows("SELECT count(*) > 0 FROM site_score WHERE not_enough = 'too_few_days'") == [(True,)]


def days(past: Past, site_id: int) -> list[Any]:
    """The days that a site has a score of."""
    return [row[0] for row in past.rows("SELECT day FROM site_score WHERE site_id = %s ORDER BY day", site_id)]


def nobody_is_told(past: Past) -> None:
    """No call is queued, no notice of a finding or an impairment, and no digest."""
    for now in (UNTIL, UNTIL + timedelta(hours=24)):
        with past.database.connect("alerting") as connection, transaction(connection, past.database.service_token()):
            assert tell_occasions(connection, now) == 0
            assert send_digests(connection, now) == 0
    assert past.rows("SELECT DISTINCT subject, state, outcome FROM notification") == [
        ("digest", "cancelled", "nothing to say")
    ]
