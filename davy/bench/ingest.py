"""`davy bench ingest`: how many readings a second are stored and judged, beside what the parts alone could do."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from core.batch import Mark as QualityMark
from davy.answer import progress, say
from davy.bench import store
from davy.bench.consumption import Memory
from davy.bench.copy_store import CopyLimit
from davy.bench.generator import Published
from davy.bench.instance import STALL_S, WORKER, Instance, Mark, opened
from davy.bench.portfolio import Portfolio
from davy.bench.receiver import BareReceiver

ALARMS_PER_S = 10.0  # of the load, so that "judged" and "nobody is told twice" can be counted
THROTTLED_TO = 20_000.0  # readings a second that the slowed store takes under overload
OVERLOAD = 10.0  # times what the store takes
JUDGES_GROWTH_S = 30.0  # a shorter window says nothing about the growth of memory
FIRST_CHECKPOINT_S = 90.0  # ingest writes it `checkpoint_s` after it began


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """How long a bench takes; the defaults are design section 13's, shorter ones are for tests of the bench itself.

    Args:
        preloaded: messages of a drain.
    """

    warm_up_s: float = 10.0
    seconds: float = 60.0
    limit_s: float = 10.0
    preloaded: int = 500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one profile measured; None where it has no such figure."""

    readings_per_s: float
    messages_per_s: float
    window_s: float
    batch_rows: int
    published: list[Published]
    memory: Memory
    copy_limits: list[float] | None = None
    receive_limits: list[float] | None = None
    offered_per_s: float | None = None
    cpu_us: dict[str, float] | None = None


def ingest(profile: str, sensors: int, spans: Spans, *, as_json: bool) -> int:
    """Runs a profile on a fresh instance, says what it found, returns the exit status."""
    run = {"batched": _batched, "single": _single, "overload": _overload}[profile]
    with opened(Portfolio.of(sensors), ("ingest",)) as instance:
        instance.wait_until_judging()
        measured = run(instance, spans)
        answer = _answer(instance, measured, spans, profile)
    say(answer, as_json=as_json)
    return 0 if answer["lost"] == 0 and answer["duplicated"] == 0 else 1


def _batched(instance: Instance, spans: Spans) -> Measured:
    """50 readings a message, as fast as they are stored."""
    progress("Warming up, to learn how many rows a batch has ...")
    rehearsal, before, after = _load(instance, spans.warm_up_s / 2, spans.warm_up_s / 2)
    limits = [_copy_limit(instance, _rows_a_batch(before, after), spans)]
    _wait_for_first_checkpoint(instance, spans)
    progress(f"Measuring for {spans.seconds:.0f} s after {spans.warm_up_s:.0f} s of warm-up ...")
    memory = Memory(instance.ingest.pid)
    used = instance.processor_s()
    performed, before, after = _load(instance, spans.warm_up_s, spans.seconds, memory)
    used = {name: seconds - used[name] for name, seconds in instance.processor_s().items()}
    rows = _rows_a_batch(before, after)
    limits.append(_copy_limit(instance, rows, spans))
    stored = store.rows_between(instance.owner, before.last_batch, after.last_batch)
    rate = stored / (after.at - before.at)
    per_message = performed.readings / max(1, performed.messages)
    return Measured(
        readings_per_s=rate,
        messages_per_s=rate / per_message,
        window_s=after.at - before.at,
        batch_rows=rows,
        published=[rehearsal, performed],
        memory=memory,
        copy_limits=limits,
        cpu_us=_a_reading({**used, "generator": performed.cpu_s}, performed.readings),
    )


def _wait_for_first_checkpoint(instance: Instance, spans: Spans) -> None:
    """Its buffers stay: a step, once, that a window around it would take for growth without end."""
    if spans.seconds < JUDGES_GROWTH_S:
        return
    progress("Waiting for the first checkpoint ...")
    deadline = time.monotonic() + FIRST_CHECKPOINT_S
    while store.checkpoint_saved_at(instance.owner) is None and time.monotonic() < deadline:
        instance.wait(0.5)


def _a_reading(seconds: dict[str, float], readings: int) -> dict[str, float]:
    return {name: round(1e6 * spent / max(1, readings), 3) for name, spent in seconds.items()}


def _load(
    instance: Instance, warm_up_s: float, seconds: float, memory: Memory | None = None
) -> tuple[Published, Mark, Mark]:
    """One load from start to stored; the marks bound the window after the warm-up."""
    base = instance.watch.look().readings
    generator = instance.generate(alarms_per_s=ALARMS_PER_S)
    before = instance.follow(generator, base, warm_up_s)
    after = instance.follow(generator, base, seconds, memory)
    published = generator.stop()
    instance.wait_until_stored(base + published.readings)
    return published, before, after


def _rows_a_batch(before: Mark, after: Mark) -> int:
    return round((after.readings - before.readings) / max(1, after.batches - before.batches)) or 1


def _copy_limit(instance: Instance, rows: int, spans: Spans) -> float:
    progress(f"Measuring bare COPY with {rows} rows a batch ...")
    return CopyLimit(instance.owner, sensors=instance.portfolio.sensors, rows=rows).measure(spans.limit_s)


