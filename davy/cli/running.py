"""Commands that start Davy, or parts of it."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from davy.cli.options import DieWithParent, Json, StandBy

app = typer.Typer()


def _until_asked_to_stop() -> threading.Event:
    """Set by SIGTERM and Ctrl-C. What is logged meanwhile goes to stderr: stdout is the answer's."""
    from core.log import configure

    configure("console", sys.stderr, logging.WARNING)
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
    """A tank farm that begins to leak and a pump that begins to cavitate, on an embedded database and broker."""
    from davy.private.demo import demo as run

    raise typer.Exit(run(_until_asked_to_stop(), seconds=seconds, as_json=as_json, http_port=port))


@app.command()
def up(
    private: Annotated[
        bool, typer.Option("--private", help="Servers of its own, the demo portfolio, gone at the end.")
    ] = False,
    port: Annotated[int, typer.Option(help="Port of the pages; 0 takes a free one.", min=0, max=65535)] = 0,
    settings: Annotated[
        Path | None, typer.Option(help="Write what the operator's commands need into this file, for `. FILE`.")
    ] = None,
    history: Annotated[
        bool, typer.Option("--history/--no-history", help="Sixty simulated days behind it, marked so; takes some 20 s.")
    ] = True,
    as_json: Json = False,
) -> None:
    """All processes on real servers, until SIGTERM."""
    if not private:
        print(
            "Say `davy up --private`: installed instances run `davy process ...` under systemd or compose.",
            file=sys.stderr,
        )
        raise typer.Exit(2)
    from davy.private.up import up as run

    run(_until_asked_to_stop(), as_json=as_json, http_port=port, history=history, settings=settings)


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
    from davy.private.simulate import simulate as run

    raise typer.Exit(run(scenario, seed=seed, check=check, as_json=as_json))


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="A CSV, plain or gzip.")],
    map_file: Annotated[
        Path, typer.Option("--map", help="Which column is which sensor; docs/reference/replay-map.md.")
    ],
    private: Annotated[
        bool, typer.Option("--private", help="On servers of its own, as fast as it goes, at the file's own time.")
    ] = False,
    speed: Annotated[float, typer.Option(help="Times faster than life, into a live system.")] = 1.0,
    as_json: Json = False,
) -> None:
    """Plays history through MQTT as devices would have sent it, and says what became of it."""
    from core.settings import Settings
    from davy.replay.replay import replay as run

    if private and speed != 1.0:
        print("--private plays as fast as it goes; leave --speed out.", file=sys.stderr)
        raise typer.Exit(2)
    settings = None if private else (lambda: Settings.read(os.environ))
    stop = threading.Event() if private else _until_asked_to_stop()
    raise typer.Exit(run(file, map_file, settings=settings, speed=speed, stop=stop, as_json=as_json))


@app.command(hidden=True)
def process(
    name: str,
    stream_clock: Annotated[bool, typer.Option("--stream-clock", hidden=True)] = False,
    stand_by: StandBy = False,
    die_with_parent: DieWithParent = False,
) -> None:
    """One process of Davy: ingest, alerting, api, risk, detectors, inbox."""
    from davy.processes import body_of
    from davy.processes.process import run_process

    body = body_of(name)
    if stream_clock:
        from davy.processes.ingest import run_streamed as body
    raise typer.Exit(run_process(name, body, die_with_parent=die_with_parent, stand_by=stand_by))


@app.command(hidden=True)
def plant(
    scenario: str,
    seed: int = 1,
    live_at: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%dT%H:%M:%S%z"], help="When it begins; without it, now.")
    ] = None,
    stand_by: StandBy = False,
    die_with_parent: DieWithParent = False,
) -> None:
    """The devices of a scenario, or of the demo's two plants, in real time, at the broker of the settings."""
    from davy.processes.plant import plant_body
    from davy.processes.process import run_process

    body = plant_body(scenario, seed, live_at)
    raise typer.Exit(run_process("plant", body, die_with_parent=die_with_parent, stand_by=stand_by))


@app.command(hidden=True)
def past(
    seed: int = 1,
    live_at: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%dT%H:%M:%S%z"], help="When the demo's plants begin.")
    ] = None,
    stand_by: StandBy = False,
    die_with_parent: DieWithParent = False,
) -> None:
    """Writes what the demo has behind it, marked simulated, and ends; models learn from it where plants begin."""
    from davy.processes.past import past_body
    from davy.processes.process import run_process

    body = past_body(seed, live_at)
    raise typer.Exit(run_process("past", body, die_with_parent=die_with_parent, stand_by=stand_by))
