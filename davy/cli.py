"""The command line. Each command imports what it needs, so that `davy --help` is quick.

Exit status 0: the command's own check held. 1: it did not. 2: it could not run; one sentence on stderr.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from core.errors import BadInput, DavyError
from davy.servers.errors import ServerUnavailable

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Davy watches the safety of insured sites.",
)
site_app = typer.Typer(
    no_args_is_help=True, help="Companies, sites, devices, sensors, limits, people and routes, as one file."
)
user_app = typer.Typer(no_args_is_help=True, help="Log-ins of people.")
device_app = typer.Typer(no_args_is_help=True, help="Devices at the broker.")
bench_app = typer.Typer(no_args_is_help=True, help="Measures Davy on servers of its own; see docs/performance.md.")
app.add_typer(site_app, name="site")
app.add_typer(user_app, name="user")
app.add_typer(device_app, name="device")
app.add_typer(bench_app, name="bench")

Json = Annotated[bool, typer.Option("--json", help="One JSON object on one line.")]
Sensors = Annotated[int, typer.Option(help="How many are watched; rounded up to whole devices of 50.", min=50)]
Seconds = Annotated[float, typer.Option(hidden=True, min=1.0)]
WarmUp = Annotated[float, typer.Option(hidden=True, min=0.0)]
DieWithParent = Annotated[bool, typer.Option("--die-with-parent", hidden=True)]


class Language(StrEnum):
    """Languages Davy speaks."""

    ZH = "zh"
    EN = "en"


class BenchProfile(StrEnum):
    """What is offered to ingest."""

    BATCHED = "batched"
    SINGLE = "single"
    OVERLOAD = "overload"


def main() -> None:
    """Runs a command; what went wrong on purpose becomes one sentence and exit status 2."""
    try:
        app()
    except (DavyError, ServerUnavailable) as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def _until_asked_to_stop() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


@app.command()
def demo(
    seconds: Annotated[
        int | None, typer.Option("--for", min=10, help="Stop after this many seconds and check what came.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port of the pages; 0 takes a free one.", min=0, max=65535)] = 0,
    as_json: Json = False,
) -> None:
    """A tank farm whose gas leak unfolds by itself, on an embedded database and broker."""
    from davy.demo import demo as run

    raise typer.Exit(run(_until_asked_to_stop(), seconds=seconds, as_json=as_json, http_port=port))


@app.command()
def up(
    private: Annotated[
        bool, typer.Option("--private", help="Servers of its own, the demo portfolio, gone at the end.")
    ] = False,
    port: Annotated[int, typer.Option(help="Port of the pages; 0 takes a free one.", min=0, max=65535)] = 0,
    as_json: Json = False,
) -> None:
    """All processes on real servers, until SIGTERM."""
    if not private:
        print(
            "Say `davy up --private`: installed instances run `davy process ...` under systemd or compose.",
            file=sys.stderr,
        )
        raise typer.Exit(2)
    from davy.up import up as run

    run(_until_asked_to_stop(), as_json=as_json, http_port=port)


@app.command()
def simulate(
    scenario: str,
    seed: Annotated[int, typer.Option(help="The same seed gives the same answer.")] = 1,
    check: Annotated[
        bool, typer.Option("--check", help="Exit status 1 when an alarm is missed, false or too early.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Plays a scenario through real servers and judges the alarms by its truth."""
    from davy.simulate import simulate as run

    raise typer.Exit(run(scenario, seed=seed, check=check, as_json=as_json))


@app.command()
def migrate() -> None:
    """Brings the schema of DAVY_DATABASE_URL_OWNER to this version."""
    from core.migrate import migrate as run
    from core.settings import Settings

    settings = Settings.read(os.environ)
    steps = run(settings.secret("database_url_owner"), bytes.fromhex(settings.secret("principal_key")))
    print("\n".join(steps) or "The schema is up to date.")


@app.command()
def doctor(
    language: Annotated[
        Language | None, typer.Option(help="Of the answers; without it, that of LC_ALL or LANG.")
    ] = None,
    as_json: Json = False,
) -> None:
    """What is wrong, and what to do about it."""
    from core.settings import Settings
    from davy.doctor import doctor as run
    from davy.doctor import language_of

    chosen = language.value if language is not None else language_of(os.environ)
    raise typer.Exit(run(Settings.read(os.environ), language=chosen, as_json=as_json))


@app.command()
def kernels() -> None:
    """Compiles what has to be compiled, so that the first reading does not wait."""
    from davy.kernels import compile_kernels

    compile_kernels()


@app.command(hidden=True)
def process(
    name: str,
    stream_clock: Annotated[bool, typer.Option("--stream-clock", hidden=True)] = False,
    die_with_parent: DieWithParent = False,
) -> None:
    """One process of Davy: ingest, alerting, api, inbox."""
    from davy.process import run_process
    from davy.processes import body_of

    body = body_of(name)
    if stream_clock:
        from davy.processes.ingest import run_streamed as body
    raise typer.Exit(run_process(name, body, die_with_parent=die_with_parent))


