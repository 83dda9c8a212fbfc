"""`davy bench latency`: from a reading's first byte on the wire to its commit, its alarm's commit, and a receiver.

Before it measures it opens occurrences, each with a call that nobody answers and whose next step waits in the queue: a plant on a bad
day, and not an empty database.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.request import urlopen

import numpy as np

from core.errors import BadInput, Unavailable
from davy.answer import progress, say
from davy.bench import store
from davy.bench.generator import Alarming, Generator, Published
from davy.bench.instance import LOOK_EVERY_S, Instance, opened
from davy.bench.portfolio import Portfolio, device_key, sensor_key

LEAST_SAMPLES = 1_000  # design section 13
ALARMS_PER_S = 20.0  # 1,200 in a minute, each of another sensor, over 100 sites
OPENS_PER_S = 50.0  # before that: what has to be open
NEXT_STEP_S = 3_600.0  # of the calls, beyond the end of any bench
DELIVERY_TIMEOUT_S = 60.0  # for the last notifications, after the load, and for what has to be open before it


def latency(sensors: int, rate: float, *, opens: int = 0, warm_up_s: float, seconds: float, as_json: bool) -> int:
    """Runs on a fresh instance, says what it found, returns the exit status.

    Args:
        rate: readings a second offered meanwhile, in messages of 50.
        opens: occurrences that are open before it measures.

    Raises:
        BadInput: too few sensors for so many alarms of which each is another one's.
    """
    portfolio = Portfolio.of(sensors, "life-safety")
    needed = opens + int((warm_up_s + seconds + DELIVERY_TIMEOUT_S) * ALARMS_PER_S)
    if portfolio.sensors < needed:
        raise BadInput(
            f"{opens} open occurrences and the alarms that are measured are of {needed} sensors, each of another one; "
            f"there are {portfolio.sensors}. Give --sensors {needed} or fewer --open."
        )
    with opened(portfolio, ("inbox", "ingest", "alerting"), commit_timestamps=True) as instance:
        store.let_calls_go_on(instance.owner, NEXT_STEP_S)
        instance.wait_until_judging()
        progress(f"Opening {opens} occurrences at {rate:.0f} readings/s ...")
        generator = instance.generate(rate=rate, alarms_per_s=ALARMS_PER_S, opens=opens, opens_per_s=OPENS_PER_S)
        _open(instance, generator, opens)
        progress(f"Warming up for {warm_up_s:.0f} s ...")
        before = instance.follow(generator, 0, warm_up_s)
        already_open = store.open_occurrences(instance.owner)
        from_us = time.time_ns() // 1000
        progress(f"Measuring for {seconds:.0f} s ...")
        after = instance.follow(generator, 0, seconds)
        until_us = time.time_ns() // 1000
        published = generator.stop()
        instance.wait_until_stored(published.readings)
        _wait_until_delivered(instance)
        alarms = [each for each in published.alarms if from_us <= each.first_byte_us < until_us]
        stored = store.rows_between(instance.owner, before.last_batch, after.last_batch)
        answer = {
            "rate": round(stored / (after.at - before.at), 1),
            "open_occurrences": already_open,
            **_latencies(instance, alarms),
            **_completeness(instance, published),
            "settings": instance.settings(
                readings_per_message=round(published.readings / max(1, published.messages)),
                offered_per_s=rate,
                sites=portfolio.sites,
                seconds=round(after.at - before.at, 2),
                warm_up_s=warm_up_s,
                batch_rows=round((after.readings - before.readings) / max(1, after.batches - before.batches)),
            ),
        }
    say(answer, as_json=as_json)
    return 0 if answer["samples"] >= LEAST_SAMPLES else 1


def _open(instance: Instance, generator: Generator, opens: int) -> None:
    """Lets the load run until so many occurrences are open, and no more calls wait than one second brings.

    Raises:
        Unavailable: they are not.
    """
    instance.follow(generator, 0, opens / OPENS_PER_S)
    deadline = time.monotonic() + DELIVERY_TIMEOUT_S
    while (
        store.open_occurrences(instance.owner) < opens or store.notifications_unfinished(instance.owner) > ALARMS_PER_S
    ):
        if time.monotonic() > deadline:
            found = store.open_occurrences(instance.owner)
            raise Unavailable(f"Of {opens} occurrences {found} were open and told of after {DELIVERY_TIMEOUT_S:.0f} s.")
        instance.follow(generator, 0, LOOK_EVERY_S)


def _latencies(instance: Instance, alarms: Sequence[Alarming]) -> dict[str, Any]:
    """A sample is an alarm that reached its receiver; what got stuck on the way is `incomplete`, never left out."""
    rows = store.reached(
        instance.owner,
        [device_key(each.device) for each in alarms],
        [sensor_key(each.sensor) for each in alarms],
        [each.stamp_ms for each in alarms],
    )
    receipts = _receipts(instance.stack.inbox_url)
    to_commit, to_alarm, to_notified = [], [], []
    for row in rows:
        received = receipts.get(row.notification_key or "")
        if row.reading_committed_us is None or row.alarm_committed_us is None or received is None:
            continue
        first_byte = alarms[row.number].first_byte_us
        to_commit.append((row.reading_committed_us - first_byte) / 1000)
        to_alarm.append((row.alarm_committed_us - first_byte) / 1000)
        to_notified.append((received - first_byte) / 1000)
    return {
        "samples": len(to_notified),
        "incomplete": len(alarms) - len(to_notified),
        "publish_to_commit_ms": percentiles(to_commit),
        "publish_to_alarm_ms": percentiles(to_alarm),
        "publish_to_notified_ms": percentiles(to_notified),
    }


def _completeness(instance: Instance, published: Published) -> dict[str, int]:
    found = store.outcome(instance.owner, 0)
    return {"published": published.readings, "stored": found.stored, "alarms_repeated": found.repeated}


def percentiles(milliseconds: Sequence[float]) -> dict[str, float | None]:
    """p50 and p99 by linear interpolation; None without samples.

    >>> percentiles([1.0, 2.0, 3.0])
    {'p50': 2.0, 'p99': 2.98}
    """
    if not milliseconds:
        return {"p50": None, "p99": None}
    p50, p99 = np.percentile(np.array(milliseconds), [50, 99])
    return {"p50": round(float(p50), 2), "p99": round(float(p99), 2)}


def _receipts(inbox_url: str) -> Mapping[str, float]:
    """When the receiver had each notification for the first time, microseconds UTC by its key."""
    with urlopen(inbox_url, timeout=30) as listing:
        received = json.load(listing)
    first: dict[str, float] = {}
    for message in received:
        first.setdefault(message["key"], datetime.fromisoformat(message["received_at"]).timestamp() * 1e6)
    return first


def _wait_until_delivered(instance: Instance) -> None:
    deadline = time.monotonic() + DELIVERY_TIMEOUT_S
    while store.notifications_unfinished(instance.owner) and time.monotonic() < deadline:
        instance.wait(0.1)
