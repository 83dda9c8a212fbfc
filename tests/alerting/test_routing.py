"""Who hears what: a pure function with a reason that a person can read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from alerting.routing import HISTORIC, URGENCY, Route, RouteStep, plan
from core.model import Priority

ONSET = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
OFFICER, DEPUTY, UNDERWRITER = 1, 2, 3
URGENT = Route(
    "urgent", "client", frozenset({Priority.LIFE_SAFETY, Priority.HIGH}),
    [RouteStep(0, 0, OFFICER, "smtp"), RouteStep(0, 0, OFFICER, "webhook"), RouteStep(1, 120, DEPUTY, "smtp")],
)  # fmt: skip
INSURER = Route("duty-desk", "insurer", frozenset({Priority.LIFE_SAFETY}), [RouteStep(0, 300, UNDERWRITER, "smtp")])


def test_each_step_has_its_time_and_its_reason() -> None:
    """Steps count from the onset and say why they are there."""
    calls = plan(Priority.LIFE_SAFETY, [INSURER, URGENT], onset=ONSET, now=ONSET)
    assert [((c.at - ONSET).total_seconds(), c.person_id, c.channel, c.audience) for c in calls] == [
        (0, OFFICER, "smtp", "client"), (0, OFFICER, "webhook", "client"), (120, DEPUTY, "smtp", "client"),
        (300, UNDERWRITER, "smtp", "insurer"),
    ]  # fmt: skip
    assert calls[0].rule == "route urgent (client), step 0: life-safety alarms, at once"
    assert calls[3].rule == (
        "route duty-desk (insurer), step 0: life-safety alarms, 300 s after the onset, unless acknowledged before"
    )


def test_a_route_answers_only_its_priorities() -> None:
    """The insurer hears of life safety only, because its route says so; nobody hears of low ones here."""
    assert {c.audience for c in plan(Priority.HIGH, [URGENT, INSURER], onset=ONSET, now=ONSET)} == {"client"}
    assert plan(Priority.LOW, [URGENT, INSURER], onset=ONSET, now=ONSET) == []


def test_two_routes_with_the_same_step_tell_a_person_once() -> None:
    """The same person, channel and position is one message, at the earlier time."""
    slower = Route("other", "client", frozenset({Priority.HIGH}), [RouteStep(0, 60, OFFICER, "smtp")])
    calls = plan(Priority.HIGH, [slower, URGENT], onset=ONSET, now=ONSET)
    assert [(c.at, c.rule.split()[1]) for c in calls if c.channel == "smtp" and c.position == 0] == [(ONSET, "urgent")]


def test_the_past_calls_nobody_but_life_safety_says_how_late_it_is() -> None:
    """More than 15 minutes old when we learn of it: no night calls; one message for life safety, none to the insurer."""
    late = ONSET + HISTORIC + timedelta(seconds=1)
    assert plan(Priority.HIGH, [URGENT], onset=ONSET, now=late) == []
    calls = plan(Priority.LIFE_SAFETY, [URGENT, INSURER], onset=ONSET, now=late)
    assert [(c.person_id, c.channel) for c in calls] == [(OFFICER, "smtp")]
    assert "15 minutes late" in calls[0].rule
    assert len(plan(Priority.HIGH, [URGENT], onset=ONSET, now=ONSET + HISTORIC)) == 3


def test_life_safety_goes_first() -> None:
    """The order in which what is due goes out."""
    assert sorted(URGENCY, key=lambda p: URGENCY[p])[0] is Priority.LIFE_SAFETY
