"""Calls to a duty position, by people's own wishes: who, when, over which channel, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from alerting.preference import DEFER, NEXT, Preference
from alerting.roster import Hours, Layer, Override, Roster
from alerting.routing import Route, RouteStep, plan
from alerting.snapshot import Snapshot, from_bytes, to_bytes
from core.model import Priority

ONSET = datetime(2026, 3, 1, 23, 59, 30, tzinfo=UTC)
ZHAO, QIAN, SUN, DESK = 1, 2, 3, 9
DUTY = Roster(
    roster_id=7, key="duty", audience="client", time_zone="UTC",
    layers=(Layer(key="day", people=(ZHAO, QIAN), begins_on=date(2026, 3, 1), hand_over=time(0), turn_days=1),),
)  # fmt: skip
INSURERS = Roster(
    roster_id=8, key="desk", audience="insurer", time_zone="UTC",
    layers=(Layer(key="all", people=(DESK,), begins_on=date(2026, 1, 1)),),
)  # fmt: skip
EVERYTHING = frozenset(Priority)
STEPS = [RouteStep(0, 0, None, "smtp", 7), RouteStep(1, 60, None, "smtp", 7), RouteStep(2, 120, None, "smtp", 8)]


def route(*steps: RouteStep, people: tuple[Preference, ...] = (), duty: Roster = DUTY) -> Route:
    wishes = {each.person_id: each for each in people}
    return Route("alarms", "client", EVERYTHING, list(steps or STEPS), frozenset(), {7: duty, 8: INSURERS}, wishes)


def told(found: Route, priority: Priority = Priority.HIGH, onset: datetime = ONSET) -> list[tuple[float, int, str]]:
    calls = plan(priority, [found], onset=onset, now=onset)
    return [((call.at - onset).total_seconds(), call.person_id, call.channel) for call in calls]


def test_a_step_reaches_whoever_is_on_duty_when_it_falls_due() -> None:
    """The hand-over lies between the first step and the second; the desk is told last, in the insurer's words."""
    assert told(route()) == [(0, ZHAO, "smtp"), (60, QIAN, "smtp"), (120, DESK, "smtp")]
    calls = plan(Priority.HIGH, [route()], onset=ONSET, now=ONSET)
    assert calls[0].rule == "route alarms (client), step 0: high alarms, at once; on duty by roster duty, layer day"
    assert [call.audience for call in calls] == ["client", "client", "insurer"]


def test_a_call_that_is_overdue_goes_to_who_is_on_duty_now() -> None:
    """Learnt of a minute late, after the hand-over: nobody is called who has gone home."""
    late = plan(Priority.HIGH, [route(STEPS[0])], onset=ONSET, now=ONSET + timedelta(minutes=1))
    assert [call.person_id for call in late] == [QIAN]


def test_a_hole_reaches_everybody_of_the_roster_and_says_so() -> None:
    """Nobody on duty must never mean that nobody is told."""
    hole = Override(override_id=3, person_id=None, begins_at=ONSET, ends_at=ONSET + timedelta(hours=1))
    found = route(STEPS[0], duty=replace(DUTY, overrides=(hole,)))
    calls = plan(Priority.LIFE_SAFETY, [found], onset=ONSET, now=ONSET)
    assert [call.person_id for call in calls] == [ZHAO, QIAN]
    assert calls[0].rule.endswith("nobody, by override 3; everybody of it is told")


@pytest.mark.parametrize("priority", [Priority.LIFE_SAFETY, Priority.HIGH])
def test_what_cannot_wait_heeds_no_quiet_hours(priority: Priority) -> None:
    """The floor: life safety always, and what is high unless the person says otherwise."""
    zhao = Preference(person_id=ZHAO, quiet=Hours(time(22), time(7)))
    assert told(route(STEPS[0], people=(zhao,)), priority)[0] == (0, ZHAO, "smtp")


def test_quiet_for_high_alarms_is_the_persons_word_and_never_covers_life_safety() -> None:
    """Whoever says so is not woken by what is high; by what can kill they are."""
    zhao = Preference(person_id=ZHAO, quiet=Hours(time(22), time(7)), quiet_high=True)
    found = route(STEPS[0], people=(zhao,))
    assert told(found, Priority.HIGH)[0][0] == 7 * 3600 + 30
    assert told(found, Priority.LIFE_SAFETY)[0][0] == 0


