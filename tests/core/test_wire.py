"""Topics, decoding and its sentences: what golden files do not say."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.batch import Quality
from core.errors import Malformed
from core.wire import (
    QUALITY_OF,
    REASONS,
    Message,
    Status,
    TopicName,
    WireReading,
    decode,
    decode_status,
    encode,
    encode_status,
    parse_topic,
    readings_topic,
    reject,
    status_topic,
)
from core.wire_rules import MAX_MS, MAX_TEXT, MIN_MS, QUALITIES, UINT32

ids = st.text("abcXYZ019_.-", min_size=1, max_size=64)
stamps = st.integers(MIN_MS, MAX_MS)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=MAX_TEXT)
states = texts.filter(lambda text: text.lower().lstrip("+-") not in ("nan", "inf", "infinity"))
values = st.floats(allow_nan=False, allow_infinity=False) | states
readings = st.builds(WireReading, ids, values, st.none() | stamps, st.sampled_from(QUALITIES), st.none() | texts)
messages = st.builds(
    Message, st.integers(0, UINT32), st.integers(0, UINT32), stamps, st.lists(readings, min_size=1, max_size=5)
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(["boot", "seq", "sent_at", "readings", "s", "v", "t", "q", "u", "online"])
nearly = {"boot": 1, "seq": 2, "sent_at": 3}


def test_golden_message_of_the_design() -> None:
    """The example in the design is a message."""
    payload = (
        b'{"boot": 3735928559, "seq": 42, "sent_at": 1790000000123, "readings": '
        b'[{"s": "ch4-1", "t": 1790000000100, "v": 0.42, "q": "good", "u": "%"}]}'
    )
    reading = WireReading("ch4-1", 0.42, 1790000000100, "good", "%")
    assert decode(payload) == Message(3735928559, 42, 1790000000123, [reading])


@given(messages)
def test_round_trip(message: Message) -> None:
    """What a device encodes, ingest reads unchanged, to the last bit of a float."""
    assert decode(encode(message)) == message


@given(messages)
def test_flat_form_says_the_same(message: Message) -> None:
    """One reading beside seq means what it means in a list."""
    fields = json.loads(encode(message))
    first = fields.pop("readings")[0]
    flat = decode(json.dumps(fields | first).encode())
    assert flat == Message(message.boot, message.seq, message.sent_at, message.readings[:1])


@given(st.booleans(), st.none() | st.integers(0, UINT32))
def test_status_round_trip(online: bool, boot: int | None) -> None:
    """Birth and last will survive the wire."""
    assert decode_status(encode_status(Status(online, boot))) == Status(online, boot)


def refusal(decoder: Callable[[bytes], object], payload: bytes) -> Malformed | None:
    try:
        decoder(payload)
    except Malformed as mistake:
        return mistake
    return None


@given(st.binary(max_size=64))
def test_any_bytes_have_an_answer(payload: bytes) -> None:
    """Garbage is refused with a known reason; nothing else is ever raised."""
    for decoder in (decode, decode_status):
        mistake = refusal(decoder, payload)
        assert mistake is None or mistake.reason in REASONS


@given(st.dictionaries(keys, anything, max_size=6), st.dictionaries(keys, anything, max_size=5) | anything)
def test_any_json_has_an_answer_that_names_the_mistake(fields: dict[str, object], reading: object) -> None:
    """Fast decoder and slow diagnosis agree on what is wrong: the diagnosis never has to quote the decoder."""
    for message in (fields, nearly | fields, nearly | {"readings": [{"s": "a", "v": 1}, reading]}):
        text = json.dumps(message)
        for decoder in (decode, decode_status):
            mistake = refusal(decoder, text.encode())
            if mistake is not None and "NaN" not in text and "Infinity" not in text:
                assert mistake.reason in REASONS
                assert "the decoder says" not in str(mistake)


@given(anything, anything)
def test_unknown_keys_are_ignored(first: object, second: object) -> None:
    """A later version may say more without being refused."""
    fields = {**nearly, "x-extra": first, "readings": [{"s": "a", "v": 1, "x-extra": second}]}
    try:
        payload = json.dumps(fields, allow_nan=False).encode()
    except ValueError:
        return  # NaN is not JSON anywhere in a message
    assert decode(payload) == Message(1, 2, 3, [WireReading("a", 1.0)])


@pytest.mark.parametrize(
    ("reading", "sentence"),
    [
        (
            '{"s": "a", "v": "NaN"}',
            'readings[3].v is the text "NaN"; a value must be a finite number or, for an enumeration, a text.',
        ),
        ('{"s": "a", "v": true}', "readings[3].v is true; a contact is sent as 0 or 1."),
        ('{"s": "a"}', "readings[3].v is missing; a reading has at least s and v."),
        (
            '{"s": "a", "v": 1, "q": "GOOD"}',
            'readings[3].q is the text "GOOD"; a quality is good, uncertain, bad or substituted',
        ),
        (
            '{"s": "a", "v": 1, "t": 1.5}',
            "readings[3].t is the number 1.5; it must be a whole number from -62135596800000 to",
        ),
        ("7", "readings[3] is the number 7; it must be a JSON object."),
    ],
)
def test_sentence_names_field_and_index(reading: str, sentence: str) -> None:
    """A person who reads the rejection finds the field without a debugger."""
    good = '{"s": "a", "v": 1}'
    payload = f'{{"boot": 1, "seq": 2, "sent_at": 3, "readings": [{good}, {good}, {good}, {reading}]}}'
    with pytest.raises(Malformed) as caught:
        decode(payload.encode())
    assert str(caught.value).startswith(sentence)


def test_sentence_stays_short() -> None:
    """A device that sends a novel as its quality does not fill the journal with it."""
    with pytest.raises(Malformed) as caught:
        decode(json.dumps({**nearly, "s": "a", "v": 1, "q": "x" * 100_000}).encode())
    assert len(str(caught.value)) < 300


def test_numbers_stay_what_they_are() -> None:
    """Integers become floats without a detour; a number beyond a float's range is not finite."""
    assert decode(b'{"boot": 1, "seq": 2, "sent_at": 3, "s": "a", "v": 1}').readings[0].v == 1.0
    assert (
        math.copysign(1, float(decode(b'{"boot": 1, "seq": 2, "sent_at": 3, "s": "a", "v": -0.0}').readings[0].v)) == -1
    )


