"""The rooms of the house, in the order of the navigation: a new one is a line here."""

from __future__ import annotations

from typing import Final, NamedTuple

from api.permissions import Right
from api.words.texts import later


class Room(NamedTuple):
    """A page that the navigation names.

    Args:
        key: what a template sets `room` to.
        title: message id.
        right: who may enter.
    """

    key: str
    href: str
    title: str
    right: Right


ROOMS: Final = (
    Room("portfolio", "/sites", later("Sites"), Right.SEE_SITE),
    Room("alarms", "/alarms", later("Alarms"), Right.SEE_ALARMS),
    Room("duty", "/duty", later("Duty"), Right.SEE_DUTY),
    Room("readiness", "/readiness", later("Readiness"), Right.SEE_READINESS),
    Room("suppressions", "/suppressions", later("Put aside"), Right.SEE_SUPPRESSIONS),
    Room("occurrences", "/occurrences", later("Occurrences"), Right.SEE_OCCURRENCES),
    Room("findings", "/findings", later("Findings"), Right.SEE_FINDINGS),
    Room("impairments", "/impairments", later("Impairments"), Right.SEE_IMPAIRMENTS),
    Room("second", "/second-opinion", later("Second opinion"), Right.SEE_SECOND_OPINION),
    Room("limits", "/limits", later("Limits"), Right.SEE_LIMITS),
    Room("backtests", "/backtests", later("Back-tests"), Right.SEE_BACKTESTS),
    Room("devices", "/devices", later("Devices"), Right.SEE_DEVICES),
    Room("rejected", "/rejected", later("Rejected messages"), Right.SEE_REJECTED),
    Room("voice", "/voice", later("Voice"), Right.SEE_VOICE),
    Room("looks", "/looks", later("Insurer's looks"), Right.SEE_LOOKS),
    Room("users", "/users", later("People"), Right.SEE_USERS),
)
