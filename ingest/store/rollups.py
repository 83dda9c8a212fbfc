"""Minutes and hours of readings, filled from what is stored: each stored reading is counted once, whenever it comes.

A batch's number moves with its readings, in one transaction, so what lies between the mark here and the mark of ingest is
exactly what is new: late and replayed readings too, which fall into old minutes and hours. (One ingest worker fills a database: batch
numbers of two would overlap, as they would for a restart.) Adding the new to what an hour holds
already costs one look at each reading; working an hour out again would cost its whole length at every look, and would
lose what retention has dropped. The risk process runs this, as the role alerting.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.errors import QueryCanceled

BATCHES_AT_ONCE: Final = 5000  # a batch has 5,000 readings at most: some 20 s of work in one transaction

WORKERS = "SELECT worker FROM ingest_mark ORDER BY worker"

BEGIN = "INSERT INTO rollup_mark (worker, batch_no) VALUES (%(worker)s, 0) ON CONFLICT DO NOTHING"

# Locked: two risk processes never count the same readings.
STRETCH = """
SELECT r.batch_no, least(i.batch_no, r.batch_no + %(most)s) FROM rollup_mark r JOIN ingest_mark i USING (worker)
WHERE r.worker = %(worker)s FOR UPDATE OF r"""

# Usable: not bad (quality, core/batch.py) and not NaN, as curves have it, and no number so large that a sum of them is none.
# Each reading is looked at once, for its minute; the hours are filled from those. Real readings replace an hour of a made history.
FILL = """
WITH fresh AS MATERIALIZED (
    SELECT sensor_id, date_trunc('minute', measured_at, 'UTC') AS minute, company_id, count(*) AS readings,
           count(*) FILTER (WHERE usable) AS good, min(value) FILTER (WHERE usable) AS minimum,
           max(value) FILTER (WHERE usable) AS maximum, sum(value) FILTER (WHERE usable) AS total
    FROM (SELECT sensor_id, measured_at, company_id, value, quality & 3 <> 2 AND abs(value) < 1e290 AS usable
          FROM v_reading WHERE batch_no > %(after)s AND batch_no <= %(upto)s) r
    GROUP BY 1, 2, 3
), minutes AS (
    INSERT INTO reading_minute AS m (sensor_id, minute, company_id, readings, good, minimum, maximum, mean)
    SELECT sensor_id, minute, company_id, readings, good, minimum, maximum, total / nullif(good, 0) FROM fresh
    ON CONFLICT (sensor_id, minute) DO UPDATE SET
        readings = excluded.readings + m.readings,
        good     = excluded.good + m.good,
        minimum  = least(m.minimum, excluded.minimum),
        maximum  = greatest(m.maximum, excluded.maximum),
        mean     = CASE WHEN m.good = 0 THEN excluded.mean WHEN excluded.good = 0 THEN m.mean
                        ELSE m.mean + (excluded.mean - m.mean) * excluded.good / (m.good + excluded.good) END
)
INSERT INTO reading_hour AS h (sensor_id, hour, company_id, readings, good, minimum, maximum, mean)
SELECT sensor_id, date_trunc('hour', minute, 'UTC'), company_id, sum(readings), sum(good), min(minimum), max(maximum),
       sum(total) / nullif(sum(good), 0)
FROM fresh GROUP BY 1, 2, 3
ON CONFLICT (sensor_id, hour) DO UPDATE SET
    readings = excluded.readings + CASE WHEN h.simulated THEN 0 ELSE h.readings END,
    good     = excluded.good + CASE WHEN h.simulated THEN 0 ELSE h.good END,
    minimum  = CASE WHEN h.simulated THEN excluded.minimum ELSE least(h.minimum, excluded.minimum) END,
    maximum  = CASE WHEN h.simulated THEN excluded.maximum ELSE greatest(h.maximum, excluded.maximum) END,
    mean     = CASE WHEN h.simulated OR h.good = 0 THEN excluded.mean WHEN excluded.good = 0 THEN h.mean
                    ELSE h.mean + (excluded.mean - h.mean) * excluded.good / (h.good + excluded.good) END,
    simulated = false"""

MOVE = "UPDATE rollup_mark SET batch_no = %(upto)s WHERE worker = %(worker)s"


def roll_up(connection: Connection[Any], now: datetime | None = None, *, most: int = BATCHES_AT_ONCE) -> int:
    """Fills minutes and hours with what was stored since the last time; doing it again at once changes nothing.

    Args:
        most: batches of a worker in one transaction; what is beyond waits for the next time.

    Returns:
        How many hours of sensors were touched.
    """
    touched = 0
    for (worker,) in connection.execute(WORKERS).fetchall():
        connection.execute(BEGIN, {"worker": worker})
        stretch = connection.execute(STRETCH, {"worker": worker, "most": most}).fetchone()
        assert stretch is not None
        after, upto = stretch
        if upto <= after:
            continue
        upto, hours = _fill(connection, after, upto)
        touched += hours
        connection.execute(MOVE, {"upto": upto, "worker": worker})
    return touched


def _fill(connection: Connection[Any], after: int, upto: int) -> tuple[int, int]:
    """Halves a stretch that takes longer than a statement may, until it gets through; how far it came, and hours touched."""
    while True:
        try:
            with connection.transaction():
                return upto, connection.execute(FILL, {"after": after, "upto": upto}).rowcount
        except QueryCanceled:
            if upto - after < 2:
                raise
            upto = after + (upto - after) // 2
