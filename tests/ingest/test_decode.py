"""Bytes to columns: what is taken, what is rejected, and that nothing stops the stream."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.batch import Mark, Quality
from core.wire import REASONS
from ingest.decode import Decoded, Decoder
from ingest.source import RawMessage
from tests.ingest.plant import START_US, message, payload, small_directory

GOOD = [{"s": "s1", "v": 1.5}, {"s": "s2", "v": 2, "t": START_US // 1000 - 40, "q": "uncertain"}]


def decoded(*messages: RawMessage) -> Decoded:
    """The columns of a lot, for the small plant."""
    return Decoder(small_directory()).decode(messages)


def test_readings_become_columns() -> None:
    """Slots, stamps in microseconds, values and quality stand in order of arrival."""
    found = decoded(
        message("d1", payload(0, START_US, GOOD), START_US), message("d2", payload(5, START_US, GOOD), START_US)
    )
    assert found.sensor.tolist() == [0, 1, 4, 5]
    assert found.stamp_us.tolist() == [START_US, START_US - 40_000] * 2
    assert found.value.tolist() == [1.5, 2.0] * 2
    assert found.quality.tolist() == [Quality.GOOD, Quality.UNCERTAIN] * 2
    assert (found.count.tolist(), found.seq, found.origin) == ([2, 2], [0, 5], [0, 1])
    assert found.rejected == []


def test_history_is_marked_and_nothing_else() -> None:
    """What a message says is replayed carries the mark beside its quality; the messages around it do not."""
    history = msgspec.json.encode({**msgspec.json.decode(payload(1, START_US, GOOD)), "replayed": True})
    bodies = (payload(0, START_US, GOOD), history, payload(2, START_US, GOOD))
    found = decoded(*(message("d1", body, START_US) for body in bodies))
    plain = [Quality.GOOD, Quality.UNCERTAIN]
    assert found.quality.tolist() == [*plain, *(quality | Mark.REPLAYED for quality in plain), *plain]
    assert found.value.tolist() == [1.5, 2.0] * 3


def test_units_are_converted_and_states_looked_up() -> None:
    """A unit that converts is converted once, at the edge; an enumeration goes through the sensor's map."""
    body = payload(0, START_US, [{"s": "s1", "v": 0.5, "u": "1"}, {"s": "s4", "v": "open"}, {"s": "s4", "v": 0}])
    found = decoded(message("d1", body, START_US))
    assert found.value.tolist() == [50.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("topic", "body", "reason"),
    [
        ("davy/v1/north/d1/readings", b"\xff\xfe", "not_utf8"),
        ("davy/v1/north/d1/readings", b"{", "not_json"),
        ("davy/v1/north/d1/readings", payload(0, START_US, []), "empty"),
        ("davy/v1/nowhere/d1/readings", payload(0, START_US, GOOD), "foreign_device"),
        ("davy/v1/south/d1/readings", payload(0, START_US, GOOD), "foreign_device"),
        ("davy/v1/nowhere/x/readings", payload(0, START_US, GOOD), "unknown_site"),
        ("davy/v1/north/x/readings", payload(0, START_US, GOOD), "unknown_device"),
        ("davy/v2/north/d1/readings", payload(0, START_US, GOOD), "unknown_version"),
        ("davy/v1/north/d1/other", payload(0, START_US, GOOD), "bad_topic"),
        ("davy/v1/north/d1/status", payload(0, START_US, GOOD), "wrong_kind"),
        ("davy/v1/north/d1/readings", payload(0, START_US, [{"s": "s4", "v": "ajar"}]), "unknown_state"),
        ("davy/v1/north/d1/readings", payload(0, START_US, [{"s": "s1", "v": "0.5"}]), "unknown_state"),
        ("davy/v1/north/d1/readings", payload(0, START_US, [{"s": "s1", "v": 1, "u": "Pa"}]), "wrong_unit"),
        ("davy/v1/north/d1/readings", payload(0, START_US, [{"s": "zz", "v": 1}]), "unknown_sensor"),
        ("davy/v1/north/d1/readings", payload(0, START_US, [{"s": "_broker", "v": 9}]), "unknown_sensor"),
    ],
)
def test_what_is_wrong_is_rejected_with_a_reason(topic: str, body: bytes, reason: str) -> None:
    """Malformed, unknown and forged messages become evidence with a sentence, and no reading."""
    found = decoded(RawMessage(topic, body, 1, False, False, START_US, 1))
    assert [r.reason for r in found.rejected] == [reason]
    assert found.rejected[0].sentence.endswith(".")
    assert found.rejected[0].payload == body
    assert len(found.sensor) == 0


