"""The timeline of an occurrence as a page tells it: what happened at one instant to several messages is one entry. Pure.

A program gets every row (`api.store.timeline`). A reader on a telephone gets the alarm, one entry for the calls that were planned
with it, one for each that went out, one for those that were called off by the same word, one for those that were handed over, and one
for those that their reader saw by opening the page once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from alerting.store.reassigning import SOMEBODY_ELSE
from api.store.timeline import TimelineRow

MESSAGE = "notification"
PLANNED, SENT, DELIVERED, CANCELLED = "planned", "sent", "delivered", "cancelled"
SEEN, ANSWERED = "seen", "answered"
HANDED_OVER = "handed_over"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a page tells at one instant.

    Args:
        row: what is told; the first where there are several.
        kind: as the row's; `planned`, `cancelled`, `seen` or `handed_over` where it is told of messages together.
        rows: the messages that it is told of, the earliest first; empty where the entry is the row alone.
        instead: of a hand-over: the messages that go to others now.
    """

    row: TimelineRow
    kind: str
    rows: tuple[TimelineRow, ...] = ()
    instead: tuple[TimelineRow, ...] = ()


def story(rows: Sequence[TimelineRow]) -> list[Entry]:
    """The entries, in the order of the rows: the newest first."""
    return [entry for _, run in groupby(rows, lambda row: row.at) for entry in _at_once(list(run))]


def _at_once(rows: list[TimelineRow]) -> Iterator[Entry]:
    """What is told of one instant, each group where its first row stands."""
    delivered = {row.number for row in rows if row.kind == MESSAGE and row.detail == DELIVERED}
    gone = _due([row for row in rows if _is(row, CANCELLED) and row.text == SOMEBODY_ELSE])
    planned = _due([row for row in rows if _is(row, PLANNED)])
    answered = {row.number for row in rows if _is(row, ANSWERED)}
    took_on = {row.person_id for row in rows if row.kind == "transition" and row.what == "acknowledge"}
    done = set[str | int | None]()
    for row in rows:
        if _is(row, SENT) and row.number in delivered:
            continue  # told with its delivery
        if _is(row, ANSWERED) and row.person_id in took_on:
            continue  # the acknowledgement says by which message's link
        if _is(row, PLANNED) or row in gone:
            if HANDED_OVER not in done:
                done.add(HANDED_OVER)
                yield Entry(row, HANDED_OVER, gone, planned) if gone else Entry(row, PLANNED, planned)
        elif _is(row, CANCELLED):
            if (row.text or "") not in done:
                done.add(row.text or "")
                yield Entry(
                    row, CANCELLED, _due([each for each in rows if _is(each, CANCELLED) and each.text == row.text])
                )
        elif _is(row, SEEN):
            own = [
                each
                for each in rows
                if _is(each, SEEN) and each.person_id == row.person_id and each.number not in answered
            ]
            if row in own and row.person_id not in done:
                done.add(row.person_id)
                yield Entry(row, SEEN, _due(own)) if len(own) > 1 else Entry(row, row.kind)
        else:
            yield Entry(row, row.kind)


def _is(row: TimelineRow, stage: str) -> bool:
    return row.kind == MESSAGE and row.detail == stage


def _due(rows: Sequence[TimelineRow]) -> tuple[TimelineRow, ...]:
    """In the order in which they are due."""
    return tuple(sorted(rows, key=lambda row: (row.until or row.at, row.number)))
