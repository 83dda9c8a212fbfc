"""Commands about how alarms go."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from davy.cli.options import Json

app = typer.Typer(no_args_is_help=True, help="How alarms go, and what a change of a limit would do.")


@app.callback()
def alarms() -> None:
    """A group, however many commands it has."""


@app.command("performance")
def performance(
    site: Annotated[str, typer.Option(help="The site's key.")],
    first: Annotated[str, typer.Option("--from", help="First day at the site, as 2026-01-31.")] = "",
    last: Annotated[str, typer.Option("--to", help="Last day; today counts until now.")] = "",
    as_json: Json = False,
) -> None:
    """Rates, floods, chatter, stale alarms, answers and the worst offenders of some days: by default the last four weeks."""
    from core.settings import Settings
    from davy.alarms_performance import performance as run

    url = Settings.read(os.environ).secret("database_url_owner")
    raise typer.Exit(run(url, site=site, first=first, last=last, as_json=as_json))
