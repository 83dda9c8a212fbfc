"""Walks chains: every transition against the one before it, its seal, and the alarm's row. Pure; `davy verify` reads for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from alerting.chain import Link, genesis, wrong_with
from alerting.ledger import AlarmKey
from alerting.replaying import Row


@dataclass(frozen=True, slots=True)
class Step:
    """A transition with what stands beside it.

    Args:
        sealed: hash of this transition as a seal has it; None: it was no head when one was made.
        seal, sealed_at: which seal, and of when.
        row, chain: the alarm's row; only that of the last transition is looked at. None: it has none.
    """

    link: Link
    previous: bytes
    hash: bytes
    sealed: bytes | None = None
    seal: int | None = None
    sealed_at: datetime | None = None
    row: Row | None = None
    chain: bytes | None = None

    @property
    def key(self) -> AlarmKey:
        """Whose it is."""
        return AlarmKey(self.link.definition_id, self.link.sensor_id)


@dataclass(frozen=True, slots=True)
class Found:
    """The first link of an alarm's chain that does not hold: which, and what does not fit."""

    key: AlarmKey
    company_id: int
    number: int
    words: str


@dataclass(slots=True)
class Walked:
    """How much was looked at."""

    alarms: int = 0
    transitions: int = 0


def walk(steps: Iterable[Step], walked: Walked) -> Iterator[Found]:
    """The first broken link of each alarm that has one.

    Args:
        steps: those of one alarm together, in the order of their numbers.
    """
    for key, chain in groupby(steps, attrgetter("key")):
        walked.alarms += 1
        found = None
        last, row, step = genesis(*key), Row(), None
        for step in chain:
            walked.transitions += 1
            if found is not None:
                continue  # counted; all that hangs on a broken link is broken with it
            words = _wrong(step, row, last)
            if words is not None:
                found = Found(key, step.link.company_id, row.transitions + 1, words)
            row, last = row.after(step.link), step.hash
        assert step is not None
        words = _wrong_at_the_end(step, row) if found is None else None
        if words is not None:
            gone = step.row is not None and step.row.transitions > row.transitions
            found = Found(key, step.link.company_id, row.transitions + gone, words)
        if found is not None:
            yield found


def _wrong(step: Step, before: Row, last: bytes) -> str | None:
    link, number = step.link, before.transitions + 1
    if words := wrong_with(link, step.previous, step.hash, number, last):
        return words
    if step.sealed is not None and step.sealed != step.hash:
        return f"transition {number} was written anew: seal {step.seal} of {_at(step.sealed_at)} has another hash of it"
    if link.from_state != before.state:
        return f"transition {number} begins in {link.from_state}; the one before it ended in {before.state}"
    return None


def _wrong_at_the_end(step: Step, row: Row) -> str | None:
    number = row.transitions
    if step.row is None:
        return f"its row in `alarm` is gone; its last transition is {number}"
    if step.row.transitions > number:
        return f"transition {number + 1} is missing: the alarm has had {step.row.transitions}"
    column = row.differs(step.row)
    if column is not None:
        return f"the alarm's row says {column} = {getattr(step.row, column)}; transition {number} makes it {getattr(row, column)}"
    if step.chain != step.hash:
        return f"the alarm's row does not hang on transition {number}, its last one"
    return None


def _at(at: datetime | None) -> str:
    return "an hour unknown" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"
