"""The command that writes a site report."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from davy.cli.options import Json, Language

app = typer.Typer()


@app.command()
def report(
    site: Annotated[str, typer.Option(help="The site's key.")],
    month: Annotated[str, typer.Option(help="Year and month in the site's time zone, such as 2026-10.")],
    out: Annotated[Path, typer.Option(help="Where the PDF goes.")],
    language: Annotated[Language, typer.Option(help="Of the report.")] = Language.ZH,
    as_json: Json = False,
) -> None:
    """Writes what a month was like at a site: scores, alarms, findings, impairments, data; as a PDF to sign."""
    from core.settings import Settings
    from davy.answer import say
    from davy.report import write_report

    owner = Settings.read(os.environ).secret("database_url_owner")
    written = write_report(owner, site=site, month=month, language=language.value, out=out)
    if as_json:
        say(written.answer(), as_json=True)
    else:
        print(f"{written.file}: {written.size} bytes, sha256 {written.sha256}")
