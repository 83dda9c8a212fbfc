"""`davy grafana`: what a Grafana may see, and giving it our dashboards."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from davy.cli.options import Json, Language

app = typer.Typer(
    no_args_is_help=True, help="Dashboards in a Grafana, and what it may see; see docs/how-to/grafana.md."
)

Role = Annotated[str, typer.Option(help="The database role that the Grafana logs in as.")]
Reason = Annotated[str, typer.Option(help="Why; kept in the journal of each company.")]


class Audience(StrEnum):
    """Whose people look at a Grafana."""

    CLIENT = "client"
    INSURER = "insurer"


@app.command()
def allow(
    companies: Annotated[list[str], typer.Argument(metavar="COMPANY...", help="Keys of the site file.")],
    audience: Annotated[
        Audience, typer.Option("--for", help="client: the company's own people; insurer: no readings.")
    ],
    reason: Reason,
    days: Annotated[int, typer.Option(help="How long; at most 400.")] = 365,
    role: Role = "davy_grafana",
) -> None:
    """From now on the Grafana sees these companies, and no other."""
    from core.settings import Settings
    from davy.grafana.scope import allow as run
    from davy.grafana.scope import told

    now = datetime.now(UTC)
    rows = run(
        Settings.read(os.environ).secret("database_url_owner"),
        companies,
        audience=audience.value,
        days=days,
        reason=reason,
        actor=os.environ.get("USER", "operator"),
        now=now,
        role=role,
    )
    print("\n".join(told(row, now) for row in rows))


@app.command()
def withdraw(reason: Reason, role: Role = "davy_grafana") -> None:
    """From now on the Grafana sees nothing."""
    from core.settings import Settings
    from davy.grafana.scope import withdraw as run

    owner = Settings.read(os.environ).secret("database_url_owner")
    gone = run(owner, reason=reason, actor=os.environ.get("USER", "operator"), now=datetime.now(UTC), role=role)
    before = ", ".join(row.company for row in gone)
    print(f"{role} sees nothing any more; before: {before}." if gone else f"{role} saw nothing before either.")


@app.command()
def scope(as_json: Json = False) -> None:
    """What each Grafana may see, and until when."""
    from core.settings import Settings
    from davy.answer import say
    from davy.grafana.scope import scope as run
    from davy.grafana.scope import told

    rows, now = run(Settings.read(os.environ).secret("database_url_owner")), datetime.now(UTC)
    if as_json:
        listed = [
            {
                "role": row.login_role,
                "company": row.company,
                "audience": row.audience,
                "expires_at": row.expires_at.isoformat(),
                "expired": row.expires_at <= now,
            }
            for row in rows
        ]
        say({"scope": listed}, as_json=True)
    else:
        print("\n".join(told(row, now) for row in rows) or "No Grafana may see anything.")


@app.command()
def push(
    url: Annotated[str, typer.Option(help="Grafana's address, such as https://grafana.example.")],
    token_file: Annotated[
        Path, typer.Option(help="File with a service account's token that may write folders, data sources, dashboards.")
    ],
    database: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where Grafana finds the database; without it, where we find it.")
    ] = "",
    language: Annotated[Language | None, typer.Option(help="Of the dashboards; without it, both.")] = None,
    as_json: Json = False,
) -> None:
    """Writes data source and dashboards into a running Grafana; repeating it changes nothing."""
    from core.settings import Settings
    from davy.answer import say
    from davy.grafana.push import push as run

    languages = [language.value] if language is not None else [each.value for each in Language]
    settings = Settings.read(os.environ)
    steps = run(url, token_file, settings.secret("database_url_grafana"), seen_by_grafana=database, languages=languages)
    if as_json:
        say({"steps": [{"what": step.what, "outcome": step.outcome} for step in steps]}, as_json=True)
    else:
        print("\n".join(f"{step.outcome:9} {step.what}" for step in steps))
