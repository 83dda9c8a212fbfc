"""Commands about what is kept: `davy retain`, and `davy hold` for what must not go."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Annotated

import typer

from davy.cli.options import Json

app = typer.Typer()
hold_app = typer.Typer(
    no_args_is_help=True, help="Legal holds: nothing of a site in a span is deleted until it is released."
)

FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
INSTANT = "UTC, as 2026-01-31 or 2026-01-31T08:00:00."
Since = Annotated[datetime | None, typer.Option("--from", formats=FORMATS, help=INSTANT)]
Until = Annotated[datetime | None, typer.Option(formats=FORMATS, help=INSTANT)]
Reason = Annotated[str, typer.Option(help="Why; kept in the journal of the company.")]


@app.command()
def retain(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go and change nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Lets go what is older than the settings keep, its evidence copied; the risk process does the same by itself."""
    from core.settings import Settings
    from davy.retention import retain as run

    raise typer.Exit(run(Settings.read(os.environ), dry_run=dry_run, as_json=as_json))


@hold_app.command("add")
def hold_add(
    reason: Reason,
    site: Annotated[str | None, typer.Option(help="The site's key.")] = None,
    occurrence: Annotated[
        int | None, typer.Option(help="Or an occurrence: its site, from 72 hours before it to 72 hours after it.")
    ] = None,
    since: Since = None,
    until: Until = None,
    as_json: Json = False,
) -> None:
    """From now on nothing of a site in that span is deleted; without --until, nothing from --from on."""
    from core.settings import Settings
    from davy.answer import say
    from davy.retention import add_hold, described

    placed = add_hold(
        Settings.read(os.environ).secret("database_url_owner"),
        site=site,
        occurrence=occurrence,
        since=_utc(since),
        until=_utc(until),
        reason=reason,
        actor=os.environ.get("USER", "operator"),
        now=datetime.now(UTC),
    )
    if as_json:
        say(placed, as_json=True)
    else:
        print(f"Hold {described(placed)}")


@hold_app.command("list")
def hold_list(as_json: Json = False) -> None:
    """The holds in force."""
    from core.settings import Settings
    from davy.answer import say
    from davy.retention import described, list_holds

    found = list_holds(Settings.read(os.environ).secret("database_url_owner"))
    if as_json:
        say({"holds": found}, as_json=True)
    else:
        print("\n".join(described(hold) for hold in found) or "No hold is in force.")


@hold_app.command("release")
def hold_release(number: int, reason: Reason, as_json: Json = False) -> None:
    """From now on what hold NUMBER covered goes in its time."""
    from core.settings import Settings
    from davy.answer import say
    from davy.retention import described, release_hold

    placed = release_hold(
        Settings.read(os.environ).secret("database_url_owner"),
        number,
        reason=reason,
        actor=os.environ.get("USER", "operator"),
        now=datetime.now(UTC),
    )
    if as_json:
        say(placed, as_json=True)
    else:
        print(f"Released: {described(placed)}")


def _utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=UTC)
