"""`davy evaluate`: detectors measured on labelled data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from davy.cli.options import Json

app = typer.Typer()


@app.command("evaluate")
def evaluate(
    name: Annotated[str, typer.Argument(help="skab, nab, tep, gecco, batadal, methane, faults or calibration.")],
    fit: Annotated[Path | None, typer.Option(help="The folder that is fitted on; by default under $DAVY_DATA.")] = None,
    data: Annotated[Path | None, typer.Option(help="The folder that is scored; by default under $DAVY_DATA.")] = None,
    as_json: Json = False,
) -> None:
    """Measures the detectors on a labelled data set, with the settings of this version; see docs/detection.md."""
    from davy.answer import say
    from davy.evaluate.command import evaluate as run

    root = os.environ.get("DAVY_DATA")
    say(run(name, fit, data, Path(root) if root else None), as_json=as_json)
