"""Commands that keep an installation well."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from davy.cli.options import Json, Language

app = typer.Typer()


@app.command()
def migrate() -> None:
    """Brings the schema of DAVY_DATABASE_URL_OWNER to this version."""
    from core.settings import Settings
    from davy.migrating import migrate as run

    settings = Settings.read(os.environ)
    steps = run(settings.secret("database_url_owner"), bytes.fromhex(settings.secret("principal_key")))
    print("\n".join(steps) or "The schema is up to date.")


@app.command()
def doctor(
    language: Annotated[
        Language | None, typer.Option(help="Of the answers; without it, that of LC_ALL or LANG.")
    ] = None,
    as_json: Json = False,
) -> None:
    """What is wrong, and what to do about it."""
    from core.settings import Settings
    from davy.doctor.doctor import doctor as run
    from davy.doctor.doctor import language_of

    chosen = language.value if language is not None else language_of(os.environ)
    raise typer.Exit(run(Settings.read(os.environ), language=chosen, as_json=as_json))


@app.command()
def kernels() -> None:
    """Compiles what has to be compiled, so that the first reading does not wait."""
    from davy.kernels import compile_kernels

    compile_kernels()
