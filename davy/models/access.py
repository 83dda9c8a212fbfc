"""Who may publish models' scores: the broker's access list, written from the models that the site files declare."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from psycopg import Connection

from core.db import connect
from core.migrate import require_current
from core.settings import Settings
from core.site_models import model_device
from davy.servers.broker import Access
from davy.site.access_file import rewrite, text_of
from davy.site.device_credential import tell_broker
from detectors.store.models import load_plans


def model_topics(connection: Connection[Any]) -> list[str]:
    """`{site}/{device}` of each model there is, as `Access.models` has it."""
    return [f"{plan.site}/{model_device(plan.key)}" for plan in load_plans(connection)]


def write_access(settings: Settings) -> str:
    """Puts the models there are into mosquitto's access list, whose users stay, and has the broker read it again.

    Returns:
        What the operator is shown: the list itself where no file is set, else what was done.

    Raises:
        BadSetting: the file is somebody else's, or cannot be written, or the broker cannot be told.
        DatabaseAway: it does not answer.
    """
    with closing(connect(settings.secret("database_url_owner"), application="detectors-access")) as connection:
        require_current(connection, "davy_owner")
        models = model_topics(connection)

    def change(before: Access | None) -> Access:
        return (before or Access({}, publishers=frozenset())).with_models(models)

    file = settings.broker_acl_file
    if file is None:
        return text_of(change(None)).rstrip("\n")
    rewrite(file, change)
    return f"{file}: {len(models)} models. {tell_broker(settings.broker_pid)}"
