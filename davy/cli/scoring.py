"""Commands about what the insurer reads."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from davy.cli.options import Json

app = typer.Typer()


@app.command("score")
def score(
    site: Annotated[str, typer.Option(help="The site's key.")],
    day: Annotated[str, typer.Option(help="A day of the site, as 2026-01-31.")],
    formula: Annotated[
        str, typer.Option(help="Which version; by default the one that the day was scored with, else the one in use.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Works a site's score of a past day out again, and says whether it is the one that is kept."""
    from core.settings import Settings
    from davy.score import day_of
    from davy.score import score as run

    url = Settings.read(os.environ).secret("database_url_owner")
    raise typer.Exit(run(url, site=site, day=day_of(day), formula=formula, as_json=as_json))
