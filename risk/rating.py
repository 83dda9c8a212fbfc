"""What a rating is, and when somebody may be asked for one: the rules. Pure.

After an alarm or a service somebody taps whether it was of use, and why: that is about one thing, costs a second, and tells which limit
to mend. How likely they would recommend the whole is another question, about nothing in particular: asked after each alarm it would
measure how tired people are of being asked. It is asked once in 90 days.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from core.errors import Refused

LONGEST_WORDS: Final = 1000  # characters, as rating.words
# At most so many requests a person in seven days, whatever happens: the budget of alarms is 5 a day, and a question is none. Ours.
ASKS_A_WEEK: Final = 2
WEEK: Final = timedelta(days=7)
NPS_EVERY: Final = timedelta(days=90)  # as davy_nps_is_rare()
NEWS_FOR: Final = timedelta(days=1)  # what is over for longer is not asked about: nobody remembers it
ASKED_FROM, ASKED_UNTIL = time(8), time(20)  # of the site's clock: a question wakes nobody. Ours
SCORES: Final = range(11)
PROMOTER, DETRACTOR = (
    9,
    6,
)  # from, up to: the usual bounds of the net promoter score (Reichheld 2003; not verified against its text)


class Thing(StrEnum):
    """What can be rated, once it is over."""

    OCCURRENCE = "occurrence"
    FINDING = "finding"
    IMPAIRMENT = "impairment"
    GIVEN = "service"  # a prevention service


class Item(StrEnum):
    """The items of prevention services: AQ 9010-2019, as reference to it names them; not verified against its text."""

    TRAINING = "training"
    ASSESSMENT = "assessment"
    INSPECTION = "inspection"
    STANDARDISATION = "standardisation"
    DRILL = "drill"
    TECHNOLOGY = "technology"
    OTHER = "other"


USEFUL: Final[Mapping[Thing, tuple[str, ...]]] = MappingProxyType(
    {
        Thing.OCCURRENCE: ("in_time", "clear", "other"),
        Thing.FINDING: ("put_right", "clear", "other"),
        Thing.IMPAIRMENT: ("put_right", "clear", "other"),
        Thing.GIVEN: ("put_right", "clear", "other"),
    }
)
NOT_USEFUL: Final[Mapping[Thing, tuple[str, ...]]] = MappingProxyType(
    {
        Thing.OCCURRENCE: ("no_danger", "too_often", "too_late", "wrong_person", "unclear", "other"),
        Thing.FINDING: ("not_put_right", "too_late", "unclear", "other"),
        Thing.IMPAIRMENT: ("not_put_right", "too_late", "unclear", "other"),
        Thing.GIVEN: ("not_put_right", "too_late", "unclear", "other"),
    }
)
NUISANCE: Final = frozenset({"no_danger", "too_often"})  # reasons that say: this alarm disturbs


@dataclass(frozen=True, slots=True)
class Tap:
    """One rating as somebody gives it."""

    useful: bool
    reason: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Over:
    """Something that has just come to its end, and whom it would be fair to ask about it.

    Args:
        over_at: when.
        people: who dealt with it, the first before the others.
        in_alarm: an alarm of its site is active or waits for somebody at this moment.
    """

    thing: Thing
    number: int
    company_id: int
    site_id: int
    time_zone: str
    over_at: datetime
    people: tuple[int, ...]
    in_alarm: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """Somebody is asked about something."""

    of: Over
    person_id: int


def check_tap(thing: Thing, tap: Tap) -> None:
    """Whether a rating can be as it was given.

    Raises:
        Refused: a reason that is none of those offered.
    """
    if tap.reason not in (USEFUL if tap.useful else NOT_USEFUL)[thing]:
        raise Refused("Say why, with one of the reasons that are offered.")


def check_score(score: int | None) -> int:
    """The answer to how likely somebody would recommend it.

    Raises:
        Refused: no number from 0 to 10.
    """
    if score is None or score not in SCORES:
        raise Refused("Choose a number from 0 to 10.")
    return score


def nps_due(last_at: datetime | None, now: datetime) -> bool:
    """Whether somebody is asked again how likely they would recommend it."""
    return last_at is None or now - last_at >= NPS_EVERY


def asks(over: Iterable[Over], asked: Mapping[int, int], now: datetime) -> list[Ask]:
    """Who is asked of what: one person a thing, the oldest thing first.

    Nobody beyond `ASKS_A_WEEK`; nobody while an alarm of the site is active or waits; nobody at night.

    Args:
        over: without what is no real thing (exercises, tests, the demo's history) and without what somebody was asked of already.
        asked: how often each person was asked in the last seven days.
    """
    found, times = [], dict(asked)
    for each in sorted(over, key=lambda one: (one.over_at, one.thing, one.number)):
        if each.in_alarm or now - each.over_at >= NEWS_FOR or not _by_day(each.time_zone, now):
            continue
        for person in each.people:
            if times.get(person, 0) < ASKS_A_WEEK:
                times[person] = times.get(person, 0) + 1
                found.append(Ask(each, person))
                break
    return found


def _by_day(zone: str, now: datetime) -> bool:
    return ASKED_FROM <= now.astimezone(ZoneInfo(zone)).time() < ASKED_UNTIL


def nps(people: int, promoters: int, detractors: int) -> float | None:
    """Promoters minus detractors, in hundredths of those who answered; None where nobody did.

    >>> nps(10, 5, 2), nps(0, 0, 0)
    (30.0, None)
    """
    return 100.0 * (promoters - detractors) / people if people else None
