"""`davy budget`: how many false alarms a site bears, and what follows for its statistical alarms."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from davy.cli.options import Json

app = typer.Typer(no_args_is_help=True, help="False alarms that a site bears, and the setpoints that follow.")


@app.command("show")
def show(
    site: Annotated[str, typer.Option(help="Only this site, by its key.")] = "",
    apply: Annotated[bool, typer.Option("--apply", help="Set what is found now; the risk process does it each day.")] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """What the budget makes of each statistical alarm: setpoint, false alarms a week, and what its calibration lacks."""
    from core.settings import Settings
    from davy.answer import say
    from davy.false_alarms.command import budgets, lines
    from davy.processes.surroundings import checked_database, service_token

    settings = Settings.read(os.environ)
    url = checked_database(settings, "alerting")
    found = budgets(url, service_token(settings), datetime.now(UTC), site=site, apply=apply)
    if as_json:
        say({"sites": found}, as_json=True)
    else:
        print("\n".join(lines(found)))


@app.command("verify")
def verify(
    data: Annotated[
        Path | None, typer.Option(help="A folder of real data; by default $DAVY_DATA, and without that none.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the simulated site.", min=0)] = 7,
    as_json: Json = False,
) -> None:
    """Whether budgets hold: every kind of limit that a budget sets, on a simulated site and on normal stretches of real data.

    Exit status 1 where more than twice, or less than half, came of what was promised.
    """
    from davy.answer import say
    from davy.false_alarms.verifying import lines
    from davy.false_alarms.verifying import verify as run

    root = os.environ.get("DAVY_DATA")
    found = run(data or (Path(root) if root else None), seed)
    if as_json:
        say(found, as_json=True)
    else:
        print("\n".join(lines(found)))
    raise typer.Exit(0 if found["kept"] else 1)
