"""A damaged spool is mended while batches are judged; a kill at any moment of it loses nothing that could be read."""

from __future__ import annotations

import resource
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from core.batch import NEVER, NOTHING_DUE
from ingest.aside import NEXT, exchange, free_name, next_file
from ingest.beginning import spooled
from ingest.checkpoint import LAYOUT
from ingest.mending import READ_US
from ingest.spool import MENDING_POINTS, Spool
from ingest.store.spool import ASIDE, FILE, Unfinished, keep_unfinished, open_file, writing
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


class Clock:
    """Time as the test says."""

    def __init__(self) -> None:
        self.now_us = 0

    def __call__(self) -> int:
        return self.now_us


def numbers(spool: Spool) -> list[int]:
    """Of the messages in a spool, in order, whose batches follow on one another."""
    records = list(spooled(spool, 0))
    assert [record.batch_no for record in records] == list(range(1, len(records) + 1))
    return [seq for record in records for seq in record.sorted.messages["seq"].tolist()]


def mended(spool: Spool, most: int = 50) -> int:
    """Turns until it is mended; how many batches were lost."""
    for _ in range(most):
        if (lost := spool.mend_on()) is not None:
            return lost
    raise AssertionError("it is never mended")


@contextmanager
def no_larger_than(size: int) -> Iterator[None]:
    """No file of this process grows beyond this: writing fails as on a disk with a quota, not as on a full one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("reads", [True, False])
def test_a_new_file_whose_log_stays_beside_it_takes_no_place(turned_by: Turn, tmp_path: Path, *, reads: bool) -> None:
    """Only the file itself changes its place: what is in its log, plan and kept batch, would be gone. The damaged one stays."""
    folder = left_behind(turned_by(patience_s=IMPATIENT_S), tmp_path / "0")
    clock = Clock()
    spool = Spool(folder, 10**9, clock)
    other = open_file(next_file(folder, free_name(folder, clock())))
    if reads:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM batch").fetchone()
    last = spool.read(BATCHES)
    assert not spool.begin_mending(0, spool.read(2), "three are wrong")
    assert list(folder.glob(ASIDE)) == list(folder.glob(f"{NEXT}*")) == []
    assert not spool.mending
    assert spool.read(BATCHES) == last
    other.close()
    assert spool.begin_mending(0, None, "three are wrong")
    assert mended(spool) == len(SPOILT)
    assert numbers(spool) == WHOLE
    spool.close()


def test_what_lies_in_the_log_of_a_new_file_is_not_left_behind(turned_by: Turn, tmp_path: Path) -> None:
    """A start that finds the damaged file moved away and the new one's plan still in its log takes that in first."""
    folder = left_behind(turned_by(patience_s=IMPATIENT_S), tmp_path / "0")
    name = free_name(folder, 0)
    new = open_file(next_file(folder, name))
    with writing(new):
        keep_unfinished(new, Unfinished(name, "three are wrong", 0, BATCHES, 0, 0))
    killed = tmp_path / "killed"
    shutil.copytree(folder, killed)
    new.close()
    (killed / FILE).rename(killed / name)
    with pytest.raises(OSError, match="has a log beside it"):
        exchange(killed, name, lambda _: None)
    assert found_in(killed) == WHOLE


def test_a_disk_that_cannot_be_written_for_a_while_loses_nothing(turned_by: Turn, tmp_path: Path) -> None:
    """An error that is not "full" is no damage either: what is left of the damaged file is carried when it passes."""
    folder = left_behind(turned_by(patience_s=IMPATIENT_S), tmp_path / "0")
    spool = Spool(folder, 10**9, Clock(), portion=2)
    last = spool.read(BATCHES)
    assert spool.begin_mending(0, None, "three are wrong")
    assert spool.mend_on() is None
    with no_larger_than((folder / f"{FILE}-wal").stat().st_size):
        assert spool.mend_on() is None
        assert not spool.append(replace(last, batch_no=BATCHES + 1), [])
        assert spool.mend_on() is None
    assert len(list(folder.glob(ASIDE))) == 1
    assert spool.append(replace(last, batch_no=BATCHES + 1), [])
    assert mended(spool) == len(SPOILT)
    assert numbers(spool) == [*WHOLE, BATCHES - 1]
    spool.close()


