"""Ten times what the database takes: real servers, a slowed store, life-safety alarms among the load, and the memory of ingest."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import Any
from urllib.request import urlopen

import pytest

from core.batch import Mark
from davy.answer import progress
from davy.bench import store
from davy.bench.consumption import Memory
from davy.bench.generator import Alarming
from davy.bench.instance import WORKER, Instance, opened
from davy.bench.portfolio import Portfolio, device_key, sensor_key
from davy.servers.processes import wait_until
from ingest.store.spool import look

pytestmark = [pytest.mark.e2e, pytest.mark.alone]

STORE_PER_S = 2_000.0  # readings a second that the slowed store takes
OVERLOAD = 10.0
SENSORS = 1_000
ALARMS_PER_S = 1.0  # of life safety, each of another sensor
PROMISED_S = 5.0  # from the reading to the channel
WARM_UP_S = 20.0
WHOLE_MB = 400.0  # design section 12, at a hundred times as many sensors


def receipts(instance: Instance) -> dict[str, list[float]]:
    """When the webhook receiver got each notification, microseconds UTC by its key."""
    with urlopen(instance.stack.inbox_url, timeout=30) as listing:
        received: list[dict[str, Any]] = json.load(listing)
    found: dict[str, list[float]] = {}
    for message in received:
        found.setdefault(message["key"], []).append(datetime.fromisoformat(message["received_at"]).timestamp() * 1e6)
    return found


def check_called(instance: Instance, alarms: list[Alarming]) -> None:
    """Each life-safety alarm reached its channel within the promised time, once."""
    rows = store.reached(
        instance.owner,
        [device_key(each.device) for each in alarms],
        [sensor_key(each.sensor) for each in alarms],
        [each.stamp_ms for each in alarms],
    )
    assert wait_until(lambda: store.notifications_unfinished(instance.owner) == 0, 30)
    received = receipts(instance)
    taken = {row.number: received.get(row.notification_key or "", []) for row in rows}
    assert Counter(len(taken[number]) for number in range(len(alarms))) == {1: len(alarms)}, taken
    slowest_s = max((taken[n][0] - alarms[n].first_byte_us) / 1e6 for n in range(len(alarms)))
    progress(f"{len(alarms)} alarms of life safety, the slowest {slowest_s:.2f} s from reading to channel")
    assert slowest_s <= PROMISED_S


def check_overload(seconds: float, judged_s: float, most_mb_per_min: float, drain_s: float) -> None:
    """Offered ten times what the store takes: memory stays where it is, people are called in time, and nothing is lost.

    Args:
        judged_s: growth is judged over so much of the end.
    """
    with opened(
        Portfolio.of(SENSORS, "life-safety"), ("inbox", "ingest", "alerting"), commit_timestamps=True
    ) as instance:
        instance.wait_until_judging()
        folder = instance.stack.folder / WORKER
        assert wait_until((folder / "snapshot").exists, 10)
        store.throttle(instance.owner, STORE_PER_S)
        generator = instance.generate(rate=STORE_PER_S * OVERLOAD, cap=0, alarms_per_s=ALARMS_PER_S)
        instance.follow(generator, 0, seconds - judged_s)
        memory = Memory(instance.ingest.pid)
        instance.follow(generator, 0, judged_s, memory)
        spooled = look(folder)
        published = generator.stop()
        store.end_throttle(instance.owner)
        instance.wait_until_stored(published.readings)
        assert wait_until(lambda: look(folder).batches == 0, drain_s)
        found = store.outcome(instance.owner, int(Mark.LATE))
        progress(
            f"{published.readings} readings offered in {published.seconds:.0f} s, {spooled.batches} batches spooled with"
            f" {spooled.bytes / 1e6:.0f} MB; at most {memory.most_mb:.0f} MB, growing {memory.growth_mb_per_min:.2f} MB a minute"
        )
        assert spooled.batches > 0.8 * seconds  # it was an overload
        assert (found.stored, found.rejected_messages, found.conflicting, found.late) == (published.readings, 0, 0, 0)
        assert (found.raised, found.repeated) == (len(published.alarms), 0)
        check_called(instance, published.alarms)
        assert memory.most_mb is not None
        assert memory.growth_mb_per_min is not None
        assert memory.most_mb < WHOLE_MB
        assert memory.growth_mb_per_min < most_mb_per_min


def test_a_minute_of_tenfold_overload() -> None:
    """The ceiling of the memory is coarse, as the first minute of a process says little; `make soak` judges the growth."""
    check_overload(60.0, 40.0, 20.0, 60.0)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_fifteen_minutes_of_tenfold_overload() -> None:
    """The memory of ingest grows by less than 1 MB a minute over the last ten."""
    check_overload(900.0, 600.0, 1.0, 900.0)
