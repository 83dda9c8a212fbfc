"""The rules of an order: who may put which alarms aside, for what, and for how long at most. Pure.

A permit for dangerous work is no reason to be silent: while people work hot or in a confined space, the gas alarms and every
life-safety alarm of that place must be in service, and nobody can put them aside. A drill silences nothing either: who is called
is told that a drill is announced, and a real fire during it calls as ever.

A permit that is closed before its end guards nobody any more, so who opened it does not close it. On paper it is so: whoever did the
work hands the place back, and another person looks at it and signs (HSE HSG250, hand-back; GB 30871-2022 asks for the acceptance to be
signed at the end of the work; neither verified against its text).

Source: the longest times of the permits are those of GB 30871-2022 as far as they are known here (hot work of the special and
first grade 8 h, confined space 24 h; not verified against the standard's text). The others are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from core.errors import Refused
from core.model import Priority, Role


class Kind(StrEnum):
    """What an order is for."""

    MAINTENANCE = "maintenance"
    SHUTDOWN = "shutdown"
    HOT_WORK = "hot_work"
    CONFINED_SPACE = "confined_space"
    DRILL = "drill"
    OUT_OF_SERVICE = "out_of_service"


SILENCES: Final = frozenset({Kind.MAINTENANCE, Kind.SHUTDOWN})  # by design; never life safety, and gas only by name
GUARDS: Final = frozenset({Kind.HOT_WORK, Kind.CONFINED_SPACE})  # whose gas and life-safety alarms nobody can put aside
LONGEST: Final = {
    Kind.MAINTENANCE: timedelta(hours=72),
    Kind.SHUTDOWN: timedelta(days=31),
    Kind.HOT_WORK: timedelta(hours=8),
    Kind.CONFINED_SPACE: timedelta(hours=24),
    Kind.DRILL: timedelta(hours=8),
}
LONGEST_OUT: Final = {
    Priority.LIFE_SAFETY: timedelta(hours=72),
    Priority.HIGH: timedelta(days=7),
    Priority.MEDIUM: timedelta(days=30),
    Priority.LOW: timedelta(days=30),
}
FURTHEST_BEGIN: Final = timedelta(
    days=31
)  # planned work is written down the month before; later is a slip of the date. Ours.
SLOW_CLOCK: Final = timedelta(minutes=5)  # a form takes a while to fill in
MOST_ALARMS: Final = 50  # named one by one; more is a zone or a machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a person states.

    Args:
        zone_id, asset_id: the place; both None with no definitions: the whole site.
        definition_ids: single alarms; then neither zone nor asset.
        number: of the permit or work order.
        signed_by: who has authorised it, by the paper.
    """

    kind: str
    site_id: int
    zone_id: int | None = None
    asset_id: int | None = None
    definition_ids: tuple[int, ...] = ()
    begins_at: datetime
    ends_at: datetime
    number: str
    reason: str
    signed_by: str


@dataclass(frozen=True, slots=True)
class Touched:
    """An alarm that an order names or whose place it names.

    Args:
        is_gas: its sensor measures a gas.
    """

    definition_id: int
    sensor_id: int
    title: str
    priority: Priority
    is_gas: bool

    @property
    def is_guarded(self) -> bool:
        """Whether people who work there depend on it."""
        return self.priority is Priority.LIFE_SAFETY or self.is_gas


