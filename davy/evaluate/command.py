"""`davy evaluate`: one data set by its protocol, with the settings of the repository."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from core.errors import BadInput
from davy.answer import progress
from davy.evaluate import batadal, calibration, faults, gecco, methane, nab, skab, tep

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Protocol:
    """How one data set is measured.

    Args:
        run: gets the folder that is fitted on and the one that is scored; gives the answer.
        folder: where it lies under `$DAVY_DATA`.
        fits: whether the first folder is looked at; the others fit on each file's own first rows.
    """

    run: Callable[[Path, Path], Answer]
    folder: str
    fits: bool = True


PROTOCOLS: Final[Mapping[str, Protocol]] = MappingProxyType(
    {
        "skab": Protocol(skab.evaluate, "skab", fits=False),
        "nab": Protocol(nab.evaluate, "nab", fits=False),
        "tep": Protocol(tep.evaluate, "tep"),
        "gecco": Protocol(gecco.evaluate, "gecco2018_water"),
        "batadal": Protocol(batadal.evaluate, "batadal"),
        "methane": Protocol(methane.evaluate, "coal_mine_methane"),
        "faults": Protocol(faults.evaluate, "sensor_faults_injected", fits=False),
        "calibration": Protocol(calibration.evaluate, "."),
    }
)


def evaluate(name: str, fit: Path | None, scored: Path | None, root: Path | None) -> Answer:
    """Measures one data set.

    Args:
        fit, scored: folders; None: the data set's own under `root`.
        root: `$DAVY_DATA`; None: it is not set.

    Raises:
        BadInput: no such data set, no such folder, or files that will not do; the sentence says why.
    """
    if name not in PROTOCOLS:
        near = get_close_matches(name, PROTOCOLS, n=1)
        advice = f"did you mean {near[0]}? There are" if near else "there are"
        raise BadInput(f"There is no data set {name}; {advice} {', '.join(PROTOCOLS)}.")
    protocol = PROTOCOLS[name]
    given = scored or _default(protocol, root, "--data")
    learnt = (fit or _default(protocol, root, "--fit")) if protocol.fits else given
    for folder in (learnt, given):
        if not folder.is_dir():
            raise BadInput(f"{folder} is no folder; give the folder that holds the files of {name}.")
    progress(f"{name}: " + (f"fits on {learnt}, scores {given}" if learnt != given else f"{given}"))
    began = time.monotonic()
    answer = _finite(name, protocol.run(learnt, given))
    progress(f"{name}: done in {time.monotonic() - began:.0f} s")
    return answer


def _finite(name: str, answer: Answer) -> Answer:
    """The answer with None in place of what is no number: values so large that nothing can be worked out from them."""
    found: Answer = {}
    for key, value in answer.items():
        if isinstance(value, dict):
            found[key] = _finite(name, value)
        elif isinstance(value, float) and not math.isfinite(value):
            progress(f"{name}: cannot judge {key}: values are too large to be counted with.")
            found[key] = None
        else:
            found[key] = value
    return found


def _default(protocol: Protocol, root: Path | None, option: str) -> Path:
    if root is None:
        raise BadInput(f"Give {option} DIR, or set DAVY_DATA to the folder under which the data sets lie.")
    return root / protocol.folder
