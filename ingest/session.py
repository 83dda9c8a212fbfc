"""A session of ingest with the database: opened when it is wanted, let go of when it may be what is wrong."""

from __future__ import annotations

from typing import Any, Final

from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from core.db import connect
from ingest.copy_rows import adapt_columns

# What the server is to do with a session of ours that went without a word, by a cut network or a host that froze: its
# transaction holds the mark, so nobody gets on before it is ended.
_SESSION: Final = (
    "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3 -c tcp_user_timeout=10000"
    " -c idle_in_transaction_session_timeout=30000"
)
# Alerting's people lock alarm rows too, and a row that somebody's session holds must not hold us for ever: ingest waits at most 2 s for
# a lock and tries again (design section 5); what could not be written of newest values goes into the next flush.
PATIENCE: Final = "-c lock_timeout=2000"


def open_connection(conninfo: str, *, settings: str = "") -> Connection[Any]:
    """A connection of ingest; each side notices within about 10 s when the other is gone.

    Args:
        settings: more of what a session begins with, as `-c name=value`.

    Raises:
        DatabaseAway: the database does not answer.
    """
    told = conninfo_to_dict(conninfo).get("options") or ""
    alive = make_conninfo(
        conninfo, keepalives_idle=5, keepalives_interval=2, keepalives_count=3, tcp_user_timeout=10_000,
        options=f"{_SESSION} {settings} {told}",
    )  # fmt: skip
    connection = connect(alive, application="ingest")
    adapt_columns(connection)
    return connection


class Session:
    """One connection at a time, of one thread; arguments as `open_connection` has them."""

    def __init__(self, conninfo: str, *, settings: str = "") -> None:
        self._conninfo = conninfo
        self._settings = settings
        self._connection: Connection[Any] | None = None

    def connection(self) -> Connection[Any]:
        """The connection; a new one where there is none or it broke.

        Raises:
            DatabaseAway: the database does not answer.
        """
        if self._connection is None or self._connection.broken or self._connection.closed:
            self.close()
            self._connection = open_connection(self._conninfo, settings=self._settings)
        return self._connection

    def close(self) -> None:
        """Lets go of it. The next one begins afresh: a session keeps what it was born with, such as being read-only."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
