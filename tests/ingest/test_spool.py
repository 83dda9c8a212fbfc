"""The spool, with the database left out: what goes in comes out, in order; bounded; nothing in it is thrown away."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from core.wire import reject
from ingest.beginning import spooled
from ingest.spool import FULL, Spool
from ingest.spooled import pack_directory, pack_record, unpack_directory, unpack_record
from ingest.store.spool import ASIDE, FILE
from tests.ingest.plant import message
from tests.ingest.turned import LIMIT, SECOND, Turn, Turned, replayed, turned_by

__all__ = ["turned_by"]

IMPATIENT_S = 0.05
LINEAGE = "the database"


def away(turned: Turned, batches: int = 4) -> Turned:
    """The database is away while `batches` come, in turn above and below the limit."""
    turned.kept.open.clear()
    for seq in range(batches):
        turned.turn(seq, value=LIMIT + 1 if seq % 2 else 1.0)
    return turned


def spool_of(folder: Path) -> Path:
    """The file of the first pipeline of a test."""
    return folder / "0" / FILE


def spoil(path: Path, batch_no: int) -> None:
    """Changes a byte of a batch behind the spool's back."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE batch SET payload = zeroblob(length(payload)) WHERE batch_no = ?", (batch_no,))


def test_what_goes_in_comes_out(turned_by: Turn) -> None:
    """Readings, messages, gaps, rejections, events and times of a batch are the same after the disk."""
    turned = turned_by()
    turned.turn(0)
    turned.source.lots.append([message("d1", b"{", turned.now_us), message("nobody", b"x", turned.now_us)])
    turned.turn(5, value=LIMIT + 1)
    turned.turn(5, 6, value=1.0)
    directory = unpack_directory(pack_directory(turned.directory))
    assert directory.version == turned.directory.version
    for record in turned.kept.records:
        found = unpack_record(record.batch_no, pack_record(record, record.rejected), directory)
        for name in ("sensor", "measured_at", "judged_at", "received_at", "value", "quality"):
            assert getattr(found.sorted.batch, name).tobytes() == getattr(record.sorted.batch, name).tobytes(), name
        for name in ("late", "direct", "origin", "messages"):
            assert getattr(found.sorted, name).tobytes() == getattr(record.sorted, name).tobytes(), name
        assert (found.sorted.gaps, found.sorted.repeated) == (record.sorted.gaps, record.sorted.repeated)
        assert found.judgement == record.judgement
        assert [(m.topic, m.payload, m.received_us) for m in found.lot.messages] == [
            (m.topic, m.payload, m.received_us) for m in record.lot.messages
        ]
        assert [(r.reason, r.sentence, r.sha256, r.device and r.device.row) for r in found.rejected] == [
            (r.reason, r.sentence, r.sha256, r.device and r.device.row) for r in record.rejected
        ]
    assert sum(len(record.rejected) for record in turned.kept.records) == 2
    assert reject("unknown_device", device="nobody", site="north").reason in {
        row.reason for record in turned.kept.records for row in record.rejected
    }


def test_while_the_database_is_away_batches_are_acked_and_kept_in_order(turned_by: Turn, tmp_path: Path) -> None:
    """One wait for patience, then no more; acks go on; who calls for life safety hears each batch; drained in order.

    Nobody else on the machine may read it.
    """
    turned = away(turned_by(patience_s=IMPATIENT_S))
    assert [len(lot) for lot in turned.source.acked] == [1, 1, 1, 1]
    assert [[(e.definition_id, e.active) for e in events] for events in turned.told.batches] == [
        [], [(2, True)], [(2, False)], [(2, True)],
    ]  # fmt: skip
    assert {part.stat().st_mode & 0o077 for part in spool_of(tmp_path).parent.iterdir()} == {0}
    assert turned.kept.records == []
    assert turned.storing.report().batches == 4
    turned.kept.open.set()
    turned.drained()
    turned.turn(4)
    assert [record.batch_no for record in turned.kept.records] == [1, 2, 3, 4, 5]
    assert turned.storing.report().batches == 0
    assert len(turned.told.batches) == 4


