"""The life of a complaint (投诉) as one pure table, its two clocks, and the rules of who may take each step. No clock, no database.

received -> acknowledged -> analysed -> solved -> closed; solved -> acknowledged (opened again by who complained). *Overdue* is no state:
it follows from the clocks. Nothing closes by itself: only who complained says that it is settled.

Source of the clocks: AQ 9010-2019, complaints, as a public excerpt gives it: the reply within 10 working days; where more has to be verified,
within 30 working days; in complex cases, with the approval of whoever is responsible for complaints, longer by 30 days at most, the
complainant being told why. The reply states the request, the facts found with their basis, and the measures. Not verified against the
standard's text. Days of the extension are read as calendar days, the shorter reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from core.errors import Refused
from risk.working_days import Calendar

ANSWER_DAYS: Final = 10  # working days from the day after it was filed: the first answer, and the conclusion unless more must be found out
FURTHER_DAYS: Final = 30  # working days: the conclusion where more must be found out
LONGEST_EXTENSION: Final = timedelta(days=30)
ESCALATES_AFTER: Final = timedelta(
    days=1
)  # overdue for so long: everybody of the insurer who looks after the company hears. Ours
ASKED_AGAIN_AFTER: Final = timedelta(days=7)  # solved, and who complained has said nothing: asked once more. Ours


class State(StrEnum):
    """Where a complaint stands."""

    RECEIVED = "received"
    ACKNOWLEDGED = "acknowledged"  # somebody of the insurer has taken it on, by name
    ANALYSED = "analysed"  # the cause is named, and the facts told
    SOLVED = "solved"  # it is told what was changed; who complained has the word
    CLOSED = "closed"


class Step(StrEnum):
    """What a person does to a complaint."""

    TAKE = "take"  # acknowledges it, or takes it over
    ANALYSE = "analyse"
    EXTEND = "extend"
    SOLVE = "solve"
    ACCEPT = "accept"
    REOPEN = "reopen"


class Cause(StrEnum):
    """Why there was something to complain of."""

    LIMIT = "limit"
    ROUTING = "routing"
    DEVICE = "device"
    TOO_LATE = "too_late"
    WORDING = "wording"
    QUALITY = "quality"
    DEFECT = "defect"
    AGREEMENT = "agreement"
    UNFOUNDED = "unfounded"
    OTHER = "other"


_R, _K, _A, _S, _X = State.RECEIVED, State.ACKNOWLEDGED, State.ANALYSED, State.SOLVED, State.CLOSED
TABLE: Final[Mapping[tuple[State, Step], State]] = MappingProxyType(
    {
        (_R, Step.TAKE): _K,
        (_K, Step.TAKE): _K,
        (_A, Step.TAKE): _A,
        (_K, Step.ANALYSE): _A,
        (_A, Step.EXTEND): _A,
        (_A, Step.SOLVE): _S,
        (_S, Step.ACCEPT): _X,
        (_S, Step.REOPEN): _K,
    }
)
_WORDS: Final = {
    _R: "received",
    _K: "taken on",
    _A: "analysed",
    _S: "answered, and waiting for who complained",
    _X: "closed",
}


@dataclass(frozen=True, slots=True)
class Clocks:
    """When the first answer and the conclusion are due."""

    answer_due_at: datetime
    conclude_due_at: datetime


def after(state: State, step: Step) -> State:
    """The state after a step.

    Raises:
        Refused: the step does not fit the state.
    """
    to = TABLE.get((state, step))
    if to is None:
        if state is State.CLOSED:
            raise Refused("This complaint is closed. If it is not settled after all, file a new one that follows it.")
        raise Refused(f"That cannot be done now: the complaint is {_WORDS[state]}.")
    return to


def clocks(calendar: Calendar, filed_at: datetime, zone: str) -> Clocks:
    """Both clocks of a new complaint: until somebody says that more must be found out, they end together."""
    due = calendar.ends(filed_at, ANSWER_DAYS, zone)
    return Clocks(due, due)


def further_until(calendar: Calendar, began: datetime, zone: str) -> datetime:
    """When the conclusion is due where more must be found out, counted from the same day."""
    return calendar.ends(began, FURTHER_DAYS, zone)


def check_extension(
    conclude_due_at: datetime,
    until: datetime,
    *,
    extended: bool,
    owner_id: int | None,
    by: int,
    now: datetime,
    zone: str,
) -> None:
    """Whether the conclusion may be put off.

    Args:
        zone: of the site, whose days are counted.

    Raises:
        Refused: a second time, by the owner, too late, or for too long.
    """
    if extended:
        raise Refused("A complaint is extended once.")
    if owner_id == by:
        raise Refused("Who sees to the complaint cannot put off their own deadline: another person approves it.")
    if now > conclude_due_at:
        raise Refused("The time is over already: an extension is approved before.")
    if until <= conclude_due_at:
        raise Refused("An extension ends later than the deadline that runs.")
    here = ZoneInfo(zone)
    if until.astimezone(here).date() - conclude_due_at.astimezone(here).date() > LONGEST_EXTENSION:
        raise Refused("A complaint is extended by 30 days at most.")


def check_verdict(filed_by: int | None, *, by: int, complainant_active: bool) -> None:
    """Whether this person may say that it is settled, or is not.

    Args:
        filed_by: None: it came by telephone, and any colleague of the caller may say so.
        complainant_active: who filed it still works there.

    Raises:
        Refused: the complainant is somebody else.
    """
    if filed_by is not None and filed_by != by and complainant_active:
        raise Refused("Who complained says whether it is settled.")


def late(
    answer_due_at: datetime,
    answered_at: datetime | None,
    conclude_due_at: datetime,
    solved_at: datetime | None,
    now: datetime,
) -> bool:
    """Whether one of its clocks has run out, or ended late."""
    return (answered_at or now) > answer_due_at or (solved_at or now) > conclude_due_at
