"""What a person can do about an occurrence at this moment: the forms a page offers. Pure.

The rules themselves are alerting's, which refuses what came too late; a page merely does not offer what cannot be.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from api.permissions import Right
from api.visitor import Visitor
from api.words.alarms import UNACKNOWLEDGED


class Standing(Protocol):
    """Where an occurrence stands."""

    @property
    def is_open(self) -> bool: ...
    @property
    def state(self) -> str: ...
    @property
    def active(self) -> bool: ...
    @property
    def suppression(self) -> str: ...
    @property
    def resolved_at(self) -> datetime | None: ...
    @property
    def shared(self) -> bool: ...
    @property
    def exercise(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Choices:
    """Which forms to show."""

    acknowledge: bool = False
    shelve: bool = False
    unshelve: bool = False
    reset: bool = False
    resolve: bool = False
    comment: bool = False
    assign: bool = False
    photo: bool = False
    insurer: bool = False


def choices(visitor: Visitor, standing: Standing) -> Choices:
    """What this visitor may do with an occurrence that stands so."""
    comment = visitor.may(Right.COMMENT)
    if not visitor.may(Right.ACT) or not standing.is_open:
        return Choices(
            comment=comment, photo=visitor.may(Right.ACT), insurer=visitor.may(Right.ACKNOWLEDGE_FOR_INSURER)
        )
    return Choices(
        acknowledge=standing.state in UNACKNOWLEDGED,
        shelve=standing.suppression == "none" and standing.state != "A" and not standing.exercise,
        unshelve=standing.suppression == "shelved",
        reset=standing.state == "F" and not standing.active,
        resolve=standing.state == "A",
        comment=comment,
        assign=True,
        photo=True,
    )


def sees_evidence(visitor: Visitor, standing: Standing) -> bool:
    """Whether this visitor sees values and curve: the client always, the insurer once resolved or shared."""
    return visitor.may(Right.SEE_READINGS) or standing.resolved_at is not None or standing.shared
