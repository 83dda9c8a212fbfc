"""Commands about proof: `davy verify` walks chains and seals, `davy seal-key` says by which key seals are believed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from davy.cli.options import Json

app = typer.Typer()


@app.command()
def verify(
    company: Annotated[str | None, typer.Option(help="Only the chains and seals of this company, by its key.")] = None,
    occurrence: Annotated[int | None, typer.Option(help="Only the chain of the alarm of this occurrence.")] = None,
    public_key: Annotated[
        str | None,
        typer.Option(
            help="Whose seals are believed, in hex; without it DAVY_SEAL_KEY's, else the one that the seals name."
        ),
    ] = None,
    seals: Annotated[Path | None, typer.Option(help="Folder of the seals that have gone out, or a copy of it.")] = None,
    as_json: Json = False,
) -> None:
    """Walks every chain of transitions and every seal; exit status 1 and a sentence where a link does not hold."""
    from core.settings import Settings
    from davy.answer import say
    from davy.verify import Wanted, key_of, told
    from davy.verify import verify as run

    settings = Settings.read(os.environ)
    believed = key_of(settings, public_key)
    report = run(
        settings.secret("database_url_owner"),
        Wanted(company=company, occurrence=occurrence, public_key=believed, seals=seals),
    )
    if as_json:
        say({**report.answer(), "public_key": None if believed is None else believed.hex()}, as_json=True)
    else:
        print("\n".join(told(report, believed)))
    raise typer.Exit(1 if report.broken else 0)


@app.command("seal-key")
def seal_key(as_json: Json = False) -> None:
    """The public key of this installation's seals, for whoever verifies them elsewhere."""
    from core.settings import Settings
    from davy.answer import say
    from davy.verify import key_of

    settings = Settings.read(os.environ)
    settings.secret("seal_key")
    found = key_of(settings, None)
    assert found is not None
    say({"public_key": found.hex()}, as_json=as_json)
