"""One server process: never with root's rights, and gone when the process that started it is gone.

The kernel sends the death signal when the *thread* that started a child ends, so every child is started from one
thread that lives as long as this process does. Where there is no `setpriv` (not Linux) there is no death signal, and
what is left over is ended at the next start (see run_folder).
"""

import atexit
import contextlib
import os
import queue
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

from davy.servers import run_folder
from davy.servers.errors import ServerUnavailable
from davy.servers.processes import Account, kill_tree, wait_until

_STOP_TIMEOUT_S = 60.0
_LOG_TAIL_LINES = 5
_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

Started = Future["subprocess.Popen[bytes]"]


class Child:
    """A server's process, which may be stopped, killed and started again in the same folder.

    Args:
        folder: a run folder; the process works there and its output goes to `server.log` in it.
        command: the program and its arguments.
        account: whom to run as; None is oneself.
        stop_signal: asks for an orderly stop; also what the process gets when this one dies.
        drops_rights_itself: the program starts as root and becomes unprivileged before it serves, and sees to its own
            death signal (a Python interpreter in root's home cannot be started by anybody else).
    """

    def __init__(
        self,
        folder: Path,
        command: Sequence[str],
        account: Account | None,
        stop_signal: signal.Signals,
        *,
        drops_rights_itself: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.log = folder / "server.log"
        self._command = list(command)
        self._account = None if drops_rights_itself else account
        self._stop_signal = stop_signal
        self._environment = {"PATH": _PATH, "LC_ALL": "C", "HOME": str(folder), **(environment or {})}
        self._death_signal = not drops_rights_itself
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()
        atexit.register(self.close)

    @property
    def pid(self) -> int:
        """The process id; 0 while nothing runs."""
        return self._process.pid if self._process is not None and self.running else 0

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self, ready: Callable[[], bool], timeout_s: float) -> None:
        """Start the process and wait until it is ready.

        Raises:
            ServerUnavailable: it ended or was not ready in time; with the last words of its log.
        """
        self._process = _launch(self._spawn)
        run_folder.record_process(self.folder, self._process.pid)
        if not wait_until(lambda: not self.running or ready(), timeout_s) or not self.running:
            self.kill()
            raise ServerUnavailable(f"{Path(self._command[0]).name} did not start: {self.last_words()}")

    def stop(self) -> None:
        """Ask the process to stop and wait; kill it when it does not."""
        if self._process is None or os.getpid() != self._owner:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(self._stop_signal)
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL the process and its children."""
        if self._process is not None and os.getpid() == self._owner:
            if self.running:
                kill_tree(self._process.pid)
            self._process.wait(_STOP_TIMEOUT_S)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        if self._process is not None:
            self._process.send_signal(number)

    def close(self) -> None:
        """Stop the process and remove its folder."""
        if os.getpid() == self._owner:
            self.stop()
            atexit.unregister(self.close)
            run_folder.remove(self.folder)

    def last_words(self) -> str:
        """The end of the log, on one line."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return "it left no log."
        return " / ".join(line.strip() for line in lines[-_LOG_TAIL_LINES:]) or "it said nothing."

    def _spawn(self) -> "subprocess.Popen[bytes]":
        # The user changes before setpriv runs, because the kernel forgets the death signal when it does.
        setpriv = shutil.which("setpriv", path=_PATH) if self._death_signal else None
        name = self._stop_signal.name.removeprefix("SIG")
        prefix = [setpriv, "--pdeathsig", name, "--"] if setpriv else []
        account = self._account
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*prefix, *self._command],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )


_jobs: "queue.SimpleQueue[tuple[Callable[[], subprocess.Popen[bytes]], Started]]" = queue.SimpleQueue()
_launcher: threading.Thread | None = None
_launcher_lock = threading.Lock()


def _launch(spawn: "Callable[[], subprocess.Popen[bytes]]") -> "subprocess.Popen[bytes]":
    """Run a start in the thread that outlives all others."""
    global _launcher
    with _launcher_lock:
        # After a fork the thread is not there any more.
        if _launcher is None or not _launcher.is_alive():
            _launcher = threading.Thread(target=_launch_for_ever, name="server-launcher", daemon=True)
            _launcher.start()
    done: Started = Future()
    _jobs.put((spawn, done))
    return done.result()


def _launch_for_ever() -> None:
    while True:
        spawn, done = _jobs.get()
        try:
            done.set_result(spawn())
        except OSError as error:
            done.set_exception(ServerUnavailable(f"A server program could not be run: {error}."))
