"""`davy broker access`: Davy's own users in the broker's password file, and the access list, for a broker that we do not start.

Devices come later, one by one (`davy device credential`); their lines in the password file stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from core.errors import BadInput
from core.settings import Settings
from davy.servers.broker import Access
from davy.servers.mosquitto import password_hash
from davy.site.access_file import for_users, rewrite
from davy.site.device_credential import replace_entry, tell_broker

SHORTEST: Final = 8  # as the setting of the password itself


def broker_access(settings: Settings, password_files: Mapping[str, Path], *, add: bool = False) -> str:
    """Writes both files; safe to repeat. The models that `davy detectors access` has written stay.

    Args:
        password_files: user -> file that holds its password.
        add: who has rights keeps them; otherwise who is not named has none.

    Returns:
        What is left to do.

    Raises:
        BadInput: a user that is none of Davy's own, or a password that cannot be used.
        BadSetting: the broker's files are not set, or cannot be written.
    """
    known = Access({}).reserved
    if unknown := sorted(password_files.keys() - known):
        raise BadInput(
            f"{', '.join(unknown)} is no user of Davy's own at the broker ({', '.join(sorted(known))}); "
            "a device gets its password by `davy device credential`."
        )
    passwords = {user: _password(user, file) for user, file in password_files.items()}
    password_file, access_file = (Path(settings.need(name)) for name in ("broker_password_file", "broker_acl_file"))
    named = frozenset(password_files)

    def change(before: Access | None) -> Access:
        if before is None:
            return for_users(named, frozenset())
        return for_users(named | before.reserved if add else named, before.models)

    rewrite(access_file, change)
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
