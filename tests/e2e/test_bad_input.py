"""Bad input over real MQTT to a running instance: each has its answer, and the stream never stops."""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from paho.mqtt.client import Client
from psycopg import Connection

from core.batch import Mark
from davy.private.stack import Plan, Stack
from davy.private.up import PORTFOLIO
from davy.rejected import replay
from davy.servers.processes import wait_until
from tests.e2e.instance import devices, private_stack

pytestmark = [pytest.mark.e2e, pytest.mark.db, pytest.mark.broker, pytest.mark.timeout(240)]

SITE, DEVICE, SENSOR = "huaihai-tank-farm", "tf-weather", "wind-speed"
STORED_WITHIN_S = 15.0
GAP_WITHIN_S = 60.0  # design section 4: what was lost is seen within 60 s
HOUR_MS = 3_600_000
YEAR_1970_MS, YEAR_2099_MS = 1_000, 4_070_908_800_000


@dataclass
class Line:
    """One device's line to a running instance, and the owner's look into its database.

    Args:
        boots: rising numbers: each test is a fresh start of the device, so that no clock of another test is remembered.
    """

    stack: Stack
    client: Client
    database: Connection[Any]
    boots: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def send(self, payload: bytes, topic: str = f"davy/v1/{SITE}/{DEVICE}/readings", *, retain: bool = False) -> None:
        """Publishes, and waits until the broker has it."""
        self.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(STORED_WITHIN_S)

    def row(self, query: str, *values: Any) -> tuple[Any, ...] | None:
        """One row, seen as owner."""
        return self.database.execute(query.encode(), values).fetchone()

    def stored(self, value: float, sensor: str = SENSOR) -> bool:
        """Whether a reading of this value is stored; values are unlike each other."""
        query = "SELECT 1 FROM reading JOIN sensor USING (sensor_id) WHERE sensor.key = %s AND value = %s"
        return wait_until(lambda: self.row(query, sensor, value) is not None, STORED_WITHIN_S)

    def reason(self, payload: bytes) -> tuple[str, str]:
        """Reason and sentence under which this payload was kept; also what was kept of it is right."""
        query = (
            "SELECT reason, sentence, length, payload FROM rejected_message WHERE sha256 = %s ORDER BY rejected_id DESC"
        )
        digest = hashlib.sha256(payload).digest()
        assert wait_until(lambda: self.row(query, digest) is not None, STORED_WITHIN_S), "it is in no row"
        found = self.row(query, digest)
        assert found is not None
        assert (found[2], bytes(found[3])) == (len(payload), payload[: 64 * 1024])
        return found[0], found[1]

    def around(self, bad: bytes, topic: str = f"davy/v1/{SITE}/{DEVICE}/readings", *, retain: bool = False) -> None:
        """The bad message between two good ones of the same device, both of which are stored."""
        before, after = fresh_value(), fresh_value()
        boot = 1_000_000 + next(self.boots)
        self.send(message(before, boot=boot))
        self.send(bad, topic, retain=retain)
        self.send(message(after, boot=boot, seq=3))
        assert self.stored(before)
        assert self.stored(after)


_values = itertools.count(1)


def fresh_value() -> float:
    """A wind speed that no other reading has."""
    return next(_values) / 1024  # exact in binary, far below any limit


_last_ms = [0]