class Opened(Protocol):
    """An order that stands."""

    @property
    def kind(self) -> str: ...
    @property
    def begins_at(self) -> datetime: ...
    @property
    def requested_by(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Closing:
    """Who ends an order, and their words.

    Args:
        openers_role: of whoever wrote the order down; None: unknown by now.
    """

    person_id: int
    role: str
    openers_role: str | None
    note: str


def check_order(order: Order, now: datetime) -> Kind:
    """Whether it can be as stated, by its kind and its times alone.

    Raises:
        Refused: an unknown kind, times that cannot be, or no place.
    """
    if order.kind not in set(Kind):
        raise Refused(f"The kind of an order is one of {', '.join(Kind)}.")
    kind = Kind(order.kind)
    if order.begins_at < now - SLOW_CLOCK:
        raise Refused(
            "An order is written down before it begins: what was not written down silenced nothing. Look at the time."
        )
    if order.begins_at - now > FURTHEST_BEGIN:
        raise Refused("An order is written down at most 31 days before it begins; look at the date.")
    if order.ends_at <= order.begins_at:
        raise Refused("An order ends after it begins; look at the two times.")
    if kind in LONGEST and order.ends_at - order.begins_at > LONGEST[kind]:
        raise Refused(
            f"An order of the kind {kind} lasts at most {_told(LONGEST[kind])}; write the next one when it ends."
        )
    if order.definition_ids and (order.zone_id is not None or order.asset_id is not None):
        raise Refused("Choose either a place or single alarms, not both.")
    if kind is Kind.OUT_OF_SERVICE and not order.definition_ids:
        raise Refused("Out of service is taken alarm by alarm: choose the alarms.")
    if kind in GUARDS and order.zone_id is None:
        raise Refused("A permit for hot work or a confined space names the zone where people work.")
    if kind is Kind.DRILL and order.definition_ids:
        raise Refused("A drill names a place, not single alarms: it silences none.")
    if len(order.definition_ids) > MOST_ALARMS:
        raise Refused(f"At most {MOST_ALARMS} alarms can be chosen one by one; choose their zone or machine.")
    return kind


def check_alarms(order: Order, kind: Kind, touched: Sequence[Touched]) -> None:
    """Whether these alarms may be put aside for that.

    Raises:
        Refused: none that it could silence, life safety, or longer than their priority allows.
    """
    if kind in SILENCES:
        named = [each for each in touched if each.definition_id in order.definition_ids]
        grave = next((each for each in named if each.priority is Priority.LIFE_SAFETY), None)
        if grave is not None:
            raise Refused(
                f"{grave.title} is a life-safety alarm: no window silences it. Take it out of service, which two people do."
            )
        if not named and all(each.is_guarded for each in touched):
            raise Refused(
                "There is no alarm there that a window may silence; gas and life-safety alarms go on calling."
            )
    if kind is Kind.OUT_OF_SERVICE:
        for each in touched:
            longest = LONGEST_OUT[each.priority]
            if order.ends_at - order.begins_at > longest:
                raise Refused(f"A {each.priority} alarm can be out of service for at most {_told(longest)}.")


def check_closing(order: Opened, by: Closing, now: datetime) -> None:
    """Whether this person may end an order before its time; 0014 holds the same for who does not come by way of it.

    Only a permit that has begun, or is about to, asks for more than that one may write orders: while it holds, people may be at work.

    Raises:
        Refused: their own, two people of whom none is a safety officer, or no word on what was found.
    """
    if order.kind not in GUARDS or order.begins_at > now + SLOW_CLOCK:
        return
    if by.person_id == order.requested_by:
        raise Refused(
            "You have opened this permit yourself: another person looks at the place and closes it. It ends by itself at its time."
        )
    if Role.SAFETY_OFFICER not in (by.role, by.openers_role):
        raise Refused("One of the two must be a safety officer of the company.")
    if not by.note.strip():
        raise Refused(
            "Say that everybody is out and what you found at the place: a permit is not closed early without."
        )


def guarded_refusal(title: str, kind: str, until: str) -> Refused:
    """Why an alarm cannot be put aside now.

    Args:
        until: when the permit ends, as an instant people read.
    """
    return Refused(f"{title} guards people at work ({kind}) until {until}: nobody can put it aside before then.")


def _told(length: timedelta) -> str:
    """Up to three days in hours, as people state them; beyond that in days."""
    days = length / timedelta(days=1)
    return f"{length / timedelta(hours=1):g} h" if days <= 3 else f"{days:g} days"
