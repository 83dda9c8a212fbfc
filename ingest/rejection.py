"""What could not be taken in: kept as evidence, up to a limit a device and minute, the rest counted."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from core.errors import Malformed
from core.wire import reject
from ingest.directory import Device
from ingest.source import RawMessage

KEPT_BYTES = 64 * 1024
LIMIT = 100  # rejected messages kept a device and minute
MINUTE_US = 60_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A row of `rejected_message`.

    Args:
        device: whose topic it came on; None: from nobody we know.
        repeated: the broker has delivered the message before, so the row may be there already.
        count: how many messages the row stands for.
        continued: add `count` to this minute's last row of the device instead of making a row.
        place: (company_id, site_id) of a site we know, where an unknown device spoke for it.
        kept_id: it has a row already: it was rejected before, and is again.
    """

    device: Device | None
    received_us: int
    topic: str
    payload: bytes
    length: int
    sha256: bytes
    reason: str
    sentence: str
    repeated: bool = False
    count: int = 1
    continued: bool = False
    place: tuple[int, int] | None = None
    kept_id: int = 0


def rejection(
    message: RawMessage, device: Device | None, mistake: Malformed, place: tuple[int, int] | None = None
) -> Rejected:
    """The row for a message and what was wrong with it."""
    return Rejected(
        device=device,
        received_us=message.kept.received_us if message.kept else message.received_us,
        topic=printable(message.topic),
        payload=message.payload[:KEPT_BYTES],
        length=len(message.payload),
        sha256=hashlib.sha256(message.payload).digest(),
        reason=mistake.reason,
        sentence=printable(str(mistake)),
        repeated=message.repeated,
        place=(device.row.company_id, device.row.site_id) if device else place,
        kept_id=message.kept.rejected_id if message.kept else 0,
    )


def printable(text: str) -> str:
    """`text` as PostgreSQL can hold it: no NUL, no half of a surrogate pair.

    >>> printable("a" + chr(0) + chr(0xD800))
    'a\\\\x00\\\\ud800'
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


class RejectionLimit:
    """Holds a flood of garbage from one device down to rows that a person can read.

    Memory: one entry a device that sent garbage within the last minute.
    """

    def __init__(self) -> None:
        self._counts: dict[int | None, tuple[int, int]] = {}

    def admit(self, found: list[Rejected]) -> list[Rejected]:
        """What to store of `found`: rows up to the limit, then one that counts the others.

        The row that counts carries the reason `flood`; later batches of the same minute add to it. What has a row is no flood.
        """
        kept: list[Rejected] = []
        flood: dict[tuple[int | None, int], list[Rejected]] = {}
        for row in found:
            if row.kept_id:
                kept.append(row)
                continue
            key = row.device.row.device_id if row.device else None
            minute = row.received_us // MINUTE_US
            last, count = self._counts.get(key, (minute, 0))
            count = count + 1 if last == minute else 1
            self._counts[key] = (minute, count)
            if count <= LIMIT:
                kept.append(row)
            else:
                flood.setdefault((key, minute), []).append(row)
        for (key, minute), rows in flood.items():
            first = rows[0]
            before = self._counts[key][1] - len(rows) if self._counts[key][0] == minute else LIMIT
            name = first.device.row.key if first.device else "(unknown)"
            kept.append(
                Rejected(
                    device=first.device,
                    received_us=first.received_us,
                    topic=first.topic,
                    payload=first.payload,
                    length=first.length,
                    sha256=first.sha256,
                    reason="flood",
                    sentence=str(reject("flood", device=name, limit=LIMIT)),
                    count=len(rows),
                    continued=before > LIMIT,
                    place=first.place,
                )
            )
        self._forget(found)
        return kept

    def _forget(self, found: list[Rejected]) -> None:
        if found and len(self._counts) > 1000:
            minute = found[-1].received_us // MINUTE_US
            self._counts = {key: entry for key, entry in self._counts.items() if entry[0] >= minute}