def now_ms() -> int:
    """The clock of a device that is right, and never says the same instant twice: that would be another value under one key."""
    _last_ms[0] = max(time.time_ns() // 1_000_000, _last_ms[0] + 1)
    return _last_ms[0]


def message(value: object, *, boot: int, seq: int = 1, sent_at: int | None = None, **reading: object) -> bytes:
    """A message of wire version 1 with one reading; `reading` may say more, or otherwise."""
    said = {"s": SENSOR, "v": value, **reading}
    return json.dumps({"boot": boot, "seq": seq, "sent_at": sent_at or now_ms(), "readings": [said]}).encode()


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    """A private instance without a plant: nobody speaks but the tests."""
    with (
        private_stack(Plan(site_file=PORTFOLIO, parts=("ingest",), users=False)) as stack,
        closing(psycopg.connect(stack.database_url("owner"), autocommit=True)) as database,
    ):
        with devices(stack) as client:
            yield Line(stack, client, database)
        assert stack.parts["ingest"].error_lines() == []


def test_too_large_a_payload_is_refused_by_the_broker_and_counted(line: Line) -> None:
    """10 MB: the broker does not deliver it, its sender stays connected, and ingest counts the message as lost within 60 s."""
    before, after, boot = fresh_value(), fresh_value(), next(line.boots)
    line.send(message(before, boot=boot))
    line.send(message(1.0, boot=boot, seq=2, pad="x" * 10_000_000))
    line.send(message(after, boot=boot, seq=3))
    assert line.stored(before)
    assert line.stored(after)
    assert line.client.is_connected()
    gap = "SELECT last_seq - first_seq + 1 FROM stream_gap WHERE boot = %s AND closed_at IS NULL"
    assert wait_until(lambda: line.row(gap, boot) is not None, GAP_WITHIN_S)
    assert line.row(gap, boot) == (1,)
    counted = "SELECT 1 FROM device_stream JOIN device USING (device_id) WHERE device.key = %s AND missing >= 1"
    assert wait_until(lambda: line.row(counted, DEVICE) is not None, STORED_WITHIN_S)


HEAD = '{"boot": 7, "seq": 2, "sent_at": 1790000000000, "readings": '
BAD_PAYLOADS = {
    "malformed JSON": (b'{"boot": 7, "seq": 2, "sent_at": ', "not_json", "JSON"),
    "nothing": (b" ", "empty", "empty"),
    "wrong UTF-8": (b'{"boot": 7, "seq": 2, "s": "\xff\xfe"}', "not_utf8", "UTF-8"),
    "a text with NUL and half a surrogate": (b'{"boot": 7, "seq": 2, "sent_at": "\\u0000\\ud800"}', "wrong_type", "sent_at"),
    "a list": (b"[1, 2]", "not_an_object", "object"),
    "nested without end": (b"[" * 100_000, "not_json", ""),
    "no seq": (b'{"boot": 7, "sent_at": 1790000000000, "readings": [{"s": "a", "v": 1}]}', "missing_field", "seq"),
    "NaN": ((HEAD + '[{"s": "wind-speed", "v": NaN}]}').encode(), "not_finite", "NaN"),
    "infinity": ((HEAD + '[{"s": "wind-speed", "v": -Infinity}]}').encode(), "not_finite", "infinite"),
    "a number too large": ((HEAD + '[{"s": "wind-speed", "v": 1e999}]}').encode(), "not_finite", "infinite"),
    "NaN as a text": ((HEAD + '[{"s": "wind-speed", "v": "nan"}]}').encode(), "not_finite", "nan"),
    "true as a value": ((HEAD + '[{"s": "wind-speed", "v": true}]}').encode(), "wrong_type", "0 or 1"),
    "a text as seq": (b'{"boot": 7, "seq": "2", "sent_at": 1, "s": "wind-speed", "v": 1}', "wrong_type", "seq"),
    "seq below zero": (b'{"boot": 7, "seq": -2, "sent_at": 1, "s": "wind-speed", "v": 1}', "out_of_range", "seq"),
    "a stamp beyond all time": ((HEAD + '[{"s": "wind-speed", "v": 1, "t": 9e99}]}').encode(), "wrong_type", "t"),
    "no reading": ((HEAD + "[]}").encode(), "empty", "at least one"),
    "an unknown quality": ((HEAD + '[{"s": "wind-speed", "v": 1, "q": "fine"}]}').encode(), "unknown_quality", "fine"),
    "a unit of another kind": ((HEAD + '[{"s": "wind-speed", "v": 1, "u": "kg"}]}').encode(), "wrong_unit", "m/s"),
    "no unit at all": ((HEAD + '[{"s": "wind-speed", "v": 1, "u": "furlong"}]}').encode(), "wrong_unit", "m/s"),
    "an unknown state": ((HEAD + '[{"s": "wind-speed", "v": "open"}]}').encode(), "unknown_state", "open"),
    "an unknown sensor": ((HEAD + '[{"s": "wind-sped", "v": 1}]}').encode(), "unknown_sensor", "wind-sped"),
    "another device's sensor": ((HEAD + '[{"s": "lel-pump-1", "v": 99}]}').encode(), "foreign_device", "lel-pump-1"),
    "a status as readings": (b'{"online": true, "boot": 7}', "wrong_kind", "status"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_PAYLOADS)
def test_a_payload_that_is_wrong_is_kept_with_its_reason(line: Line, name: str) -> None:
    """It is kept as evidence with a reason and a sentence that says what was wrong, and good readings before and after it are stored."""
    payload, reason, words = BAD_PAYLOADS[name]
    line.around(payload)
    found, sentence = line.reason(payload)
    assert found == reason, sentence
    assert words in sentence


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("davy/v1/huaihai-tank-farm/tf-weather/status", "wrong_kind"),
        ("davy/v1/huaihai-tank-farm/qm-gas-1/readings", "foreign_device"),
        ("davy/v1/qinling-mine/tf-weather/readings", "foreign_device"),
        ("davy/v1/huaihai-tank-farm/nobody/readings", "unknown_device"),
        ("davy/v1/nowhere/tf-weather/readings", "foreign_device"),
        ("davy/v1/nowhere/nobody/readings", "unknown_site"),
        ("davy/v1/huaihai-tank-farm/two words/readings", "bad_topic"),
    ],
)
def test_a_topic_that_does_not_fit_its_payload_or_speaker(line: Line, topic: str, reason: str) -> None:
    """Readings on a topic of another kind, of another site's device, of nobody: rejected with the reason, and not stored."""
    value = fresh_value()
    payload = message(value, boot=7, seq=2)
    line.around(payload, topic)
    assert line.reason(payload)[0] == reason
    assert line.row("SELECT 1 FROM reading WHERE value = %s", value) is None


