"""The life of a finding (隐患) as one pure table, and the rules of who may take each step. No clock, no database.

reported -> rectifying -> claimed_done -> closed; claimed_done -> rectifying (sent back); closed -> rectifying (reopened).
*Overdue* is no state: it follows from deadline and time, so nobody can forget to set it, or to take it back.

Source: the closed loop 排查-登记-分级-治理(五落实)-验收-销号 as reference/domain.md 1.3 tells it; not verified against the
text of the 2008 regulation (总局令第16号).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from core.errors import Refused


class State(StrEnum):
    """Where a finding stands."""

    REPORTED = "reported"
    RECTIFYING = "rectifying"
    CLAIMED_DONE = "claimed_done"
    CLOSED = "closed"


class Grade(StrEnum):
    """一般隐患 or 重大隐患."""

    GENERAL = "general"
    MAJOR = "major"


class Step(StrEnum):
    """What a person does to a finding."""

    GRADE = "grade"
    PLAN = "plan"  # the five things settled; again while rectifying, when they change
    EXTEND = "extend"
    CLAIM = "claim"
    VERIFY = "verify"
    SEND_BACK = "send_back"
    REOPEN = "reopen"
    NOTE = "note"
    PHOTO = "photo"


_R, _W, _C, _X = State.REPORTED, State.RECTIFYING, State.CLAIMED_DONE, State.CLOSED
TABLE: Final[Mapping[tuple[State, Step], State]] = MappingProxyType(
    {
        (_R, Step.PLAN): _W,
        (_W, Step.PLAN): _W,
        (_W, Step.EXTEND): _W,
        (_C, Step.EXTEND): _C,
        (_W, Step.CLAIM): _C,
        (_C, Step.VERIFY): _X,
        (_C, Step.SEND_BACK): _W,
        (_X, Step.REOPEN): _W,
        **{(state, Step.GRADE): state for state in (_R, _W, _C)},
        **{(state, Step.PHOTO): state for state in (_R, _W, _C)},
        **{(state, Step.NOTE): state for state in State},
    }
)
# How a state is said in a sentence.
SAID: Final[Mapping[State, str]] = MappingProxyType(
    {
        _R: "reported, not yet put in hand",
        _W: "being put right",
        _C: "said to be done, waiting for verification",
        _X: "closed",
    }
)
A_DAY: Final = timedelta(days=1)
LONGEST_DEADLINE: Final = timedelta(days=3 * 366)  # beyond it a form had a slip of the year, not a plan
# What the form offers as a deadline; a person settles it. Ours: a general one can be put right at once, a major one needs
# a shutdown and time. No standard states days.
SUGGESTED_DEADLINE: Final[Mapping[Grade, timedelta]] = MappingProxyType(
    {Grade.GENERAL: timedelta(days=7), Grade.MAJOR: timedelta(days=30)}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the rules need of a finding.

    Args:
        graded_by: None while its grade is suspected.
        claimed_by: who said it is done, while that waits or was verified.
    """

    state: State
    graded_by: int | None
    owner_id: int | None
    claimed_by: int | None
    due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """五落实: the five things that must be settled before work begins.

    Args:
        owner_id: the person responsible (责任).
        measures: what is done (措施).
        funds: with what money (资金).
        due_at: until when (时限), aware.
        contingency: what holds meanwhile, and what if it goes wrong (预案).
    """

    owner_id: int | None = None
    measures: str = ""
    funds: str = ""
    due_at: datetime | None = None
    contingency: str = ""

    def missing(self) -> list[str]:
        """What is not settled yet, in words.

        >>> Plan(owner_id=7, measures="New gasket", funds="200").missing()
        ['deadline', 'contingency']
        """
        return [
            word
            for word, settled in (
                ("owner", self.owner_id is not None),
                ("measures", bool(self.measures.strip())),
                ("funds", bool(self.funds.strip())),
                ("deadline", self.due_at is not None),
                ("contingency", bool(self.contingency.strip())),
            )
            if not settled
        ]


def deadline(grade: Grade, reported_at: datetime, due_at: datetime | None, put_in_hand: timedelta) -> datetime | None:
    """Until when it is to be verified; a major one that nobody has put in hand: until when somebody should have.

    Args:
        due_at: as it was settled; None where nothing is settled yet.
        put_in_hand: how long a major one may wait, see risk/patience.py.
    """
    if due_at is None and grade is Grade.MAJOR:
        return reported_at + put_in_hand
    return due_at


def overdue(state: State, due_at: datetime | None, now: datetime) -> bool:
    """Whether it should have been verified by now: only verification stops the clock, a claim does not.

    Args:
        due_at: of `deadline`.
    """
    return state is not State.CLOSED and due_at is not None and now > due_at


def after(state: State, step: Step) -> State:
    """The state after a step.

    Raises:
        Refused: the table has no such step from there.
    """
    found = TABLE.get((state, step))
    if found is None:
        raise Refused(f"That cannot be done now: the finding is {SAID[state]}.")
    return found


def check_plan(standing: Standing, plan: Plan, *, by: int, now: datetime) -> None:
    """Whether work may begin, or go on, by this plan.

    Raises:
        Refused: something is not settled, the deadline is past, a running deadline would move by this way, or the owner
            hands over what they are responsible for.
    """
    after(standing.state, Step.PLAN)
    missing = plan.missing()
    if missing:
        raise Refused(f"Before work begins, five things are settled. Still missing: {', '.join(missing)}.")
    assert plan.due_at is not None
    if standing.state is State.RECTIFYING:
        if plan.due_at != standing.due_at:
            raise Refused("A deadline that runs is moved by an extension, with a reason.")
        # Else an owner could step aside, put the deadline off or verify, and step back.
        if plan.owner_id != standing.owner_id and by == standing.owner_id:
            raise Refused("Who is responsible cannot hand the finding over alone: another person does that.")
    else:
        check_deadline(plan.due_at, now)


def check_extension(standing: Standing, due_at: datetime, *, by: int, now: datetime) -> None:
    """Whether this person may put the deadline off to `due_at`.

    Raises:
        Refused: by the owner, not later, or past.
    """
    after(standing.state, Step.EXTEND)
    if by == standing.owner_id:
        raise Refused("Who is responsible cannot put off their own deadline: another person approves it.")
    check_deadline(due_at, now)
    if standing.due_at is not None and due_at <= standing.due_at:
        raise Refused("An extension ends later than the deadline that runs.")


def check_verification(standing: Standing, *, by: int) -> None:
    """Whether this person may say that it is put right.

    Raises:
        Refused: nothing waits for it, or it is the owner or whoever said it is done.
    """
    after(standing.state, Step.VERIFY)
    if by == standing.owner_id:
        raise Refused("Who is responsible for the finding cannot verify it: another person looks.")
    if by == standing.claimed_by:
        raise Refused("Who said it is done cannot verify it: another person looks.")


def check_deadline(due_at: datetime, now: datetime) -> None:
    """Whether a deadline can be kept, and is one.

    Raises:
        Refused: past, or more than `LONGEST_DEADLINE` ahead; it names days that are neither, in any time zone.
    """
    first, last = (now + A_DAY).date(), (now + LONGEST_DEADLINE - 2 * A_DAY).date()
    if due_at <= now:
        raise Refused(f"The deadline must lie in the future: choose a day from {first} to {last}.")
    if due_at - now > LONGEST_DEADLINE:
        raise Refused(f"The deadline is more than three years away: choose a day from {first} to {last}.")