@app.command(hidden=True)
def plant(scenario: str, seed: int = 1, die_with_parent: DieWithParent = False) -> None:
    """The devices of a simulated plant, in real time, at the broker of the settings."""
    from davy.process import run_process
    from davy.processes.plant import plant_body

    raise typer.Exit(run_process("plant", plant_body(scenario, seed), die_with_parent=die_with_parent))


@bench_app.callback()
def bench() -> None:
    """A bench ends within its time, and takes its servers with it when it is asked to stop."""
    from davy.bench.deadline import hold

    hold()


@bench_app.command("ingest")
def bench_ingest(
    profile: Annotated[
        BenchProfile, typer.Option(help="50 readings a message, one reading a message, or ten times what is taken.")
    ] = BenchProfile.BATCHED,
    sensors: Sensors = 20_000,
    seconds: Seconds = 60.0,
    warm_up: WarmUp = 10.0,
    limit_seconds: Annotated[float, typer.Option(hidden=True, min=0.5)] = 10.0,
    messages: Annotated[int, typer.Option(hidden=True, min=1_000)] = 500_000,
    as_json: Json = False,
) -> None:
    """Readings stored and judged a second, beside bare COPY or bare receiving on the same machine."""
    from davy.bench.ingest import Spans
    from davy.bench.ingest import ingest as run

    spans = Spans(warm_up_s=warm_up, seconds=seconds, limit_s=limit_seconds, preloaded=messages)
    raise typer.Exit(run(profile.value, sensors, spans, as_json=as_json))


@bench_app.command("restart")
def bench_restart(
    sensors: Sensors = 10_000,
    checkpoint_age: Annotated[float | None, typer.Option(hidden=True, min=0.0)] = None,
    as_json: Json = False,
) -> None:
    """From the SIGKILL of ingest under load to the first batch that it judges and commits again."""
    from davy.bench.restart import restart as run

    raise typer.Exit(run(sensors, checkpoint_age_s=checkpoint_age, as_json=as_json))


@bench_app.command("latency")
def bench_latency(
    sensors: Sensors = 20_000,
    rate: Annotated[float, typer.Option(help="Readings a second offered meanwhile.", min=50.0)] = 55_000.0,
    seconds: Seconds = 60.0,
    warm_up: WarmUp = 10.0,
    as_json: Json = False,
) -> None:
    """From a reading's first byte to its commit, its alarm's commit, and the receiver of the notification."""
    from davy.bench.latency import latency as run

    raise typer.Exit(run(sensors, rate, warm_up_s=warm_up, seconds=seconds, as_json=as_json))


@bench_app.command("detectors")
def bench_detectors(
    sensors: Sensors = 100_000,
    seconds: Annotated[float, typer.Option(hidden=True, min=0.1)] = 20.0,
    warm_up: Annotated[float, typer.Option(hidden=True, min=0.0)] = 5.0,
    as_json: Json = False,
) -> None:
    """Judging alone, on one core, without servers."""
    from davy.bench.judging import judging as run

    raise typer.Exit(run(sensors, warm_up_s=warm_up, seconds=seconds, as_json=as_json))


@site_app.command("import")
def site_import(
    file: Path,
    reason: Annotated[str, typer.Option(help="Why; kept in the journal. Needed where a limit changes.")] = "",
    given: Annotated[list[str], typer.Option("--set", metavar="NAME=VALUE", help="What ${NAME} stands for.")] = [],  # noqa: B006
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change and change nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Brings the database to what FILE says; repeating it changes nothing."""
    from core.settings import Settings
    from davy.answer import say
    from davy.site_import import import_site, read_variables

    variables = read_variables(given)
    owner = Settings.read(os.environ).secret("database_url_owner")
    actor = os.environ.get("USER", "operator")
    outcome = import_site(owner, file, actor=actor, reason=reason, variables=variables, dry_run=dry_run)
    if as_json:
        say(outcome.answer(), as_json=True)
    else:
        print("\n".join(outcome.lines()))


@site_app.command("export")
def site_export(file: Annotated[Path | None, typer.Argument(help="Default: stdout.")] = None) -> None:
    """Writes what the database holds as a site file."""
    from core.settings import Settings
    from davy.site_export import export_site

    text = export_site(Settings.read(os.environ).secret("database_url_owner"))
    if file is None:
        print(text, end="")
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{file} cannot be written: {error.strerror}.") from error


@user_app.command("add")
def user_add(
    login: Annotated[str, typer.Option(help="What the person types.")],
    person: Annotated[str, typer.Option(help="The person's key in the site file.")],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from stdin; else one is made and shown once.")
    ] = False,
) -> None:
    """Gives a person of the site file a log-in."""
    from core.settings import Settings
    from davy.users import add_user

    given = sys.stdin.readline().rstrip("\n") if password_stdin else None
    added = add_user(
        Settings.read(os.environ).secret("database_url_owner"), login=login, person_key=person, password=given
    )
    print(
        f"{added.login} can log in."
        if given
        else f"{added.login} can log in with the password {added.password} (shown once)."
    )


@device_app.command("credential")
def device_credential(device: str) -> None:
    """Makes a device's password at the broker and shows it once."""
    from core.settings import Settings
    from davy.device_credential import device_credential as run

    print(run(Settings.read(os.environ), device))
