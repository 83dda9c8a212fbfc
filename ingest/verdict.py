"""What becomes of rejected messages that went through ingest again. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from ingest.rejection import Rejected


@dataclass(slots=True)
class Settled:
    """Rows of `rejected_message` by what becomes of them.

    Args:
        taken: nothing is wrong with them any more, or what is has a row of its own.
        changed: (row, reason, sentence): they stay, for this.
        added: (row, reason, sentence): something else is wrong with the message too.
    """

    taken: list[int] = field(default_factory=list)
    changed: list[tuple[int, str, str]] = field(default_factory=list)
    added: list[tuple[int, str, str]] = field(default_factory=list)


def settled(
    ids: Sequence[int], rejected: Sequence[Rejected], asked: str, standing: Mapping[int, AbstractSet[str]]
) -> Settled:
    """What becomes of each row.

    Args:
        ids: the rows that went through.
        rejected: what was wrong with their messages this time; of some nothing.
        asked: the reason they stood for.
        standing: the reasons for which the message of each row has one, this row's included.
    """
    mistakes: dict[int, dict[str, str]] = {}
    for row in rejected:
        if row.kept_id:
            mistakes.setdefault(row.kept_id, {}).setdefault(row.reason, row.sentence)
    found = Settled()
    for rejected_id in ids:
        wrong = mistakes.get(rejected_id, {})
        new = [reason for reason in wrong if reason == asked or reason not in standing.get(rejected_id, ())]
        if asked in wrong:
            new.sort(key=lambda reason: reason != asked)
        if not new:
            found.taken.append(rejected_id)
            continue
        first, *others = [(rejected_id, reason, wrong[reason]) for reason in new]
        found.changed.append(first)
        found.added += others
    return found
