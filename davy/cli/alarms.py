"""`davy alarms`: limits, tried on a site's own history before they change."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Annotated

import typer

from davy.cli.options import Json

app = typer.Typer(no_args_is_help=True, help="Alarm definitions, tried before they change.")


@app.command()
def backtest(
    definition: Annotated[str, typer.Argument(help="Key of a definition, or a pattern such as 'lel-*'.")] = "",
    site: Annotated[str, typer.Option(help="The site's key.")] = "",
    since: Annotated[str, typer.Option("--from", help="An instant, or how long ago: 7d, 36h.")] = "7d",
    until: Annotated[str, typer.Option("--to", help="An instant, how long ago, or now.")] = "now",
    change: Annotated[
        list[str] | None, typer.Option("--set", help="field=value of what would change; may be repeated.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All definitions of the site.")] = False,
    background: Annotated[
        bool, typer.Option("--background", help="Have the risk process do it, also where it is short.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the injected incidents.", min=0)] = 0,
    as_json: Json = False,
) -> None:
    """When a limit, as it is and as it would be, would have fired over stored readings, and what of true dangers it would have lost."""
    from alerting.proposal import read_words
    from core.errors import BadInput
    from core.settings import Settings
    from davy.answer import say
    from davy.backtest.case import EVERYTHING, Question
    from davy.backtest.command import Asked, in_words
    from davy.backtest.command import backtest as run
    from davy.backtest.request import read_instant

    if not site:
        raise BadInput("Name the site with --site.")
    if bool(definition) == everything:
        raise BadInput("Name a definition, or say --all for all of the site.")
    now = datetime.now(UTC)
    question = Question(
        EVERYTHING if everything else definition,
        read_words(change or []),
        read_instant(since, "--from", now),
        read_instant(until, "--to", now),
        seed,
    )
    url = Settings.read(os.environ).secret("database_url_owner")
    answer = run(url, Asked(site, question), now=now, background=background)
    if as_json:
        say(answer, as_json=True)
    else:
        print(in_words(answer))
