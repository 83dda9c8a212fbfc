"""The budget of false alarms against a real database: worked out, set, written down, and left alone where a person has spoken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from alerting.false_alarms import CAPPED, UNKNOWN, Numbers
from alerting.store.false_alarms import apply_budget, budget_limits, budget_sites
from core.db import transaction
from core.errors import Refused
from core.settings import Settings
from davy.doctor.examination import Examination
from davy.doctor.false_alarms import false_alarms
from davy.false_alarms.command import budgets, lines
from davy.false_alarms.keeping import due, keep_false_alarms, reason, weighed
from davy.false_alarms.normal import Said
from davy.limit_lint import lint_database
from davy.site.exporting import export_site
from tests.database import TestDatabase
from tests.davy.model_station import BEGAN, FITTED_AT, Station, bring
from tests.davy.test_models_db import station
from tests.detectors.station import TEXT, normal
from tests.logins import let_in

__all__ = ["station"]

pytestmark = [pytest.mark.db, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

UNTIL_S = 14_400
NOW = BEGAN + timedelta(seconds=UNTIL_S)
MEWMA, KNN = "_model.pump-1.model-unusual", "_model.pump-1.model-second"
APART = "_model.pump-1.model-apart"


@contextmanager
def alerting(database: TestDatabase) -> Iterator[psycopg.Connection[Any]]:
    """As a process of Davy's."""
    with database.connect("alerting") as connection, transaction(connection, database.service_token()):
        yield connection


def kept(station: Station, key: str = MEWMA) -> tuple[Any, ...]:
    """(setpoint, on-delay, version) of a limit."""
    return station.rows("SELECT setpoint, on_delay_s, version FROM alarm_definition WHERE key = %s", key)[0]


def learn(station: Station) -> None:
    """Four hours of normal operation, of which the later two calibrate: what nine minutes say of a week is nothing."""
    station.store(normal(UNTIL_S - 1200, 3), FITTED_AT)
    station.fit(until=NOW, now=NOW)


def look(station: Station) -> int:
    with alerting(station.database) as connection:
        return keep_false_alarms(connection, NOW)


def test_nothing_is_known_before_a_fit(station: Station) -> None:
    """Three alarms share two a week; their setpoints are their pack's, and it is said why."""
    with alerting(station.database) as connection:
        (site,) = budget_sites(connection)
        assert (site.key, site.per_week, site.scores) == ("east", 2.0, 3)
        assert [each.key for each in budget_limits(connection, site.site_id)] == [APART, KNN, MEWMA]
    assert look(station) == 0
    assert kept(station) == (2.3, 12.0, 1)
    told = lines(budgets(station.database.url("alerting"), station.token, NOW))
    assert any("not fitted yet" in each for each in told)


def test_a_fit_gives_setpoints_that_are_written_down(station: Station, tmp_path: Path) -> None:
    """With a version, a journal entry and its numbers; a second look changes nothing, and neither does the same file."""
    learn(station)
    assert look(station) >= 1
    setpoint, on_delay_s, version = kept(station)
    assert (setpoint, on_delay_s) != (2.3, 12.0)
    assert version == 2
    (state, share, expected, calibrated) = station.rows(
        "SELECT state, share, expected, calibrated FROM budgeted_limit JOIN alarm_definition USING (definition_id) WHERE key = %s",
        MEWMA,
    )[0]
    assert (state in ("kept", "capped", "unused"), share) == (True, pytest.approx(2 / 3))
    assert expected is not None
    assert calibrated > 249
    (actor, old, reason), *_ = station.rows(
        "SELECT actor, old, reason FROM journal WHERE action = 'limit_changed' AND subject = %s", f"limit east/{MEWMA}"
    )
    assert (actor, old["setpoint"]) == ("Davy, false-alarm budget", 2.3)
    assert "2 false alarms a week, shared by 3" in reason
    assert look(station) == 0
    assert bring(station.database, tmp_path, TEXT) == []
    assert kept(station) == (setpoint, on_delay_s, version)
    assert bring(station.database, tmp_path, export_site(station.database.url("owner"))) == []


def test_a_person_has_the_last_word(station: Station, tmp_path: Path) -> None:
    """By the file: the budget sets it no more, until it is given back."""
    own = TEXT + f"        false_alarms: {{own: [{{limit: {MEWMA}, setpoint: 2.7}}]}}\n"
    learn(station)
    look(station)
    before = kept(station)
    with pytest.raises(Refused, match="say why"):
        bring(station.database, tmp_path, own)
    bring(station.database, tmp_path, own, reason="we know this pump")
    assert kept(station)[0] == 2.7
    look(station)
    assert kept(station)[0] == 2.7
    given_back = TEXT + "        false_alarms: 2 a week\n"
    bring(station.database, tmp_path, given_back, reason="as Davy has it")
    assert kept(station)[:2] == (2.3, 12.0)
    look(station)
    assert kept(station)[:2] == before[:2]


