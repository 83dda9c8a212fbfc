"""What the list says of an incident: where to look first, what that rests on, and that it may be wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from alerting.incident import BOTH, FIRST, SHARE
from api.words.texts import later

LOOK_FIRST: Final[Mapping[str, str]] = {
    BOTH: later(
        "Look first at %(sensor)s: it makes up %(share)s %% of the model's number, and of all signals its alarm came first."
    ),
    SHARE: later("Look first at %(sensor)s: it makes up %(share)s %% of the model's number."),
    FIRST: later("Look first at %(sensor)s: of all signals its alarm came first."),
}
