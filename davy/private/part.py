"""One process of a private instance: given its own settings, watched, started again when it dies, stopped last."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

log = structlog.stdlib.get_logger(__name__)

STOP_TIMEOUT_S = 15.0
RESTART_AFTER_S = 1.0
MOST_FAILURES = 2  # of a part whose work is done once: what fails three times fails for a reason
WORST_LEVELS = {"error", "critical"}


class Part:
    """`davy process NAME` as a child, told its settings on its standard input.

    It can be started before there is anything to tell: `stand_by`, then `start`. Importing takes most of a start, and what
    it waits for (a database, a broker) takes as long.

    Args:
        name: what it is called in `pids`.
        arguments: after `davy`.
        folder: where its log file `<name>.log` goes.
        once: it ends by itself when its work is done, and is started again only where it failed.
    """

    def __init__(self, name: str, arguments: Sequence[str], folder: Path, *, once: bool = False) -> None:
        self.name = name
        self._once = once
        self._failures = 0
        self.log = folder / f"{name}.log"
        self._command = [sys.executable, "-m", "davy", *arguments, "--stand-by", "--die-with-parent"]
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("DAVY_")}
        self._environ = {**inherited, "PYTHONUNBUFFERED": "1"}
        self._settings: Mapping[str, str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._wanted = False
        self._not_before = 0.0
        self._lock = threading.Lock()

    @property
    def pid(self) -> int:
        """Its process id; 0 while it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else 0

    @property
    def done(self) -> bool:
        """Whether it has ended by itself and well."""
        return self._process is not None and self._process.poll() == 0

    @property
    def given_up(self) -> bool:
        """Whether a part whose work is done once has failed too often to be tried again."""
        return self._failures == MOST_FAILURES and self._process is not None and bool(self._process.poll())

    def stand_by(self) -> None:
        """Has it get ready; call this from a thread that lives as long as the instance (the children die with that thread)."""
        with self._lock:
            self._spawn()

    def start(self, settings: Mapping[str, str] | None = None) -> None:
        """Has it begin, from the same thread.

        Args:
            settings: its DAVY_ variables; it gets no other party's secrets. None: those it had before.
        """
        with self._lock:
            self._wanted = True
            standing_by = self.pid and self._settings is None
            self._settings = settings or self._settings or {}
            if standing_by:
                self._tell()
            else:
                self._spawn()

    def keep_alive(self, now: float) -> None:
        """Starts it again where it has died by itself."""
        with self._lock:
            if not self._wanted or self._process is None or self._process.poll() is None or now < self._not_before:
                return
            if self._once and (self._process.returncode == 0 or self._failures == MOST_FAILURES):
                return
            self._failures += 1
            log.warning("process_ended", part=self.name, status=self._process.returncode, last_words=self.last_words())
            self._not_before = now + RESTART_AFTER_S
            self._spawn()

    def ask_to_stop(self) -> None:
        """SIGTERM; `wait` for the end."""
        with self._lock:
            self._wanted = False
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(signal.SIGTERM)
            self._let_go()

    def wait(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Until it has ended; killed when it takes longer."""
        if self._process is None:
            return
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            log.warning("process_killed", part=self.name, after_s=timeout_s)
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        """SIGKILL, as a crash would; it is started again unless it was asked to stop."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def last_words(self) -> str:
        """The end of its log, on one line."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines() if self.log.exists() else []
        return " / ".join(lines[-3:])[-1000:] or "it said nothing"

    def error_lines(self) -> list[str]:
        """Its log lines at error or above, and lines that are no log line at all (a traceback)."""
        if not self.log.exists():
            return []
        return [line for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines() if is_error(line)]

    def _let_go(self) -> None:
        """Of one that still stands by: there will be nothing to tell it."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    def _spawn(self) -> None:
        self._let_go()
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                env=self._environ,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the parent, which stops its parts in order
            )
        if self._settings is not None:
            self._tell()

    def _tell(self) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with (
            contextlib.suppress(BrokenPipeError),
            self._process.stdin as its_input,
        ):  # died already: `keep_alive` sees it
            its_input.write(json.dumps(self._settings).encode())


def is_error(line: str) -> bool:
    """Whether a line of a part's output tells of an error.

    >>> is_error('{"level": "error", "event": "x"}'), is_error('{"level": "info"}'), is_error("Traceback (most recent call last):")
    (True, False, True)
    """
    if not line.strip():
        return False
    try:
        parsed = json.loads(line)
    except ValueError:
        return True
    return isinstance(parsed, dict) and parsed.get("level") in WORST_LEVELS
