"""The sentence for a site that is not there."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from core.errors import BadInput

MOST: Final = 10  # keys listed; beyond, their number
LONGEST: Final = 60  # characters of what was asked for that are repeated


def require_known(asked: str, keys: Sequence[str], what: str = "site") -> None:
    """Whether there is such a site, or what else is asked for, looked for here: what no database can hold finds a sentence too.

    Raises:
        BadInput: there is none; it says which one may have been meant, or which there are.
    """
    if asked in keys:
        return
    near = get_close_matches(asked, keys, n=1, cutoff=0.5)
    there = ", ".join(keys[:MOST]) + (f" and {len(keys) - MOST} more" if len(keys) > MOST else "") or "none"
    said = asked[:LONGEST].encode("utf-8", "backslashreplace").decode("utf-8")
    raise BadInput(f"There is no {what} {said}; " + (f"did you mean {near[0]}?" if near else f"there are: {there}."))
