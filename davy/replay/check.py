"""A replay held against what there is: before it, the sensors of the map; after it, what became of each reading."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from core.portfolio import Portfolio
from core.units import same_quantity
from core.wire import Message
from simulators.replay_map import ReplayMap
from simulators.stream import Packet

# As our own encoder writes them: first, so that they are there even where only the beginning of a payload was kept.
_HEADER: Final = re.compile(rb'\{"boot":(\d+),"seq":(\d+),')


def unknown_sensors(plan: ReplayMap, portfolio: Portfolio, place: str) -> list[tuple[int, str]]:
    """(line of the map, sentence) for everything the map speaks for that is not there to be spoken for.

    Args:
        place: where the portfolio comes from, for sentences.
    """
    if plan.site not in {site.key for site in portfolio.sites}:
        sites = ", ".join(site.key for site in portfolio.sites) or "none"
        return [(1, f"{place} has no site {plan.site}; its sites are {sites}.")]
    sensors = {(s.device, s.key): s for s in portfolio.sensors if s.site == plan.site and not s.is_virtual}
    devices = {device for device, _ in sensors}
    mistakes = []
    for column in plan.columns:
        row = sensors.get((column.device, column.sensor))
        if column.device not in devices:
            near = _near(column.device, devices)
            mistakes.append(
                (column.line, f"{place} has no device {column.device} with sensors at site {plan.site}; {near}")
            )
        elif row is None:
            near = _near(column.sensor, [key for device, key in sensors if device == column.device])
            mistakes.append((column.line, f"{place} has no sensor {column.sensor} at device {column.device}; {near}"))
        elif row.retired:
            mistakes.append(
                (
                    column.line,
                    f"Sensor {column.sensor} of device {column.device} is retired in {place}; play into another.",
                )
            )
        elif column.unit is not None and not same_quantity(column.unit, row.unit):
            mistakes.append(
                (
                    column.line,
                    f"unit of sensor {column.sensor} is {column.unit}, which does not convert to {row.unit}, its unit in {place}.",
                )
            )
    return mistakes


def _near(word: str, words: Iterable[str]) -> str:
    there = sorted(words)
    near = get_close_matches(word, there, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(there) or 'none'}."


@dataclass(slots=True)
class Account:
    """What became of the readings that were published.

    Args:
        rejected: readings that are not stored, of messages that were rejected.
        lost: readings that are neither stored nor rejected.
        reasons: why, with the number of messages.
    """

    rejected: int = 0
    lost: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


def account(
    packets: Iterable[Packet],
    published: int,
    stored: set[tuple[str, str, int]],
    refused: Sequence[tuple[str, bytes, str, str, int]],
) -> Account:
    """Holds every reading that was published against the store and the rejected messages.

    Args:
        packets: what was played, from its beginning.
        published: readings that went out.
        stored: (device, sensor, milliseconds UTC).
        refused: (topic, payload, reason, sentence, count) of rejected messages.
    """
    found = Account()
    named: set[tuple[str, int, int]] = set()
    uncounted = 0  # messages of a flood: only their number is kept
    for topic, payload, reason, _, count in refused:
        found.reasons[reason] += count
        header = _HEADER.match(payload)
        if header is not None:
            named.add((topic, int(header[1]), int(header[2])))
        uncounted += count if reason == "flood" else 0
    for message, missing in _incomplete(packets, published, stored):
        if message in named:
            found.rejected += missing
        elif uncounted > 0:
            uncounted -= 1
            found.rejected += missing
        else:
            found.lost += missing
    return found


def _incomplete(
    packets: Iterable[Packet], published: int, stored: set[tuple[str, str, int]]
) -> Iterator[tuple[tuple[str, int, int], int]]:
    """(topic, boot, seq) of every message that misses readings in the store, and how many."""
    for packet in packets:
        if published <= 0:
            return
        published -= packet.readings
        if isinstance(packet.message, Message):
            missing = sum((packet.device, each.s, each.t) not in stored for each in packet.message.readings)
            if missing:
                yield (packet.topic, packet.message.boot, packet.message.seq), missing


def sentences(refused: Sequence[tuple[str, bytes, str, str, int]]) -> Mapping[str, int]:
    """Each sentence that ingest gave, and for how many messages."""
    found: Counter[str] = Counter()
    for _, _, _, sentence, count in refused:
        found[sentence] += count
    return found
