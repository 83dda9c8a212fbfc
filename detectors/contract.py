"""What every detector keeps, so that ingest can judge without knowing which ones there are.

One object serves all definitions of its kind. Its state is a few columns, one row a definition, and the work is one pass of
a compiled loop. A detector is *causal* (a number depends on nothing later), indifferent to how the stream is cut into
batches and to how its sensors are interleaved, and goes on bit-equal from a restored state. tests/detectors/test_contract.py
holds this for everything in the registry.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.batch import NOTHING_DUE, Awaited, Float64, Int64, ReadingBatch, Scores
from core.errors import BadInput
from core.model import AlarmDefinition, DefinitionSet
from detectors.hearing import Heard, listeners

SECOND_US: Final = 1_000_000
LARGEST: Final = float(np.finfo(np.float64).max)  # numbers are finite or NaN, never infinite

Columns = dict[str, NDArray[np.generic]]
Rows = NDArray[np.void]  # what one definition needs lies together: one fetch from memory a reading, not one a column


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of one definition: finite floats with defaults. A detector without settings uses this one."""


def unwatched_us(elapsed_us: int, watched_us: int, before_us: int) -> int:
    """How much of the time since a sweep was not watched, microseconds.

    Args:
        watched_us: time watched in all, now; before_us: at that sweep. A smaller count is a new one: ingest has started again.

    >>> unwatched_us(10, 107, 100), unwatched_us(10, 4, 100), unwatched_us(10, 120, 100)
    (3, 6, 0)
    """
    watched = watched_us - before_us if watched_us >= before_us else watched_us
    return elapsed_us - min(max(watched, 0), elapsed_us)