@given(ids, ids)
def test_topics_round_trip(site: str, device: str) -> None:
    """A topic made is a topic understood."""
    assert parse_topic(readings_topic(site, device)) == TopicName(site, device, "readings")
    assert parse_topic(status_topic(site, device)) == TopicName(site, device, "status")


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("davy/v2/a/b/readings", "unknown_version"),
        ("davy/2/a/b/readings", "unknown_version"),
        ("davy//a/b/readings", "unknown_version"),
        ("davy/v1/a/b/reading", "bad_topic"),
        ("davy/v1/a/b/readings/", "bad_topic"),
        ("davy/v1/a/readings", "bad_topic"),
        ("davy/v1/a//readings", "bad_topic"),
        ("davy/v1//b/readings", "bad_topic"),
        ("davy/v1/a b/c/readings", "bad_topic"),
        ("davy/v1/a/ü/readings", "bad_topic"),
        ("davy/v1/a/b\n/readings", "bad_topic"),
        ("davy/v1/" + "a" * 65 + "/b/readings", "bad_topic"),
        ("/davy/v1/a/b/readings", "bad_topic"),
        ("davy", "bad_topic"),
        ("", "bad_topic"),
    ],
)
def test_wrong_topics(topic: str, reason: str) -> None:
    """Each wrong topic says what is wrong with it."""
    with pytest.raises(Malformed) as caught:
        parse_topic(topic)
    assert caught.value.reason == reason


def test_quality_words_have_codes() -> None:
    """Every word of the wire has its code in the column."""
    assert {word: Quality(code) for word, code in QUALITY_OF.items()} == {
        "good": Quality.GOOD,
        "uncertain": Quality.UNCERTAIN,
        "bad": Quality.BAD,
        "substituted": Quality.SUBSTITUTED,
    }
    assert set(QUALITY_OF) == set(QUALITIES)


def test_reasons_are_sentences() -> None:
    """Every code has one sentence for a person, and a code fits its column."""
    for reason, sentence in REASONS.items():
        assert reason.isidentifier()
        assert reason.islower()
        assert len(reason) <= 32
        assert sentence.endswith(".")
        assert sentence[0] == "{" or sentence[0].isupper()
    foreign = reject("foreign_device", device="gw-1", claimed="site nord")
    assert (foreign.reason, foreign.permanent) == ("foreign_device", True)
