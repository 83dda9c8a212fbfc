"""What could not be taken in: kept as evidence, up to a limit a device and minute, the rest counted.

A device that nobody knows is who its topic says it is, at the site whose company sees the message: strangers of one company take no
room from another's, and are not counted in its rows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from core.errors import Malformed
from core.wire import reject
from ingest.directory import Device
from ingest.source import RawMessage

KEPT_BYTES = 64 * 1024
LIMIT = 100  # rejected messages kept a device and minute
STRANGERS = 50  # unknown devices of a site to which that is granted in a minute; what comes under other names shares one allowance
MINUTE_US = 60_000_000

# device_id; else site_id (None: nobody's), and "site/device" of the topic or, shared, "".
Key = tuple[int | None, int | None, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A row of `rejected_message`.

    Args:
        device: whose topic it came on; None: from nobody we know.
        repeated: the broker has delivered the message before, so the row may be there already.
        count: how many messages the row stands for.
        continued: add `count` to this minute's last row of the device under this topic instead of making a row.
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


@dataclass(slots=True)
class _Count:
    """Messages of one key in a minute; `topic`: of the row that counts what is above the limit."""

    minute: int
    messages: int = 0
    topic: str = ""


class RejectionLimit:
    """Holds a flood of garbage from one device down to rows that a person can read.

    Memory: one entry a device that sent garbage within the last minute, of a site's unknown devices `STRANGERS` and one.
    """

    def __init__(self) -> None:
        self._counts: dict[Key, _Count] = {}
        self._strangers: dict[int | None, tuple[int, int]] = {}  # by site: minute, how many were granted an allowance

    def admit(self, found: list[Rejected]) -> list[Rejected]:
        """What to store of `found`: rows up to the limit, then one that counts the others.

        The row that counts carries the reason `flood`; later batches of the same minute add to it. What has a row is no flood.
        """
        kept: list[Rejected] = []
        flood: dict[tuple[Key, int], list[Rejected]] = {}
        for row in found:
            if row.kept_id:
                kept.append(row)
                continue
            minute = row.received_us // MINUTE_US
            key = self._key(row, minute)
            count = self._counts.get(key)
            if count is None or count.minute != minute:
                count = self._counts[key] = _Count(minute)
            count.messages += 1
            if count.messages <= LIMIT:
                kept.append(row)
            else:
                flood.setdefault((key, minute), []).append(row)
        for (key, minute), rows in flood.items():
            first = rows[0]
            count = self._counts[key]
            continued = count.minute == minute and count.messages - len(rows) > LIMIT
            if count.minute == minute and not continued:
                count.topic = first.topic
            name = first.device.row.key if first.device else key[2].partition("/")[2]
            kept.append(
                Rejected(
                    device=first.device,
                    received_us=first.received_us,
                    topic=count.topic if continued else first.topic,
                    payload=first.payload,
                    length=first.length,
                    sha256=first.sha256,
                    reason="flood",
                    sentence=str(reject("flood", device=name or "(unknown)", limit=LIMIT)),
                    count=len(rows),
                    continued=continued,
                    place=first.place,
                )
            )
        self._forget(found)
        return kept

    def _key(self, row: Rejected, minute: int) -> Key:
        """Whose allowance it takes."""
        if row.device:
            return row.device.row.device_id, None, ""
        site = row.place[1] if row.place else None
        own: Key = (None, site, "/".join(row.topic.split("/")[2:4]))
        known = self._counts.get(own)
        if known is not None and known.minute == minute:
            return own
        last, granted = self._strangers.get(site, (minute, 0))
        granted = granted if last == minute else 0
        if granted == STRANGERS:
            return None, site, ""
        self._strangers[site] = (minute, granted + 1)
        return own

    def _forget(self, found: list[Rejected]) -> None:
        if found and len(self._counts) > 1000:
            minute = found[-1].received_us // MINUTE_US
            self._counts = {key: entry for key, entry in self._counts.items() if entry.minute >= minute}
