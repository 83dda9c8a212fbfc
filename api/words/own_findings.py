"""Findings against Davy, in words. Pure."""

from __future__ import annotations

from typing import Final

from api.words.texts import later

KINDS: Final = {
    "too_many_messages": later("Too many messages"),
    "delivery_failed": later("The daily delivery test failed"),
    "nobody_answered": later("Nobody answered a life-safety alarm"),
}
CAUSES: Final = {
    "limits": later("Limits set too tight, or without a deadband"),
    "routes": later("Routes: the same people are told too early or too often"),
    "sensors": later("Sensors that tell of themselves, not of the plant"),
    "plant": later("The plant really is as restless as that"),
    "davy": later("What Davy itself does"),
    "channel": later("What carries messages: a provider, a gateway or the receiver"),
    "people": later("Who should have answered was not there, or could not be reached"),
}
EVENTS: Final = {
    "comment": later("Comment"),
    "cause": later("Cause named"),
    "measure": later("What is changed"),
    "settled": later("Settled"),
}
OWN_REFUSALS: Final = (
    later("There is no such finding."),
    later("Choose what to write down."),
    later("This finding is over already; a comment can still be written."),
    later("Choose a cause."),
    later("Say on what the cause rests."),
    later("Say what is changed because of it."),
    later("Say why it is settled."),
    later("Name the cause and what is changed before you settle it."),
)
