"""The access list of a broker that Davy does not start: one writer, so that users and models do not write each other away."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from core.errors import BadSetting
from core.settings import variable
from davy.servers.broker import Access
from davy.servers.mosquitto import access_list

HEAD: Final = (
    "# Written by `davy broker access` and `davy detectors access`; what is changed by hand is lost at the next run.\n"
)
_USER: Final = re.compile(r"^# user (\S+)$", re.MULTILINE)
_MODEL: Final = re.compile(r"^# model (\S+)$", re.MULTILINE)


def text_of(access: Access) -> str:
    """The file. It names users and models in its head: scorers have no lines before there is a model."""
    users = access.readers | access.publishers | access.scorers
    named = [f"# user {user}\n" for user in sorted(users)] + [f"# model {model}\n" for model in sorted(access.models)]
    return HEAD + "".join(named) + access_list(access)


def for_users(users: frozenset[str], models: frozenset[str]) -> Access:
    """The rights of those of Davy's own users that are named: a list with a simulator in it is a promise to nobody."""
    whole = Access({})
    return Access(
        {},
        readers=whole.readers & users,
        publishers=whole.publishers & users,
        scorers=whole.scorers & users,
        models=models,
    )


def rewrite(file: Path, change: Callable[[Access | None], Access]) -> Access:
    """Writes the list anew from what it says, at once or not at all; owner and mode stay.

    Args:
        change: is given what the file says, None where there is none or an empty one.

    Raises:
        BadSetting: the file is somebody else's, or cannot be read or written.
    """
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        known = file.stat() if file.exists() else None
        said = file.read_text("utf-8") if known is not None else ""
        if said and not said.startswith(HEAD):
            raise BadSetting(
                f"{variable('broker_acl_file')} names {file}, which somebody else wrote. Unset it to have the list of "
                "`davy detectors access` printed, and add its lines there; or remove the file to have it written."
            )
        before = for_users(frozenset(_USER.findall(said)), frozenset(_MODEL.findall(said))) if said else None
        after = change(before)
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "w", encoding="utf-8") as opened:
            opened.write(text_of(after))
            opened.flush()
            os.fsync(opened.fileno())
        if known is not None:
            os.chmod(fresh, known.st_mode & 0o777)
            if (known.st_uid, known.st_gid) != (os.geteuid(), os.getegid()):
                os.chown(fresh, known.st_uid, known.st_gid)
        fresh.replace(file)
    except (OSError, UnicodeDecodeError) as error:
        fresh.unlink(missing_ok=True)
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadSetting(f"{variable('broker_acl_file')} names {file}, which cannot be written: {why}.") from error
    return after
