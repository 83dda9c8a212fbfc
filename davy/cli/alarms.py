"""`davy alarms`: how alarms go; limits, looked over, and tried on a site's own history before they change."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from davy.cli.options import Json

app = typer.Typer(no_args_is_help=True, help="How alarms go; limits, looked over, and tried before they change.")


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


@app.command()
def lint(
    file: Annotated[Path | None, typer.Argument(help="A site file; without one, the limits in the database.")] = None,
    site: Annotated[str, typer.Option(help="Only this site, by its key.")] = "",
    given: Annotated[list[str], typer.Option("--set", metavar="NAME=VALUE", help="What ${NAME} stands for.")] = [],  # noqa: B006
    language: Annotated[str, typer.Option(help="en or zh.")] = "en",
    as_json: Json = False,
) -> None:
    """What is wrong with limits: duplicates, contradictions, looser than the standard, nobody to hear them; exit status 1 for errors."""
    from core.errors import BadInput
    from core.i18n import LANGUAGES
    from core.settings import Settings
    from davy.answer import say
    from davy.limit_lint import lint_database, lint_file
    from davy.site.importing import read_variables

    if language not in LANGUAGES:
        raise BadInput(f"--language is {language}; it must be en or zh.")
    if file is not None:
        found = lint_file(file, read_variables(given), site)
    else:
        found = lint_database(Settings.read(os.environ).secret("database_url_owner"), site)
    if as_json:
        say(found.answer(), as_json=True)
    else:
        print("\n".join(found.lines(language)))
    raise typer.Exit(1 if found.errors else 0)


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
