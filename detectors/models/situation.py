"""What is made of an asset's columns before a model sees them, and in which state each row was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.batch import Float64
from core.model_setup import ModelSetup
from detectors.models import states
from detectors.models.followers import MEMORY, Followers
from detectors.models.states import Found, Intp, States, Told


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """How columns become what is judged.

    Args:
        judged: columns that a model sees, in their order.
        followers: None: no member is slow.
        states: None: the machine has one.
        resting: states in which nothing is judged, and that is as it should be.
    """

    judged: tuple[int, ...]
    followers: Followers | None = None
    states: States | None = None
    resting: frozenset[int] = frozenset()

    @staticmethod
    def fit(rows: Float64, names: Sequence[str], setup: ModelSetup) -> Situation:
        """Learns what slow members follow, and which states there are.

        Args:
            rows: shape (n, columns), in time order, of normal operation.

        Raises:
            BadInput: too few rows for the slow members.
        """
        place = {name: column for column, name in enumerate(names)}
        load = tuple(place[name] for name in setup.load)
        told: States | None = None
        if setup.state_by is not None:
            told = Told(place[setup.state_by], tuple(s.below for s in setup.states if s.below is not None))
        elif setup.state_count:
            told = Found.fit(rows, load, setup.state_count)
        slow = [place[name] for name in setup.slow]
        return Situation(
            judged=tuple(place[name] for name in names if name not in setup.beside),
            followers=Followers.fit(rows, slow, load) if slow else None,
            states=told,
            resting=frozenset(n for n, state in enumerate(setup.states) if not state.judged),
        )

    def seen(self, rows: Float64) -> Float64:
        """The rows as a model sees them: shape (n, judged)."""
        apart = rows if self.followers is None else self.followers.apart(rows)
        return apart if len(self.judged) == rows.shape[1] else apart[:, list(self.judged)]

    def state(self, rows: Float64) -> Intp:
        """The state of each row, from 0 on; `states.MISSING` and `states.STRANGE` as there: shape (n,)."""
        return np.zeros(len(rows), np.intp) if self.states is None else self.states.of(rows)

    def parameters(self) -> dict[str, Any]:
        """Everything needed to do it again, as JSON."""
        return {
            "judged": list(self.judged),
            "followers": None if self.followers is None else self.followers.parameters(),
            "states": None if self.states is None else self.states.parameters(),
            "resting": sorted(self.resting),
        }

    @staticmethod
    def restored(parameters: Mapping[str, Any]) -> Situation:
        """The situation of earlier `parameters()`, bit-equal."""
        followers, told = parameters["followers"], parameters["states"]
        return Situation(
            judged=tuple(parameters["judged"]),
            followers=None if followers is None else Followers.restored(followers),
            states=None if told is None else states.restored(told),
            resting=frozenset(parameters["resting"]),
        )


def reach_of(setup: ModelSetup) -> int:
    """Rows back that are looked at before a model sees anything, the row's own included."""
    return MEMORY if setup.slow else 1
