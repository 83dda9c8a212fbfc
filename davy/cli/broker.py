"""`davy broker`: the files of a broker that Davy does not start itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from core.errors import BadInput

app = typer.Typer(no_args_is_help=True, help="The broker's password file and access list.")


@app.callback()
def broker() -> None:
    """A group, though it has one command yet."""


@app.command()
def access(
    users: Annotated[
        list[str],
        typer.Option("--user", metavar="NAME=FILE", help="A user of Davy's own, and where its password stands."),
    ],
    add: Annotated[
        bool, typer.Option("--add", help="Who has rights keeps them; otherwise only who is named has.")
    ] = False,
) -> None:
    """Writes Davy's own users and the access list; devices' passwords and the models of `davy detectors access` stay."""
    from core.settings import Settings
    from davy.site.broker_access import broker_access

    named = dict(each.partition("=")[::2] for each in users)
    if wrong := [name for name, file in named.items() if not file]:
        raise BadInput(f"--user {wrong[0]} does not say where the password stands; write --user NAME=FILE.")
    print(broker_access(Settings.read(os.environ), {name: Path(file) for name, file in named.items()}, add=add))
