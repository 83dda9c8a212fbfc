"""`davy site export`: the database as a site file that imports to the same."""

from __future__ import annotations

from contextlib import closing

from alerting.vault import Vault
from core.db import connect
from core.migrate import require_current
from core.site_text import write_site_file
from davy.site.importing import opened, read_everything


def export_site(owner_url: str, vault: Vault | None = None) -> str:
    """The text of a site file with everything in the database, addresses in full: keep it like a secret.

    Args:
        owner_url: the database, as its owner.
        vault: opens people's addresses; None: none is sealed.

    Raises:
        DatabaseAway: it does not answer.
        BadSetting: an address is sealed with a key that the vault does not have.
    """
    with closing(connect(owner_url, application="site-export")) as connection:
        require_current(connection, "davy_owner")
        with connection.transaction():
            return write_site_file(opened(read_everything(connection), vault or Vault()))
