"""What wire version 1 allows, and the sentence that says what a message did wrong.

`core.wire` decodes fast and says only yes or no; `diagnose` runs on a no, reads the payload again slowly and finds the
first mistake a person would point at. `REASONS` also holds the codes that ingest gives to messages that decode well.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from core.errors import Malformed

ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
MAX_ID: Final = 64
MAX_TEXT: Final = 64  # a state's name or a unit; longer ones are a device talking to itself
MAX_READINGS: Final = 5_000  # one batch of ingest holds 2,000 messages; this bounds what a single one can add
MAX_PAYLOAD: Final = 1024 * 1024  # bytes; deploy/mosquitto.conf refuses more before it reaches us
UINT32: Final = 2**32 - 1
QUALITIES: Final = ("good", "uncertain", "bad", "substituted")

# The instants a Python datetime, and so every page, can show. All of them fit int64 microseconds with room to add.
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MIN_MS: Final = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
MAX_MS: Final = (datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)

# A text that spells what JSON cannot say: devices print these where a number should be. Also in the AsyncAPI document.
NOT_A_STATE: Final = r"^[+-]?([Nn][Aa][Nn]|[Ii][Nn][Ff]|[Ii][Nn][Ff][Ii][Nn][Ii][Tt][Yy])$"

REASONS: Final[Mapping[str, str]] = {
    # found by decoding
    "not_utf8": "Byte {position} of the payload is not UTF-8; a payload is JSON in UTF-8.",
    "not_json": "The payload is not JSON: {problem}; a payload is one JSON object in UTF-8.",
    "not_an_object": "{where} is {found}; it must be a JSON object.",
    "missing_field": "{where} is missing; {rule}.",
    "wrong_type": "{where} is {found}; {rule}.",
    "not_finite": "{where} is {found}; a value must be a finite number or, for an enumeration, a text.",
    "out_of_range": "{where} is {found}; {rule}.",
    "unknown_quality": "{where} is {found}; a quality is good, uncertain, bad or substituted, and good where it is left out.",
    "ambiguous": "The message has both readings and {where}; one reading stands flat, several stand in readings, never both.",
    "empty": "{where} is empty; a message carries at least one reading.",
    "too_many_readings": "The message has {count} readings; at most {limit} go into one message, so send several.",
    "too_large": "The payload has {count} bytes; at most {limit} go into one message, so send several.",
    "wrong_kind": "The payload is of the kind {found}, but its topic ends in {expected}; send it to the topic of its kind.",
    "unknown_version": "The topic {topic} speaks version {found}; this server speaks davy/v1.",
    "bad_topic": "The topic {topic} is not one of ours: {problem}; topics are davy/v1/SITE/DEVICE/readings and .../status.",
    # found by ingest in messages that decode well
    "unknown_site": "There is no site {site}; import the site or correct the topic.",
    "unknown_device": "There is no device {device} at site {site}; import the device or correct the topic.",
    "unknown_sensor": "Device {device} has no sensor {sensor}; add the sensor to the site file or correct s.",
    "foreign_device": "Device {device} spoke for {claimed}; a device may speak only for its own site and sensors.",
    "retained": "The message was retained by the broker; readings must be published without the retain flag.",
    "wrong_unit": "Sensor {sensor} was sent in {found}, which does not convert to its unit {expected}; send u as {expected} or leave it out.",
    "unknown_state": "Sensor {sensor} was sent {found}, which is none of {expected}; send a known state or add it to the sensor's map.",
    "conflicts_with_stored": "Sensor {sensor} at {instant} is stored as {stored} and was sent again as {found}; the stored value was kept.",
    "refused_by_database": "The database refused the message: {problem}.",
    "flood": "Device {device} sent more than {limit} wrong messages in a minute; the others were counted, not kept.",
}

# What mending the map of a site can put right: such a message may be taken in again as it was kept. The others are the device's.
MENDABLE: Final = frozenset(
    {
        "unknown_site",
        "unknown_device",
        "unknown_sensor",
        "foreign_device",
        "wrong_unit",
        "unknown_state",
        "refused_by_database",
    }
)


def reject(reason: str, **words: object) -> Malformed:
    """The error for `reason`, its sentence filled in with `words`.

    >>> str(reject("unknown_site", site="nord"))
    'There is no site nord; import the site or correct the topic.'
    """
    return Malformed(reason, REASONS[reason].format(**words))


def diagnose(payload: bytes, cause: Exception | None = None) -> Malformed:
    """Why `payload` is not a message of readings: the first mistake, with the name of the field.

    Args:
        cause: what the fast decoder said; quoted where the slow look finds nothing (half a surrogate, NaN in a key we skip).
    """
    try:
        _check_message(_parse(payload))
    except Malformed as mistake:
        return mistake
    return reject("not_json", problem=f"the decoder says {cause}")


def diagnose_status(payload: bytes, cause: Exception) -> Malformed:
    """Why `payload` is not a status."""
    try:
        status = _object("The payload", _parse(payload))
        if "online" not in status and "seq" in status:
            raise reject("wrong_kind", found="readings", expected="status")
        if not isinstance(_required(status, "online", "", "a status has online, true or false"), bool):
            raise reject("wrong_type", where="online", found=_show(status["online"]), rule="it must be true or false")
        if status.get("boot") is not None:
            _whole(status, "boot", "", 0, UINT32)
    except Malformed as mistake:
        return mistake
    return reject("not_json", problem=f"the decoder says {cause}")


def _parse(payload: bytes) -> object:
    if len(payload) > MAX_PAYLOAD:
        raise reject("too_large", count=len(payload), limit=MAX_PAYLOAD)
    if not payload.strip():
        raise reject("empty", where="The payload")
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise reject("not_utf8", position=error.start) from None
    try:
        return json.loads(text, parse_int=_number)
    except json.JSONDecodeError as error:
        problem = f"{error.msg} at character {error.pos}"
    except RecursionError:
        problem = "it is nested too deep"
    raise reject("not_json", problem=problem) from None


def _number(digits: str) -> int | float:
    """An integer token; one too long for any field becomes the infinity a float of it would be."""
    return int(digits) if len(digits) <= 400 else math.copysign(math.inf, -1 if digits.startswith("-") else 1)


def _check_message(payload: object) -> None:
    message = _object("The payload", payload)
    if "online" in message and "seq" not in message:
        raise reject("wrong_kind", found="status", expected="readings")
    _whole(message, "boot", "", 0, UINT32)
    _whole(message, "seq", "", 0, UINT32)
    _whole(message, "sent_at", "", MIN_MS, MAX_MS, "milliseconds since 1970 in UTC")
    replayed = message.get("replayed", False)
    if not isinstance(replayed, bool):
        raise reject("wrong_type", where="replayed", found=_show(replayed), rule="it must be true or false")
    flat = [key for key in "svtqu" if key in message]
    if "readings" not in message:
        if "s" not in message and "v" not in message:
            raise reject(
                "missing_field",
                where="readings",
                rule="a message has a list readings, or s and v of one reading beside seq",
            )
        _check_reading(message, "")
        return
    readings = message["readings"]
    if flat:
        raise reject("ambiguous", where=flat[0])
    if not isinstance(readings, list):
        raise reject("wrong_type", where="readings", found=_show(readings), rule="it must be a list of readings")
    if not readings:
        raise reject("empty", where="readings")
    if len(readings) > MAX_READINGS:
        raise reject("too_many_readings", count=len(readings), limit=MAX_READINGS)
    for index, reading in enumerate(readings):
        _check_reading(_object(f"readings[{index}]", reading), f"readings[{index}].")


def _check_reading(reading: dict[str, Any], at: str) -> None:
    _text(reading, "s", at, MAX_ID, required=True)
    _check_value(_required(reading, "v", at, "a reading has at least s and v"), f"{at}v")
    if reading.get("t") is not None:
        _whole(reading, "t", at, MIN_MS, MAX_MS, "milliseconds since 1970 in UTC, or left out where it equals sent_at")
    if "q" in reading and reading["q"] not in QUALITIES:
        raise reject("unknown_quality", where=f"{at}q", found=_show(reading["q"]))
    if reading.get("u") is not None:
        _text(reading, "u", at, MAX_TEXT, required=False)


def _check_value(value: object, where: str) -> None:
    if isinstance(value, bool):
        raise reject("wrong_type", where=where, found=_show(value), rule="a contact is sent as 0 or 1")
    if isinstance(value, str):
        if re.search(NOT_A_STATE, value):
            raise reject("not_finite", where=where, found=_show(value))
        if len(value) > MAX_TEXT:
            raise reject(
                "out_of_range",
                where=where,
                found=f"a text of {len(value)} characters",
                rule=f"a state has at most {MAX_TEXT}",
            )
    elif isinstance(value, int | float):
        if not _is_finite(value):
            raise reject("not_finite", where=where, found=_show(value))
    else:
        raise reject(
            "wrong_type",
            where=where,
            found=_show(value),
            rule="a value must be a finite number or, for an enumeration, a text",
        )


def _is_finite(value: int | float) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _required(fields: dict[str, Any], key: str, at: str, rule: str) -> Any:
    if key not in fields:
        raise reject("missing_field", where=f"{at}{key}", rule=rule)
    return fields[key]


def _object(where: str, found: object) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise reject("not_an_object", where=where, found=_show(found))
    return found


def _whole(fields: dict[str, Any], key: str, at: str, low: int, high: int, meaning: str = "") -> None:
    found = _required(fields, key, at, "a message has boot, seq and sent_at")
    rule = f"it must be a whole number from {low} to {high}" + (f", {meaning}" if meaning else "")
    if isinstance(found, float) and math.isfinite(found):
        rule += ", written without point or exponent"
    if isinstance(found, bool) or not isinstance(found, int):
        raise reject("wrong_type", where=f"{at}{key}", found=_show(found), rule=rule)
    if not low <= found <= high:
        raise reject("out_of_range", where=f"{at}{key}", found=_show(found), rule=rule)


def _text(fields: dict[str, Any], key: str, at: str, longest: int, *, required: bool) -> None:
    found = _required(fields, key, at, "a reading has at least s and v")
    where, rule = f"{at}{key}", f"it must be a text of 1 to {longest} characters"
    if not isinstance(found, str):
        raise reject("wrong_type", where=where, found=_show(found), rule=rule)
    if len(found) > longest or (required and not found):
        raise reject("out_of_range", where=where, found=_show(found), rule=rule)


def _show(found: object) -> str:
    """`found` as a person would name it, short."""
    match found:
        case None:
            return "null"
        case bool():
            return "true" if found else "false"
        case str():
            return f"the text {json.dumps(found if len(found) <= 80 else found[:77] + '...', ensure_ascii=False)}"
        case float() if not math.isfinite(found):
            return "NaN" if math.isnan(found) else "infinite or too large for a number"
        case int() if abs(found) >= 10**20:
            return "a number of more than 20 digits"
        case int() | float():
            return f"the number {found!r}"
        case list():
            return "a list"
        case _:
            return "an object"
