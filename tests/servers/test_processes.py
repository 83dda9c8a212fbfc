"""Server processes: whose they are, and what becomes of them when their parent is killed."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from davy.servers import Broker, PostgresServer, run_folder, start_broker, start_postgres
from davy.servers.cache import runs_folder
from davy.servers.processes import accepts_connections, descendants, kill_tree, started_at, wait_until

ROOT = Path(__file__).resolve().parents[2]
KINDS = ["postgres", "mosquitto", "amqtt"]
GONE_WITHIN_S = 10

pytestmark = pytest.mark.broker


def _start(kind: str) -> PostgresServer | Broker:
    starts: dict[str, Callable[[], PostgresServer | Broker]] = {
        "postgres": lambda: start_postgres("plain", fsync=False),
        "timescaledb": lambda: start_postgres("timescaledb", fsync=False),
        "mosquitto": lambda: start_broker("mosquitto", {"ingest": "x"}),
        "amqtt": lambda: start_broker("amqtt", {"ingest": "x"}),
    }
    return starts[kind]()


def _owner(kind: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.servers.owner", kind], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def _kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


@pytest.mark.parametrize("kind", [*KINDS, "timescaledb"])
def test_never_with_roots_rights(kind: str) -> None:
    """No process of a server has root's uid, gid or groups, whoever starts it."""
    with _start(kind) as server:
        if kind in {"postgres", "timescaledb"}:
            assert isinstance(server, PostgresServer)
            psycopg.connect(server.superuser_url()).close()
        looked_at = 0
        for pid in [server.pid, *descendants(server.pid)]:
            try:
                status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
            except (FileNotFoundError, ProcessLookupError):
                continue  # a backend that has ended since the list was made
            looked_at += 1
            lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            assert "0" not in lines["Uid"].split()
            if os.geteuid() == 0:
                assert "0" not in [*lines["Gid"].split(), *lines["Groups"].split()]
                assert server.folder.stat().st_uid != 0
        assert looked_at
        assert server.folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("kind", KINDS)
def test_gone_when_the_parent_is_killed(kind: str) -> None:
    """SIGKILL of the parent ends its servers within seconds, also those started from a thread that has ended."""
    owner, said = _owner(kind)
    assert accepts_connections(said["port"])
    _kill(owner)
    assert wait_until(lambda: started_at(said["pid"]) is None, GONE_WITHIN_S)
    assert not accepts_connections(said["port"])
    assert Path(said["folder"]).exists()
    run_folder.clear_leftovers()
    assert not Path(said["folder"]).exists()


def test_a_leftover_that_still_runs_is_ended() -> None:
    """Where no death signal came, the next start ends the server and removes its folder."""
    folder = run_folder.claim("test")
    left = subprocess.Popen(["sleep", "600"], start_new_session=True)
    run_folder.record_process(folder, left.pid)
    parts = folder.name.split("-")
    dead = folder.with_name(
        "-".join([parts[0], parts[1], "1", *parts[3:]])
    )  # same number, another start: somebody else
    folder.rename(dead)
    threading.Thread(target=left.wait, daemon=True).start()
    assert dead in run_folder.clear_leftovers()
    assert not dead.exists()
    assert started_at(left.pid) is None


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder that the servers' user may enter."""
    with tempfile.TemporaryDirectory(prefix="davy-test-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def test_data_on_another_file_system_goes_with_its_folder(elsewhere: Path) -> None:
    """Data that lie in memory are gone when the server is closed, and when its dead owner's folder is cleared."""
    with start_postgres("plain", fsync=False, memory=elsewhere) as server:
        psycopg.connect(server.superuser_url()).close()
        assert (server.folder / "data").resolve().parent == elsewhere
    assert list(elsewhere.iterdir()) == []
    dead = of_somebody_dead()
    run_folder.keep_data_in(elsewhere, dead)
    run_folder.clear_leftovers()
    assert list(elsewhere.iterdir()) == []
    (elsewhere / f"{dead.name}-x").mkdir()  # its run folder was removed by somebody who knew of no data elsewhere
    with start_postgres("plain", fsync=False, memory=elsewhere):
        assert len(list(elsewhere.iterdir())) == 1


def of_somebody_dead() -> Path:
    """A run folder whose owner is not there any more."""
    folder = run_folder.claim("test")
    parts = folder.name.split("-")
    return folder.rename(folder.with_name("-".join([parts[0], parts[1], "1", *parts[3:]])))


def test_a_leftover_that_leads_elsewhere_takes_nothing_with_it(elsewhere: Path) -> None:
    """The servers' user owns the folder, and who clears it may be root: a link to somebody else's folder is not followed."""
    (elsewhere / "precious").mkdir()
    (of_somebody_dead() / "data").symlink_to(elsewhere / "precious")
    run_folder.clear_leftovers()
    assert (elsewhere / "precious").is_dir()


def test_folders_of_the_living_are_left_alone() -> None:
    """A start clears nothing of a running Davy, nor of one in another container."""
    folder = run_folder.claim("test")
    parts = folder.name.split("-")
    elsewhere = runs_folder() / "-".join([parts[0], parts[1], "1", "7", "x"])
    elsewhere.mkdir()
    try:
        run_folder.clear_leftovers()
        assert folder.exists()
        assert elsewhere.exists()
    finally:
        folder.rmdir()
        elsewhere.rmdir()


def test_a_number_that_was_given_again_is_not_killed() -> None:
    """A recorded process number that belongs to a stranger by now is left alone."""
    stranger = subprocess.Popen(["sleep", "600"], start_new_session=True)
    folder = run_folder.claim("test")
    (folder / run_folder.PROCESS_FILE).write_text(json.dumps({"pid": stranger.pid, "started": "1"}), encoding="ascii")
    parts = folder.name.split("-")
    folder.rename(folder.with_name("-".join([parts[0], parts[1], "1", *parts[3:]])))
    run_folder.clear_leftovers()
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_kill_tree_ends_children_in_other_sessions() -> None:
    """PostgreSQL's children are session leaders of their own; they die with it all the same."""
    parent = subprocess.Popen(["sh", "-c", "setsid sleep 600 & setsid sleep 600 & wait"], start_new_session=True)
    assert wait_until(lambda: len(descendants(parent.pid)) == 2, 5)
    children = descendants(parent.pid)
    kill_tree(parent.pid)
    assert parent.wait(5) == -signal.SIGKILL
    assert wait_until(lambda: all(started_at(child) is None for child in children), 5)
