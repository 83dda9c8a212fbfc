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
        list[str] | None,
        typer.Option(
            help="Whose seals are believed, in hex, once a key that was in use; without it DAVY_SEAL_KEY's, else what the seals name."
        ),
    ] = None,
    seals: Annotated[Path | None, typer.Option(help="Folder of the seals that have gone out, or a copy of it.")] = None,
    as_json: Json = False,
) -> None:
    """Walks every chain of transitions and every seal; exit status 1 and a sentence where a link does not hold."""
    from core.settings import Settings
    from davy.answer import say
    from davy.verify import Wanted, keys_of, told
    from davy.verify import verify as run

    settings = Settings.read(os.environ)
    believed = keys_of(settings, public_key or ())
    report = run(
        settings.secret("database_url_owner"),
        Wanted(company=company, occurrence=occurrence, public_keys=believed, seals=seals),
    )
    if as_json:
        say({**report.answer(), "public_keys": sorted(key.hex() for key in believed)}, as_json=True)
    else:
        print("\n".join(told(report, believed)))
    raise typer.Exit(1 if report.broken else 0)


@app.command("seal-key")
def seal_key(as_json: Json = False) -> None:
    """The public key of this installation's seals, for whoever verifies them elsewhere."""
    from core.settings import Settings
    from davy.answer import say
    from davy.verify import keys_of

    settings = Settings.read(os.environ)
    settings.secret("seal_key")
    (found,) = keys_of(settings, ())
    say({"public_key": found.hex()}, as_json=as_json)
