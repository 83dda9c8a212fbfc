"""`davy channels`: what leads to people, what of it is broken, sealing addresses anew after a change of keys, and moving one."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Annotated

import typer

from davy.cli.options import Json

app = typer.Typer(
    no_args_is_help=True, help="Channels to people: what is broken, the keys of addresses, and new addresses."
)


@app.command("list")
def list_them(as_json: Json = False) -> None:
    """Channels that are set up, addresses that are dead, and what fails again and again; no address is shown."""
    from core.settings import Settings
    from davy.answer import say
    from davy.channels import look

    found = look(Settings.read(os.environ), datetime.now(UTC))
    if as_json:
        say(found.answer(), as_json=True)
    else:
        print("\n".join(found.lines()))


@app.command()
def reseal(as_json: Json = False) -> None:
    """Seals every address with the first of DAVY_ADDRESS_KEYS; afterwards the other keys may go. Doing it again changes nothing."""
    from core.settings import Settings
    from davy.answer import say
    from davy.channels import reseal as run

    sealed, there = run(Settings.read(os.environ))
    if as_json:
        say({"sealed": sealed, "addresses": there}, as_json=True)
    else:
        print(f"{sealed} of {there} addresses sealed anew.")


@app.command()
def revive(
    person: Annotated[str, typer.Argument(help="Key of the person, as in the site file.")],
    channel: Annotated[str, typer.Argument(help="The channel whose address lives again, such as ntfy.")],
    as_json: Json = False,
) -> None:
    """Lets an address that was marked as dead live again as it is; one that is corrected in the site file does so by itself."""
    from core.settings import Settings
    from davy.answer import say
    from davy.channels import revive as run

    run(Settings.read(os.environ), person, channel)
    if as_json:
        say({"person": person, "channel": channel}, as_json=True)
    else:
        print(f"Messages go to the {channel} address of {person} again.")


@app.command()
def move(
    person: Annotated[str, typer.Argument(help="Key of the person, as in the site file.")],
    channel: Annotated[str, typer.Argument(help="The channel, such as sms.")],
    address: Annotated[
        str, typer.Option("--to", prompt="New address", help="The new address; asked for where it is not given.")
    ],
    as_json: Json = False,
) -> None:
    """Gives somebody another address: a code goes to the old and to the new one, and both must be typed here."""
    from core.settings import Settings
    from davy.answer import say
    from davy.moving import move as run

    asked = run(
        Settings.read(os.environ),
        person,
        channel,
        address,
        ask=lambda question: str(typer.prompt(question, err=True)),
        actor=os.environ.get("USER", "operator"),
        now=datetime.now(UTC),
    )
    if as_json:
        say({"person": person, "channel": channel, "old_asked": asked}, as_json=True)
    else:
        print(f"Messages go to the new {channel} address of {person}. Write it into the site file too.")
