"""A damaged spool is mended while batches are judged; a kill at any moment of it loses nothing that could be read."""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.aside import NEXT
from ingest.beginning import spooled
from ingest.spool import MENDING_POINTS, Spool
from ingest.store.spool import ASIDE, FILE
from tests.ingest.test_spool import IMPATIENT_S, away, spoil
from tests.ingest.turned import Turn, Turned, turned_by

__all__ = ["turned_by"]

BATCHES = 12
SPOILT = (1, 5, 9)
WHOLE = [seq for seq in range(BATCHES) if seq + 1 not in SPOILT]


def left_behind(turned: Turned, folder: Path) -> Path:
    """The folder of a process that is gone, in whose spool three batches of twelve cannot be read."""
    away(turned, BATCHES).end()
    for batch_no in SPOILT:
        spoil(folder / FILE, batch_no)
    return folder


def found_in(folder: Path) -> list[int]:
    """What the next process finds: the numbers of the messages, of batches that follow on one another."""
    spool = Spool(folder, 10**9, lambda: 0)
    records = list(spooled(spool, 0))
    assert [record.batch_no for record in records] == list(range(1, len(records) + 1))
    assert list(folder.glob(f"{NEXT}*")) == []
    spool.close()
    return [seq for record in records for seq in record.sorted.messages["seq"].tolist()]


def test_a_kill_at_any_moment_of_mending_loses_nothing(turned_by: Turn, tmp_path: Path) -> None:
    """What is whole, and what was judged meanwhile, is there for the next process, in order, once; the damaged file stays."""
    folder = left_behind(turned_by(patience_s=IMPATIENT_S), tmp_path / "0")
    moments: list[tuple[str, Path, list[int]]] = []
    judged: list[int] = []

    def kill(point: str) -> None:
        copy = tmp_path / f"killed-{len(moments)}"
        shutil.copytree(folder, copy)
        moments.append((point, copy, list(judged)))

    spool = Spool(folder, 10**9, lambda: 0, portion=2, after=kill)
    last = spool.read(BATCHES)
    assert spool.begin_mending(0, None, "three are wrong")
    while spool.mend_on() is None:
        number = (spool.tail_no or 0) + 1
        later = last.sorted.messages.copy()
        later["seq"] = 100 + number
        assert spool.append(replace(last, batch_no=number, sorted=replace(last.sorted, messages=later)), [])
        judged.append(100 + number)
    assert spool.tail_no == len(WHOLE) + len(judged)
    spool.close()
    assert len(judged) >= 4
    assert {point for point, _, _ in moments} == set(MENDING_POINTS)
    for point, copy, until_then in moments:
        assert found_in(copy) == WHOLE + until_then, point
        assert len(list(copy.glob(ASIDE))) == 1, point
    assert found_in(folder) == WHOLE + judged


def test_a_kill_before_anything_was_exchanged_begins_anew(turned_by: Turn, tmp_path: Path) -> None:
    """The file that never took its place is let go of; nothing is lost with it."""
    folder = left_behind(turned_by(patience_s=IMPATIENT_S), tmp_path / "0")
    (folder / f"{NEXT}spool-20260101T000000Z.damaged.sqlite").write_bytes(b"half of it")
    assert found_in(folder) == WHOLE


def test_batches_are_judged_while_it_is_mended(turned_by: Turn, tmp_path: Path) -> None:
    """Each turn carries a portion and judges a batch, which is acknowledged; all of it is stored in one order."""
    turned = away(turned_by(patience_s=IMPATIENT_S, portion=1), BATCHES)
    for batch_no in (3, 7, 8):
        spoil(tmp_path / "0" / FILE, batch_no)
    turned.kept.open.set()
    seq, judged_meanwhile = BATCHES, 0
    while turned.storing.waiting:
        acked = len(turned.source.acked)
        mending = turned.spool.mending
        turned.turn(seq)
        seq += 1
        judged_meanwhile += mending and len(turned.source.acked) > acked
        if seq > 40:
            turned.drained()
    assert judged_meanwhile >= 5
    seqs = [row["seq"] for record in turned.kept.records for row in record.sorted.messages]
    assert seqs == [n for n in range(seq) if n + 1 not in (3, 7, 8)]
    assert [record.batch_no for record in turned.kept.records] == list(range(1, len(seqs) + 1))


@pytest.mark.parametrize("gone", [False, True])
def test_what_cannot_be_read_at_all_ends_the_mending(turned_by: Turn, tmp_path: Path, *, gone: bool) -> None:
    """A file whose pages are nonsense, or that a person took away, costs what was in it: judging goes on with the next batch."""
    turned = away(turned_by(patience_s=IMPATIENT_S))
    with turned.storing._news:
        turned.storing._begin_mending("nonsense")
    (aside,) = (tmp_path / "0").glob(ASIDE)
    for path in aside.parent.glob(f"{aside.name}*"):
        path.unlink() if gone else path.write_bytes(b"nonsense " * 9999)
    turned.kept.open.set()
    turned.turn(4)
    turned.drained()
    turned.turn(5)
    seqs = [row["seq"] for record in turned.kept.records for row in record.sorted.messages]
    assert seqs == [0, 4, 5]  # the first was in hand
    assert turned.storing.report().batches == 0


def test_without_room_the_damaged_file_stays_where_it_is(turned_by: Turn, tmp_path: Path) -> None:
    """Nothing is exchanged that cannot be carried over: it is tried again."""
    turned = away(turned_by(patience_s=IMPATIENT_S))
    folder = tmp_path / "0"
    folder.chmod(0o500)
    try:
        blocked = not turned.spool.begin_mending(0, None, "no room")
    finally:
        folder.chmod(0o700)
    if blocked:  # as root there is always a way
        assert list(folder.glob(ASIDE)) == []
        assert list(folder.glob(f"{NEXT}*")) == []
    turned.kept.open.set()
    turned.drained()
    assert len(turned.kept.records) == 4


def test_a_list_of_batches_with_holes_is_found_out(tmp_path: Path) -> None:
    """Only a file that says it is being carried over may have one: else what follows the hole would take its number."""
    Spool(tmp_path, 10**9, lambda: 0).close()
    with sqlite3.connect(tmp_path / FILE) as connection:
        for number in (1, 3):
            connection.execute("INSERT INTO batch VALUES (?, 0, 1, x'00', x'00')", (number,))
    spool = Spool(tmp_path, 10**9, lambda: 0)
    assert spool.fit(0, None, "x") == 0
    assert len(spool.report().set_aside) == 1
    spool.close()
