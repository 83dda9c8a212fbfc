"""Numbers whose limits no budget sets, so that there is nothing of it to be verified: each with why."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from core.sensor_faults import OF_SENSOR
from core.site_false_alarms import SCORES, STATISTICAL
from core.site_models import SCORES as MODEL_SENSORS
from detectors.registry import DETECTORS

_FAULT: Final = (
    "a fault of the sensor is no matter of luck, and how many calls a site bears says nothing of it: no budget sets it"
)
_PHYSICAL: Final = "a limit on a physical value, or on what becomes of it, is where a danger begins: no budget sets it"
_NO_PACK: Final = "no pack has a limit on it, so whoever writes one states its setpoint: no budget sets it"
_COUNTS: Final = "it counts what is missing, or says yes or no: nothing about it is rare, and no budget sets it"
BESIDE: Final = {
    "forecast": "its setpoint is the limit that the site file declares for the signal that is forecast: no budget sets it",
    "compound": "its parts keep the setpoints they are given, also where two signals must agree (`agrees_with`): no budget moves them, and so none can be missed",
}


def unverified(verified: Collection[str]) -> list[dict[str, str]]:
    """Every kind of number there is beside those that were verified, with why.

    Args:
        verified: detectors, and sensors of models such as `_mewma`.
    """
    found = {name: _why(name) for name in DETECTORS if name not in verified}
    found |= {each.key: _COUNTS for each in MODEL_SENSORS if each.key not in SCORES and each.key not in verified}
    return [{"kind": kind, "why": why} for kind, why in (found | BESIDE).items()]


def _why(detector: str) -> str:
    if detector in STATISTICAL:
        return _NO_PACK
    return _FAULT if detector in OF_SENSOR else _PHYSICAL
