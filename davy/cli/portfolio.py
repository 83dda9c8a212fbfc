"""Commands about what Davy watches and for whom: sites, people's log-ins, devices."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from core.errors import BadInput
from davy.cli.options import Json

site_app = typer.Typer(
    no_args_is_help=True, help="Companies, sites, devices, sensors, limits, people and routes, as one file."
)
user_app = typer.Typer(no_args_is_help=True, help="Log-ins of people.")
device_app = typer.Typer(no_args_is_help=True, help="Devices at the broker.")


@site_app.command("import")
def site_import(
    file: Path,
    reason: Annotated[str, typer.Option(help="Why; kept in the journal. Needed where a limit changes.")] = "",
    given: Annotated[list[str], typer.Option("--set", metavar="NAME=VALUE", help="What ${NAME} stands for.")] = [],  # noqa: B006
    proposer: Annotated[
        str, typer.Option("--proposed-by", metavar="PERSON", help="Who answers for a change that life safety hangs on.")
    ] = "",
    approver: Annotated[
        str, typer.Option("--approved-by", metavar="PERSON", help="And who else; one of the two is a safety officer.")
    ] = "",
    undo: Annotated[bool, typer.Option("--undo", help="The file may undo limits changed on the page since.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change and change nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Brings the database to what FILE says; repeating it changes nothing."""
    from alerting.vault import Vault
    from core.settings import Settings
    from davy.answer import say
    from davy.site.importing import import_site, read_variables

    variables, settings = read_variables(given), Settings.read(os.environ)
    owner = settings.secret("database_url_owner")
    actor = os.environ.get("USER", "operator")
    outcome = import_site(
        owner, file, actor=actor, reason=reason, variables=variables, proposer=proposer, approver=approver, undo=undo,
        dry_run=dry_run, vault=Vault.from_settings(settings),
    )  # fmt: skip
    if as_json:
        say(outcome.answer(), as_json=True)
    else:
        print("\n".join(outcome.lines()))


@site_app.command("export")
def site_export(file: Annotated[Path | None, typer.Argument(help="Default: stdout.")] = None) -> None:
    """Writes what the database holds as a site file."""
    from alerting.vault import Vault
    from core.settings import Settings
    from davy.site.exporting import export_site

    settings = Settings.read(os.environ)
    text = export_site(settings.secret("database_url_owner"), Vault.from_settings(settings))
    if file is None:
        print(text, end="")
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{file} cannot be written: {error.strerror}.") from error


@user_app.command("add")
def user_add(
    login: Annotated[str, typer.Option(help="What the person types.")],
    person: Annotated[str, typer.Option(help="The person's key in the site file.")],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from stdin; else one is made and shown once.")
    ] = False,
) -> None:
    """Gives a person of the site file a log-in."""
    from core.settings import Settings
    from davy.site.users import add_user

    given = sys.stdin.readline().rstrip("\n") if password_stdin else None
    added = add_user(
        Settings.read(os.environ).secret("database_url_owner"), login=login, person_key=person, password=given
    )
    print(
        f"{added.login} can log in."
        if given
        else f"{added.login} can log in with the password {added.password} (shown once)."
    )


@device_app.command("credential")
def device_credential(device: str) -> None:
    """Makes a device's password at the broker and shows it once."""
    from core.settings import Settings
    from davy.site.device_credential import device_credential as run

    print(run(Settings.read(os.environ), device))
