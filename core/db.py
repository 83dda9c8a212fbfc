"""Connections and transactions. Every transaction but the owner's begins by saying for whom it acts.

SQL lives in the store files; what stands here is what every store needs before its first statement.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from typing import Any, LiteralString

import psycopg
from psycopg import ClientCursor, Connection, ServerCursor
from psycopg.errors import IdleInTransactionSessionTimeout, ReadOnlySqlTransaction
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout

from core.errors import DatabaseAway
from core.row_table import Row, RowTable

Token = Callable[[], str]
CONNECT_TIMEOUT_S = 5
PIECE = 2000  # rows that are in memory as objects at once


def connect(conninfo: str, *, application: str) -> Connection[TupleRow]:
    """A connection in autocommit mode: transactions are always written out.

    Raises:
        DatabaseAway: with the server's words, without the password.
    """
    try:
        return psycopg.connect(
            conninfo, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, application_name=f"davy-{application}"
        )
    except psycopg.OperationalError as error:
        if (error.sqlstate or "").startswith("28") or "authentication failed" in str(error):
            raise DatabaseAway(f"The database refused the log-in: {first_line(error)}") from error
        raise DatabaseAway(f"The database does not answer: {first_line(error)}") from error


@contextmanager
def transaction(connection: Connection[Any], token: str | None) -> Iterator[Connection[Any]]:
    """One transaction on behalf of `token` (None: the owner, who has a policy of its own).

    It begins and says for whom in one message: each way to the database and back is waited for, longest while the machine is busy.
    """
    if token is None:
        with connection.transaction():
            yield connection
        return
    try:
        ClientCursor(connection).execute("BEGIN; SELECT set_config('davy.principal', %s, true)", (token,))
        yield connection
    except BaseException:
        with suppress(psycopg.OperationalError):  # it broke on the way: what broke it is what is told
            connection.rollback()
        raise
    connection.commit()


def only(
    connection: Connection[Any], token: str, statement: LiteralString, values: Sequence[object]
) -> TupleRow | None:
    """The first row of one statement that is a transaction by itself on behalf of `token`: one message there, one back.

    Args:
        statement: reads, and has a %s for each of `values`. Its plan is made anew each time.
    """
    cursor = ClientCursor(connection)
    cursor.execute("SELECT set_config('davy.principal', %s, true); " + statement, (token, *values))
    cursor.nextset()
    return cursor.fetchone()


def _still_there(connection: Connection[Any]) -> None:
    """A session that the server has ended says so or hangs up: there is something to read although nothing was asked. Only then the
    server is asked whether it stands, which would cost a way there and back before each transaction.

    Raises:
        psycopg.OperationalError: it does not.
    """
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    if waiting.poll(0):
        ConnectionPool.check_connection(connection)


def read_rows(
    kind: type[Row],
    cursor: ServerCursor[TupleRow],
    more: Sequence[Row] = (),
    convert: Mapping[str, Callable[[Any], Any]] | None = None,
) -> RowTable[Row]:
    """What a cursor at the server gives, whose columns are named as the fields of `kind`, then `more`: kept as columns."""
    names = [column.name for column in cursor.description or ()]
    last = [tuple(getattr(row, name) for name in names) for row in more]
    return RowTable.read(kind, names, chain(iter(lambda: cursor.fetchmany(PIECE), []), [last]), convert)


class Database:
    """A pool for processes that serve many people at once.

    Args:
        conninfo: of one of the five roles.
        statement_timeout_s: longest a statement may run; web waits 5 s at most. A transaction that stands idle for as long is
            ended too: a process that hangs, or a host that is gone, must not hold alarm rows for which ingest waits.
    """

    def __init__(self, conninfo: str, *, application: str, size: int = 8, statement_timeout_s: float = 5.0) -> None:
        timeout_ms = int(statement_timeout_s * 1000)
        self._pool: ConnectionPool[Connection[TupleRow]] = ConnectionPool(
            conninfo,
            min_size=1,
            max_size=size,
            open=False,
            timeout=CONNECT_TIMEOUT_S,
            check=_still_there,
            kwargs={
                "autocommit": True,
                "connect_timeout": CONNECT_TIMEOUT_S,
                "application_name": f"davy-{application}",
                "options": f"-c statement_timeout={timeout_ms} -c idle_in_transaction_session_timeout={timeout_ms}",
            },
        )

    def open(self) -> None:
        """Starts the pool; does not wait for the database."""
        self._pool.open(wait=False)

    def close(self) -> None:
        """Gives all connections back."""
        self._pool.close()

    @contextmanager
    def transaction(self, token: str | None) -> Iterator[Connection[TupleRow]]:
        """One transaction on behalf of `token`.

        Raises:
            DatabaseAway: as `connection` does.
        """
        with self.connection() as connection, transaction(connection, token):
            yield connection

    @contextmanager
    def connection(self) -> Iterator[Connection[TupleRow]]:
        """A connection in no transaction, for a statement that is one by itself.

        Raises:
            DatabaseAway: when no connection is to be had, it broke on the way, or it may not write. A session keeps what it was born
                with, such as being read-only: then the pool begins afresh, and the next try asks the server as it is by then.
        """
        try:
            with self._pool.connection() as connection:
                yield connection
        except ReadOnlySqlTransaction as error:
            self._pool.drain()
            raise DatabaseAway(f"The database is read-only: {first_line(error)}") from error
        except (PoolTimeout, psycopg.OperationalError, IdleInTransactionSessionTimeout) as error:
            if isinstance(error, psycopg.Error) and error.sqlstate is not None and not _away(error.sqlstate):
                raise
            raise DatabaseAway(f"The database does not answer: {first_line(error)}") from error


def _away(sqlstate: str) -> bool:
    # 08: connection exceptions; 25P03: ended because we stood idle; 57P01-57P03: shutting down, crashed, starting up; 53300:
    # too many connections.
    return sqlstate.startswith("08") or sqlstate in {"25P03", "57P01", "57P02", "57P03", "53300"}


def passes(error: BaseException) -> bool:
    """Whether the same transaction may go well when it is tried again: others were in its way, or the server was slow.

    40001: not serializable; 40P01: deadlock; 55P03: a lock that was not had in time; 57014: a statement over its time.
    """
    return isinstance(error, psycopg.Error) and error.sqlstate in {"40001", "40P01", "55P03", "57014"}


def first_line(error: BaseException) -> str:
    """The first line of what a library says, for a sentence of ours."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
