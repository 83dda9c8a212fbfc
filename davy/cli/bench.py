"""`davy bench`: measurements on servers of their own."""

from __future__ import annotations

from typing import Annotated

import typer

from davy.cli.options import BenchProfile, Json, Seconds, Sensors, WarmUp

app = typer.Typer(no_args_is_help=True, help="Measures Davy on servers of its own; see docs/performance.md.")


@app.callback()
def bench() -> None:
    """A bench ends within its time, and takes its servers with it when it is asked to stop."""
    from davy.bench.deadline import hold

    hold()


@app.command("ingest")
def bench_ingest(
    profile: Annotated[
        BenchProfile, typer.Option(help="50 readings a message, one reading a message, or ten times what is taken.")
    ] = BenchProfile.BATCHED,
    sensors: Sensors = 20_000,
    seconds: Seconds = 60.0,
    warm_up: WarmUp = 10.0,
    limit_seconds: Annotated[float, typer.Option(hidden=True, min=0.5)] = 10.0,
    messages: Annotated[int, typer.Option(hidden=True, min=1_000)] = 500_000,
    as_json: Json = False,
) -> None:
    """Readings stored and judged a second, beside bare COPY or bare receiving on the same machine."""
    from davy.bench.ingest import Spans
    from davy.bench.ingest import ingest as run

    spans = Spans(warm_up_s=warm_up, seconds=seconds, limit_s=limit_seconds, preloaded=messages)
    raise typer.Exit(run(profile.value, sensors, spans, as_json=as_json))


@app.command("restart")
def bench_restart(
    sensors: Sensors = 10_000,
    checkpoint_age: Annotated[float | None, typer.Option(hidden=True, min=0.0)] = None,
    as_json: Json = False,
) -> None:
    """From the SIGKILL of ingest under load to the first batch that it judges and commits again."""
    from davy.bench.restart import restart as run

    raise typer.Exit(run(sensors, checkpoint_age_s=checkpoint_age, as_json=as_json))


@app.command("latency")
def bench_latency(
    sensors: Sensors = 20_000,
    rate: Annotated[float, typer.Option(help="Readings a second offered meanwhile.", min=50.0)] = 51_000.0,
    opens: Annotated[int, typer.Option("--open", help="Occurrences that are open before it measures.", min=0)] = 1_000,
    seconds: Seconds = 60.0,
    warm_up: WarmUp = 10.0,
    as_json: Json = False,
) -> None:
    """From a reading's first byte to its commit, its alarm's commit, and the receiver of the notification."""
    from davy.bench.latency import latency as run

    raise typer.Exit(run(sensors, rate, opens=opens, warm_up_s=warm_up, seconds=seconds, as_json=as_json))


@app.command("pages")
def bench_pages(
    sensors: Sensors = 20_000,
    rate: Annotated[float, typer.Option(help="Readings a second offered meanwhile.", min=50.0)] = 50_000.0,
    transitions: Annotated[int, typer.Option(hidden=True, min=1_000)] = 1_000_000,
    seconds: Seconds = 60.0,
    warm_up: WarmUp = 10.0,
    as_json: Json = False,
) -> None:
    """How long people wait for pages, with 1,000,000 transitions stored, ingest at half load and 50 lists open."""
    from davy.bench.pages import pages as run

    raise typer.Exit(run(sensors, transitions, rate, warm_up_s=warm_up, seconds=seconds, as_json=as_json))


@app.command("detectors")
def bench_detectors(
    sensors: Sensors = 100_000,
    seconds: Annotated[float, typer.Option(hidden=True, min=0.1)] = 20.0,
    warm_up: Annotated[float, typer.Option(hidden=True, min=0.0)] = 5.0,
    as_json: Json = False,
) -> None:
    """Judging alone, on one core, without servers."""
    from davy.bench.judging import judging as run

    raise typer.Exit(run(sensors, warm_up_s=warm_up, seconds=seconds, as_json=as_json))


@app.command("models")
def bench_models(
    members: Annotated[
        int, typer.Option(help="Signals of the machine, as many as a model may have.", min=2, max=50)
    ] = 50,
    windows: Annotated[int, typer.Option(hidden=True, min=10)] = 500,
    as_json: Json = False,
) -> None:
    """What judging one window of a machine takes for every kind of model, on one core, without servers."""
    from davy.bench.models import models as run

    raise typer.Exit(run(members, windows=windows, as_json=as_json))


@app.command("storage")
def bench_storage(
    readings: Annotated[
        int, typer.Option(help="How many are loaded into each kind of database.", min=5_000)
    ] = 5_000_000,
    chart_days: Annotated[int, typer.Option(hidden=True, min=1)] = 30,
    as_json: Json = False,
) -> None:
    """Bytes a reading takes on plain PostgreSQL and on TimescaleDB, and what 1,000 sensors for 90 days come to."""
    from davy.bench.storage import storage as run

    raise typer.Exit(run(readings, chart_days=chart_days, as_json=as_json))


@app.command("backtest")
def bench_backtest(
    days: Annotated[float, typer.Option(help="How much history of 50 sensors at one reading a second.", min=0.1)] = 7.0,
    as_json: Json = False,
) -> None:
    """Limits tried on a week of stored readings: seconds from the question to the answer, and the memory it takes."""
    from davy.bench.backtesting import measure as run

    raise typer.Exit(run(days, as_json=as_json))
