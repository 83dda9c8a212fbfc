"""`davy site export`: the database as a site file that imports to the same."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from core.migrate import require_current
from core.site_text import write_site_file
from davy.site_import import read_everything


def export_site(connection: Connection[Any]) -> str:
    """The text of a site file with everything in the database, addresses in full: keep it like a secret.

    Args:
        connection: as the owner.
    """
    require_current(connection)
    with connection.transaction():
        return write_site_file(read_everything(connection))
