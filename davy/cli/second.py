"""`davy detectors second-opinion`: what was least like the weeks before, by hand; and how much of that is worth looking at, by labelled data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from davy.cli.options import Json, Language

app = typer.Typer()


@app.command("second-opinion")
def second_opinion(
    site: Annotated[str, typer.Option(help="Key of the site; may be left out where there is only one.")] = "",
    day: Annotated[str, typer.Option(help="A local day that is over, as 2026-01-31; by default the last one.")] = "",
    language: Annotated[Language, typer.Option("--lang", help="Language of the sentences.")] = Language.EN,
    as_json: Json = False,
) -> None:
    """Ranks the quarters of an hour of a day by how little they are like the three weeks before, as the risk process does by night."""
    from core.settings import Settings
    from davy.answer import say
    from davy.processes.surroundings import checked_database, service_token
    from davy.score import day_of
    from davy.second.command import second_opinion as run

    wanted = day_of(day) if day else None
    settings = Settings.read(os.environ)
    told = run(
        checked_database(settings, "alerting"), service_token(settings), site=site, day=wanted, language=language.value
    )
    if as_json:
        say(told.answer(), as_json=True)
    else:
        print("\n".join(told.lines()))


@app.command("measure-second-opinion")
def measure_second_opinion(
    name: Annotated[str, typer.Argument(help="skab, gecco, methane or faults.")],
    data: Annotated[Path | None, typer.Option(help="The folder that is judged; by default under $DAVY_DATA.")] = None,
    as_json: Json = False,
) -> None:
    """Says which share of the ten most unusual windows touches a labelled event, beside ten that are drawn at random."""
    from davy.answer import say
    from davy.second.measure import measure

    root = os.environ.get("DAVY_DATA")
    say(measure(name, data, Path(root) if root else None), as_json=as_json)