def _single(instance: Instance, spans: Spans) -> Measured:
    """One reading a message: ingest's session finds all of them at the broker."""
    instance.stop_ingest()
    limits = [_receive_limit(instance, spans, "bare-one")]
    progress(f"Preloading {spans.preloaded} messages for ingest, then draining ...")
    base = instance.watch.look()
    published = _preload(instance, spans, "readings", alarms_per_s=ALARMS_PER_S)
    instance.start_ingest()
    instance.wait_until_judging()
    begun, used = instance.watch.look(), instance.processor_s()  # starting is not draining
    memory = Memory(instance.ingest.pid)
    done = instance.wait_until_stored(base.readings + published.readings, memory)
    used = {name: spent - used[name] for name, spent in instance.processor_s().items()}
    ended = time.time() - (time.monotonic() - done.at)
    began = store.first_received_after(instance.owner, WORKER, base.last_batch)
    seconds = ended - began.timestamp() if began else STALL_S
    rate = (done.readings - base.readings) / seconds
    limits.append(_receive_limit(instance, spans, "bare-two"))
    return Measured(
        readings_per_s=rate,
        messages_per_s=rate,
        window_s=seconds,
        batch_rows=_rows_a_batch(base, done),
        published=[published],
        memory=memory,
        receive_limits=limits,
        cpu_us=_a_reading(used, done.readings - begun.readings),
    )


def _receive_limit(instance: Instance, spans: Spans, kind: str) -> float:
    """An equal preload on topics that only the bare receiver hears."""
    progress(f"Measuring bare receive of {spans.preloaded} messages ...")
    broker = instance.stack.broker
    bare = BareReceiver(
        broker.host,
        broker.port,
        "ingest",
        instance.stack.mqtt_passwords["ingest"],
        client_id=f"davy-bench-{kind}",
        topic=f"davy/v1/+/+/{kind}",
    )
    bare.join()
    _preload(instance, spans, kind)
    return bare.drain(spans.preloaded)


def _preload(instance: Instance, spans: Spans, kind: str, **chosen: Any) -> Published:
    generator = instance.generate(single=True, cap=0, messages=spans.preloaded, kind=kind, **chosen)
    while not generator.ended():
        instance.wait(0.05)
    return generator.stop()


def _overload(instance: Instance, spans: Spans) -> Measured:
    """Ten times what a slowed store takes; then the store is let go and everything must still arrive."""
    _wait_for_first_checkpoint(instance, spans)
    store.throttle(instance.owner, THROTTLED_TO)
    progress(f"Offering {THROTTLED_TO * OVERLOAD:.0f} readings/s to a store that takes {THROTTLED_TO:.0f} ...")
    base = instance.watch.look().readings
    memory = Memory(instance.ingest.pid)
    generator = instance.generate(rate=THROTTLED_TO * OVERLOAD, cap=0, alarms_per_s=ALARMS_PER_S)
    before = instance.follow(generator, base, spans.warm_up_s)
    after = instance.follow(generator, base, spans.seconds, memory)
    published = generator.stop()
    store.end_throttle(instance.owner)
    progress("Draining ...")
    instance.wait_until_stored(base + published.readings)
    stored = store.rows_between(instance.owner, before.last_batch, after.last_batch)
    rate = stored / (after.at - before.at)
    return Measured(
        readings_per_s=rate,
        messages_per_s=rate * published.messages / max(1, published.readings),
        window_s=after.at - before.at,
        batch_rows=_rows_a_batch(before, after),
        published=[published],
        memory=memory,
        offered_per_s=published.readings / published.seconds,
    )


def _answer(instance: Instance, measured: Measured, spans: Spans, profile: str) -> dict[str, Any]:
    found = store.outcome(instance.owner, int(QualityMark.LATE))
    published = sum(each.readings for each in measured.published)
    per_message = published / max(1, sum(each.messages for each in measured.published))
    rejected = round(found.rejected_messages * per_message) + found.conflicting
    copy_limit = max(measured.copy_limits) if measured.copy_limits else None
    receive_limit = max(measured.receive_limits) if measured.receive_limits else None
    memory = measured.memory
    return {
        "readings_per_s": round(measured.readings_per_s, 1),
        "messages_per_s": round(measured.messages_per_s, 1),
        "copy_limit_rows_per_s": _rounded(copy_limit, 1),
        "ratio_to_copy_limit": _rounded(measured.readings_per_s / copy_limit if copy_limit else None, 4),
        "receive_limit_messages_per_s": _rounded(receive_limit, 1),
        "ratio_to_receive_limit": _rounded(measured.messages_per_s / receive_limit if receive_limit else None, 4),
        "published": published,
        "stored": found.stored,
        "rejected": rejected,
        "lost": max(0, published - found.stored - rejected),
        "duplicated": found.repeated + found.late,
        "alarms_published": sum(len(each.alarms) for each in measured.published),
        "alarms_raised": found.raised,
        "rss_mb": _rounded(memory.most_mb, 1),
        # A process that has just started grows: a drain says nothing about that.
        "rss_growth_mb_per_min": None if profile == "single" else _rounded(memory.growth_mb_per_min, 3),
        "offered_per_s": _rounded(measured.offered_per_s, 1),
        "copy_limits": [round(limit, 1) for limit in measured.copy_limits or []],
        "receive_limits": [round(limit, 1) for limit in measured.receive_limits or []],
        "cpu_us_per_reading": measured.cpu_us,
        "settings": instance.settings(
            profile=profile,
            readings_per_message=round(per_message),
            seconds=round(measured.window_s, 2),
            warm_up_s=None if profile == "single" else spans.warm_up_s,
            batch_rows=measured.batch_rows,
        ),
    }


def _rounded(number: float | None, digits: int) -> float | None:
    return None if number is None else round(number, digits)