def test_what_can_wait_is_put_off_to_the_end_of_the_quiet_hours_of_their_own_clock() -> None:
    """07:00 in Shanghai, whatever the site's clock says."""
    zhao = Preference(person_id=ZHAO, time_zone="Asia/Shanghai", quiet=Hours(time(6), time(9)), in_quiet=DEFER)
    call = plan(Priority.LOW, [route(STEPS[0], people=(zhao,))], onset=ONSET, now=ONSET)[0]
    assert (call.person_id, call.at) == (ZHAO, datetime(2026, 3, 2, 1, 0, tzinfo=UTC))
    assert call.rule.endswith("; put off to the end of quiet hours, 2026-03-02 01:00 UTC")


def test_what_can_wait_may_go_to_the_next_instead() -> None:
    """The next of the rotation who has no quiet hours now; where there is none, it is put off."""
    zhao = Preference(person_id=ZHAO, quiet=Hours(time(22), time(7)), in_quiet=NEXT)
    call = plan(Priority.LOW, [route(STEPS[0], people=(zhao,))], onset=ONSET, now=ONSET)[0]
    assert (call.person_id, call.at) == (QIAN, ONSET)
    assert "in the place of person 1, who has quiet hours until 2026-03-02 07:00 UTC" in call.rule
    qian = Preference(person_id=QIAN, quiet=Hours(time(22), time(7)))
    assert plan(Priority.LOW, [route(STEPS[0], people=(zhao, qian))], onset=ONSET, now=ONSET)[0].person_id == ZHAO


def test_a_named_person_is_followed_by_the_next_step_and_never_by_the_insurer() -> None:
    """Quiet hours of the client's people do not wake the insurer's desk."""
    zhao = Preference(person_id=ZHAO, quiet=Hours(time(22), time(7)), in_quiet=NEXT)
    first = RouteStep(0, 0, ZHAO, "smtp")
    assert told(route(first, RouteStep(1, 60, SUN, "smtp"), people=(zhao,)), Priority.LOW)[0][:2] == (0, SUN)
    assert told(route(first, STEPS[2], people=(zhao,)), Priority.LOW)[-1] == (7 * 3600 + 30, ZHAO, "smtp")


def test_a_step_may_leave_the_channel_to_the_person() -> None:
    """First, second, third of their order; life safety has an order of its own; what has no address is passed over."""
    zhao = Preference(person_id=ZHAO, reachable=("smtp", "webhook"), urgent=("sms", "webhook"), other=("smtp",))
    steps = [RouteStep(k, 10 * k, ZHAO, wish) for k, wish in enumerate(["preferred", "preferred-2", "preferred-3"])]
    found = route(*steps, people=(zhao,))
    assert [channel for _, _, channel in told(found, Priority.LIFE_SAFETY)] == ["webhook", "smtp", "smtp"]
    assert [channel for _, _, channel in told(found)] == ["smtp", "webhook", "webhook"]
    assert told(route(RouteStep(0, 0, SUN, "preferred"))) == [(0, SUN, "smtp")]


@pytest.mark.parametrize("after_s", [0, 30])
def test_who_is_told_by_name_and_by_roster_at_once_is_told_for_the_duty_too(after_s: float) -> None:
    """One message, at the earlier time; it stays a call to the duty position, whichever step came first."""
    for steps in ([RouteStep(0, 0, ZHAO, "smtp"), RouteStep(0, after_s, None, "smtp", 7)],
                  [RouteStep(0, after_s, None, "smtp", 7), RouteStep(0, 0, ZHAO, "smtp")]):  # fmt: skip
        now = ONSET - timedelta(hours=1)
        calls = plan(Priority.HIGH, [route(*steps)], onset=now, now=now)
        assert [(call.at, call.person_id, call.roster_id) for call in calls] == [(now, ZHAO, 7)]


def test_a_call_that_is_put_off_keeps_the_hour_of_its_step() -> None:
    """Who takes over in the night is told then, not in the morning."""
    zhao = Preference(person_id=ZHAO, quiet=Hours(time(22), time(7)))
    found = route(STEPS[0], people=(zhao,))
    assert plan(Priority.LOW, [found], onset=ONSET, now=ONSET)[0].step_due_at == ONSET
    assert plan(Priority.HIGH, [found], onset=ONSET, now=ONSET)[0].step_due_at is None


def test_rosters_and_wishes_lie_in_the_snapshot() -> None:
    """While the database is away the same people are called."""
    zhao = Preference(person_id=ZHAO, reachable=("smtp",), quiet=Hours(time(22), time(7)))
    whole = Snapshot(
        taken_at=ONSET, version=1, definitions=[], routes={1: [route(people=(zhao,))]}, recipients=[], alarms=[]
    )
    again = from_bytes(to_bytes(whole))
    assert again == whole
    assert again.routes[1][0].everybody() == {ZHAO, QIAN, DESK}
