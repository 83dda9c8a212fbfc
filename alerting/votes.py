"""Votes of k of m: a condition that wants several of its last numbers beyond the setpoint before it begins.

A number votes; one that cannot be judged (NaN) has no vote and takes no place. The condition begins with the k-th vote for it
among the last m, and ends when fewer than k of them are still beyond the deadband. Where both are 1 nothing is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.batch import Int32, UInt8
from core.kernel_cache import kernel
from core.model import AlarmDefinition, DefinitionSet

UInt64 = NDArray[np.uint64]
MOST: Final = 64  # numbers a vote can look back on: one bit each


class Ballots(NamedTuple):
    """The votes as columns, made for the kernel; one row a definition that votes.

    Args:
        row: int32, shape (definitions,): the row of a definition here, -1 where it does not vote; empty where none does.
        needed: uint8, k; mask: uint64, the m lowest bits.
        beyond: uint64, the newest number lowest: 1 where it was at or beyond the setpoint.
        held: uint64, likewise: 1 where it was not back beyond the deadband.
    """

    row: Int32
    needed: UInt8
    mask: UInt64
    beyond: UInt64
    held: UInt64


class Votes:
    """The votes of those definitions that look back on more than one number.

    Memory: 25 bytes a definition that votes; 4 for each other one where any does.
    """

    def __init__(self, definitions: DefinitionSet) -> None:
        rows = definitions.definitions
        voting = np.flatnonzero(rows.numbers("votes_of") > 1).tolist()
        self.definition: Int32 = np.array(voting, np.int32)
        row = np.full(len(rows) if voting else 0, -1, np.int32)
        if voting:
            row[self.definition] = np.arange(len(voting), dtype=np.int32)
        mask = np.array([_mask(rows[i]) for i in voting], np.uint64)
        self.ballots = Ballots(
            row,
            np.array([rows[i].votes for i in voting], np.uint8),
            mask,
            np.zeros(len(voting), np.uint64),
            mask.copy(),  # nothing is known to be back
        )

    def __len__(self) -> int:
        return len(self.definition)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """The votes cast and how many of them were looked at: copies, one row a definition that votes."""
        return {
            "beyond": self.ballots.beyond.copy(),
            "held": self.ballots.held.copy(),
            "mask": self.ballots.mask.copy(),
        }

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Goes on from an earlier `state()`, rows in this set's order.

        Of numbers that were too old to be looked at then, and are not now, nothing is known to be back: a vote that grows
        clears no alarm by itself.

        Raises:
            ValueError: other columns, lengths or types than `state()` gives.
        """
        beyond, held, mask = self.ballots.beyond, self.ballots.held, self.ballots.mask
        for name, own in (("beyond", beyond), ("held", held), ("mask", mask)):
            given = state.get(name)
            if given is None or given.shape != own.shape or given.dtype != own.dtype:
                raise ValueError(f"votes have no column {name} of {own.dtype}{own.shape}")
        earlier = {name: state[name].astype(np.uint64) for name in ("beyond", "held", "mask")}
        beyond[:] = earlier["beyond"] & mask
        held[:] = (earlier["held"] | ~earlier["mask"]) & mask


def _mask(definition: AlarmDefinition) -> int:
    if not 1 <= definition.votes <= definition.votes_of <= MOST:
        raise ValueError(f"definition {definition.key} wants {definition.votes} of {definition.votes_of} votes")
    return (1 << definition.votes_of) - 1


@kernel
def count(bits: int) -> int:
    """How many bits are set."""
    found = 0
    left = np.uint64(bits)
    while left != np.uint64(0):
        left &= left - np.uint64(1)
        found += 1
    return found


@kernel
def vote(ballots: Ballots, v: int, beyond: bool, held: bool) -> tuple[bool, bool]:
    """Casts the votes of one number of row v; whether the condition may begin, and whether it may go on."""
    ballots.beyond[v] = ((ballots.beyond[v] << np.uint64(1)) | np.uint64(beyond)) & ballots.mask[v]
    ballots.held[v] = ((ballots.held[v] << np.uint64(1)) | np.uint64(held)) & ballots.mask[v]
    return count(ballots.beyond[v]) >= ballots.needed[v], count(ballots.held[v]) >= ballots.needed[v]
