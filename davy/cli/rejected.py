"""`davy rejected`: messages that were not taken, and taking them in again once the site file is mended."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Annotated

import typer

from davy.cli.options import Json

app = typer.Typer(no_args_is_help=True, help="Messages that could not be taken, by reason and device.")


@app.command("list")
def list_them(as_json: Json = False) -> None:
    """What lies there, the newest first."""
    from core.settings import Settings
    from davy.answer import say
    from davy.rejected import list_rejected

    found = list_rejected(Settings.read(os.environ).secret("database_url_owner"))
    if as_json:
        say({"groups": found}, as_json=True)
        return
    lines = [
        f"{g['messages']} {g['reason']} {g['site']}/{g['device']} until {g['last_at']}: {g['sentence']}" for g in found
    ]
    print("\n".join(lines) or "Every message was taken.")


@app.command()
def replay(
    site: Annotated[str, typer.Option(help="The site's key.")],
    device: Annotated[str, typer.Option(help="The device, as its topic names it.")],
    reason: Annotated[str, typer.Option(help="The reason, as `davy rejected list` names it.")],
    wait: Annotated[float, typer.Option(help="Seconds to wait for the end.", min=0.0, max=600.0)] = 60.0,
    as_json: Json = False,
) -> None:
    """Sends what lies there through ingest again; asking twice stores nothing twice. Status 1: some are refused again, or it goes on."""
    from core.settings import Settings
    from davy.answer import say
    from davy.rejected import replay as run

    came = run(
        Settings.read(os.environ).secret("database_url_owner"),
        site=site,
        device=device,
        reason=reason,
        actor=os.environ.get("USER", "operator"),
        now=datetime.now(UTC),
        wait_s=wait,
    )
    if as_json:
        say(came, as_json=True)
    else:
        end = "done" if came["finished"] else "goes on; is ingest running?"
        print(f"{came['taken']} taken in, {came['refused']} refused again, {came['cut']} kept in part only; {end}")
    raise typer.Exit(0 if came["finished"] and not came["refused"] else 1)