def test_what_is_set_by_other_ways_is_left_alone(station: Station) -> None:
    """Whoever wrote it: the value in force is not what the budget set."""
    learn(station)
    look(station)
    with station.database.connect("owner") as connection:
        connection.execute(
            "UPDATE alarm_definition SET setpoint = 2.51, version = version + 1 WHERE key = %s", (MEWMA,)
        )
        connection.execute("UPDATE budgeted_limit SET looked_at = NULL")
    look(station)
    assert kept(station)[0] == 2.51
    with alerting(station.database) as connection:
        (site,) = budget_sites(connection)
        limit = next(each for each in budget_limits(connection, site.site_id) if each.key == MEWMA)
        assert limit.own
        assert apply_budget(connection, limit.definition_id, setpoint=2.0, on_delay_s=1.0, why="no", now=NOW) is None


def test_a_site_without_a_budget_has_its_packs_setpoints(station: Station, tmp_path: Path) -> None:
    """Off puts them back, and the duty keeps its hands off."""
    learn(station)
    look(station)
    bring(station.database, tmp_path, TEXT + '        false_alarms: "off"\n', reason="we look by ourselves")
    assert kept(station)[:2] == (2.3, 12.0)
    assert look(station) == 0
    assert station.rows("SELECT count(*) FROM budgeted_limit WHERE ended_at IS NULL") == [(0,)]
    assert "no budget" in lines(budgets(station.database.url("alerting"), station.token, NOW))[0]


def test_the_database_keeps_statistics_from_life_safety(station: Station) -> None:
    """By constraint too, whoever writes; and web may set nothing."""
    with (
        station.database.connect("owner") as connection,
        pytest.raises(psycopg.errors.CheckViolation, match="statistic"),
    ):
        connection.execute("UPDATE alarm_definition SET priority = 'life-safety' WHERE key = %s", (MEWMA,))
    with station.database.connect("web") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT davy_budget_apply(1, 2.0, 1.0, 'x', now())")
    with alerting(station.database) as connection:
        (site,) = budget_sites(connection)
        one = budget_limits(connection, site.site_id)[0]
        for wrong in (-1.0, float("nan"), float("inf")):
            with pytest.raises(psycopg.errors.CheckViolation), connection.transaction():
                apply_budget(connection, one.definition_id, setpoint=wrong, on_delay_s=1.0, why="x", now=NOW)


def test_a_calibration_too_small_is_told(station: Station) -> None:
    """Lint and doctor say what would do and what is there; doctor calls it wrong where it is false more than twice as often as it may."""
    with station.database.connect("owner") as connection:
        connection.execute(
            "UPDATE budgeted_limit SET state = 'capped', needs = 2100, calibrated = 345, share = 1, expected = 1.5, looked_at = now()"
            " WHERE definition_id = (SELECT definition_id FROM alarm_definition WHERE key = %s)",
            (MEWMA,),
        )
        on = Examination(Settings.read({}), NOW, str)
        assert false_alarms(on, connection).ok
        connection.execute("UPDATE budgeted_limit SET expected = 2.5 WHERE needs IS NOT NULL")
        check = false_alarms(on, connection)
    assert not check.ok
    assert f"{MEWMA} (2100, 345)" in check.found
    (remark,) = [
        each for each in lint_database(station.database.url("owner")).remarks if each.rule == "calibration-too-small"
    ]
    assert "needs 2100 windows and has 345" in remark.said("en")


def test_an_alarm_that_can_never_come_is_told_and_set_within_reach(station: Station) -> None:
    """The budget had set it by a larger calibration; another version is in force since: its turn comes at once, and not the next day."""
    learn(station)
    look(station)
    with station.database.connect("owner") as connection:
        connection.execute(
            "UPDATE budgeted_limit SET setpoint = 9, expected = NULL WHERE definition_id = (SELECT definition_id FROM alarm_definition WHERE key = %s)",
            (MEWMA,),
        )
        connection.execute("UPDATE alarm_definition SET setpoint = 9 WHERE key = %s", (MEWMA,))
        check = false_alarms(Examination(Settings.read({}), NOW, str), connection)
    assert (check.ok, f"{MEWMA} (9, 2." in check.found or f"{MEWMA} (9, 3." in check.found) == (False, True)
    (remark,) = [each for each in lint_database(station.database.url("owner")).remarks if each.rule == "never-reached"]
    assert (remark.limit, "Can never call" in remark.said("en"), "永远不会" in remark.said("zh")) == (MEWMA, True, True)
    told = lines(budgets(station.database.url("alerting"), station.token, NOW))
    assert any(MEWMA in each and "it can never call" in each for each in told)
    assert look(station) == 0  # it was looked at today
    with station.database.connect("owner") as connection:
        connection.execute("UPDATE budgeted_limit SET looked_at = looked_at - interval '1 second'")
        connection.execute("UPDATE model_promotion SET promoted_at = %s", (NOW,))
    look(station)
    ((highest,),) = station.rows("SELECT min(highest) FROM detector_model WHERE kind = 'mewma'")
    assert kept(station)[0] < highest
    assert [each for each in lint_database(station.database.url("owner")).remarks if each.rule == "never-reached"] == []


