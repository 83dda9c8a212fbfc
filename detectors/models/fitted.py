"""A fitted model that can say a number: what its columns are to each other, a model and a calibration for each state of the machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from core.batch import Float64
from core.errors import BadInput
from core.model_setup import PLAIN, ModelSetup
from detectors.models import states
from detectors.models.conformal import Calibration
from detectors.models.contract import Explained, Model, whole_rows
from detectors.models.registry import model_class
from detectors.models.situation import Situation, reach_of

Say = Callable[[Model, Calibration, Float64], Float64]


class Part(NamedTuple):
    """What judges in one state."""

    model: Model
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model that can say a number.

    Args:
        members: names of the columns, in the order of the fit.
        model, calibration: of the state in which most windows calibrate; where the machine has one, of that.
        situation: what is made of the columns; None: they are judged as they are.
        others: of the other states that can be judged, by their number.
        state: the number of the one that `model` is for.
        setup: what it was fitted for.
        robust: windows that did not go along with the others were left out (`unspoilt`).
    """

    members: tuple[str, ...]
    model: Model
    calibration: Calibration
    situation: Situation | None = None
    others: Mapping[int, Part] = field(default_factory=dict)
    state: int = 0
    setup: ModelSetup = PLAIN
    robust: bool = False

    def number(self, rows: Float64, members: Sequence[str]) -> Float64:
        """-log10 of the conformal p-value of each row; NaN where it cannot be judged.

        Args:
            rows: shape (n, members), in time order, one a window; those before the ones that are asked for are there for the memory
                (`fitting.memory_of`).
            members: what the columns are.

        Raises:
            BadInput: they are not the columns of the fit.
        """
        self._need_columns(members)
        return self._of_its_state(rows, lambda model, calibration, seen: calibration.number(model.oddness(seen)))

    def latest(self, rows: Float64, members: Sequence[str], count: int) -> Float64:
        """`number` of the last `count` rows: what this kind does not look back at is not worked out."""
        back = self.model.memory + reach_of(self.setup) - 2
        return self.number(rows[-(count + back) :], members)[-count:]

    def times(self, rows: Float64, members: Sequence[str]) -> Float64:
        """How many times as odd each row is as what one normal window in twenty reaches; arguments and errors as of `number`."""
        self._need_columns(members)
        return self._of_its_state(rows, lambda model, calibration, seen: calibration.times(model.oddness(seen)))

    def unseen(self, rows: Float64, members: Sequence[str]) -> Float64:
        """Of each row 0 where its state can be judged or is one to rest in, else the number of that state, from 1 on: shape (n,).

        One more than there are states: it is none that was seen. NaN: what tells the state is missing.

        Raises:
            BadInput: other columns than those of the fit.
        """
        self._need_columns(members)
        if self.situation is None:
            return np.zeros(len(rows))
        state = self.situation.state(rows)
        known = [self.state, *self.others, *self.situation.resting]
        count = 0 if self.situation.states is None else self.situation.states.count
        found = np.where(state == states.STRANGE, count + 1.0, state + 1.0)
        return np.where(state == states.MISSING, np.nan, np.where(np.isin(state, known), 0.0, found))

    def explain(self, rows: Float64, members: Sequence[str]) -> Explained | None:
        """The last row beside what was to be expected, column by column; None where it cannot be judged.

        Raises:
            BadInput: other columns than those of the fit.
        """
        self._need_columns(members)
        if self.situation is None:
            return self.model.explain(rows) if np.isfinite(self.model.oddness(rows)[-1]) else None
        state = self.situation.state(rows)
        part = self._parts().get(int(state[-1]))
        seen = _only(self.situation.seen(rows), state == state[-1])
        if part is None or not np.isfinite(part.model.oddness(seen)[-1]):
            return None
        return self._of_columns(rows[-1], part.model.explain(seen))

    def calibrations(self) -> dict[int, int]:
        """How many windows calibrate each state that is judged, by its number."""
        return {state: len(part.calibration.oddness) for state, part in self._parts().items()}

    def telling(self) -> tuple[int, ...]:
        """Columns that tell the state."""
        return () if self.situation is None or self.situation.states is None else self.situation.states.columns

    def _of_columns(self, row: Float64, explained: Explained) -> Explained:
        """What a model says of what it saw, said of the columns: a slow member in its own unit, and no share for what is not judged."""
        assert self.situation is not None
        slow = () if self.situation.followers is None else self.situation.followers.slow
        observed, expected, share = row.astype(np.float64), row.astype(np.float64), np.zeros(len(row))
        for place, column in enumerate(self.situation.judged):
            share[column] = explained.share[place]
            if column in slow:
                expected[column] = row[column] - (explained.observed[place] - explained.expected[place])
            else:
                observed[column], expected[column] = explained.observed[place], explained.expected[place]
        return Explained(observed, expected, share)

    def _of_its_state(self, rows: Float64, say: Say) -> Float64:
        if self.situation is None:
            return say(self.model, self.calibration, rows)
        seen, state = self.situation.seen(rows), self.situation.state(rows)
        found = np.full(len(rows), np.nan)
        for number, part in self._parts().items():
            there = (state == number) & whole_rows(seen)
            if not there.any():
                continue
            first = int(there.argmax())  # what is before it says nothing
            # Rows of another state are not there: smoothed over both, a machine that has just started would be odd.
            said = say(part.model, part.calibration, _only(seen[first:], there[first:]))
            found[first:] = np.where(there[first:], said, found[first:])
        return found

    def _parts(self) -> dict[int, Part]:
        return {self.state: Part(self.model, self.calibration), **self.others}

    def _need_columns(self, members: Sequence[str]) -> None:
        if tuple(members) != self.members:
            raise BadInput(
                f"This model was fitted on {', '.join(self.members)} and is given {', '.join(members)}; "
                "fit it anew for the members it has now."
            )

    def suits(self, members: Sequence[str], setup: ModelSetup) -> bool:
        """Whether it was fitted for what is declared now; names of states may have changed."""
        return tuple(members) == self.members and self.setup.judging() == setup.judging()

    def parameters(self) -> dict[str, Any]:
        """Everything needed to score again, as JSON."""
        found: dict[str, Any] = {"model": self.model.parameters(), "calibration": self.calibration.oddness.tolist()}
        if self.situation is not None:
            others = [
                {"state": state, "model": part.model.parameters(), "calibration": part.calibration.oddness.tolist()}
                for state, part in self.others.items()
            ]
            found |= {"situation": self.situation.parameters(), "state": self.state, "others": others}
            found |= {"setup": self.setup.told(), "robust": self.robust}
        return found

    @staticmethod
    def restored(kind: str, members: Sequence[str], parameters: Mapping[str, Any]) -> Fitted:
        """The model of earlier `parameters()`, bit-equal.

        Raises:
            BadInput: there is no such kind.
        """
        own = _part(kind, parameters)
        if "situation" not in parameters:
            return Fitted(tuple(members), *own)
        return Fitted(
            tuple(members),
            *own,
            situation=Situation.restored(parameters["situation"]),
            others={int(each["state"]): _part(kind, each) for each in parameters["others"]},
            state=int(parameters["state"]),
            setup=ModelSetup.restored(parameters["setup"]),
            robust=bool(parameters["robust"]),
        )


def _part(kind: str, parameters: Mapping[str, Any]) -> Part:
    calibration = Calibration(np.array(parameters["calibration"], np.float64))
    return Part(model_class(kind).restored(parameters["model"]), calibration)


def _only(rows: Float64, there: np.ndarray[Any, np.dtype[np.bool_]]) -> Float64:
    return rows if there.all() else np.where(there[:, None], rows, np.nan)
