"""The sealed snapshot: whole or not at all, for its owner with the key alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import BadInput, BadSetting
from davy.calls.calling import open_journal
from davy.calls.sealed import HEAD, Seal

KEY = bytes(range(32))
CONTENT = b'{"address": "chen@example.com"}'


def test_what_is_sealed_is_read_again_and_shows_nothing(tmp_path: Path) -> None:
    """Mode 0600, no word of it in the clear, twice the same content never the same bytes."""
    path = tmp_path / "snapshot"
    Seal(KEY).write(path, CONTENT)
    first = path.read_bytes()
    assert Seal(KEY).read(path) == CONTENT
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"chen" not in first
    Seal(KEY).write(path, CONTENT)
    assert path.read_bytes() != first
    assert sorted(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("key", [bytes(32), KEY + b"\0"])
def test_another_key_does_not_open_it(tmp_path: Path, key: bytes) -> None:
    """A sentence, not a heap of wrong addresses."""
    path = tmp_path / "snapshot"
    Seal(KEY).write(path, CONTENT)
    with pytest.raises(BadInput, match="damaged, or was sealed with another key"):
        Seal(key).read(path)


def test_a_damaged_file_does_not_open(tmp_path: Path) -> None:
    """Any bit changed, cut off or added, at every place."""
    path = tmp_path / "snapshot"
    Seal(KEY).write(path, CONTENT)
    whole = path.read_bytes()
    wrong = [whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1 :] for i in range(len(whole))]
    wrong += [whole[:i] for i in range(len(whole))] + [whole + b"\0"]
    for content in wrong:
        path.write_bytes(content)
        with pytest.raises(BadInput, match=r"does not open|no file that Davy has sealed"):
            Seal(KEY).read(path)
    assert whole.startswith(HEAD)


def test_a_write_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    """Replaced as a whole; a leftover of a process that died, with any rights, is no obstacle."""
    path = tmp_path / "snapshot"
    Seal(KEY).write(path, b"old")
    leftover = tmp_path / "snapshot.new"
    leftover.write_bytes(b"half")
    leftover.chmod(0o644)
    Seal(KEY).write(path, b"new")
    assert (Seal(KEY).read(path), path.stat().st_mode & 0o777) == (b"new", 0o600)
    (tmp_path / "snapshot.new").mkdir()
    with pytest.raises(IsADirectoryError):
        Seal(KEY).write(path, b"never")
    assert Seal(KEY).read(path) == b"new"


def test_a_damaged_journal_is_set_aside(tmp_path: Path) -> None:
    """Never deleted; a new one takes its place, and ingest begins."""
    path = tmp_path / "w" / "calls.sqlite"
    path.parent.mkdir()
    for number in (1, 2):
        path.write_bytes(b"this is no database" * 100)
        journal = open_journal(path.parent)
        assert journal.calls() == []
        journal.close()
        assert (path.parent / f"calls.sqlite.damaged-{number}").read_bytes().startswith(b"this is no database")


def test_a_folder_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    """One sentence with the file's name."""
    (tmp_path / "w").write_text("a file")
    with pytest.raises(BadSetting, match=r"calls\.sqlite cannot be used"):
        open_journal(tmp_path / "w")