def test_another_version_never_gets_through_the_broker(line: Line) -> None:
    """Nobody may publish on davy/v2: the broker keeps it from us, its sender stays connected, and the stream goes on."""
    payload = message(1.0, boot=7, seq=2)
    line.around(payload, f"davy/v2/{SITE}/{DEVICE}/readings")
    assert line.client.is_connected()
    assert line.row("SELECT 1 FROM rejected_message WHERE sha256 = %s", hashlib.sha256(payload).digest()) is None


@pytest.mark.parametrize("hours", [27, -27])
def test_a_clock_that_is_a_day_and_more_off(line: Line, hours: int) -> None:
    """27 h ahead or behind: stored under the device's stamp, judged by our own clock, and said so in the quality."""
    value, boot = fresh_value(), next(line.boots)
    sent = now_ms() + hours * HOUR_MS
    line.around(b"{}")
    line.send(message(value, boot=boot, sent_at=sent, t=sent - 500))
    assert line.stored(value)
    measured, lag_s, quality = stamps(line, value)
    assert measured == sent - 500
    assert 0.4 < lag_s < STORED_WITHIN_S, (
        "judged half a second before it came, as it was taken half a second before it was sent"
    )
    assert quality & Mark.CLOCK
    line.around(b"{}")


@pytest.mark.parametrize("sent", [YEAR_1970_MS, YEAR_2099_MS], ids=["1970", "2099"])
def test_an_absurd_stamp(line: Line, sent: int) -> None:
    """1970 and 2099 are no instants of a reading: it is stored at the instant by which it is judged."""
    value, boot = fresh_value(), next(line.boots)
    line.send(message(value, boot=boot, sent_at=sent))
    assert line.stored(value)
    measured, _, quality = stamps(line, value)
    assert abs(measured - now_ms()) < STORED_WITHIN_S * 1000
    assert quality & Mark.CLOCK
    line.around(b"{}")


def stamps(line: Line, value: float) -> tuple[int, float, int]:
    """measured_at in ms, seconds from judged_at to its batch's receipt, and quality of the reading with this value."""
    found = line.row(
        "SELECT (extract(epoch FROM measured_at) * 1000)::bigint,"
        " extract(epoch FROM received_at - coalesce(judged_at, measured_at))::float8, quality"
        " FROM reading JOIN sensor USING (sensor_id) JOIN ingest_batch USING (batch_no) WHERE key = %s AND value = %s",
        SENSOR,
        value,
    )
    assert found is not None
    return found[0], found[1], found[2]


def test_the_same_instant_with_another_value_is_kept_apart(line: Line) -> None:
    """A different value under a stored key: the stored one stays, the other is kept as conflicts_with_stored."""
    value, other, at, boot = fresh_value(), fresh_value(), now_ms(), next(line.boots)
    line.send(message(value, boot=boot, t=at))
    assert line.stored(value)
    contradiction = message(other, boot=boot, seq=2, t=at)
    line.send(contradiction)
    assert line.reason(contradiction)[0] == "conflicts_with_stored"
    assert line.row("SELECT 1 FROM reading WHERE value = %s", other) is None


