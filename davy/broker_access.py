"""`davy broker access`: Davy's own users in the broker's password file, and the access list, for a broker that we do not start.

Devices come later, one by one (`davy device credential`); their lines in the password file stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

from core.errors import BadInput, BadSetting
from core.settings import Settings, variable
from davy.device_credential import replace_entry, tell_broker
from davy.servers.broker import Access
from davy.servers.mosquitto import access_list, password_hash

SHORTEST: Final = 8  # as the setting of the password itself


def broker_access(settings: Settings, password_files: Mapping[str, Path]) -> str:
    """Writes both files; safe to repeat.

    Args:
        password_files: user -> file that holds its password; who is not named gets no rights.

    Returns:
        What is left to do.

    Raises:
        BadInput: a user that is none of Davy's own, or a password that cannot be used.
        BadSetting: the broker's files are not set, or cannot be written.
    """
    rights = Access({})
    ours = {each.name: users for each in fields(rights) if isinstance(users := getattr(rights, each.name), frozenset)}
    known = frozenset().union(*ours.values())
    if unknown := sorted(password_files.keys() - known):
        raise BadInput(
            f"{', '.join(unknown)} is no user of Davy's own at the broker ({', '.join(sorted(known))}); "
            "a device gets its password by `davy device credential`."
        )
    passwords = {user: _password(user, file) for user, file in password_files.items()}
    # Only who is named: an access list with a simulator in it is a promise to nobody.
    granted: dict[str, Any] = {name: users & password_files.keys() for name, users in ours.items()}
    password_file, access_file = (Path(settings.need(name)) for name in ("broker_password_file", "broker_acl_file"))
    try:
        access_file.write_text(access_list(replace(rights, **granted)), encoding="utf-8")
    except OSError as error:
        raise BadSetting(
            f"{variable('broker_acl_file')} names {access_file}, which cannot be written: {error.strerror}."
        ) from error
    for user, password in sorted(passwords.items()):
        replace_entry(password_file, user, password_hash(password))
    return f"{', '.join(sorted(passwords))} may log in at the broker.\n{tell_broker(settings.broker_pid)}"


def _password(user: str, file: Path) -> str:
    try:
        password = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadInput(f"The password of {user} is to be in {file}, which cannot be read ({why}).") from error
    if len(password) < SHORTEST or "\n" in password:
        raise BadInput(f"{file} does not hold a password; it must be one line of at least {SHORTEST} characters.")
    return password