def test_what_is_judged_meanwhile_goes_behind_what_waits(turned_by: Turn) -> None:
    """While the spool holds anything there is one order, though the database is back."""
    turned = away(turned_by(patience_s=IMPATIENT_S))
    turned.kept.open.set()
    for seq in range(4, 40):
        turned.turn(seq)
    turned.drained()
    assert [record.batch_no for record in turned.kept.records] == list(range(1, 41))
    seqs = [row["seq"] for record in turned.kept.records for row in record.sorted.messages]
    assert seqs == list(range(40))


def test_state_after_a_kill_is_bit_equal(turned_by: Turn, tmp_path: Path) -> None:
    """Judging the spooled batches again gives the memory of the process that is gone."""
    turned = away(turned_by(patience_s=IMPATIENT_S), 9)
    spool = Spool(tmp_path / "0", 10**9, lambda: turned.now_us)
    assert spool.fit(0, None, LINEAGE) == 9
    found = replayed(spool, turned.fresh(), range(1, 10)).state()
    expected = turned.organs.state()
    assert found.keys() == expected.keys()
    assert {name for name in found if found[name].tobytes() != expected[name].tobytes()} == set()
    spool.close()


def test_a_full_spool_takes_nothing_from_the_broker(turned_by: Turn) -> None:
    """No message is taken that cannot be kept: it stays with the broker, un-acked. Before that `_spool` says so."""
    turned = turned_by(patience_s=IMPATIENT_S, limit_bytes=20_000)
    turned.kept.open.clear()
    sent = 0
    while not turned.source.lots:
        turned.turn(sent)
        sent += 1
    assert len(turned.source.acked) == sent - 1
    assert turned.storing.full
    turned.kept.open.set()
    while turned.source.lots:
        turned.turn()
    turned.drained()
    seqs = [row["seq"] for record in turned.kept.records for row in record.sorted.messages]
    assert seqs == list(range(sent))
    used = [
        v
        for r in turned.kept.records
        for s, v in zip(r.sorted.batch.sensor, r.sorted.batch.value, strict=True)
        if s == 2
    ]
    assert 80.0 <= max(used) < 100 * FULL + 5


def test_without_room_it_waits_as_if_there_were_no_spool(turned_by: Turn) -> None:
    """A batch that finds no room is not acked before it is stored."""
    turned = turned_by(patience_s=IMPATIENT_S, limit_bytes=1)
    turned.spool._bytes = 1
    turned.kept.open.clear()
    opening = threading.Timer(0.3, turned.kept.open.set)
    opening.start()
    work = turned.turn(0)
    opening.join()
    assert work is not None
    assert work.committed is not None
    assert [record.batch_no for record in turned.kept.records] == [1]
    assert turned.told.batches == []


@pytest.mark.parametrize("spoilt", [1, 2, 3, 4])
def test_a_damaged_batch_costs_itself(turned_by: Turn, tmp_path: Path, spoilt: int) -> None:
    """The file is set aside, not deleted; all that can be read is stored, in order, and `alarm` is brought in line."""
    turned = away(turned_by(patience_s=IMPATIENT_S))
    spoil(spool_of(tmp_path), spoilt)
    turned.kept.open.set()
    turned.drained()
    turned.turn(4)
    turned.turn(5)
    in_memory = spoilt == 1  # the first was handed over before it was spooled: it needs no disk
    wanted = [seq for seq in range(6) if in_memory or seq != spoilt - 1]
    seqs = [row["seq"] for record in turned.kept.records for row in record.sorted.messages]
    assert seqs == wanted
    assert [record.batch_no for record in turned.kept.records] == list(range(1, len(wanted) + 1))
    aside = list((tmp_path / "0").glob(ASIDE))
    assert len(aside) == (0 if in_memory else 1)
    assert turned.storing.report().set_aside == [path.name for path in aside]
    if not in_memory:
        assert [r.standing is not None for r in turned.kept.records].count(True) == 1
        assert turned.kept.records[-1].judgement.now_us - turned.kept.records[-2].judgement.now_us == SECOND


