"""One run of a device's numbers: what came, what is missing, and what its messages said of their time.

A number alone does not say whether a message was seen before: firmware that forgets its boot counter begins again at 0 under
the old boot. So a run also remembers, for each octave of its numbers (0, 1, 2-3, 4-7, ...), the earliest and the latest time
that messages of it named. A message that comes again names the time it named before, which lies within; one that lies outside
was never seen. No assumption about the device's clock is in this.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from core.batch import NEVER, NOTHING_DUE

MOST_PARTS: Final = 64  # of holes, kept a run; the oldest is given up by raising the floor above it
NOTHING_SAID: Final = NEVER  # the time of a message that none could be read from


class Arrival(NamedTuple):
    """A message, as its stream sees it.

    Args:
        said_us: the time its first reading names, whatever the device's clock; `NOTHING_SAID` where there is none.
        sent_us: when it was sent, as far as that can be believed; received_us: when it came.
    """

    device_id: int
    boot: int
    seq: int
    said_us: int
    sent_us: int
    received_us: int


@dataclass(slots=True)
class Part:
    """Messages first..last have not come; they were sent between `from_us` and `until_us`."""

    first: int
    last: int
    from_us: int
    until_us: int


@dataclass(slots=True)
class Hole:
    """Messages that were missing when the one after them came, and what of them is missing still.

    Args:
        seen_us: when the first message after it was judged, microseconds UTC.
        from_us: when the last message before it was sent; until_us: the first one after it.
        given_up: messages of it that are not waited for any more.
    """

    first: int
    last: int
    seen_us: int
    from_us: int
    until_us: int
    given_up: int = 0
    parts: list[Part] = field(default_factory=list)

    @property
    def missing(self) -> int:
        """How many messages."""
        return self.given_up + sum(part.last - part.first + 1 for part in self.parts)


class GapRow(NamedTuple):
    """What `stream_gap` must learn of a hole; `missing` 0: all of it came.

    Args:
        left_from_us, left_until_us: between them lies what is missing still.
    """

    device_id: int
    boot: int
    run: int
    first: int
    last: int
    from_us: int
    until_us: int
    missing: int
    left_from_us: int
    left_until_us: int


@dataclass(slots=True)
class Stream:
    """A run: one boot of one device, or what it counted after it began again under the same boot.

    Args:
        run: 0 for the first of a boot.
        floor: below it nothing is known.
        sent_us: when the message `highest` was sent, as far as that can be believed; received_us: when it came.
        begun_us: the time that the first message named; latest_us: the latest that any named.
        spans: earliest and latest time named in each octave, one after the other.
    """

    run: int
    floor: int
    highest: int
    sent_us: int
    received_us: int
    begun_us: int
    latest_us: int = NOTHING_SAID
    holes: list[Hole] = field(default_factory=list)
    spans: array[int] = field(default_factory=lambda: array("q"))

    def note(self, seq: int, said_us: int) -> None:
        """Widens the octave of a number by the time that its message named."""
        if said_us == NOTHING_SAID:
            return
        at, spans = 2 * seq.bit_length(), self.spans
        while len(spans) <= at:
            spans.extend((NOTHING_DUE, NEVER))
        if said_us < spans[at]:
            spans[at] = said_us
        if said_us > spans[at + 1]:
            spans[at + 1] = said_us
            self.latest_us = max(self.latest_us, said_us)

    def saw(self, seq: int, said_us: int) -> bool:
        """Whether a message of this number may have named this time; one that names none may always have been seen."""
        at = 2 * seq.bit_length()
        if said_us == NOTHING_SAID:
            return True
        return at < len(self.spans) and self.spans[at] <= said_us <= self.spans[at + 1]

    def advance(self, seq: int, said_us: int, sent_us: int, received_us: int, now_us: int) -> Hole | None:
        """Takes the newest message; returns the hole before it."""
        hole = None
        if seq > self.highest + 1:
            from_us, until_us = self.sent_us, sent_us
            if from_us > until_us:  # the clock was set back meanwhile: ours says when
                from_us, until_us = self.received_us, max(self.received_us, received_us)
            first, last = self.highest + 1, seq - 1
            hole = Hole(first, last, now_us, from_us, until_us, parts=[Part(first, last, from_us, until_us)])
            self.holes.append(hole)
        self.highest, self.sent_us, self.received_us = seq, sent_us, received_us
        self.note(seq, said_us)
        return hole

    def part_of(self, seq: int) -> tuple[Hole, int] | None:
        """The hole that a number is missing in, and which part of it."""
        for hole in self.holes:
            if hole.first <= seq <= hole.last:
                for index, part in enumerate(hole.parts):
                    if part.first <= seq <= part.last:
                        return hole, index
        return None

    def fill(self, hole: Hole, index: int, seq: int, said_us: int, sent_us: int) -> None:
        """Takes `seq` out of a hole; what is left of the part stands on either side."""
        part = hole.parts[index]
        # What a gateway stamps anew when it sends again lies after the hole; what was measured does not.
        inside = part.from_us <= said_us <= part.until_us
        at_us = said_us if inside else min(max(sent_us, part.from_us), part.until_us)
        left = Part(part.first, seq - 1, part.from_us, at_us), Part(seq + 1, part.last, at_us, part.until_us)
        hole.parts[index : index + 1] = [each for each in left if each.first <= each.last]
        if not hole.parts:  # what of it was given up is not waited for
            self.holes.remove(hole)
        self.note(seq, said_us)

    def give_up(self) -> None:
        """Lets go of the oldest parts while there are too many."""
        while sum(len(hole.parts) for hole in self.holes) > MOST_PARTS:
            oldest = self.holes[0]
            part = oldest.parts.pop(0)
            oldest.given_up += part.last - part.first + 1
            self.floor = part.last + 1
            if not oldest.parts:
                del self.holes[0]

    def row(self, device_id: int, boot: int, hole: Hole) -> GapRow:
        """What the table must learn of a hole."""
        left_from, left_until = hole.from_us, hole.until_us
        if hole.parts:
            left_from = hole.from_us if hole.given_up else hole.parts[0].from_us
            left_until = hole.parts[-1].until_us
        return GapRow(
            device_id, boot, self.run, hole.first, hole.last, hole.from_us, hole.until_us, hole.missing, left_from, left_until
        )  # fmt: skip


def restored(
    streams: Iterable[list[int]],
    came: Iterable[list[int]],
    spans: Iterable[list[int]],
    holes: Iterable[list[int]],
    parts: Iterable[list[int]],
) -> dict[tuple[int, int, int], Stream]:
    """(device_id, boot, run) -> its stream, in the order of `streams`, from the rows that `rows` gave."""
    found = {
        (d, b, run): Stream(run, floor, highest, sent_us, received_us, begun_us, latest_us)
        for (d, b, run, floor, highest, sent_us, begun_us, latest_us), (received_us,) in zip(streams, came, strict=True)
    }
    for d, b, run, *bounds in spans:
        found[(d, b, run)].spans.extend(bounds)
    for d, b, run, first, last, seen_us, from_us, until_us, given_up in holes:
        found[(d, b, run)].holes.append(Hole(first, last, seen_us, from_us, until_us, given_up))
    for d, b, run, first, *row in parts:
        next(hole for hole in found[(d, b, run)].holes if hole.first == first).parts.append(Part(*row))
    return found


def rows(streams: Iterable[tuple[int, int, Stream]]) -> tuple[list[tuple[int, ...]], ...]:
    """(device_id, boot, stream) as rows: streams by what devices say, when the newest message of each came, spans, holes, parts."""
    said: list[tuple[int, ...]] = []
    came: list[tuple[int, ...]] = []
    spans: list[tuple[int, ...]] = []
    holes: list[tuple[int, ...]] = []
    parts: list[tuple[int, ...]] = []
    for d, b, s in streams:
        said.append((d, b, s.run, s.floor, s.highest, s.sent_us, s.begun_us, s.latest_us))
        came.append((s.received_us,))
        spans.extend((d, b, s.run, s.spans[at], s.spans[at + 1]) for at in range(0, len(s.spans), 2))
        for h in s.holes:
            holes.append((d, b, s.run, h.first, h.last, h.seen_us, h.from_us, h.until_us, h.given_up))
            parts.extend((d, b, s.run, h.first, p.first, p.last, p.from_us, p.until_us) for p in h.parts)
    return said, came, spans, holes, parts
