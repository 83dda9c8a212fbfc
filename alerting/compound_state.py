"""One compound on its way through time: what is remembered of its parts, and which of them count at an instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from core.batch import NEVER, NOTHING_DUE, Part
from core.model import Compound

Told = tuple[int, int, bool, float]  # at, definition_id, active, value


@dataclass(slots=True)
class PartState:
    """What is remembered of one part: its last stretch. `ended` is NEVER while it holds.

    Args:
        first: its first beginning since it last did not count: one that flickers within the window keeps its place in the order.
    """

    began: int = NEVER
    value: float | None = None
    ended: int = NEVER
    first: int = NEVER

    def until(self, window_us: int) -> int:
        """The first instant at which it counts no more."""
        if self.began == NEVER:
            return NEVER
        return NOTHING_DUE if self.ended == NEVER else self.ended + window_us

    def book(self, at: int, active: bool, value: float, window_us: int) -> None:
        """Takes one of its events."""
        self.value = value
        if active:
            self.first = self.first if at < self.until(window_us) else at
            self.began, self.ended = at, NEVER
        elif self.began != NEVER:
            self.ended = max(at, self.began)


@dataclass(slots=True)
class CompoundState:
    """One compound.

    Args:
        index: of its definitions in the set.
        shown: its parts as of the last number that was said; said_at: the instant of that number.
        waiting: what was heard of its parts and time has not come to, in the order it came.
        due: when something is to be done for it next.
        changed: what it is made of, or who asks, is not what it was: its number is said again, as of how far time has come.
    """

    compound: Compound
    index: tuple[int, ...]
    parts: list[PartState]
    shown: tuple[Part, ...] = ()
    said: int = 0
    said_at: int = NEVER
    waiting: list[Told] = field(default_factory=list)
    due: int = NOTHING_DUE
    changed: bool = False

    def next_end(self, after_us: int) -> int:
        """The first instant after `after_us` at which a part counts no more."""
        ends = [part.until(self.compound.window_us) for part in self.parts]
        return min((end for end in ends if end > after_us), default=NOTHING_DUE)

    def next_due(self) -> int:
        """The first instant at which something is to be done for it."""
        return min(self.next_end(self.said_at), min((told[0] for told in self.waiting), default=NOTHING_DUE))

    def take(self, until_us: int) -> list[Told]:
        """What waits and is due, in the order in which it is booked; one part's own order stays."""
        due = [told for told in self.waiting if told[0] <= until_us]
        self.waiting = [told for told in self.waiting if told[0] > until_us]
        return sorted(due, key=lambda told: (max(told[0], self.said_at), told[0], told[1]))

    def book(self, told: Told) -> None:
        """Takes an event of a part, of which it may be several."""
        at, definition_id, active, value = told
        for part, name in zip(self.parts, self.compound.parts, strict=True):
            if name == definition_id:
                part.book(at, active, value, self.compound.window_us)

    def look(self, at: int) -> tuple[Part, ...]:
        """Its parts at an instant."""
        holds = [part.began <= at < part.until(self.compound.window_us) for part in self.parts]
        if self.compound.in_order:
            own = zip(self.parts, holds, strict=True)
            holds = _in_order([tuple({part.first: 0, part.began: 0}) if held else () for part, held in own])
        return tuple(
            Part(
                position,
                counts,
                None if part.began == NEVER else part.began,
                None if part.ended == NEVER else part.ended,
                part.value,
            )
            for position, (part, counts) in enumerate(zip(self.parts, holds, strict=True))
        )


def _in_order(beginnings: Sequence[Sequence[int]]) -> list[bool]:
    """Which parts make up the longest chain that began in the order they are written; of equal chains the first.

    Args:
        beginnings: of each part, those that may stand for it in the chain; none: it does not count.

    >>> _in_order([[30], [10], [], [20]])
    [False, True, False, True]
    >>> _in_order([[0, 20], [10]])
    [True, True]
    """
    links = [(part, at) for part, own in enumerate(beginnings) for at in own]
    length: list[int] = []
    before: list[int] = []
    for i, (part, at) in enumerate(links):
        chains = [(length[j], -j) for j in range(i) if links[j][0] < part and links[j][1] <= at]
        longest, j = max(chains, default=(0, 1))
        length.append(longest + 1)
        before.append(-j if longest else -1)
    chosen = [False] * len(beginnings)
    last = max(range(len(links)), key=lambda i: (length[i], -i), default=-1)
    while last >= 0:
        chosen[links[last][0]] = True
        last = before[last]
    return chosen