def test_a_lock_on_the_damaged_file_is_waited_for(turned_by: Turn, tmp_path: Path) -> None:
    """Somebody who copies it, or who has moved it for a moment, costs time and no batch."""
    folder = left_behind(turned_by(patience_s=IMPATIENT_S), tmp_path / "0")
    spool = Spool(folder, 10**9, Clock(), portion=2)
    assert spool.begin_mending(0, None, "three are wrong")
    (aside,) = folder.glob(ASIDE)
    other = sqlite3.connect(aside, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    assert spool.mend_on() is None
    other.close()
    moved = aside.rename(tmp_path / "moved")
    aside.mkdir()  # there, and cannot be opened: not even root can
    assert spool.mend_on() is None
    aside.rmdir()
    moved.rename(aside)
    assert mended(spool) == len(SPOILT)
    assert numbers(spool) == WHOLE
    spool.close()


@pytest.mark.parametrize("passes", [True, False])
def test_a_disk_that_fails_to_read_is_given_a_minute(turned_by: Turn, tmp_path: Path, *, passes: bool) -> None:
    """A hiccup costs nothing; a disk that goes on failing is taken at its word, so that judging does not wait for it for ever."""
    folder = left_behind(turned_by(patience_s=IMPATIENT_S), tmp_path / "0")
    clock = Clock()
    spool = Spool(folder, 10**9, clock, portion=2)
    assert spool.begin_mending(0, None, "three are wrong")
    (aside,) = folder.glob(ASIDE)
    moved = aside.rename(tmp_path / "moved")
    aside.symlink_to("/proc/self/mem")  # its first page: an error of the disk
    for _ in range(20):
        assert spool.mend_on() is None
    assert spool.report().batches == BATCHES
    clock.now_us += READ_US
    if passes:
        aside.unlink()
        moved.rename(aside)
    assert mended(spool) == (len(SPOILT) if passes else BATCHES)
    assert numbers(spool) == (WHOLE if passes else [])
    spool.close()


def test_a_minute_is_a_minute_though_what_comes_before_is_read_again(turned_by: Turn, tmp_path: Path) -> None:
    """A portion begins anew at each try: batches before the one that fails are read well, and put nothing off."""
    folder = left_behind(turned_by(patience_s=IMPATIENT_S), tmp_path / "0")
    clock = Clock()
    spool = Spool(folder, 10**9, clock, portion=4)
    last = spool.read(BATCHES)
    assert spool.begin_mending(0, None, "three are wrong")
    (first,) = folder.glob(ASIDE)
    assert spool.mend_on() is None
    assert spool.begin_mending(0, replace(last, batch_no=1), "the new one too")
    first.unlink()
    first.symlink_to("/proc/self/mem")
    for _ in range(2):
        assert spool.mend_on() is None
        assert spool.report().batches == BATCHES
        clock.now_us += READ_US // 2
    assert mended(spool) == BATCHES - 3
    assert numbers(spool) == [BATCHES - 1, 2, 3]
    spool.close()


def test_a_new_file_that_is_damaged_in_turn_costs_what_is_spoilt_in_it(turned_by: Turn, tmp_path: Path) -> None:
    """The rest of the first file is carried on from where it lies, with what the second one has; a kill meanwhile loses nothing."""
    folder = left_behind(turned_by(patience_s=IMPATIENT_S), tmp_path / "0")
    spool = Spool(folder, 10**9, Clock(), portion=4)
    last = spool.read(BATCHES)
    assert spool.begin_mending(0, None, "three are wrong")
    for meanwhile in (100, 101):
        assert spool.mend_on() is None
        later = last.sorted.messages.copy()
        later["seq"] = meanwhile
        number = (spool.tail_no or 0) + 1
        assert spool.append(replace(last, batch_no=number, sorted=replace(last.sorted, messages=later)), [])
    spoil(folder / FILE, 2)  # it was the third, seq 2
    spoil(folder / FILE, BATCHES + 1)  # seq 100
    assert spool.begin_mending(0, None, "two more are wrong")
    assert spool.mend_on() is None
    assert spool.begin_mending(0, None, "and once more")
    wanted = [seq for seq in [*WHOLE, 101] if seq != 2]
    killed = tmp_path / "killed"
    shutil.copytree(folder, killed)
    assert mended(spool) == BATCHES + 2 - len(wanted)
    assert numbers(spool) == wanted
    spool.close()
    assert found_in(killed) == wanted
    assert len(list(folder.glob(ASIDE))) == 3


def test_a_meaning_that_changes_is_another_layout() -> None:
    """Marks in the memory's columns belong to their layout: who changes one raises `LAYOUT`, or an old checkpoint is misread."""
    assert (LAYOUT, NEVER, NOTHING_DUE) == (5, -(2**62), 2**62)
