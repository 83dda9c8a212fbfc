"""Whether what lies in a spool can be stored in the database that is there. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.store.spool import Entry


def strange(
    entries: Sequence[Entry], ours: str | None, *, mark_no: int, judged_now: int | None, lineage: str
) -> str | None:
    """Why it cannot; None: it can.

    Args:
        ours: which database it is for; None: nobody said.
        mark_no: the last batch that the database has.
        judged_now: `now` of the newest of these batches that the database should have, as the database has it; None: it has none.
        lineage: of the database.

    >>> strange([Entry(3, 30, 1), Entry(4, 40, 1)], "a", mark_no=3, judged_now=30, lineage="a")
    >>> strange([Entry(3, 30, 1), Entry(4, 40, 1)], "a", mark_no=3, judged_now=30, lineage="b")
    'it is another database'
    >>> strange([Entry(3, 30, 1), Entry(4, 40, 1)], "a", mark_no=3, judged_now=31, lineage="a")
    'it has another batch 3, of an owner that came between'
    """
    numbers = [entry.batch_no for entry in entries if entry.batch_no > mark_no]
    stored = [entry for entry in entries if entry.batch_no <= mark_no]  # what could not be dropped at the time
    if ours is not None and ours != lineage:
        return "it is another database"
    if numbers and numbers[-1] - numbers[0] + 1 != len(numbers):
        return "some are missing"
    if stored and judged_now is not None and judged_now != stored[-1].judged_now:
        return f"it has another batch {stored[-1].batch_no}, of an owner that came between"
    follows = not numbers or bool(stored) or numbers[0] == mark_no + 1
    return None if follows or ours is not None else "nothing says that it is the same database"