@pytest.mark.parametrize("content", [b"this is no database, " * 100, b"SQLite format 3\0" + bytes(5000)])
def test_a_file_that_is_no_spool_is_set_aside(tmp_path: Path, content: bytes) -> None:
    """The bytes stay under a name with the instant; ingest begins with a new file."""
    (tmp_path / FILE).write_bytes(content)
    spool = Spool(tmp_path, 10**9, lambda: 1_790_000_000 * SECOND)
    assert spool.tail_no is None
    (aside,) = tmp_path.glob(ASIDE)
    assert aside.name == "spool-20260921T141320Z.damaged.sqlite"
    assert aside.read_bytes() == content
    assert spool.fit(7, None, LINEAGE) == 7
    spool.close()


def test_another_layout_is_set_aside(turned_by: Turn, tmp_path: Path) -> None:
    """A spool of another version of Davy is not guessed at."""
    away(turned_by(patience_s=IMPATIENT_S)).end()
    with sqlite3.connect(spool_of(tmp_path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    spool = Spool(tmp_path / "0", 10**9, lambda: 0)
    assert spool.tail_no is None
    assert len(spool.report().set_aside) == 1
    spool.close()


def left_behind(turned: Turned, folder: Path) -> Spool:
    """The spool of a process that ended with batches 1 to 4 in it, whose database is LINEAGE."""
    away(turned).end()
    spool = Spool(folder, 10**9, lambda: 0)
    assert spool.fit(0, None, LINEAGE) == 4
    return spool


@pytest.mark.parametrize("mark", [0, 2, 4])
def test_batches_the_database_has_are_dropped(turned_by: Turn, tmp_path: Path, mark: int) -> None:
    """The rest follows on its mark."""
    spool = left_behind(turned_by(patience_s=IMPATIENT_S), tmp_path / "0")
    judged_now = {2: spool.read(2).judgement.now_us, 4: spool.read(4).judgement.now_us}.get(mark)
    assert spool.newest_until(mark) == (mark or None)
    assert spool.fit(mark, judged_now, LINEAGE) == 4
    assert spool.report().batches == 4 - mark
    assert spool.report().set_aside == []
    spool.close()


@pytest.mark.parametrize(
    ("mark", "judged_now", "lineage", "reason"),
    [
        (0, None, "another", "another database"),
        (2, -1, LINEAGE, "another batch 2"),
        (9, -1, LINEAGE, "another batch 4"),
    ],
)
def test_what_does_not_follow_on_the_database_is_set_aside(
    turned_by: Turn, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, mark: int,
    judged_now: int | None, lineage: str, reason: str,
) -> None:  # fmt: skip
    """Another database, or an owner that came between: all is kept for a person, also where the numbers would let it go."""
    spool = left_behind(turned_by(patience_s=IMPATIENT_S), tmp_path / "0")
    assert spool.newest_until(mark) == (min(mark, 4) or None)
    assert spool.fit(mark, judged_now, lineage) == mark
    assert spool.report().batches == 0
    (aside,) = spool.report().set_aside
    assert (
        reason in capsys.readouterr().out + caplog.text
    )  # where the log goes is the process's, and another test may have set it
    with sqlite3.connect(tmp_path / "0" / aside) as connection:
        assert connection.execute("SELECT count(*) FROM batch").fetchone() == (4,)
    spool.close()


def test_batches_behind_a_hole_are_set_aside(turned_by: Turn, tmp_path: Path) -> None:
    """One is missing in the middle."""
    left_behind(turned_by(patience_s=IMPATIENT_S), tmp_path / "0").close()
    with sqlite3.connect(spool_of(tmp_path)) as connection:
        connection.execute("DELETE FROM batch WHERE batch_no = 2")
    spool = Spool(tmp_path / "0", 10**9, lambda: 0)
    assert spool.fit(0, None, LINEAGE) == 0
    assert len(spool.report().set_aside) == 1
    spool.close()


def test_a_database_that_stepped_back_gets_what_waits(turned_by: Turn, tmp_path: Path) -> None:
    """It lost batches that it had confirmed: those in the spool follow on what it has; of another database they are kept aside."""
    left_behind(turned_by(patience_s=IMPATIENT_S), tmp_path / "0").close()
    with sqlite3.connect(spool_of(tmp_path)) as connection:
        connection.execute("UPDATE batch SET batch_no = batch_no + 100")
    seqs = []
    spool = Spool(tmp_path / "0", 10**9, lambda: 0)
    assert spool.fit(50, None, LINEAGE) == 54
    for number in (51, 52, 53, 54):
        record = spool.read(number)
        assert record.batch_no == number
        seqs += [row["seq"] for row in record.sorted.messages]
    assert seqs == [0, 1, 2, 3]
    assert spool.report().set_aside == []
    spool.close()
    with sqlite3.connect(spool_of(tmp_path)) as connection:
        connection.execute("DELETE FROM owner")
    unsaid = Spool(tmp_path / "0", 10**9, lambda: 0)
    assert unsaid.fit(20, None, LINEAGE) == 20
    assert len(unsaid.report().set_aside) == 1
    unsaid.close()


def test_what_could_not_be_dropped_at_the_time_is_dropped_at_the_next_start(turned_by: Turn, tmp_path: Path) -> None:
    """Batches the database has long had, and forgotten the rows of, stand before those that wait: nothing is set aside."""
    left_behind(turned_by(patience_s=IMPATIENT_S), tmp_path / "0").close()
    with sqlite3.connect(spool_of(tmp_path)) as connection:
        connection.execute("UPDATE batch SET batch_no = batch_no + 100 WHERE batch_no > 2")
    spool = Spool(tmp_path / "0", 10**9, lambda: 0)
    assert spool.newest_until(102) == 2
    assert spool.fit(102, None, LINEAGE) == 104
    assert spool.report().batches == 2
    assert spool.report().set_aside == []
    spool.close()


def test_at_a_start_too_a_damaged_batch_costs_itself(turned_by: Turn, tmp_path: Path) -> None:
    """Those before it and those after it are judged again and stored, in order."""
    left_behind(turned_by(patience_s=IMPATIENT_S), tmp_path / "0").close()
    spoil(spool_of(tmp_path), 3)
    spool = Spool(tmp_path / "0", 10**9, lambda: 0)
    assert spool.fit(0, None, LINEAGE) == 4
    seqs = [row["seq"] for record in spooled(spool, 0) for row in record.sorted.messages]
    assert seqs == [0, 1, 3]
    assert [spool.read(number).sorted.messages["seq"].tolist() for number in (1, 2, 3)] == [[0], [1], [3]]
    assert len(spool.report().set_aside) == 1
    spool.close()


def test_what_finds_no_room_is_stored_at_once_when_the_rest_is(turned_by: Turn) -> None:
    """The disk is full when a batch should follow into the spool, and stays so while the spool drains: nothing waits for ever."""
    turned = turned_by(patience_s=IMPATIENT_S)

    def fill_the_disk() -> None:
        turned.spool._bytes += 10**12
        threading.Timer(0.2, turned.kept.open.set).start()

    turned.second_judged = fill_the_disk
    turned.kept.open.clear()
    first, second = turned.turn(0), turned.turn(1)
    assert first is not None
    assert second is not None
    assert (first.committed is None, second.committed is None) == (True, False)
    assert [record.batch_no for record in turned.kept.records] == [1, 2]


def test_numbers_keep_their_types(turned_by: Turn) -> None:
    """Columns come back as the kernels want them."""
    turned = turned_by()
    turned.turn(0)
    (record,) = turned.kept.records
    found = unpack_record(1, pack_record(record, []), turned.directory)
    assert found.sorted.late.dtype == np.bool_
    assert found.sorted.origin.dtype == np.int32
    assert found.sorted.messages.dtype.names == record.sorted.messages.dtype.names
