"""`davy detectors`: models over several sensors, from the proposal of an interval to the version that judges."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Annotated

import typer

from davy.cli.options import Json, Language

app = typer.Typer(no_args_is_help=True, help="Models over several sensors of one asset.")

Asset = Annotated[str, typer.Option(help="Key of the asset's model in the site file.")]
From = Annotated[str, typer.Option("--from", help="Begin of the interval, with its zone.")]
To = Annotated[str, typer.Option("--to", help="End of the interval.")]
AlthoughUntried = Annotated[
    str, typer.Option(help="Why it goes in force although it has hardly looked on in shadow; kept.")
]


def _database() -> tuple[str, Callable[[], str], str]:
    """The database as alerting, a token of Davy's own, and who is at the keyboard."""
    from core.settings import Settings
    from davy.processes.surroundings import checked_database, service_token

    settings = Settings.read(os.environ)
    return checked_database(settings, "alerting"), service_token(settings), os.environ.get("USER", "operator")


@app.command("list")
def detectors_list(
    language: Annotated[Language, typer.Option("--lang", help="Language of the sentences.")] = Language.EN,
    as_json: Json = False,
) -> None:
    """Every declared model: the version that judges it, and whether that was fitted for what the site file declares now; status 1 where one judges nothing."""
    from davy.answer import say
    from davy.models.listing import list_models

    url, token, _ = _database()
    found = list_models(url, token)
    if as_json:
        say({"models": [each.answer() for each in found]}, as_json=True)
    else:
        told = [line for each in found for line in each.lines(language.value)]
        print("\n".join(told) or "No asset has a model.")
    raise typer.Exit(1 if any(each.is_silent for each in found) else 0)


@app.command("propose")
def detectors_propose(
    asset: Asset,
    days: Annotated[
        float, typer.Option(help="How far back to look; raw readings are kept for 7 days by default.")
    ] = 7.0,
    as_json: Json = False,
) -> None:
    """Names the longest recent stretches from which a model could learn, and why the others could not."""
    from davy.answer import say
    from davy.models.propose import propose

    url, token, _ = _database()
    found = propose(url, token, asset=asset, days=days)
    if as_json:
        say(found.answer(), as_json=True)
    else:
        print("\n".join(found.lines()))
    raise typer.Exit(0 if found.stretches else 1)


@app.command("fit")
def detectors_fit(
    asset: Asset,
    since: Annotated[str, typer.Option("--from", help="Begin of an interval in which it ran as usual, with its zone.")],
    until: Annotated[str, typer.Option("--to", help="End of that interval.")],
    reason: Annotated[str, typer.Option(help="Why this interval is normal; kept with the model.")] = "",
    contaminated: Annotated[
        bool, typer.Option("--contaminated", help="Hours of it may not have been normal: leave out what stands out.")
    ] = False,
    although_odd: Annotated[str, typer.Option(help="Why it is normal although too much of it looks odd; kept.")] = "",
    promote: Annotated[bool, typer.Option("--promote", help="Put it in force at once; needs a reason.")] = False,
    although_untried: AlthoughUntried = "",
    as_json: Json = False,
) -> None:
    """Learns how an asset runs from an interval that somebody declares normal, without what was flagged in it.

    The version looks on in shadow until somebody puts it in force.
    """
    from davy.answer import say
    from davy.models.fit import fit_asset
    from davy.models.plans import read_instant

    begin, end = read_instant("from", since), read_instant("to", until)
    url, token, actor = _database()
    fitted = fit_asset(
        url, token, asset=asset, since=begin, until=end, actor=actor, reason=reason, contaminated=contaminated, although_odd=although_odd,
        promote=promote, although_untried=although_untried,
    )  # fmt: skip
    if as_json:
        say(fitted.answer(), as_json=True)
    else:
        print("\n".join(fitted.lines()))


