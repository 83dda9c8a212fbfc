"""`davy site export`: the database as a site file that imports to the same."""

from __future__ import annotations

from contextlib import closing

from core.db import connect
from core.migrate import require_current
from core.site_text import write_site_file
from davy.site.importing import read_everything


def export_site(owner_url: str) -> str:
    """The text of a site file with everything in the database, addresses in full: keep it like a secret.

    Args:
        owner_url: the database, as its owner.

    Raises:
        DatabaseAway: it does not answer.
    """
    with closing(connect(owner_url, application="site-export")) as connection:
        require_current(connection, "davy_owner")
        with connection.transaction():
            return write_site_file(read_everything(connection))
