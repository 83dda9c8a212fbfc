"""Davy as an outsider meets it: a command that runs as a process of its own, pages over HTTP, devices over MQTT."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from davy.private.stack import Plan, Stack
from davy.servers import ServerUnavailable
from davy.servers.cache import runs_folder
from davy.servers.processes import accepts_connections, descendants, started_at, wait_until
from tests.conftest import memory, skip_without_server

ROOT = Path(__file__).resolve().parents[2]
STOP_WITHIN_S = 40.0  # parts in order, then the database's own shutdown
DAVY = (sys.executable, "-m", "davy")


def environment(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours without settings of Davy, then those given."""
    return {name: text for name, text in os.environ.items() if not name.startswith("DAVY_")} | dict(settings or {})


def davy(*arguments: str, timeout_s: float = 150.0, **settings: str) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    return subprocess.run(
        [*DAVY, *arguments], env=environment(settings), cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False
    )  # fmt: skip


def answer_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The one line that `--json` prints."""
    lines = done.stdout.splitlines()
    assert len(lines) == 1, done.stdout + done.stderr
    answer = json.loads(lines[0])
    assert isinstance(answer, dict)
    return answer


@dataclass(slots=True)
class Running:
    """A command of Davy that runs, with what it has said so far.

    Args:
        seen: its processes and when each started, so that a number given to another process is not taken for it.
        ports: every loopback port that one of them listened on.
    """

    process: subprocess.Popen[bytes]
    stdout: Path
    stderr: Path
    seen: dict[int, str] = field(default_factory=dict)
    ports: set[int] = field(default_factory=set)

    def said(self) -> str:
        """All of stderr."""
        return self.stderr.read_text("utf-8")

    def wait_for(self, pattern: str, within_s: float) -> re.Match[str]:
        """The first match of `pattern` in what it says."""
        assert wait_until(
            lambda: re.search(pattern, self.said()) is not None or self.process.poll() is not None, within_s
        )
        found = re.search(pattern, self.said())
        assert found is not None, f"it ended with {self.process.poll()} and said: {self.said()}"
        return found

    def look(self) -> None:
        """Notes which processes and ports it has now."""
        for pid in [self.process.pid, *descendants(self.process.pid)]:
            if since := started_at(pid):
                self.seen[pid] = since
        self.ports |= listening_ports(self.seen)

    def part(self, name: str) -> int:
        """The process id of one of Davy's own processes; 0 where it does not run."""
        words = f"\0process\0{name}\0".encode()
        return next((pid for pid in descendants(self.process.pid) if words in command_line(pid)), 0)

    def end(self, number: signal.Signals) -> int:
        """Asks it to stop as a terminal does, the whole foreground group at once, and waits."""
        os.killpg(self.process.pid, number)
        return self.process.wait(STOP_WITHIN_S)

    def left_behind(self) -> list[str]:
        """Processes, ports and run folders that are still there."""
        return [
            *(f"process {pid}" for pid, since in self.seen.items() if started_at(pid) == since),
            *(f"port {port}" for port in sorted(self.ports) if accepts_connections(port)),
            *(str(folder) for folder in runs_folder().iterdir() if f"-{self.process.pid}-" in folder.name),
        ]


@contextmanager
def running(folder: Path, *arguments: str, settings: Mapping[str, str] | None = None) -> Iterator[Running]:
    """`davy ARGUMENTS` until the end of the block."""
    stdout, stderr = folder / "stdout", folder / "stderr"
    with stdout.open("wb") as out, stderr.open("wb") as err:
        process = subprocess.Popen(
            [*DAVY, *arguments], env=environment(settings), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
        )  # fmt: skip
    made = Running(process, stdout, stderr)
    try:
        yield made
    finally:
        if process.poll() is None:
            made.end(signal.SIGTERM)


@contextmanager
def private_stack(plan: Plan) -> Iterator[Stack]:
    """A private instance started by the test itself, ready; what it stores need not outlive the test."""
    try:
        stack = Stack(replace(plan, fsync=False, memory=memory())).start()
    except ServerUnavailable as error:
        skip_without_server(error)
        raise
    with stack:
        stack.wait_until_ready()
        yield stack


def command_line(pid: int) -> bytes:
    """The arguments of a process, each followed by a NUL."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def listening_ports(pids: Iterable[int]) -> set[int]:
    """TCP ports that these processes listen on; proc(5)."""
    sockets = {inode for pid in pids for inode in _sockets_of(pid)}
    rows = (line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:])
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A" and row[9] in sockets}


def _sockets_of(pid: int) -> Iterator[str]:
    try:
        links = [os.readlink(file) for file in Path(f"/proc/{pid}/fd").iterdir()]
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return
    for link in links:
        if found := re.fullmatch(r"socket:\[(\d+)\]", link):
            yield found[1]


@contextmanager
def visitor(url: str, login: str, password: str) -> Iterator[httpx.Client]:
    """Somebody who is logged in, through the form."""
    with httpx.Client(base_url=url, timeout=20, verify=False) as client:
        page = client.get("/login")
        token = page.text.split('name="form_token" value="')[1].split('"')[0]
        given = {"login": login, "password": password, "form_token": token}
        assert client.post("/login", data=given, follow_redirects=False).status_code == 303
        yield client


@contextmanager
def devices(stack: Stack) -> Iterator[Client]:
    """A connection that may publish for every device, and that waits for nothing."""
    client = Client(CallbackAPIVersion.VERSION2, client_id="e2e-devices", protocol=MQTTv311)
    client.username_pw_set("simulator", stack.mqtt_passwords["simulator"])
    client.connect(stack.broker.host, stack.broker.port)
    client.loop_start()
    yield client
    client.disconnect()
    client.loop_stop()