@app.command("refit")
def detectors_refit(
    asset: Asset,
    version: Annotated[int, typer.Option(help="Which one.")],
    check: Annotated[
        bool, typer.Option("--check", help="Only look whether it comes out the same; nothing is kept.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Makes a version again out of stored readings, and says whether every parameter is the same to the bit."""
    from core.errors import BadInput
    from davy.answer import say
    from davy.models.refit import refit_check

    if not check:
        raise BadInput(
            "A version is never made anew in place of itself: add --check to compare, or use `davy detectors fit`."
        )
    url, token, _ = _database()
    found = refit_check(url, token, asset=asset, version=version)
    if as_json:
        say(found.answer(), as_json=True)
    else:
        print("\n".join(found.lines()))
    raise typer.Exit(0 if found.is_equal else 1)


@app.command("score")
def detectors_score(
    asset: Asset,
    since: From,
    until: To,
    version: Annotated[int, typer.Option(help="Which one; 0: the one in force.")] = 0,
    each: Annotated[bool, typer.Option("--each", help="Every window with its numbers.")] = False,
    as_json: Json = False,
) -> None:
    """Says what a version makes of an interval of stored readings; nothing is kept or alarmed."""
    from davy.answer import say
    from davy.models.plans import read_instant
    from davy.models.score import score_interval

    begin, end = read_instant("from", since), read_instant("to", until)
    url, token, _ = _database()
    found = score_interval(url, token, asset=asset, version=version or None, since=begin, until=end, each=each)
    if as_json:
        say(found.answer(), as_json=True)
    else:
        print("\n".join(found.lines()))


@app.command("compare")
def detectors_compare(
    asset: Annotated[str, typer.Argument(help="Key of the asset's model in the site file.")],
    versions: Annotated[str, typer.Option(help="Two of them, the one in force first, such as 3,4.")],
    since: From,
    until: To,
    kind: Annotated[str, typer.Option(help="Kind of model; empty: the one whose alarm calls people.")] = "",
    readings: Annotated[
        bool,
        typer.Option("--readings", help="Both judge the stored readings anew, whatever was kept of their shadows."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Holds two versions side by side on the same windows, and against what people have said of the alarms since."""
    from davy.answer import say
    from davy.models.compare import compare_versions
    from davy.models.plans import read_instant, read_versions

    pair = read_versions(versions)
    begin, end = read_instant("from", since), read_instant("to", until)
    url, token, _ = _database()
    found = compare_versions(url, token, asset=asset, versions=pair, since=begin, until=end, kind=kind, anew=readings)
    if as_json:
        say(found.answer(), as_json=True)
    else:
        print("\n".join(found.lines()))


@app.command("promote")
def detectors_promote(
    asset: Asset,
    version: Annotated[int, typer.Option(help="The version that is to judge; an older one too.")],
    reason: Annotated[str, typer.Option(help="Why; kept for good.")] = "",
    although_untried: AlthoughUntried = "",
    as_json: Json = False,
) -> None:
    """Puts a version in force, from the first window that ends after this."""
    from davy.answer import say
    from davy.models.promote import promote_version

    url, token, actor = _database()
    done = promote_version(
        url, token, asset=asset, version=version, actor=actor, reason=reason, overrule=although_untried
    )
    if as_json:
        say(done.answer(), as_json=True)
    else:
        print(done.line())


@app.command("drift")
def detectors_drift(
    asset: Annotated[str, typer.Option(help="Of one asset; empty: of all.")] = "",
    as_json: Json = False,
) -> None:
    """Says whether each version in force still fits its machine, by the last week; status 1 where one does not."""
    from davy.answer import say
    from davy.models.fitness import look_now

    url, token, _ = _database()
    found = look_now(url, token, asset=asset)
    if as_json:
        say({"models": [each.answer() for each in found]}, as_json=True)
    else:
        print("\n".join(each.line() for each in found) or "No version of any model is in force.")
    raise typer.Exit(1 if any(each.drifted for each in found) else 0)


@app.command("run")
def detectors_run() -> None:
    """Scores windows of readings as they come, until it is asked to stop; the same as the process `detectors`."""
    from davy.processes.detectors import run
    from davy.processes.process import run_process

    raise typer.Exit(run_process("detectors", run, die_with_parent=False))


@app.command("access")
def detectors_access() -> None:
    """Writes the broker's access list anew with the models there are, and tells the broker; without a file, prints it."""
    from core.settings import Settings
    from davy.models.access import write_access

    print(write_access(Settings.read(os.environ)))
