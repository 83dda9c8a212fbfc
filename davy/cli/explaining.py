"""`davy detectors explain`: a file of its own beside the commands of models."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from davy.cli.options import Json, Language


def add_to(app: typer.Typer) -> None:
    """Among the commands of `davy detectors`."""
    app.command("explain")(detectors_explain)


def detectors_explain(
    occurrence: Annotated[str, typer.Argument(help="Number of the occurrence, or the address of its page.")],
    again: Annotated[
        bool, typer.Option("--again", help="Play its readings now, whatever was kept; changes nothing.")
    ] = False,
    language: Annotated[Language, typer.Option(help="Of the sentences.")] = Language.EN,
    as_json: Json = False,
) -> None:
    """Why an occurrence began: the number, what was in force, what is usual, the window it looked at, what each signal adds."""
    from core.settings import Settings
    from davy.answer import say
    from davy.explain.command import read_number, run
    from davy.processes.surroundings import checked_database, service_token

    number = read_number(occurrence)
    settings = Settings.read(os.environ)
    url = checked_database(settings, "alerting")
    found = run(url, service_token(settings), number, again=again, language=language.value)
    if as_json:
        say(found.answer(), as_json=True)
    else:
        print("\n".join(found.lines()))
