"""A part of a private instance: it can stand by before there is anything to tell it, and is told again when it died."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from davy.private.part import Part
from davy.servers.processes import wait_until

READY_WITHIN_S = 30.0
# Stands for `davy process NAME`: says what it was told, and goes on until somebody ends it.
PROCESS = """\
import json, signal, sys
print(json.dumps(["told", json.loads(sys.stdin.read() or "null")]), flush=True)
signal.pause()
"""


class Scripted(Part):
    """A part whose program is the test's: Davy's own take seconds to import."""

    def __init__(self, folder: Path) -> None:
        super().__init__("scripted", [], folder)
        self._command = [sys.executable, "-c", PROCESS]

    def told(self) -> list[object]:
        """What each of its processes has been told."""
        return [json.loads(line)[1] for line in self.log.read_text("utf-8").splitlines()]


@pytest.fixture
def part(tmp_path: Path) -> Iterator[Scripted]:
    """One that is ended with the test."""
    made = Scripted(tmp_path)
    yield made
    made.ask_to_stop()
    made.wait()
    assert made.pid == 0


def test_who_stands_by_is_told_when_it_is_time(part: Scripted) -> None:
    """One process from `stand_by` to its end; its settings reach it when it is started, and no earlier."""
    part.stand_by()
    pid = part.pid
    assert pid
    assert part.told() == []
    part.start({"DAVY_X": "1"})
    assert wait_until(lambda: part.told() == [{"DAVY_X": "1"}], READY_WITHIN_S)
    assert part.pid == pid


def test_who_died_is_started_again_with_the_same_settings(part: Scripted) -> None:
    """After a crash, and after an orderly stop; who is asked to stop stays away."""
    part.start({"DAVY_X": "1"})
    assert wait_until(lambda: len(part.told()) == 1, READY_WITHIN_S)
    part.kill()
    part.keep_alive(0.0)
    assert wait_until(lambda: len(part.told()) == 2, READY_WITHIN_S)
    part.ask_to_stop()
    part.wait()
    part.keep_alive(10.0)
    assert part.pid == 0
    part.start()
    assert wait_until(lambda: part.told() == [{"DAVY_X": "1"}] * 3, READY_WITHIN_S)


def test_who_died_while_standing_by_is_started_when_it_is_time(part: Scripted) -> None:
    """Nobody waits for a process that is not there."""
    part.stand_by()
    part.kill()
    part.start({"DAVY_X": "1"})
    assert wait_until(lambda: part.told() == [{"DAVY_X": "1"}], READY_WITHIN_S)


def test_who_stands_by_can_be_sent_home(part: Scripted) -> None:
    """An instance that does not come to its start leaves nobody standing about."""
    part.stand_by()
    part.ask_to_stop()
    part.wait()
    assert part.pid == 0
