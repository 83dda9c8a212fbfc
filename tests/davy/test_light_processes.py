"""What a process reads before it begins: all of a private instance do it at once, and somebody waits for the first page."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"numba", "llvmlite", "scipy", "sklearn", "pyod"}
READ = """
import sys
from importlib import import_module
from davy.processes import body_of
for name in {names!r}:
    body_of(name)
for module in {modules!r}:
    import_module(module)
print(*sorted(sys.modules))
"""


def read_by(names: tuple[str, ...], modules: tuple[str, ...] = ()) -> set[str]:
    """What is imported once these processes stand by, in one that has imported nothing else."""
    done = subprocess.run(
        [sys.executable, "-c", READ.format(names=names, modules=modules)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )  # fmt: skip
    return set(done.stdout.split())


def test_only_ingest_reads_the_compiler_before_there_is_a_loop_to_run() -> None:
    """Numba takes as long to import as all the rest: alerting, the pages, risk, detectors and an import know the detectors by name alone."""
    others = read_by(("alerting", "api", "risk", "detectors", "inbox"), ("davy.site.importing", "davy.private.demo"))
    assert others & HEAVY == set()
    assert "numba" in read_by(("ingest",)), "the first message must not wait for it"


def test_alerting_reads_nothing_of_the_patient_duties() -> None:
    """Who sends messages needs neither pages nor reports nor back-tests."""
    assert {name.partition(".")[0] for name in read_by(("alerting",))} & {
        "api",
        "risk",
        "ingest",
        "fastapi",
        "PIL",
    } == set()
