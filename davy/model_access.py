"""Who may publish models' scores: the broker's access list, written from the models that the site files declare."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from psycopg import Connection

from core.db import connect
from core.errors import BadSetting
from core.migrate import require_current
from core.settings import Settings, variable
from core.site_models import model_device
from davy.device_credential import tell_broker
from davy.servers.broker import Access
from davy.servers.mosquitto import access_list
from detectors.store.models import load_plans

HEAD: Final = "# Written by `davy detectors access`; what is changed by hand is lost at its next run.\n"


def model_topics(connection: Connection[Any]) -> list[str]:
    """`{site}/{device}` of each model there is, as `Access.models` has it."""
    return [f"{plan.site}/{model_device(plan.key)}" for plan in load_plans(connection)]


def write_access(settings: Settings) -> str:
    """Writes mosquitto's access list for ingest, devices and models, and has the broker read it again.

    Returns:
        What the operator is shown: the list itself where no file is set, else what was done.

    Raises:
        BadSetting: the file is somebody else's, or cannot be written, or the broker cannot be told.
        DatabaseAway: it does not answer.
    """
    with closing(connect(settings.secret("database_url_owner"), application="detectors-access")) as connection:
        require_current(connection, "davy_owner")
        models = model_topics(connection)
    text = HEAD + access_list(Access({}, publishers=frozenset(), models=frozenset(models)))
    file = settings.broker_acl_file
    if file is None:
        return text.rstrip("\n")
    _replace(file, text)
    return f"{file}: {len(models)} models. {tell_broker(settings.broker_pid)}"


def _replace(file: Path, text: str) -> None:
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        if file.exists() and not file.read_text("utf-8").startswith(HEAD):
            raise BadSetting(
                f"{variable('broker_acl_file')} names {file}, which somebody else wrote. Unset it to have the list printed, and "
                "add its lines there; or remove the file to have it written."
            )
        known = file.stat() if file.exists() else None
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "w", encoding="utf-8") as opened:
            opened.write(text)
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