def test_a_flood_of_garbage_is_kept_up_to_100_a_minute_and_counted(line: Line) -> None:
    """1,000 wrong messages of one device: at most 100 rows a minute, the rest in the count of one more, and nobody else waits."""
    topic = f"davy/v1/{SITE}/tf-pump-1/readings"
    seen = "SELECT count(*), coalesce(sum(count), 0)::int FROM rejected_message r JOIN device USING (device_id) WHERE key = %s"
    boot, between = next(line.boots), fresh_value()
    for number in range(1000):
        line.client.publish(topic, f"garbage {number}", qos=1)
        if number == 500:
            line.client.publish(f"davy/v1/{SITE}/{DEVICE}/readings", message(between, boot=boot), qos=1)
    good = json.dumps({"boot": boot, "seq": 1, "sent_at": now_ms(), "s": "pump-flow", "v": 12.5}).encode()
    line.send(good, topic)
    assert line.stored(between), "another device is heard in the middle of it"
    assert line.stored(12.5, "pump-flow"), "the same device is heard after it"
    assert wait_until(lambda: (line.row(seen, "tf-pump-1") or (0, 0))[1] >= 1000, STORED_WITHIN_S)
    assert (line.row(seen, "tf-pump-1") or (0, 0))[1] == 1000
    minutes = line.database.execute(
        "SELECT count(*) FROM rejected_message JOIN device USING (device_id) WHERE key = 'tf-pump-1'"
        " GROUP BY date_trunc('minute', received_at)"
    ).fetchall()
    assert all(rows <= 101 for (rows,) in minutes), minutes
    floods = line.database.execute(
        "SELECT sentence FROM rejected_message JOIN device USING (device_id) WHERE key = 'tf-pump-1' AND reason = 'flood'"
    ).fetchall()
    assert 1 <= len(floods) <= 2
    assert "more than 100 wrong messages in a minute" in floods[0][0]


def test_what_was_rejected_is_taken_in_once_the_map_is_mended(line: Line) -> None:
    """A sensor that nobody had written down: its readings wait, and are stored when it is; asked for twice, once."""
    value, boot = fresh_value(), next(line.boots)
    payload = json.dumps(
        {"boot": boot, "seq": 1, "sent_at": now_ms(), "readings": [{"s": "gust", "v": value}]}
    ).encode()
    line.send(payload)
    assert line.reason(payload)[0] == "unknown_sensor"
    line.database.execute(
        "INSERT INTO sensor (company_id, site_id, device_id, key, name, name_zh, quantity, unit)"
        " SELECT company_id, site_id, device_id, 'gust', 'Gust', '阵风', 'speed', 'm/s' FROM device WHERE key = %s",
        (DEVICE,),
    )
    line.database.execute("SELECT davy_definitions_changed()")

    def taken_in() -> dict[str, Any]:
        return replay(
            line.stack.database_url("owner"), site=SITE, device=DEVICE, reason="unknown_sensor", actor="test",
            now=datetime.now(UTC), wait_s=20.0,
        )  # fmt: skip

    came = taken_in()
    assert came["finished"]
    assert came["taken"] >= 1
    assert line.stored(value, "gust")
    assert line.row("SELECT taken_at FROM rejected_message WHERE sha256 = %s", hashlib.sha256(payload).digest()) != (
        None,
    )
    if came["refused"]:  # other sensors that nobody knows, of other tests
        assert taken_in()["taken"] == 0
    assert line.row("SELECT count(*) FROM reading WHERE value = %s", value) == (1,)


def test_a_retained_reading_is_rejected_when_it_comes_from_memory(line: Line) -> None:
    """What the broker kept is no news: after ingest has been killed it comes as retained and is rejected, and the stream goes on."""
    value, boot = fresh_value(), next(line.boots)
    payload = message(value, boot=boot)
    line.send(payload, retain=True)
    assert line.stored(value), "to those who listen already it is a reading as any other"
    ingest = line.stack.parts["ingest"]
    ingest.kill()
    ingest.keep_alive(time.monotonic())
    reason, sentence = line.reason(payload)
    assert reason == "retained"
    assert "without the retain flag" in sentence
    line.around(b"{}")
    count = "SELECT count(*) FROM reading JOIN sensor USING (sensor_id) WHERE key = %s AND value = %s"
    assert line.row(count, SENSOR, value) == (1,)


def test_the_integrator_sees_them_and_nothing_was_lost_or_stopped(line: Line) -> None:
    """Every rejected message names its site and device where they are known, and its sentence is whole."""
    rows = line.database.execute(
        "SELECT reason, sentence, company_id IS NULL, device_id IS NULL FROM rejected_message"
    ).fetchall()
    assert rows
    for reason, sentence, of_nobody, no_device in rows:
        assert sentence.endswith((".", "...")), sentence
        assert "{" not in sentence.replace('"{', "") or reason in ("not_json", "flood"), sentence
        assert not of_nobody or reason in ("unknown_site", "bad_topic", "unknown_device", "flood", "foreign_device"), (
            reason
        )
        assert not no_device or reason in ("unknown_site", "unknown_device", "bad_topic", "foreign_device", "flood")
