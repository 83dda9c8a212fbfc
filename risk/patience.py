"""How long a major finding may wait until somebody puts it in hand: a number of packs/findings.yaml, with its reason there."""

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
    stated = yaml.safe_load(resources.files("packs").joinpath(PACK).read_text("utf-8"))
    days = stated.get("put_in_hand", {}).get("major_days") if isinstance(stated, dict) else None
    if not isinstance(days, int | float) or isinstance(days, bool) or days <= 0:
        raise BadSetting(f"packs/{PACK}: put_in_hand.major_days is {days!r}; it must be a number of days above 0.")
    return timedelta(days=days)
