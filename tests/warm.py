"""A process that has everything imported, and forks for each process of ours that a test starts.

A worker imports for two seconds before it does anything, and a test that kills it at twenty points starts it sixty times. What is
forked is a process all the same, with its own arguments, environment, output, signals and exit status; it has imported what a
fresh one imports, and nothing more has happened in it. That a fresh one starts is held by every test of whole Davy.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[1]


class Forked:
    """A process of the one that forks, with what tests ask of a `subprocess.Popen`."""

    def __init__(self, warm: Warm, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._warm = warm
        self._ended = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        if self.returncode is None and select.select([self._ended], [], [], 0)[0]:
            self._take_leave()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Until it has ended.

        Raises:
            TimeoutExpired: it has not in time.
        """
        if self.returncode is None and not select.select([self._ended], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return self.returncode if self.returncode is not None else self._take_leave()

    def send_signal(self, number: int) -> None:
        """Where it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """As a crash would."""
        self.send_signal(signal.SIGKILL)

    def _take_leave(self) -> int:
        self.returncode = self._warm.status_of(self.pid)
        os.close(self._ended)
        return self.returncode


class Warm:
    """The process that forks, seen from a test; `warm` opens one."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._asking = threading.Lock()

    def start(
        self, main: str, *arguments: str, stdout: Path, stderr: Path, environ: Mapping[str, str] | None = None
    ) -> Forked:
        """Begins `main`, "module:function", as its own main program; what it says is added to the files.

        Args:
            environ: None: ours.
        """
        for file in (stdout, stderr):
            file.touch()
        asked = {
            "main": main, "arguments": arguments, "environ": dict(os.environ if environ is None else environ),
            "stdout": str(stdout), "stderr": str(stderr),
        }  # fmt: skip
        return Forked(self, self._ask(asked))

    def run(
        self, main: str, *arguments: str, timeout_s: float, environ: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The same to its end, as `subprocess.run` does it."""
        stdout, stderr = self._folder / "stdout", self._folder / "stderr"
        for file in (stdout, stderr):
            file.write_bytes(b"")
        forked = self.start(main, *arguments, stdout=stdout, stderr=stderr, environ=environ)
        try:
            status = forked.wait(timeout_s)
        except subprocess.TimeoutExpired:
            forked.kill()
            forked.wait()
            raise
        return subprocess.CompletedProcess(arguments, status, stdout.read_text("utf-8"), stderr.read_text("utf-8"))

    def status_of(self, pid: int) -> int:
        """The exit status of one that has ended."""
        return self._ask({"ended": pid})

    def _ask(self, asked: dict[str, Any]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._asking:
            self._process.stdin.write(f"{json.dumps(asked)}\n")
            self._process.stdin.flush()
            return int(self._process.stdout.readline())


@contextmanager
def warm(*modules: str) -> Iterator[Warm]:
    """One that has imported `modules`; it ends with its standard input, and so with whoever opened it."""
    command = [sys.executable, "-m", __name__, *modules]
    with (
        TemporaryDirectory(prefix="davy-warm-") as folder,
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process,
    ):
        yield Warm(process, Path(folder))


def _serve(modules: Sequence[str]) -> None:
    for name in modules:
        import_module(name)
    while line := sys.stdin.readline():
        asked = json.loads(line)
        if "ended" in asked:
            answer = os.waitstatus_to_exitcode(os.waitpid(asked["ended"], 0)[1])
        elif not (answer := os.fork()):
            _become(asked)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _become(asked: Mapping[str, Any]) -> NoReturn:
    """That program; the interpreter then ends as it always does."""
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(asked[name], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
    os.environ.clear()
    os.environ.update(asked["environ"])
    module, _, function = asked["main"].partition(":")
    sys.argv = [module, *asked["arguments"]]
    sys.exit(getattr(import_module(module), function)())


if __name__ == "__main__":
    _serve(sys.argv[1:])
