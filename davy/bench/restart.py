"""`davy bench restart`: how long after a crash ingest judges again."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from core.errors import Unavailable
from davy.answer import progress, say
from davy.bench import store
from davy.bench.generator import Generator
from davy.bench.instance import Instance, opened
from davy.bench.portfolio import Portfolio

CHECKPOINT_TIMEOUT_S = 150.0
OLDEST_CHECKPOINT = timedelta(seconds=18)  # just before the next one: the most that must be judged again
BACK_TIMEOUT_S = 120.0


def restart(sensors: int, *, checkpoint_age_s: float | None, as_json: bool) -> int:
    """Kills ingest under load where its checkpoint is oldest, starts it, and waits for the first batch it commits.

    Args:
        checkpoint_age_s: kill when the checkpoint is so old, and let them be written a little less often than that; None: just
            before the next one is due by the default settings.
    """
    portfolio = Portfolio.of(sensors)
    age = OLDEST_CHECKPOINT if checkpoint_age_s is None else timedelta(seconds=checkpoint_age_s)
    often = {} if checkpoint_age_s is None else {"DAVY_CHECKPOINT_S": str(int(checkpoint_age_s) + 3)}
    with opened(portfolio, ("ingest",), settings=often) as instance:
        instance.wait_until_judging()
        began = time.monotonic()
        progress(
            f"Every sensor sends once a second; waiting for a checkpoint that is {age.total_seconds():.0f} s old ..."
        )
        generator = instance.generate(rate=float(portfolio.sensors), cap=0)
        mark = _follow_until_old(instance, generator, age)
        instance.ingest.kill()
        killed = time.monotonic()
        before = instance.watch.look()
        instance.start_ingest()
        while (now := instance.watch.look()).last_batch == before.last_batch:
            if now.at - killed > BACK_TIMEOUT_S:
                raise Unavailable(f"Ingest did not judge again: {instance.ingest.last_words()}")
            instance.wait(0.01)
        restart_s = now.at - killed
        published = generator.stop()
        done = instance.wait_until_stored(published.readings)
        answer = {
            "restart_s": round(restart_s, 3),
            "judged_again": before.readings - mark,
            "lost": max(0, published.readings - done.readings),
            "settings": instance.settings(
                offered_per_s=float(portfolio.sensors),
                checkpoint_age_s=age.total_seconds(),
                seconds=round(time.monotonic() - began, 2),
                warm_up_s=None,
                batch_rows=round(done.readings / max(1, done.batches)),
            ),
        }
    say(answer, as_json=as_json)
    return 0


def _follow_until_old(instance: Instance, generator: Generator, age: timedelta) -> int:
    """Runs the load until the newest checkpoint is `age` old; returns the readings stored by that checkpoint."""
    deadline = time.monotonic() + CHECKPOINT_TIMEOUT_S
    seen: datetime | None = None
    stored_then = 0
    while seen is None or datetime.now(UTC) - seen < age:
        mark = instance.follow(generator, 0, 0.2)
        saved = store.checkpoint_saved_at(instance.owner)
        if saved != seen:
            seen, stored_then = saved, mark.readings
        if time.monotonic() > deadline:
            raise Unavailable("Ingest did not write a checkpoint in time.")
    return stored_then
