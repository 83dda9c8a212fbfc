"""The wire, version 1: what devices say, as bytes on MQTT topics. Nothing else in Davy knows its spelling.

A message is one JSON object; docs/reference/asyncapi.yaml describes it, tests/core/golden holds examples of both kinds.
Decoding checks shape and ranges. Whether the site, the sensor, the unit and the clock make sense is for ingest to judge:
a stamp of 1970 or 2099 is well-formed.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import UNSET, Meta, UnsetType

from core.batch import Quality
from core.wire_rules import (
    ID,
    MAX_ID,
    MAX_MS,
    MAX_PAYLOAD,
    MAX_READINGS,
    MAX_TEXT,
    MIN_MS,
    NOT_A_STATE,
    REASONS,
    UINT32,
    diagnose,
    diagnose_status,
    reject,
)

__all__ = [
    "MAX_PAYLOAD",
    "MAX_READINGS",
    "QUALITY_OF",
    "READINGS_FILTER",
    "REASONS",
    "STATUS_FILTER",
    "Message",
    "Status",
    "TopicName",
    "WireReading",
    "decode",
    "decode_status",
    "encode",
    "encode_status",
    "parse_topic",
    "readings_topic",
    "reject",
    "status_topic",
]

READINGS_FILTER = "davy/v1/+/+/readings"
STATUS_FILTER = "davy/v1/+/+/status"

Uint32 = Annotated[int, Meta(ge=0, le=UINT32)]
Milliseconds = Annotated[int, Meta(ge=MIN_MS, le=MAX_MS)]
SensorId = Annotated[str, Meta(min_length=1, max_length=MAX_ID)]
State = Annotated[str, Meta(max_length=MAX_TEXT, pattern=rf"^(?!{NOT_A_STATE[1:-1]}$)")]
QualityWord = Literal["good", "uncertain", "bad", "substituted"]

QUALITY_OF: dict[str, int] = {quality.name.lower(): int(quality) for quality in Quality}


class TopicName(NamedTuple):
    """The parts of a topic. `kind` is readings or status."""

    site: str
    device: str
    kind: str


class WireReading(msgspec.Struct, gc=False, frozen=True, omit_defaults=True):
    """One reading as the device sent it.

    Args:
        s: the sensor's id at its device.
        v: a finite number, or the name of a state where the sensor is an enumeration.
        t: milliseconds since 1970 UTC; None means the message's `sent_at`.
        q: what the device says of the value; `QUALITY_OF` gives the code.
        u: UCUM code; None means the sensor's own unit.
    """

    s: SensorId
    v: float | State
    t: Milliseconds | None = None
    q: QualityWord = "good"
    u: Annotated[str, Meta(max_length=MAX_TEXT)] | None = None


class Message(msgspec.Struct, gc=False, frozen=True, omit_defaults=True):
    """What one MQTT message of readings says.

    Args:
        boot: new at each start of the device.
        seq: one more for each message within a boot.
        sent_at: milliseconds since 1970 UTC, the device's clock as it sent.
        readings: at least one, in the device's order.
        replayed: history that is played, not a plant that lives: ingest marks its readings and judges them like any other.
    """

    boot: Uint32
    seq: Uint32
    sent_at: Milliseconds
    readings: list[WireReading]
    replayed: bool = False


class Status(msgspec.Struct, gc=False, frozen=True, omit_defaults=True):
    """What a device says at birth, and what the broker says for it when it is gone.

    Args:
        boot: the boot that is now online; a last will need not know it.
    """

    online: bool
    boot: Uint32 | None = None


class _Envelope(msgspec.Struct, gc=False):
    """Both forms of a message. Flat: `s` and `v` beside `seq`."""

    boot: Uint32
    seq: Uint32
    sent_at: Milliseconds
    replayed: bool = False
    readings: Annotated[list[WireReading], Meta(min_length=1, max_length=MAX_READINGS)] | UnsetType = UNSET
    s: SensorId | UnsetType = UNSET
    v: float | State | UnsetType = UNSET
    t: Milliseconds | UnsetType | None = UNSET
    q: QualityWord | UnsetType = UNSET
    u: Annotated[str, Meta(max_length=MAX_TEXT)] | UnsetType | None = UNSET


_envelopes = msgspec.json.Decoder(_Envelope)
_statuses = msgspec.json.Decoder(Status)
_encoder = msgspec.json.Encoder()


def readings_topic(site: str, device: str) -> str:
    """Where `device` publishes readings."""
    return f"davy/v1/{site}/{device}/readings"


def status_topic(site: str, device: str) -> str:
    """Where `device` says that it is there, retained."""
    return f"davy/v1/{site}/{device}/status"


def parse_topic(topic: str) -> TopicName:
    """The parts of `topic`.

    Raises:
        Malformed: `unknown_version` or `bad_topic`.

    >>> parse_topic("davy/v1/qd-north/gw-1/readings")
    TopicName(site='qd-north', device='gw-1', kind='readings')
    """
    levels = topic.split("/")
    if len(levels) >= 2 and levels[0] == "davy" and levels[1] != "v1":
        raise reject("unknown_version", topic=topic, found=levels[1] or "nothing")
    if len(levels) != 5 or levels[0] != "davy":
        raise reject("bad_topic", topic=topic, problem="it does not have the five levels")
    _, _, site, device, kind = levels
    for name, word in (("site", site), ("device", device)):
        if not ID.fullmatch(word):
            raise reject("bad_topic", topic=topic, problem=f"the {name} must be 1 to 64 of A-Z a-z 0-9 _ . -")
    if kind not in ("readings", "status"):
        raise reject("bad_topic", topic=topic, problem=f"there is no kind {kind}")
    return TopicName(site, device, kind)


def decode(payload: bytes) -> Message:
    """The message in `payload`.

    Raises:
        Malformed: with a reason of `REASONS` and a sentence that names the field.

    >>> decode(b'{"boot": 7, "seq": 0, "sent_at": 1790000000123, "s": "ch4-1", "v": 0.42}').readings
    [WireReading(s='ch4-1', v=0.42, t=None, q='good', u=None)]
    """
    try:
        _check_bytes(payload)
        envelope = _envelopes.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise diagnose(payload, error) from None
    readings, s, v, t, q, u = envelope.readings, envelope.s, envelope.v, envelope.t, envelope.q, envelope.u
    if readings is UNSET:
        if s is UNSET or v is UNSET:
            raise diagnose(payload)
        readings = [
            WireReading(s, v, None if t is UNSET else t, "good" if q is UNSET else q, None if u is UNSET else u)
        ]
    elif not (s is UNSET and v is UNSET and t is UNSET and q is UNSET and u is UNSET):
        raise diagnose(payload)
    return Message(envelope.boot, envelope.seq, envelope.sent_at, readings, envelope.replayed)


def decode_status(payload: bytes) -> Status:
    """The status in `payload`.

    Raises:
        Malformed: as `decode`.
    """
    try:
        _check_bytes(payload)
        return _statuses.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise diagnose_status(payload, error) from None


def encode(message: Message) -> bytes:
    """`message` as a payload. Values must be finite: JSON has no word for the others."""
    return _encoder.encode(message)


def encode_status(status: Status) -> bytes:
    """`status` as a payload.

    >>> encode_status(Status(online=False))
    b'{"online":false}'
    """
    return _encoder.encode(status)


def _check_bytes(payload: bytes) -> None:
    """What the decoder does not look at: the length, and UTF-8 inside keys it skips."""
    if len(payload) > MAX_PAYLOAD:
        raise reject("too_large", count=len(payload), limit=MAX_PAYLOAD)
    if not payload.isascii():
        payload.decode("utf-8")
