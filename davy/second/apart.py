"""The judging in a process of its own: what PyOD takes of memory is given back, its time is bounded, and what breaks it breaks nothing else.

Cases go over as arrays in a folder, the answer comes back as JSON beside them. The process ends by itself when its parent is gone.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from core.errors import Unavailable
from detectors.second.case import Case, Column, LeftOut

ENDS_LATER_S: Final = 300.0  # so long after it takes up no further case it is ended
MOST_MEMORY: Final = 4 << 30  # bytes of address space; some 400 MB of it are used
_ONE_THREAD: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_ARRAYS: Final = ("history", "blocks", "day", "windows")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Args:
        opinions: fields of `detectors.second.opinion.Opinion`, in their order.
        windows: how many were ranked.
    """

    opinions: list[dict[str, Any]]
    left_out: list[LeftOut]
    subjects: int
    windows: int


class Apart:
    """One such process, from its start to its answer.

    Args:
        works_s: after so long it takes up no further case, and says which it left; ends_s: after so long it is ended.
    """

    def __init__(self, cases: Sequence[Case], *, works_s: float, ends_s: float) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="davy-second-")
        self._ends_at = time.monotonic() + ends_s
        where = Path(self._folder.name)
        _write(cases, where)
        environ = {name: value for name, value in os.environ.items() if not name.startswith("DAVY_")}
        with (where / "said").open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "davy.second", str(where), str(works_s)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=said,
                env={**environ, **dict.fromkeys(_ONE_THREAD, "1")},
            )

    def poll(self) -> Answer | None:
        """The answer once it is there.

        Raises:
            Unavailable: it ended without one, or took too long.
        """
        where = Path(self._folder.name)
        if self._process.poll() is None:
            if time.monotonic() < self._ends_at:
                return None
            self.end()
            raise Unavailable("The second opinion took too long and was ended.")
        if self._process.returncode != 0:
            said = (where / "said").read_text("utf-8", "replace").strip().splitlines()
            self.end()
            raise Unavailable(f"The second opinion ended without an answer: {said[-1][:200] if said else 'killed'}")
        answer = json.loads((where / "answer.json").read_text("utf-8"))
        self.end()
        left = [
            LeftOut((each["kind"], each["number"]), each["why"], each["needs"], each["has"])
            for each in answer["left_out"]
        ]
        return Answer(answer["opinions"], left, answer["subjects"], answer["windows"])

    def end(self) -> None:
        """Ends it, where it still runs, and removes what it wrote."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._folder.cleanup()


def run(where: Path, works_s: float) -> None:
    """What the process does: reads the cases of a folder, and writes its answer there."""
    threading.Thread(target=_with_parent, daemon=True).start()
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    from detectors.second.opinion import Judged, judge_all, opinions  # PyOD behind it: here alone

    over_at = time.monotonic() + works_s
    done = list(judge_all(_read(where), lambda: time.monotonic() >= over_at))
    judged = [each for each in done if isinstance(each, Judged)]
    found = [
        {
            "subject": list(one.subject), "first": one.first, "last": one.last, "rank": one.rank, "models": one.models,
            "facts": one.facts, "sensor": one.sensor,
        }
        for one in opinions(judged)
    ]  # fmt: skip
    answer = {
        "opinions": found,
        "left_out": [each.facts() for each in done if isinstance(each, LeftOut)],
        "subjects": len(judged),
        "windows": sum(len(each.excess) for each in judged),
    }
    (where / "answer.json").write_text(json.dumps(answer, allow_nan=False), "utf-8")


def _with_parent() -> None:
    """The parent holds the other end of standard input: when it is gone, nobody waits for an answer."""
    while os.read(0, 1):  # not through sys.stdin, whose lock an ending interpreter would wait for
        pass
    os._exit(3)


def _write(cases: Sequence[Case], where: Path) -> None:
    arrays = {f"{n}.{name}": getattr(case, name) for n, case in enumerate(cases) for name in _ARRAYS}
    np.savez(where / "cases.npz", **arrays)
    told = [{"subject": case.subject, "group": case.group, "columns": case.columns} for case in cases]
    (where / "cases.json").write_text(json.dumps(told), "utf-8")


def _read(where: Path) -> list[Case]:
    told = json.loads((where / "cases.json").read_text("utf-8"))
    with np.load(where / "cases.npz") as arrays:
        return [
            Case(
                subject=(each["subject"][0], each["subject"][1]),
                group=(each["group"][0], each["group"][1]),
                columns=tuple(Column(*column) for column in each["columns"]),
                **{name: arrays[f"{n}.{name}"] for name in _ARRAYS},
            )
            for n, each in enumerate(told)
        ]