def test_what_is_out_of_reach_is_set_though_little_is_known(station: Station) -> None:
    """However few bursts there were, an alarm that never comes is none; it is written down why. A person's own is told, and stays."""
    with alerting(station.database) as connection:
        (site,) = budget_sites(connection)
        limit = next(each for each in budget_limits(connection, site.site_id) if each.key == MEWMA)
    quiet = Numbers(at=np.arange(500) * 10_000_000, number=np.zeros(500), period_s=10.0, calibrated=299)
    assert weighed(limit, Said(quiet), 1.0).choice.state == UNKNOWN
    found = weighed(replace(limit, setpoint=3.2), Said(quiet), 1.0)
    assert (found.choice.state, found.choice.setpoint, found.choice.needs) == (CAPPED, 2.47, 1585)
    assert found.out_of_reach
    assert "could never have come" in reason(site, found)


def test_whose_turn_is_longest_past_comes_first(station: Station) -> None:
    """Many alarms of which nothing is known yet, looked at again each hour, keep no other one waiting."""
    with station.database.connect("owner") as connection:
        connection.execute(
            "UPDATE budgeted_limit b SET state = 'unknown', share = 1, looked_at = %s - interval '2 hours' * CASE d.key WHEN %s THEN 2 ELSE 1 END"
            " FROM alarm_definition d WHERE d.definition_id = b.definition_id",
            (NOW, MEWMA),
        )
    with alerting(station.database) as connection:
        assert [limit.key for _, limit in due(connection, NOW)] == [MEWMA, APART, KNN]


def test_an_agreement_ends_the_limit_that_stood_before(timescale_database: TestDatabase, tmp_path: Path) -> None:
    """Or it would go on calling by itself beside it."""
    alone = TEXT.replace(
        'quantity: flow, unit: "m3/h", period_s: 1}',
        'quantity: flow, unit: "m3/h", period_s: 1, limits: [signal.unusual]}',
    )
    assert "signal.unusual" in alone
    bring(timescale_database, tmp_path, alone)
    both = alone.replace("[signal.unusual]", "[{limit: signal.unusual, agrees_with: {sensor: p1/current}}]")
    bring(timescale_database, tmp_path, both, reason="too many")
    with timescale_database.connect("owner") as connection:
        found = connection.execute(
            "SELECT key, retired_at IS NOT NULL FROM alarm_definition WHERE key LIKE '%%flow.unusual' ORDER BY key"
        ).fetchall()
        asset = connection.execute(
            "SELECT a.key FROM sensor s JOIN asset a USING (asset_id) WHERE s.key = '_compound.flow.unusual'"
        ).fetchone()
    assert found == [("_compound.flow.unusual", False), ("flow.unusual", True)]
    assert asset == ("pump-1",)
    assert bring(timescale_database, tmp_path, export_site(timescale_database.url("owner"))) == []


def test_a_statistic_that_becomes_life_safety_leaves_the_budget_first(
    timescale_database: TestDatabase, tmp_path: Path
) -> None:
    """A site may call it that, by two people; no budget sets it any more."""
    alone = TEXT.replace(
        'quantity: flow, unit: "m3/h", period_s: 1}',
        'quantity: flow, unit: "m3/h", period_s: 1, limits: [signal.unusual]}',
    )
    bring(timescale_database, tmp_path, alone)
    grave = alone.replace("[signal.unusual]", "[{limit: signal.unusual, priority: life-safety}]")
    let_in(timescale_database, BEGAN)
    people = {"proposer": "ww-officer", "approver": "ww-integrator"}
    bring(timescale_database, tmp_path, grave, reason="it is our only warning", **people)
    with timescale_database.connect("owner") as connection:
        found = connection.execute(
            "SELECT d.priority, b.ended_at IS NOT NULL FROM alarm_definition d JOIN budgeted_limit b USING (definition_id) WHERE d.key = 'flow.unusual'"
        ).fetchone()
    assert found == ("life-safety", True)
