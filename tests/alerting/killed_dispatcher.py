"""A process for the fault test: takes one message for a real channel, and is killed at a step of it.

Arguments: conninfo of the role alerting, principal key (hex), webhook secret, port of the receiver, now (ISO), step: before it is sent,
after it is sent (as it is where none is named), or while it is being marked.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from psycopg import Connection

from alerting.channels.channel import Address
from alerting.channels.webhook import Webhook
from alerting.message import Message
from alerting.outbox import Dispatcher
from core.db import Database
from core.metrics import Metrics
from core.principal import ServiceToken


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Fatal(Webhook):
    """Dies before it delivers, or of it."""

    step = ""

    def send(self, message: Message, address: Address, *, now: datetime, timeout_s: float) -> str:
        if self.step == "before":
            die()
        receipt = super().send(message, address, now=now, timeout_s=timeout_s)
        if self.step == "after":
            die()
        return receipt


class FatalDatabase(Database):
    """Dies within the second transaction of a message: it has been marked, and nobody will ever know."""

    opened = 0

    @contextmanager
    def transaction(self, token: str | None) -> Iterator[Connection[Any]]:
        self.opened += 1
        with super().transaction(token) as connection:
            yield connection
            if Fatal.step == "marking" and self.opened == 2:
                die()


def main() -> None:
    conninfo, key, secret, port, now, *step = sys.argv[1:]
    Fatal.step = step[0] if step else "after"
    database = FatalDatabase(conninfo, application="alerting-test", size=1)
    database.open()
    dispatcher = Dispatcher(
        database,
        {"webhook": Fatal({"deputy-hook": secret}, [f"127.0.0.1:{port}"])},
        token=lambda: ServiceToken(bytes.fromhex(key)).at(datetime.now(UTC).timestamp()),
        clock=lambda: datetime.now(UTC),
        public_url="https://davy.example",
        metrics=Metrics().alerting,
    )
    dispatcher.run_once(datetime.fromisoformat(now))


if __name__ == "__main__":
    main()