class Detector(ABC):
    """One kind of number, for all definitions that ask for it.

    Args:
        definitions: the definitions in force; those of other detectors are passed over.

    Raises:
        BadInput: a definition's parameters are not this detector's.
    """

    name: ClassVar[str]
    unit: ClassVar[str]  # UCUM code of the number; "{unit}" stands for the sensor's own
    stateless: ClassVar[bool] = False  # a number depends on its reading alone: late readings are judged too
    is_of_two: ClassVar[bool] = False  # hears a second sensor: a number is said when both have come to its instant
    hears_bad: ClassVar[bool] = False  # readings that cannot be used are what it is about: it has a number for them
    parameters: ClassVar[type[Parameters]] = Parameters
    required: ClassVar[
        tuple[tuple[str, ...], ...]
    ] = ()  # of each group whoever writes a definition must give exactly one

    def __init__(self, definitions: DefinitionSet) -> None:
        self._definition, self._listeners, self._place = listeners(definitions, self.name)
        self._settings = self._read_settings(definitions)
        self._columns: Columns = {}

    def __len__(self) -> int:
        return len(self._definition)

    def _read_settings(self, definitions: DefinitionSet) -> dict[str, Float64]:
        """Each parameter of all definitions; what many have alike is read once."""
        codes, distinct = definitions.definitions.words("parameters")
        used, first, place = np.unique(codes[self._definition], return_index=True, return_inverse=True)
        settings = [
            self.read_parameters(definitions.definitions[int(self._definition[at])].key, distinct[code])
            for code, at in zip(used.tolist(), first.tolist(), strict=True)
        ]
        return {
            name: np.array([getattr(each, name) for each in settings], np.float64)[place]
            for name in self.parameters.__struct_fields__
        }

    @classmethod
    def read_parameters(cls, key: str, given: Mapping[str, float]) -> Parameters:
        """The settings of the definition `key`, checked, with defaults where nothing is given.

        Raises:
            BadInput: an unknown name or a number out of its range; the sentence says which would be right.
        """
        known = cls.parameters.__struct_fields__
        for name in given:
            if name not in known:
                knows = f"it knows {', '.join(known)}" if known else "it has none"
                raise BadInput(f"Definition {key}: the detector {cls.name} has no parameter {name}; {knows}.")
        for name, value in given.items():
            try:
                msgspec.convert({name: value}, cls.parameters)
            except msgspec.ValidationError as error:
                rule = str(error).partition(" - at ")[0]
                raise BadInput(
                    f"Definition {key}: parameter {name} of the detector {cls.name} is {value!r}: {rule}."
                ) from error
            if not math.isfinite(value):
                raise BadInput(
                    f"Definition {key}: parameter {name} of the detector {cls.name} is {value!r}; it must be finite."
                )
        return msgspec.convert(dict(given), cls.parameters)

    @classmethod
    def check_written(cls, key: str, given: Mapping[str, float]) -> None:
        """Whether somebody who writes the definition `key` has said all that only they can know.

        Raises:
            BadInput: as `read_parameters`; or nothing is given of a group that is needed, or two that contradict each other.
        """
        cls.read_parameters(key, given)
        for group in cls.required:
            said = [name for name in group if name in given]
            if not said:
                raise BadInput(f"Definition {key}: the detector {cls.name} needs the parameter {' or '.join(group)}.")
            if len(said) > 1:
                raise BadInput(f"Definition {key}: of {' and '.join(said)} the detector {cls.name} takes one only.")

    @classmethod
    def ranges(cls) -> dict[str, tuple[float, float]]:
        """Each parameter with the least and the most that it may be: `read_parameters` in numbers."""
        found = {}
        for field in msgspec.inspect.type_info(cls.parameters).fields:  # type: ignore[attr-defined]
            of = field.type
            least = of.ge if of.gt is None else math.nextafter(of.gt, math.inf)
            most = of.le if of.lt is None else math.nextafter(of.lt, -math.inf)
            found[field.name] = (-LARGEST if least is None else float(least), LARGEST if most is None else float(most))
        return found

    @classmethod
    def check(cls, definition: AlarmDefinition) -> None:
        """Whether it can judge by the definition as it stands.

        Raises:
            BadInput: as `check_written`.
        """
        cls.check_written(definition.key, definition.parameters)

    @classmethod
    def reach(cls, given: Mapping[str, float], readings: int) -> float:
        """The largest number it can say once it has heard so many readings: beyond that a setpoint calls nobody, ever.

        Args:
            given: the parameters of a definition.
        """
        return math.inf

    def score(self, batch: ReadingBatch) -> Scores:
        """One number a (definition, reading), in the batch's order.

        Args:
            batch: readings that are not late: `judged_at` ascends for each sensor, from batch to batch as well. Only a
                stateless detector may be given late ones.

        Raises:
            ValueError: the batch was decoded with another directory than the definitions.
        """
        heard = self._listeners.hear(batch)
        if len(heard.member) == 0:
            return Scores.empty()
        return Scores(self._listeners.definitions(self._place), heard.row, self._instants(heard), self._numbers(heard))

    @abstractmethod
    def _numbers(self, heard: Heard) -> Float64:
        """The number of each entry, NaN where it cannot be judged: an array of its own, or a column of `heard` itself."""

    def _instants(self, heard: Heard) -> Int64:
        """The instant that each number is of, before it is worked out: that of its reading."""
        return heard.at

    def sweep(self, now_us: int, watched_us: int) -> Scores:
        """What time alone has shown by `now_us`; nothing, unless the detector is driven by time.

        Args:
            now_us: microseconds UTC, never less than in an earlier sweep.
            watched_us: how long ingest has been connected and caught up in all, microseconds: where it was so all the
                while since the last sweep, it must have grown by exactly what `now_us` has.
        """
        return Scores.empty()

    def next_due_us(self) -> int:
        """No sweep before this instant (microseconds UTC) says anything; `NOTHING_DUE` where none ever will."""
        return NOTHING_DUE

    def awaited(self) -> Awaited:
        """Of which definitions a reading is here whose number is not known yet; none, unless two sensors are compared."""
        return Awaited.none()

    def state(self) -> Columns:
        """Everything that readings have made of the detector, first dimension = number of its definitions.

        The columns themselves, as of now: whoever keeps them beyond the next batch copies them.
        """
        return dict(self._columns)

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Goes on from an earlier `state()`, rows in this set's order.

        Raises:
            ValueError: other columns, shapes or types than `state()` gives.
        """
        fresh = self.state()
        if set(state) != set(fresh):
            raise ValueError(f"state of {self.name} has columns {sorted(state)}; it must have {sorted(fresh)}")
        for name, own in fresh.items():
            given = state[name]
            if given.shape != own.shape or given.dtype != own.dtype:
                raise ValueError(
                    f"state {name} of {self.name} is {given.dtype}{given.shape}; it must be {own.dtype}{own.shape}"
                )
        for name, column in self._columns.items():
            column[:] = state[name]

    def _column(self, name: str, column: NDArray[np.generic]) -> None:
        """Adds a column to the state; its first dimension is the number of definitions."""
        self._columns[name] = column

    def _fields(self, rows: Rows, prefix: str = "") -> None:
        """Adds each field of such rows to the state, but which setting a row has: that comes from its definition."""
        for name in rows.dtype.names or ():
            if name != "setting":
                self._column(f"{prefix}{name}", rows[name])
