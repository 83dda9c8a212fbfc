"""`davy site export`: the database as a site file that imports to the same."""

from __future__ import annotations

from contextlib import closing

from alerting.store.false_alarms import base_of_budgeted
from alerting.vault import Vault
from core.db import connect
from core.migrate import require_current
from core.site_false_alarms import without_budget
from core.site_text import write_site_file
from davy.site.importing import opened, read_everything


def export_site(owner_url: str, vault: Vault | None = None) -> str:
    """The text of a site file with everything in the database, addresses in full: keep it like a secret.

    A setpoint that comes from the budget of false alarms stands there as its pack has it: nobody has stated it.

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
            found = opened(read_everything(connection), vault or Vault())
            found.definitions = without_budget(found.definitions, base_of_budgeted(connection))
            return write_site_file(found)
