"""`davy detectors`: models over several sensors."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from davy.cli.options import Json

app = typer.Typer(no_args_is_help=True, help="Models over several sensors of one asset.")


@app.command("fit")
def detectors_fit(
    asset: Annotated[str, typer.Option(help="Key of the asset's model in the site file.")],
    since: Annotated[str, typer.Option("--from", help="Begin of an interval in which it ran as usual, with its zone.")],
    until: Annotated[str, typer.Option("--to", help="End of that interval.")],
    reason: Annotated[str, typer.Option(help="Why this interval is normal; kept with the model.")] = "",
    contaminated: Annotated[
        bool, typer.Option("--contaminated", help="Hours of it may not have been normal: leave out what stands out.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Learns how an asset runs from an interval that somebody declares normal; running processes take it up."""
    from core.settings import Settings
    from davy.answer import say
    from davy.models.fit import fit_asset, read_instant
    from davy.processes.surroundings import checked_database, service_token

    begin, end = read_instant("from", since), read_instant("to", until)
    settings = Settings.read(os.environ)
    url, actor = checked_database(settings, "alerting"), os.environ.get("USER", "operator")
    fitted = fit_asset(
        url,
        service_token(settings),
        asset=asset,
        since=begin,
        until=end,
        actor=actor,
        reason=reason,
        contaminated=contaminated,
    )
    if as_json:
        say(fitted.answer(), as_json=True)
    else:
        print("\n".join(fitted.lines()))


@app.command("run")
def detectors_run() -> None:
    """Scores windows of readings as they come, until it is asked to stop; the same as the process `detectors`."""
    from davy.processes.detectors import run
    from davy.processes.process import run_process

    raise typer.Exit(run_process("detectors", run, die_with_parent=False))


@app.command("access")
def detectors_access() -> None:
    """Writes the broker's access list anew with the models there are, and tells the broker; without a file, prints it."""
    from core.settings import Settings
    from davy.models.access import write_access

    print(write_access(Settings.read(os.environ)))
