"""A process for the fault test: sends one message over a real channel, and is killed before it can mark it.

Arguments: conninfo of the role alerting, principal key (hex), webhook secret, port of the receiver, now (ISO).
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime

from alerting.channels.channel import Address
from alerting.channels.webhook import Webhook
from alerting.message import Message
from alerting.outbox import Dispatcher
from core.db import Database
from core.metrics import Metrics
from core.principal import ServiceToken


class Fatal(Webhook):
    """Delivers, and dies of it."""

    def send(self, message: Message, address: Address, *, now: datetime, timeout_s: float) -> str:
        super().send(message, address, now=now, timeout_s=timeout_s)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("unreachable")


def main() -> None:
    conninfo, key, secret, port, now = sys.argv[1:]
    database = Database(conninfo, application="alerting-test", size=1)
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
