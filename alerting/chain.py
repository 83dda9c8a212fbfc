"""The hash chain of an alarm's transitions: what is changed, dropped or inserted afterwards shows.

hash = sha256(previous hash || canonical row); the first previous is the genesis of (definition, sensor). The chain has no key:
who holds the owner's role can write a whole new one. What shows that are the seals that go out (alerting/seal.py).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
FORM: Final = "davy-transition-1"  # a changed canonical form gets a new name, old rows keep theirs


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One transition as the chain sees it: everything that is kept but its database id."""

    company_id: int
    definition_id: int
    sensor_id: int
    number: int
    occurrence_id: int | None
    at: datetime
    recorded_at: datetime
    event: str
    from_state: str
    to_state: str
    suppression: str
    value: float | None
    person_id: int | None
    reason: str | None
    until: datetime | None
    batch_no: int | None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Broken:
    """The first link that does not hold."""

    definition_id: int
    sensor_id: int
    number: int
    sentence: str


def genesis(definition_id: int, sensor_id: int) -> bytes:
    """What the first transition of an alarm hangs on: 32 bytes."""
    return hashlib.sha256(f"davy-alarm-1 {definition_id} {sensor_id}".encode()).digest()


def canonical(link: Link) -> bytes:
    """The bytes that are hashed: JSON with sorted keys, instants as whole microseconds UTC, floats as Python's repr.

    `replayed` stands there only where it is true: rows from before there was that mark keep their hash.

    >>> at = datetime(2026, 1, 2, tzinfo=UTC)
    >>> canonical(Link(company_id=1, definition_id=2, sensor_id=3, number=1, occurrence_id=4, at=at, recorded_at=at, event="raise",
    ...     from_state="A", to_state="B", suppression="none", value=0.5, person_id=None, reason=None, until=None, batch_no=9))[:56]
    b'davy-transition-1\\n{"at":1767312000000000,"batch_no":9,"c'
    """
    row = {name: _plain(getattr(link, name)) for name in Link.__slots__ if name != "replayed" or link.replayed}
    return f"{FORM}\n{json.dumps(row, sort_keys=True, separators=(',', ':'), ensure_ascii=False, allow_nan=False)}".encode()


def hash_of(previous: bytes, link: Link) -> bytes:
    """The hash of a transition that follows `previous`: 32 bytes."""
    return hashlib.sha256(previous + canonical(link)).digest()


def verify(rows: Iterable[tuple[Link, bytes, bytes]]) -> Broken | None:
    """The first broken link of (transition, previous, hash) rows, or None.

    Args:
        rows: of one or more alarms; the rows of one alarm stand together, in order of `number`, from its first one on.
    """
    alarm: tuple[int, int] | None = None
    last, number = b"", 0
    for link, previous, hashed in rows:
        if alarm != (link.definition_id, link.sensor_id):
            alarm = (link.definition_id, link.sensor_id)
            last, number = genesis(*alarm), 0
        number += 1
        words = wrong_with(link, previous, hashed, number, last)
        if words is not None:
            return _broken(link, number, words)
        last = hashed
    return None


def wrong_with(link: Link, previous: bytes, hashed: bytes, number: int, last: bytes) -> str | None:
    """What does not fit of a transition that is to be the alarm's `number`th, after one with the hash `last`; None: all does."""
    if link.number != number:
        return f"transition {number} is missing: {link.number} stands in its place"
    if previous != last:
        return f"transition {number} does not hang on the one before it"
    if hash_of(previous, link) != hashed:
        return f"transition {number} was changed after it was written"
    return None


def _broken(link: Link, number: int, words: str) -> Broken:
    sentence = f"Alarm of definition {link.definition_id} and sensor {link.sensor_id}: {words}."
    return Broken(link.definition_id, link.sensor_id, number, sentence)


def _plain(field: object) -> object:
    if isinstance(field, datetime):
        return (field - _EPOCH) // _MICROSECOND
    if isinstance(field, float):
        # JSON has no NaN or infinity; they stand as text.
        return field if math.isfinite(field) else repr(field)
    return field
