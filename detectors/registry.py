"""The detectors by name. A new one is a file of its own and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

import numpy as np

from core.batch import ReadingBatch
from core.errors import BadInput
from core.model import COMPOUND, AlarmDefinition, DefinitionSet, Priority
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
    """Whether the definition's detector exists and takes its parameters.

    Raises:
        BadInput: with a sentence, where not.
    """
    detector_class(definition.detector).read_parameters(definition.key, definition.parameters)


def parameter_names() -> dict[str, tuple[str, ...]]:
    """Name of each detector -> names of its parameters: the words a site file may use."""
    return {name: detector.parameters.__struct_fields__ for name, detector in DETECTORS.items()}


def detectors_for(definitions: DefinitionSet) -> list[Detector]:
    """One object for each detector that the definitions use, in the registry's order.

    Raises:
        BadInput: a definition names an unknown detector or parameter.
    """
    codes, distinct = definitions.definitions.words("detector")
    used = {distinct[code] for code in np.unique(codes).tolist()} - {COMPOUND}
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
