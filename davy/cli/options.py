"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="One JSON object on one line.")]
Sensors = Annotated[int, typer.Option(help="How many are watched; rounded up to whole devices of 50.", min=50)]
Seconds = Annotated[float, typer.Option(hidden=True, min=1.0)]
WarmUp = Annotated[float, typer.Option(hidden=True, min=0.0)]
StandBy = Annotated[bool, typer.Option("--stand-by", hidden=True)]
DieWithParent = Annotated[bool, typer.Option("--die-with-parent", hidden=True)]


class Language(StrEnum):
    """Languages Davy speaks."""

    ZH = "zh"
    EN = "en"


class BenchProfile(StrEnum):
    """What is offered to ingest."""

    BATCHED = "batched"
    SINGLE = "single"
    OVERLOAD = "overload"
