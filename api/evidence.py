"""What a visitor gets to see of one occurrence: curve and timeline, the insurer's people less than the client's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from api.chart import Curve, Grain, Window, curve, grain, window
from api.choices import sees_evidence
from api.permissions import Right
from api.store import looks, readings
from api.store.occurrences import Occurrence
from api.store.timeline import TimelineRow, timeline
from api.story import ANSWERED, MESSAGE, SEEN
from api.visitor import Visitor
from api.words.alarms import CURVES

TABLE_ROWS = 60  # of the data table beside the chart: a summary for those who cannot see the curve


@dataclass(frozen=True, slots=True)
class Evidence:
    """A curve and the window it was read for.

    Args:
        other: of the sensor that it is compared with, for the same window; None: it is compared with none.
    """

    shown: Window
    buckets: list[readings.Bucket]
    curve: Curve
    other: Evidence | None = None


class _Source(NamedTuple):
    """A sensor whose curve is drawn."""

    sensor_id: int
    device_id: int
    period_s: float


def evidence_of(
    connection: Connection[TupleRow], visitor: Visitor, occurrence: Occurrence, now: datetime
) -> Evidence | None:
    """The curves around the occurrence; None where this visitor may not see it yet. The insurer's look is journalled."""
    drawn = not occurrence.is_virtual or occurrence.sensor_key in CURVES
    if not sees_evidence(visitor, occurrence) or not drawn:
        return None
    ended = occurrence.normal_at if occurrence.resolved_at is None else (occurrence.normal_at or occurrence.resolved_at)
    shown = window(occurrence.began_at, ended, now, occurrence.period_s)
    if not visitor.may(Right.SEE_READINGS):
        looks.journal(
            connection,
            companies=[occurrence.company_id],
            subject=f"occurrence/{occurrence.occurrence_id}",
            action="evidence_read",
            person_id=visitor.person_id,
            role=visitor.role,
            reason="looked at the evidence of an occurrence",
        )
        # Their view ends where the occurrence's own window ends; beyond it nothing is missing, it is not theirs.
        shown = replace(
            shown,
            since=max(shown.since, occurrence.evidence_from),
            until=min(shown.until, occurrence.evidence_until or shown.until),
        )
    drawn_of = partial(_drawn, connection, visitor, occurrence.occurrence_id, shown)
    own = drawn_of(_Source(occurrence.sensor_id, occurrence.device_id, occurrence.period_s))
    other_id, device_id, period_s = occurrence.other_sensor_id, occurrence.other_device_id, occurrence.other_period_s
    if other_id is None or device_id is None or period_s is None:
        return own
    return replace(own, other=drawn_of(_Source(other_id, device_id, period_s)))


def _drawn(
    connection: Connection[TupleRow], visitor: Visitor, occurrence_id: int, shown: Window, source: _Source
) -> Evidence:
    of = Grain.READING
    if visitor.may(Right.SEE_READINGS):
        of = grain(shown, source.period_s)
        buckets = readings_of(connection, source.sensor_id, shown, of)
    else:
        buckets = readings.evidence_curve(
            connection, occurrence_id, source.sensor_id, shown.since, shown.until, shown.bucket_s
        )
    missing = readings.losses(connection, source.device_id, shown.since, shown.until)
    return Evidence(shown, buckets, curve(buckets, missing, shown, of.period_s(source.period_s)))


def readings_of(connection: Connection[TupleRow], sensor_id: int, shown: Window, of: Grain) -> list[readings.Bucket]:
    """A sensor's curve from raw readings, minutes or hours."""
    read = {
        Grain.READING: readings.curve,
        Grain.MINUTE: readings.minutes_curve,
        Grain.HOUR: readings.hours_curve,
    }[of]
    return read(connection, sensor_id, shown.since, shown.until, shown.bucket_s)


def table_of(evidence: Evidence) -> list[readings.Bucket]:
    """The curve as at most `TABLE_ROWS` rows, each with the extremes of its stretch."""
    step = max(1, -(-len(evidence.buckets) // TABLE_ROWS))
    return [_merged(evidence.buckets[i : i + step]) for i in range(0, len(evidence.buckets), step)]


def _merged(part: list[readings.Bucket]) -> readings.Bucket:
    low = [bucket.low for bucket in part if bucket.low is not None]
    high = [bucket.high for bucket in part if bucket.high is not None]
    return readings.Bucket(
        part[0].at, part[-1].until, min(low, default=None), max(high, default=None), sum(b.readings for b in part)
    )


def timeline_of(connection: Connection[TupleRow], visitor: Visitor, occurrence: Occurrence) -> list[TimelineRow]:
    """All that happened; for the insurer's people without persons, receipts, which of the client's people have seen a message and, until
    resolved or shared, without values and what the client's people wrote."""
    rows = timeline(connection, occurrence.occurrence_id)
    if visitor.may(Right.SEE_PEOPLE):
        return rows
    evident = sees_evidence(visitor, occurrence)
    return [
        _without_persons(row, evident)
        for row in rows
        if (evident or row.kind in ("transition", "notification", "insurer") or row.person_id == visitor.person_id)
        and row.kind != "duty"  # who fills the client's duty positions is the client's
        and (row.kind != MESSAGE or row.detail not in (SEEN, ANSWERED) or row.person_id == visitor.person_id)
    ]


def _without_persons(row: TimelineRow, evident: bool) -> TimelineRow:
    return replace(
        row,
        who=None,
        text=row.text if row.kind in ("comment", "insurer") or (row.kind == "transition" and evident) else None,
        value=row.value if evident else None,
    )
