"""What to do about rejected messages, by reason. Pure."""

from __future__ import annotations

from gettext import NullTranslations
from typing import Final

from api.words.texts import later

_DEVICE: Final = later(
    "Correct the device's program: the wire's description says what it must send. These readings are lost unless the device sends them again."
)
ADVICE: Final = {
    "unknown_site": later(
        "Import the site's file, or correct the topic in the device. Then the operator takes the messages in: davy rejected replay."
    ),
    "unknown_device": later(
        "Add the device to the site file and import it, or correct its name in the device. Then take the messages in again."
    ),
    "unknown_sensor": later(
        "Add the sensor to the site file and import it, then take the messages in again; or correct s in the device."
    ),
    "foreign_device": later(
        "A device speaks only for itself. Put the sensor under the device that carries it, import the site file, and take the messages in again; or correct topic or s in the device. If neither is wrong, somebody uses its credential: change it."
    ),
    "wrong_unit": later(
        "Put the unit that the device sends into the site file and import it, then take the messages in again; or correct u in the device."
    ),
    "unknown_state": later(
        "Add the state to the sensor's map in the site file and import it, then take the messages in again; or correct the device."
    ),
    "refused_by_database": later(
        "Tell the operator: ingest's log has the rest. When it is mended, take the messages in again."
    ),
    "retained": later(
        "Publish readings without the retain flag, and clear what is retained with an empty message. Nothing is lost if the device also sent it live."
    ),
    "conflicts_with_stored": later(
        "The stored value stays. Find out why there were two for one instant: two devices under one name, or a clock that was set back."
    ),
    "flood": later("Only their number was kept. Mend what the other reasons of this device show."),
}


def advice(texts: NullTranslations, reason: str) -> str:
    """What to do, in the reader's language."""
    return texts.gettext(ADVICE.get(reason, _DEVICE))