def test_one_wrong_reading_does_not_cost_the_others() -> None:
    """A message with one stranger among its sensors gives the other readings, and is kept for the stranger."""
    body = payload(0, START_US, [{"s": "s1", "v": 1}, {"s": "zz", "v": 2}, {"s": "yy", "v": 2}, {"s": "s2", "v": 3}])
    found = decoded(message("d1", body, START_US))
    assert found.value.tolist() == [1.0, 3.0]
    assert [r.reason for r in found.rejected] == ["unknown_sensor"]


def test_another_devices_sensor_is_forged() -> None:
    """A device may speak only for its own sensors."""
    directory = small_directory()
    directory.devices[0].slots.pop("s3")
    found = Decoder(directory).decode([message("d1", payload(0, START_US, [{"s": "s3", "v": 1}]), START_US)])
    assert [r.reason for r in found.rejected] == ["foreign_device"]


def test_retained_readings_are_rejected_and_retained_statuses_taken() -> None:
    """A retained reading is old news dressed as new; a status is retained by its nature."""
    found = decoded(
        message("d1", payload(0, START_US, GOOD), START_US, retained=True),
        message("d1", b'{"online": false}', START_US, kind="status", retained=True),
    )
    assert [r.reason for r in found.rejected] == ["retained"]
    assert [(s.device.row.key, s.online) for s in found.statuses] == [("d1", False)]
    assert found.device == []


def test_a_rejected_message_was_delivered_all_the_same() -> None:
    """Where boot and seq can be read, a rejected message leaves no gap behind."""
    body = msgspec.json.encode({"boot": 9, "seq": 4, "sent_at": "noon", "readings": [{"s": "s1", "v": 1}]})
    found = decoded(message("d1", body, START_US))
    assert (found.boot, found.seq, found.count.tolist()) == ([9], [4], [0])
    assert [r.reason for r in found.rejected] == ["wrong_type"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["davy/v1/north/d1/readings", "davy/v1/north/d1/status", "davy/v9", "x", "davy/v1/a/b/readings"]
            ),
            st.one_of(
                st.binary(max_size=200),
                st.recursive(
                    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
                    lambda inner: (
                        st.lists(inner, max_size=3)
                        | st.dictionaries(
                            st.sampled_from(["boot", "seq", "sent_at", "readings", "s", "v", "t", "q", "u"]),
                            inner,
                            max_size=9,
                        )
                    ),
                    max_leaves=12,
                ).map(lambda thing: _json(thing)),
            ),
        ),
        max_size=8,
    )
)
def test_no_bytes_stop_the_stream(lot: list[tuple[str, bytes]]) -> None:
    """Whatever comes: each message is decoded or rejected with a known reason, and columns stay of one length."""
    found = decoded(*(RawMessage(topic, body, 1, False, False, START_US, 1) for topic, body in lot))
    assert len(found.sensor) == len(found.value) == len(found.stamp_us) == len(found.quality) == found.count.sum()
    assert {r.reason for r in found.rejected} <= set(REASONS)
    taken = {i for i, n in zip(found.origin, found.count.tolist(), strict=True) if n}
    assert len(taken) + len(found.statuses) + len(found.rejected) >= len(lot)
    assert np.isfinite(found.value).all()


def _json(thing: object) -> bytes:
    import json

    return json.dumps(thing).encode()
