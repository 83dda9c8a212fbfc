"""Exercises (演练) and roll calls (查岗): a person, or a drawn instant, asks; the alerting process raises, watches and ends them.

An exercise walks the path of a real alarm: the same table of states, transaction, routes, queue, channels, ladder and acknowledgement. It is
an alarm of its own at the site, marked wherever it is shown, and it gives way: whatever is real goes first, and ends it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from alerting.alarm import Happening
from alerting.apply import apply_changes
from alerting.calm import STORM_WINDOW
from alerting.ledger import AlarmKey, Change
from alerting.performance import FLOOD_BEGINS
from alerting.readiness import Hours, drawn, on_the_clock
from alerting.roster import Roster, on_call
from alerting.routing import Route, RouteStep
from alerting.store import alarms, exercises, wire_tests
from alerting.store.definitions import load_routes
from alerting.store.exercises import Asked, Called, Running, Tested
from alerting.store.rosters import load_preferences, load_rosters, readable_zone
from alerting.store.sink import to_sink
from core.errors import Refused
from core.log import logger
from core.model import Priority, Role
from core.store.people import Actor, acting, actor
from core.wish import wish_after

EXERCISE, ROLL_CALL, DELIVERY = "exercise", "roll_call", "delivery"
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(hours=1)
USUAL: Final = timedelta(minutes=20)  # beyond the last step of the usual ladders
ROLL_CALL_LASTS: Final = timedelta(
    minutes=10
)  # whoever has not answered a call for ten minutes would not have left the room in time. Ours
LONGEST_WHY: Final = 400
MAY_ASK: Final = frozenset({Role.SAFETY_OFFICER, Role.RISK_ENGINEER})
# A duty position alone: rung again every two minutes over the next channel of the person's own order, as a ladder would.
TIMES, EVERY_S = 3, 120.0
ARRIVES_WITHIN: Final = timedelta(
    minutes=1
)  # of a delivery test: the longest that one message may take (alerting.pulse), twice
_DAY: Final = timedelta(days=1)
# A roll call that falls into an alarm waits for its end for so long, and is left out then: at another hour it would measure that hour.
WAITS: Final = timedelta(hours=1)
# What could not begin for so long, alerting being away, is not wanted any more: nobody is woken by yesterday's exercise.
BEGINS_WITHIN: Final = {EXERCISE: timedelta(minutes=5), ROLL_CALL: WAITS + timedelta(minutes=5)}
_SAID: Final = {
    EXERCISE: ("exercise", "演练"),
    ROLL_CALL: ("roll call", "查岗"),
    DELIVERY: ("delivery test", "送达测试"),
}
# What is kept with the alarm of a test that did not arrive, by the leg that did not come; in both languages, as all words of data are.
MISSING: Final = {
    "published": ("the broker did not take the test reading", "测试读数未被消息服务器接收"),
    "stored": (
        "the broker has the test reading, ingest did not store it",
        "消息服务器已接收测试读数，但数据接收未存储",
    ),
    "alarm": ("the test reading is stored, its alarm did not come", "测试读数已存储，但未产生报警"),
    "sent": ("the alarm came, its message was not sent", "报警已产生，但消息未发出"),
    "receipt": ("the message was sent, its receiver did not take it", "消息已发出，但接收方未收到"),
}
TOO_LATE: Final = "its test was over / 所属测试已结束"

log = logger(__name__)


def ask(
    connection: Connection[Any],
    *,
    site: str,
    by: int | None,
    now: datetime,
    limit: str = "",
    position: str = "",
    priority: str = Priority.LIFE_SAFETY,
    lasts: timedelta = USUAL,
    why: str = "",
) -> int:
    """Asks for an exercise; it begins within a second or two. Gives its number.

    Args:
        by: who asks; None: the operator, on the command line.
        limit: key of the limit whose alarm is tried; its priority is the exercise's.
        position: key of the duty position that is called; empty: everybody of the site's routes.

    Raises:
        Refused: not theirs to ask, no such site, limit or position, one runs already, or an alarm waits for somebody.
    """
    found = exercises.find_site(connection, site)
    if found is None:
        raise Refused(f"There is no site {site[:64]}.")
    if by is not None:
        _may(acting(connection, by), found.company_id)
    if not SHORTEST <= lasts <= LONGEST:
        raise Refused(f"An exercise lasts 1 to {LONGEST // timedelta(minutes=1)} minutes.")
    if len(why) > LONGEST_WHY:
        raise Refused(f"The text has {len(why)} characters; it may have {LONGEST_WHY}.")
    as_definition_id, roster_id = None, None
    if limit:
        of = exercises.find_limit(connection, found.site_id, limit)
        if of is None:
            raise Refused(f"The site has no limit {limit[:128]} in force.")
        as_definition_id, priority = of
    if priority not in set(Priority):
        raise Refused(f"A priority is one of {', '.join(Priority)}.")
    if position:
        roster_id = exercises.find_position(connection, found.site_id, position)
        if roster_id is None:
            raise Refused(f"The site has no duty position {position[:64]}.")
    if exercises.waits_for_somebody(connection, found.site_id):
        raise Refused(
            "An alarm of this site waits for somebody: what is real goes first. Ask again when it is answered."
        )
    number = exercises.add(
        connection,
        Asked(
            found.company_id, found.site_id, EXERCISE, priority, as_definition_id, roster_id, by, now,
            lasts.total_seconds(), why.strip(),
        ),
    )  # fmt: skip
    if number is None:
        raise Refused("An exercise or a roll call of this site runs already; end it, or wait for its end.")
    alarms.notify(connection, [found.company_id], outbox=False)
    return number


def stop(connection: Connection[Any], exercise_id: int, *, by: int | None, now: datetime) -> None:
    """Asks for its end, which comes within a second or two.

    Raises:
        Refused: it is over, there is none, or not theirs to end.
    """
    if by is not None:
        who = actor(connection, by)
        if who is None or not who.active or who.role not in MAY_ASK:
            raise Refused(
                "Only a safety officer of the company or the insurer's risk engineer starts and ends an exercise."
            )
    if not exercises.ask_to_stop(connection, exercise_id, now, by):
        raise Refused("This exercise is over already, or there is none of this number.")


def keep_exercises(connection: Connection[Any], now: datetime) -> int:
    """Begins what was asked for, ends what is over; gives how many of both. For the alerting process."""
    moved = 0
    for each in exercises.running(connection):
        outcome = _outcome(each, now)
        if each.began_at is None and outcome is None:
            _begin(connection, each, now)
        elif outcome is not None:
            _end(connection, each, now, outcome)
        else:
            continue
        moved += 1
    for key, occurrence_id in wire_tests.strays(connection):
        late = Change(alarm=key, happening=Happening.EXERCISE_OVER, at=now, reason=TOO_LATE)
        apply_changes(connection, [late], now=now)
        wire_tests.resolve_stray(connection, occurrence_id, now)
        moved += 1
    return moved


def draw_roll_calls(connection: Connection[Any], now: datetime) -> int:
    """Writes down the roll calls whose instant has come; gives how many. For the alerting process.

    One that falls into an alarm or a flood waits for at most an hour; while nobody is on duty nobody is tried, and that is written down.
    """
    made, settled_until = 0, dict[int, datetime]()
    for each in exercises.called_without_warning(connection, now):
        hours = None if each.begins is None or each.ends is None else Hours(each.begins, each.ends)
        since = max(each.looked_until, now - WAITS)
        settled = now
        for at in drawn(each.seed, each.times, hours, readable_zone(each.roster_id, each.time_zone), since, now):
            # The people of a site in a flood are left alone.
            busy = exercises.waits_for_somebody(connection, each.site_id) or exercises.in_storm(
                connection, each.site_id, now - STORM_WINDOW, FLOOD_BEGINS
            )
            if busy or exercises.add(connection, _drawn(each, at)) is None:
                settled = min(settled, at - timedelta(microseconds=1))
                continue
            made += 1
        settled_until[each.roster_id] = settled
    exercises.looked(connection, settled_until)
    return made


def draw_deliveries(
    connection: Connection[Any], now: datetime, sink: int, tested: Iterable[Tested], *, on_wire: bool = False
) -> int:
    """Writes down the delivery test of each site whose time of the day has come; gives how many. For the alerting process.

    No alarm holds one back or ends it: where one stands, delivery matters most (decision 0069).

    Args:
        sink: whose receiver takes them.
        tested: every site with its newest test, of this transaction.
        on_wire: somebody publishes for them: they begin with a reading. A site whose test device has just been made is left for the
            next look: ingest has yet to hear of it.
    """
    made = 0
    for site in tested:
        if on_wire and wire_tests.make_test_device(connection, site.site_id):
            continue
        at = _time_of_day(site.site_id, now)
        if site.asked_at is not None and site.asked_at >= at:
            continue
        asked = Asked(
            site.company_id, site.site_id, DELIVERY, Priority.LOW, None, None, None, at, ARRIVES_WITHIN.total_seconds(), "", sink, on_wire
        )  # fmt: skip
        if exercises.add(connection, asked) is not None:
            made += 1
    return made


def _time_of_day(site_id: int, now: datetime) -> datetime:
    """When the newest test of a site was due: the same time each day, another one for each site.

    >>> str(_time_of_day(1, datetime(2026, 3, 1, 12, tzinfo=UTC)))
    '2026-02-28 19:20:35+00:00'
    """
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    at = midnight + timedelta(
        seconds=int.from_bytes(hashlib.sha256(f"delivery {site_id}".encode()).digest()[:8], "big") % 86_400
    )
    return at if at <= now else at - _DAY


def _drawn(of: Called, at: datetime) -> Asked:
    return Asked(
        of.company_id, of.site_id, ROLL_CALL, Priority.LIFE_SAFETY, None, of.roster_id, None, at, ROLL_CALL_LASTS.total_seconds(), ""
    )  # fmt: skip


def _may(who: Actor, company_id: int) -> None:
    if who.role not in MAY_ASK or who.company_id not in (None, company_id):
        raise Refused(
            "Only a safety officer of the company or the insurer's risk engineer starts and ends an exercise."
        )


def _outcome(of: Running, now: datetime) -> str | None:
    """How it ends now; None: it does not."""
    if of.kind == DELIVERY and of.sent_at is not None:
        return "delivered"  # whatever a person did within that second
    if of.answered_at is not None:
        return "answered"
    if of.stop_asked_at is not None:
        return "stopped"
    if of.real_since is not None and of.kind != DELIVERY:  # which calls nobody whom an alarm calls
        return "real_alarm"
    if of.began_at is None and of.kind in BEGINS_WITHIN and now - of.asked_at > BEGINS_WITHIN[of.kind]:
        return "stopped"
    if of.began_at is not None and now >= of.began_at + timedelta(seconds=of.lasts_s):
        return "undelivered" if of.kind == DELIVERY else "unanswered"
    return None


def _begin(connection: Connection[Any], of: Running, now: datetime) -> None:
    if of.on_wire:
        wire_tests.asked_to_publish(connection, of.exercise_id, now)
        return
    roster = None if of.roster_id is None else load_rosters(connection, [of.roster_id], now)[of.roster_id]
    called = None if roster is None else on_call(roster, now).person_id
    if of.kind == ROLL_CALL and called is None:
        exercises.ended(connection, of, now, "nobody_to_call")
        return
    key = exercises.alarm_of(connection, of.site_id, of.priority)
    change = Change(alarm=key, happening=Happening.RAISE, at=now, reason=_mark(of))
    if roster is not None:
        instead: list[Route] | None = [_route(connection, of, roster)]
    else:
        instead = to_sink(connection, of.called_id, of.priority) if of.kind == DELIVERY else None
    applied = apply_changes(connection, [change], now=now, instead=instead)
    if not applied.opened:
        log.error("exercise_not_begun", exercise=of.exercise_id, why="the alarm of its exercises is not normal")
        _over(connection, key, of, now)
        exercises.ended(connection, of, now, "stopped")
        return
    hour, holiday = (None, None) if roster is None else on_the_clock(now, roster.time_zone, roster.holidays)
    called = of.called_id if of.kind == DELIVERY else called
    exercises.began(connection, of.exercise_id, now, applied.opened[0], called_id=called, hour=hour, holiday=holiday)
    if applied.notifications == 0:
        _over(connection, key, of, now)
        exercises.ended(connection, replace(of, occurrence_id=applied.opened[0]), now, "nobody_to_call")


def _end(connection: Connection[Any], of: Running, now: datetime, outcome: str) -> None:
    if of.on_wire and of.occurrence_id is not None:
        _over(connection, wire_tests.alarm_of_occurrence(connection, of.occurrence_id), of, now)
    elif of.began_at is not None and not of.on_wire:
        _over(connection, exercises.alarm_of(connection, of.site_id, of.priority), of, now)
    exercises.ended(connection, of, now, outcome)
    if outcome in ("delivered", "undelivered"):
        _say_whether_it_arrived(connection, of, now, late=outcome == "undelivered")
    alarms.notify(connection, [of.company_id], outbox=False)


def _say_whether_it_arrived(connection: Connection[Any], of: Running, now: datetime, *, late: bool) -> None:
    """Raises the alarm of a delivery that was late, or clears it where the next one has arrived."""
    key = (
        exercises.delivery_alarm_of(connection, of.site_id) if late else exercises.late_delivery(connection, of.site_id)
    )
    reason, instead = None, None
    if late and of.on_wire:
        leg = wire_tests.missing_leg(connection, of.exercise_id)
        wire_tests.missed(connection, of.exercise_id, leg)
        log.error("delivery_test_missing", site_id=of.site_id, exercise=of.exercise_id, leg=leg)
        reason = " / ".join(MISSING[leg])
        # The operator is told beside the site's people, where a message of Davy's still reaches them.
        instead = load_routes(connection, [of.site_id], now).get(of.site_id, [])
        if not any(of.called_id in route.everybody() for route in instead if Priority.MEDIUM in route.priorities):
            instead = [*instead, *to_sink(connection, of.called_id, Priority.MEDIUM)]
    if key is not None:
        happening = Happening.RAISE if late else Happening.CLEAR
        assert of.began_at is not None
        took = ((of.sent_at or now) - (of.published_at or of.began_at)).total_seconds()
        change = Change(alarm=key, happening=happening, at=now, value=took, reason=reason)
        apply_changes(connection, [change], now=now, instead=instead)


def _over(connection: Connection[Any], key: AlarmKey, of: Running, now: datetime) -> None:
    change = Change(alarm=key, happening=Happening.EXERCISE_OVER, at=now, reason=_mark(of))
    apply_changes(connection, [change], now=now)


def _mark(of: Running) -> str:
    """What is kept, and hashed, with each of its transitions; in both languages, as all words of data are."""
    said, said_zh = _SAID[of.kind]
    return f"{said} {of.exercise_id} / {said_zh} {of.exercise_id}"


def _route(connection: Connection[Any], of: Running, roster: Roster) -> Route:
    """Whoever is on duty, rung over one channel after the other of their own order."""
    steps = [RouteStep(k, k * EVERY_S, None, wish_after("preferred", k), roster.roster_id) for k in range(TIMES)]
    said = "roll call" if of.kind == ROLL_CALL else "exercise"
    return Route(
        key=roster.key,
        audience=roster.audience,
        priorities=frozenset({Priority(of.priority)}),
        steps=steps,
        rosters={roster.roster_id: roster},
        people=load_preferences(connection, sorted(roster.people())),
        called=f"{said} of duty position {roster.key}",
    )
