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
        block.mistake("votes", silent_votes(block.where))
    needed, of = inner.number("needed"), inner.number("of")
    inner.finish()
    if needed is None or of is None:
        return default
    wrong = wrong_votes(block.where, needed, of)
    if wrong is not None:
        inner.mistake(*wrong)
        return default
    return int(needed), int(of)


def wrong_votes(where: str, needed: float, of: float) -> tuple[str, str] | None:
    """What is wrong with `needed` of the last `of` numbers, as (field, sentence); None: nothing.

    >>> wrong_votes("limit lel", 3, 2)
    ('needed', 'votes of limit lel needs 3 of the last 2 numbers; needed must be 2 or less.')
    """
    for name, number in (("needed", needed), ("of", of)):
        if number != int(number) or not 1 <= number <= MOST_VOTES:
            return (
                name,
                f"{name} of votes of {where} is {number:g}; it must be a whole number from 1 to {MOST_VOTES}.",
            )
    if needed > of:
        return "needed", f"votes of {where} needs {needed:g} of the last {of:g} numbers; needed must be {of:g} or less."
    return None


def silent_votes(where: str) -> str:
    """Why what waits for silence cannot vote."""
    return f"{where} has votes; a silence is no number that could vote. Take a longer setpoint."
