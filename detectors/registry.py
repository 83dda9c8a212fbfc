"""The detectors by name. A new one is a file of its own and a line here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

import numpy as np

from core.batch import ReadingBatch
from core.errors import BadInput
from core.model import COMPOUND, SET_ASIDE, AlarmDefinition, DefinitionSet, Priority
from detectors.clipped import Clipped
from detectors.contract import Detector
from detectors.cusum import Cusum
from detectors.deviation import Deviation
from detectors.difference import Difference
from detectors.drift import Drift
from detectors.ewma import Ewma
from detectors.exposure import Exposure
from detectors.limit import Limit
from detectors.noise import Noise
from detectors.odd import Odd
from detectors.outside import Outside
from detectors.profile import Profile
from detectors.rate import Rate
from detectors.shift import Shift
from detectors.spike import Spike
from detectors.stale import Stale
from detectors.still import Still
from detectors.stuck import Stuck
from detectors.time_over import TimeOver
from detectors.time_to_limit import TimeToLimit
from detectors.unusable import Unusable
from detectors.window import OverWindow

DETECTORS: Final[Mapping[str, type[Detector]]] = MappingProxyType(
    {
        detector.name: detector
        for detector in (
            Limit,
            Rate,
            Stuck,
            Stale,
            Unusable,
            Outside,
            Spike,
            Shift,
            Still,
            Clipped,
            Noise,
            Ewma,
            Cusum,
            Odd,
            Profile,
            Deviation,
            Difference,
            Drift,
            TimeToLimit,
            TimeOver,
            Exposure,
        )
    }
)


def detector_class(name: str) -> type[Detector]:
    """The detector called `name`.

    Raises:
        BadInput: there is none; the sentence names those there are.
    """
    if name not in DETECTORS:
        near = get_close_matches(name, DETECTORS, n=1)
        advice = f"did you mean {near[0]}? There are" if near else "there are"
        raise BadInput(f"There is no detector {name}; {advice} {', '.join(DETECTORS)}.")
    return DETECTORS[name]


def check(definition: AlarmDefinition) -> None:
    """Whether the definition can be judged by: its detector exists and takes it, and its limit is a number.

    Raises:
        BadInput: with a sentence, where not.
    """
    for name in ("setpoint", "deadband"):
        if not math.isfinite(value := getattr(definition, name)):
            raise BadInput(f"Definition {definition.key}: {name} is {value!r}; it must be finite.")
    if definition.detector != COMPOUND:
        detector_class(definition.detector).check(definition)


@dataclass(frozen=True, slots=True)
class SetAside:
    """A definition that cannot be judged by: nobody watches for what it is about.

    Args:
        definition_id: negative: a condition of a compound's own.
        why: a sentence.
    """

    definition_id: int
    sensor_id: int
    site_id: int
    key: str
    why: str


def sift(definitions: DefinitionSet) -> tuple[DefinitionSet, tuple[SetAside, ...]]:
    """The same definitions, those that cannot be judged by (`check`) under the detector `SET_ASIDE`; and these.

    They keep their place: a condition that holds goes on holding, as nothing says that it is over.
    """
    rows = definitions.definitions
    place = np.zeros(len(rows), np.int64)  # alike in all that is checked, but for numbers that are not finite
    for name in ("detector", "parameters", "time_zone"):
        codes, distinct = rows.words(name)
        place = place * len(distinct) + codes
    _, first, kind = np.unique(place, return_index=True, return_inverse=True)
    wrong = np.zeros(len(first), np.bool_)
    for each in np.argsort(first).tolist():  # rows are read fastest in their order
        wrong[each] = _problem(rows[int(first[each])]) is not None
    suspect = ~np.isfinite(rows.floats("setpoint") + rows.floats("deadband")) | wrong[kind]
    found = ((rows[int(at)], at) for at in np.flatnonzero(suspect).tolist())
    said = [(d, at, why) for d, at in found if (why := _problem(d)) is not None]
    if not said:
        return definitions, ()
    bad = np.zeros(len(rows), np.bool_)
    bad[[at for _, at, _ in said]] = True
    left = DefinitionSet(
        definitions.version, rows.replaced("detector", bad, SET_ASIDE), definitions.slot, definitions.sensors,
        definitions.compounds, definitions.other,
    )  # fmt: skip
    return left, tuple(SetAside(d.definition_id, d.sensor_id, d.site_id, d.key, why) for d, _, why in said)


def _problem(definition: AlarmDefinition) -> str | None:
    try:
        check(definition)
    except BadInput as error:
        return str(error)
    return None


def parameter_names() -> dict[str, tuple[str, ...]]:
    """Name of each detector -> names of its parameters: the words a site file may use."""
    return {name: detector.parameters.__struct_fields__ for name, detector in DETECTORS.items()}


@dataclass(frozen=True, slots=True)
class Rule:
    """What a detector takes, as the database holds it.

    Args:
        takes: parameter -> the least and the most that it may be.
        needs: groups of parameters, of each of which exactly one is given.
    """

    name: str
    takes: Mapping[str, tuple[float, float]]
    needs: tuple[tuple[str, ...], ...] = ()


def rules() -> list[Rule]:
    """What each detector takes, by name; a compound takes nothing."""
    found = [Rule(name, detector.ranges(), detector.required) for name, detector in DETECTORS.items()]
    return sorted([Rule(COMPOUND, {}), *found], key=lambda rule: rule.name)


def detectors_for(definitions: DefinitionSet) -> list[Detector]:
    """One object for each detector that the definitions use, in the registry's order.

    Raises:
        BadInput: a definition names an unknown detector or parameter.
    """
    codes, distinct = definitions.definitions.words("detector")
    used = {distinct[code] for code in np.unique(codes).tolist()} - {COMPOUND, SET_ASIDE}
    for name in sorted(used - DETECTORS.keys()):
        detector_class(name)
    return [detector(definitions) for name, detector in DETECTORS.items() if name in used]


def compile_all() -> list[str]:
    """Runs every detector once on a batch of one reading, so that numba compiles its loops into the cache.

    Returns:
        The names of the detectors, in the registry's order.
    """
    i8 = np.zeros(1, np.int64)
    batch = ReadingBatch(np.zeros(1, np.int32), i8, i8, i8, np.zeros(1, np.float64), np.zeros(1, np.uint8))
    for name in DETECTORS:
        definition = AlarmDefinition(
            definition_id=1, company_id=1, site_id=1, sensor_id=1, key=name, detector=name, direction="high",
            setpoint=1.0, priority=Priority.LOW,
        )  # fmt: skip
        detector = DETECTORS[name](DefinitionSet(1, (definition,), np.zeros(1, np.int32), 1))
        detector.score(batch)
        for now_us in (0, 1, 2):  # nothing watched: the loops that leave time out run too
            detector.sweep(now_us, 0)
        detector.restore(detector.state())
        if isinstance(detector, OverWindow):
            detector.correct(detector.beside(detector.booked(detector.members(0)), 0))
    return list(DETECTORS)
