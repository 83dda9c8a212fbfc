"""How a worker finds its way back: checkpoint, the batches stored since, then those in the spool, all for memory only."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from alerting.store.alarms import active
from core.batch import Event
from core.db import transaction
from core.log import logger
from core.model import SET_ASIDE
from ingest.checkpoint import Resumed, replay_spooled, resume
from ingest.directory import Directory
from ingest.instant import instant
from ingest.judge import differences
from ingest.organs import Organs
from ingest.source import Clock
from ingest.spool import Spool
from ingest.store.batch import Record
from ingest.store.memory import Mark, judged_now_of, take_over
from ingest.store.portfolio import load_portfolio
from ingest.store.sidelines import write_gaps
from ingest.store.spool import SpoolDamaged
from ingest.stream import GapRow
from ingest.urgent import Urgent

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Begun:
    """Where a worker stands when it begins.

    Args:
        mark: the last batch that the database has.
        spooled: batches that wait in the spool.
        differences: events that bring `alarm` in line with the conditions: definitions changed while nobody judged.
    """

    mark: Mark
    directory: Directory
    organs: Organs
    resumed: Resumed
    spooled: int
    differences: list[Event]


def begin(
    connection: Connection[Any], token: str, worker: str, tolerance_us: int, spool: Spool, urgent: Urgent, clock: Clock
) -> Begun:
    """Takes the worker over and brings fresh organs to where the last judged batch left them."""
    mark = take_over(connection, token, worker)
    directory, definitions = load_portfolio(connection, token)
    organs = Organs.grow(directory, definitions, tolerance_us)
    resumed = resume(connection, token, worker, organs)
    if resumed.batch_no != mark.batch_no:
        log.error("stored_batches_missing", mark=mark.batch_no, found=resumed.batch_no)
    with transaction(connection, token):
        held = {(key.definition_id, key.sensor_id) for key in active(connection)}
    newest = spool.newest_until(mark.batch_no)
    judged_now = None if newest is None else judged_now_of(connection, token, worker, newest)
    spool.fit(mark.batch_no, judged_now, mark.lineage)
    count, now_us, watched_us = 0, resumed.now_us, resumed.watched_us
    gaps: list[GapRow] = []
    for record in spooled(spool, mark.batch_no):
        gaps += replay_spooled(record, organs)
        held = _after(held, record)
        now_us, watched_us = record.judgement.now_us, record.judgement.watched_us
        urgent.spooled(record.judgement.events, now_us)
        count += 1
    if gaps:
        with transaction(connection, token):
            write_gaps(connection, gaps, directory, instant(now_us))
    resumed = Resumed(mark.batch_no + count, now_us, watched_us, resumed.replayed + count, resumed.watch)
    _leave(organs, held)
    missed = differences(held, organs.judge.standing(), now_us or clock())
    return Begun(mark, directory, organs, resumed, count, missed)


def _leave(organs: Organs, held: Set[tuple[int, int]]) -> None:
    """What is set aside stays as people were told of it: by what came since the checkpoint nobody has judged it."""
    judge = organs.judge
    rows = judge.definitions.definitions
    for index in judge.definitions.of(SET_ASIDE).tolist():
        row = rows[index]
        if row.definition_id > 0:
            judge.conditions.leave(index, active=(row.definition_id, row.sensor_id) in held)
    if judge.set_aside:
        judge.compounds.restore({})  # what holds of their parts is known to them


def spooled(spool: Spool, mark_no: int) -> Iterator[Record]:
    """What waits in the spool, in order; what cannot be read is lost, and what follows takes its number."""
    number = mark_no + 1
    while number <= (spool.tail_no or mark_no):
        try:
            record = spool.read(number)
        except SpoolDamaged as error:
            spool.mend(mark_no, str(error))
            continue
        yield record
        number += 1


def _after(held: set[tuple[int, int]], record: Record) -> set[tuple[int, int]]:
    """Alarms that will be active when the batch is applied."""
    if record.standing is not None:
        return set(record.standing)
    begun = {(e.definition_id, e.sensor_id): e.active for e in record.judgement.events}
    return (held | {key for key, holds in begun.items() if holds}) - {key for key, holds in begun.items() if not holds}
