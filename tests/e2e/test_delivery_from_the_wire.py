"""The daily delivery test begins on the wire, on real servers: measured where all is well, and the leg named where one is dead."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from core.db import connect
from davy.private.stack import Plan, Stack
from davy.servers.processes import wait_until
from tests.e2e.instance import ROOT, private_stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
DEMO = ROOT / "packs" / "demo" / "portfolio.yaml"
SETTINGS = {"DAVY_DELIVERY_SINK": "insurer-engineer"}
ARRIVES_WITHIN = timedelta(minutes=1)
PLAN = Plan(
    site_file=DEMO, settings=SETTINGS, users=False, parts=("inbox", "ingest", "detectors", "alerting"), fsync=False
)


def rows(stack: Stack, sql: str) -> list[Any]:
    with closing(connect(stack.database_url("owner"), application="test")) as connection:
        return connection.execute(sql.encode()).fetchall()


def outcomes(stack: Stack) -> set[Any]:
    return set(rows(stack, "SELECT outcome, missing, on_wire FROM exercise WHERE kind = 'delivery'"))


def again(stack: Stack, days: int) -> None:
    """As if yesterday's tests were over: those of a day are due once, so what was made is put back by some."""
    moved = (
        "UPDATE exercise SET asked_at = asked_at - %s * interval '1 day'"
        " WHERE kind = 'delivery' AND asked_at > now() - interval '25 hours'"
    )
    with closing(connect(stack.database_url("owner"), application="test")) as connection:
        connection.execute(moved, (days,))


def all_ended(stack: Stack) -> bool:
    """Each site has a newest test that is over."""
    found = rows(
        stack,
        "SELECT count(*) FILTER (WHERE ended_at IS NOT NULL AND asked_at > now() - interval '25 hours'), (SELECT count(*) FROM site)"
        " FROM exercise WHERE kind = 'delivery'",
    )
    return bool(found[0][0] == found[0][1])


def test_a_test_from_the_wire_is_measured_and_a_dead_part_is_named() -> None:
    """Judged: every leg has its time, nothing of it stays. Ingest killed: stored. A limit that is not judged: alarm. No broker: published."""
    with private_stack(PLAN) as stack:
        # No plant runs here: the alarms of its silence would, rightly, be let go first.
        rows(
            stack,
            "UPDATE alarm_definition SET priority = 'medium' WHERE role = 'alarm' AND priority IN ('life-safety', 'high') RETURNING 1",
        )
        assert wait_until(lambda: all_ended(stack), 120), outcomes(stack)
        assert outcomes(stack) == {("delivered", None, True)}
        legs = rows(
            stack,
            "SELECT published_at <= taken_at, published_at <= raised_at, raised_at <= delivered_at, delivered_at < published_at + interval '1 minute'"
            " FROM exercise WHERE kind = 'delivery'",
        )
        assert set(legs) == {(True, True, True, True)}
        assert set(rows(stack, "SELECT exercise, resolution FROM occurrence WHERE exercise")) == {
            (True, "test_or_drill")
        }
        assert rows(stack, "SELECT DISTINCT urgency FROM notification WHERE urgency = 4") == [(4,)]
        assert rows(stack, "SELECT count(*) FROM rejected_message") == [(0,)]

        rows(
            stack,
            "UPDATE alarm_definition SET setpoint = 5 WHERE key = '_exercise.wire' RETURNING davy_definitions_changed()",
        )
        wait_until(lambda: False, 5)
        again(stack, 2)
        assert wait_until(lambda: all_ended(stack), 150)
        assert {missing for _, missing, _ in outcomes(stack)} == {None, "alarm"}
        kept = rows(
            stack,
            "SELECT DISTINCT t.reason FROM transition t JOIN alarm_definition d USING (definition_id) WHERE d.key = '_delivery.late'",
        )
        assert "its alarm did not come" in kept[0][0]
        assert "未产生报警" in kept[0][0]

        stack.parts["ingest"].kill()
        again(stack, 4)
        assert wait_until(lambda: all_ended(stack), 150)
        assert "stored" in {missing for _, missing, _ in outcomes(stack)}

        stack.broker.stop()
        again(stack, 6)
        assert wait_until(lambda: all_ended(stack), 150)
        assert "published" in {missing for _, missing, _ in outcomes(stack)}
