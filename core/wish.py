"""What a route says in the place of a channel where it leaves that to the person: their first, second, third of their own order."""

from __future__ import annotations

import re
from typing import Final

PREFERRED: Final = "preferred"
MOST_PREFERRED: Final = 4
WISHES: Final = (PREFERRED, *(f"{PREFERRED}-{k}" for k in range(2, MOST_PREFERRED + 1)))
_WISH: Final = re.compile(rf"{PREFERRED}(?:-([2-{MOST_PREFERRED}]))?")


def wish_of(channel: str) -> int | None:
    """Which of the person's own channels it asks for, from 1; None: it names a channel.

    >>> [wish_of(each) for each in ("smtp", "preferred", "preferred-3", "preferred-9")]
    [None, 1, 3, None]
    """
    found = _WISH.fullmatch(channel)
    return int(found[1] or 1) if found else None


def wish_after(channel: str, more: int) -> str:
    """What the `more`-th repetition of a step asks for: the person's next channels, and for ever the last.

    >>> [wish_after("preferred", k) for k in range(3)], wish_after("smtp", 2)
    (['preferred', 'preferred-2', 'preferred-3'], 'smtp')
    """
    first = wish_of(channel)
    return channel if first is None else WISHES[min(first + more, MOST_PREFERRED) - 1]
