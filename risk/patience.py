"""How long Davy waits before a hazard is held overdue or suspected: numbers of packs/findings.yaml, with their reasons there."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from importlib import resources
from typing import Final

import yaml

from core.errors import BadSetting

PACK: Final = "findings.yaml"


@cache
def put_in_hand() -> timedelta:
    """After it a major finding without a deadline is overdue.

    Raises:
        BadSetting: the pack states no such number.
    """
    return timedelta(days=_stated("put_in_hand", "major_days", "days"))


@cache
def silent_detector() -> timedelta:
    """How long a mandatory detector may be silent before that is a finding.

    Raises:
        BadSetting: the pack states no such number.
    """
    return timedelta(hours=_stated("silent_detector", "after_h", "hours"))


def _stated(section: str, key: str, unit: str) -> float:
    stated = yaml.safe_load(resources.files("packs").joinpath(PACK).read_text("utf-8"))
    number = stated.get(section, {}).get(key) if isinstance(stated, dict) else None
    if not isinstance(number, int | float) or isinstance(number, bool) or number <= 0:
        raise BadSetting(f"packs/{PACK}: {section}.{key} is {number!r}; it must be a number of {unit} above 0.")
    return number
