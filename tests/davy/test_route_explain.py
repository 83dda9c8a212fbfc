"""`davy route explain`: the books where there are any, else the routes, and a sentence for what cannot be answered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.errors import BadInput
from davy.route_explain import explain, read_at
from tests.alerting.plant import NOW, make_plant
from tests.database import TestDatabase

pytestmark = pytest.mark.db


def test_it_says_who_when_over_what_and_by_which_rule(timescale_database: TestDatabase) -> None:
    """Of a call as the books have it; of what called nobody, as the routes are now."""
    plant = make_plant(timescale_database)
    plant.apply(plant.raised("gas"))
    url = timescale_database.url("owner")
    number = plant.alarm("gas")[3]
    found = explain(url, number, NOW)
    assert [(s.who, s.channel, s.state) for s in found.steps] == [
        ("officer", "smtp", "waiting"), ("deputy", "webhook", "waiting"), ("underwriter", "smtp", "waiting"),
    ]  # fmt: skip
    assert found.steps[1].at == "2026-03-01T08:02:00+00:00"
    assert found.steps[0].rule == "route urgent (client), step 0: life-safety alarms, at once"
    with timescale_database.connect("owner") as connection:
        connection.execute("DELETE FROM notification")
    planned = explain(url, number, NOW)
    assert [(s.who, s.state) for s in planned.steps] == [("officer", None), ("deputy", None), ("underwriter", None)]
    with pytest.raises(BadInput, match="There is no occurrence 999"):
        explain(url, 999, NOW)
    with pytest.raises(BadInput, match="began at"):
        explain(url, number, NOW - timedelta(hours=1))


def test_it_says_in_which_digest_or_group_somebody_was_told(timescale_database: TestDatabase) -> None:
    """What did not go out by itself names the message that told of it, and what waits says for what."""
    plant = make_plant(timescale_database)
    plant.apply(plant.raised("heat"))
    number = plant.alarm("heat")[3]
    plant.rows(
        "UPDATE notification SET state = 'sent', sent_at = %s, finished_at = %s, held_by = 'storm', told_in = 'storm-1' WHERE step = 0 RETURNING 1",
        NOW, NOW,
    )  # fmt: skip
    plant.rows("UPDATE notification SET held_by = 'cause' WHERE step = 1 RETURNING 1")
    told, waits = explain(timescale_database.url("owner"), number, NOW).steps
    assert told.rule.endswith("; told in the storm digest of 2026-03-01 08:00 UTC")
    assert (told.held_by, told.told_in) == ("storm", "storm-1")
    assert waits.rule.endswith("; its cause is told in its place while it holds")


def test_an_instant_that_cannot_be_read_gets_a_sentence() -> None:
    """With what would be right."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert read_at("", now) == now
    with pytest.raises(BadInput, match="--at tomorrow is no instant"):
        read_at("tomorrow", now)
