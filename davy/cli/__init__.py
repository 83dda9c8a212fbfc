"""The command line, a file a group of commands. Each command imports what it needs, so that `davy --help` is quick.

Exit status 0: the command's own check held. 1: it did not. 2: it could not run; one sentence on stderr.
"""

from __future__ import annotations

import sys

import typer

from core.errors import DavyError
from davy.cli import (
    alarms,
    bench,
    broker,
    budget,
    care,
    channels,
    evaluating,
    exercise,
    explaining,
    grafana,
    keeping,
    models,
    portfolio,
    proof,
    rejected,
    report,
    route,
    running,
    scoring,
    second,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Davy watches the safety of insured sites.",
)
app.add_typer(running.app)
app.add_typer(care.app)
app.add_typer(keeping.app)
app.add_typer(keeping.hold_app, name="hold")
app.add_typer(report.app)
app.add_typer(proof.app)
app.add_typer(scoring.app)
app.add_typer(portfolio.site_app, name="site")
app.add_typer(portfolio.user_app, name="user")
app.add_typer(portfolio.device_app, name="device")
app.add_typer(alarms.app, name="alarms")
app.add_typer(route.app, name="route")
app.add_typer(exercise.app, name="exercise")
app.add_typer(rejected.app, name="rejected")
app.add_typer(channels.app, name="channels")
app.add_typer(broker.app, name="broker")
app.add_typer(grafana.app, name="grafana")
models.app.add_typer(second.app)
app.add_typer(models.app, name="detectors")
app.add_typer(budget.app, name="budget")
explaining.add_to(models.app)
app.add_typer(bench.app, name="bench")
app.add_typer(evaluating.app)


def main() -> None:
    """Runs a command; what went wrong on purpose becomes one sentence and exit status 2."""
    try:
        app()
    except DavyError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
