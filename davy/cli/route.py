"""`davy route`: who is told of what, and why."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Annotated

import typer

from davy.cli.options import Json

app = typer.Typer(no_args_is_help=True, help="Who is told of what, and why.")


@app.callback()
def route() -> None:
    """Who is told of what, and why."""


@app.command()
def explain(
    occurrence: Annotated[int, typer.Option(help="Number of the occurrence, as in the address of its page.")],
    at: Annotated[str, typer.Option(help="An instant of the call; empty: now.")] = "",
    as_json: Json = False,
) -> None:
    """Who was, or would be, told of an occurrence: when, over what, by which rule."""
    from core.settings import Settings
    from davy.answer import say
    from davy.route_explain import explain as run
    from davy.route_explain import read_at

    url = Settings.read(os.environ).secret("database_url_owner")
    found = run(url, occurrence, read_at(at, datetime.now(UTC)))
    if as_json:
        say(found.answer(), as_json=True)
    else:
        print("\n".join(found.lines()))
