"""Votes of a limit in a site file or a pack: k of its last m numbers."""

from __future__ import annotations

from typing import Final

from core.yaml_lines import Block

MOST_VOTES: Final = 64  # numbers a vote can look back on (alerting/votes.py)
SILENCE: Final = "stale"  # the one detector that time drives


def read_votes(block: Block, default: tuple[int, int], detector: str) -> tuple[int, int]:
    """(k, m) of a limit that wants k of its last m numbers; `default` where it says nothing, or something wrong.

    Args:
        detector: what forms the numbers; silence has none that could vote.
    """
    if not block.offers("votes"):
        return default
    inner = block.block("votes", f"votes of {block.where}", example="such as {needed: 2, of: 3}")
    if inner is None:
        return default
    if detector == SILENCE:
        block.mistake(
            "votes", f"{block.where} has votes; a silence is no number that could vote. Take a longer setpoint."
        )
    needed, of = inner.number("needed"), inner.number("of")
    inner.finish()
    if needed is None or of is None:
        return default
    for name, number in (("needed", needed), ("of", of)):
        if number != int(number) or not 1 <= number <= MOST_VOTES:
            inner.mistake(
                name, f"{name} of {inner.where} is {number:g}; it must be a whole number from 1 to {MOST_VOTES}."
            )
            return default
    if needed > of:
        inner.mistake(
            "needed", f"{inner.where} needs {needed:g} of the last {of:g} numbers; needed must be {of:g} or less."
        )
        return default
    return int(needed), int(of)
