"""`davy exercise`: call people over the real path without anything having happened, and see who answers. As the owner."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Annotated

import typer

from davy.cli.options import Json

app = typer.Typer(
    no_args_is_help=True, help="Exercises: people are called over the real path, and nothing has happened."
)


@app.command()
def start(
    site: Annotated[str, typer.Option(help="The site's key.")],
    limit: Annotated[
        str, typer.Option(help="Key of the limit whose alarm is tried; empty: life safety, of none by name.")
    ] = "",
    position: Annotated[
        str, typer.Option(help="Key of the duty position that alone is called; empty: everybody of the routes.")
    ] = "",
    priority: Annotated[str, typer.Option(help="Of what is tried, where no limit is named.")] = "life-safety",
    minutes: Annotated[int, typer.Option(help="How long at most, 1 to 60.")] = 20,
    why: Annotated[str, typer.Option(help="What it is for.")] = "",
    as_json: Json = False,
) -> None:
    """Starts one; the alerting process begins it within a second or two. It ends by itself."""
    from core.settings import Settings
    from davy.answer import say
    from davy.exercises import start as run

    number = run(
        Settings.read(os.environ).secret("database_url_owner"),
        site=site, limit=limit, position=position, priority=priority, minutes=minutes, why=why, now=datetime.now(UTC),
    )  # fmt: skip
    if as_json:
        say({"exercise": number}, as_json=True)
    else:
        print(f"Exercise {number} begins. `davy exercise stop {number}` ends it early.")


@app.command()
def stop(number: Annotated[int, typer.Argument(help="Number of the exercise.")]) -> None:
    """Ends one early, within a second or two."""
    from core.settings import Settings
    from davy.exercises import stop as run

    run(Settings.read(os.environ).secret("database_url_owner"), number, now=datetime.now(UTC))
    print(f"Exercise {number} is being ended.")


@app.command("list")
def list_them(
    site: Annotated[str, typer.Option(help="The site's key.")],
    as_json: Json = False,
) -> None:
    """The newest exercises and roll calls of a site, with what came of them."""
    from core.settings import Settings
    from davy.answer import say
    from davy.exercises import list_exercises

    found = list_exercises(Settings.read(os.environ).secret("database_url_owner"), site)
    if as_json:
        say({"exercises": found}, as_json=True)
        return
    print(
        "\n".join(
            f"{e['exercise']} {e['kind']} {e['began_at'] or e['asked_at']}: {e['outcome'] or 'runs'}" for e in found
        )
        or "None yet."
    )
