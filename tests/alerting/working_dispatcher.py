"""A process for the race tests: sends all that is due over a real channel; it can be told to be killed, or stopped, at a step of a message.

Arguments: a JSON object with conninfo of the role alerting, key (principal, hex), secret, port of the receiver, now (ISO), and where
it ends: `signal` ("KILL" or "STOP"), `step`, and `nth`, the message at which it does. Steps: "claiming" (claimed and not committed),
"claimed" (committed, not sent), "sent" (the receiver has it, nothing is marked), "marking" (marked and not committed), "marked". Its
last line on stdout is a JSON list of outcomes.
"""

from __future__ import annotations

import json
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
from alerting.outbox import Dispatcher, Outcome
from core.db import Database
from core.metrics import Metrics
from core.principal import ServiceToken

STEPS = ("claiming", "claimed", "sent", "marking", "marked")


class Fate:
    """Where and when the process ends.

    Args:
        ends_at: (step, nth); None: it does not.
    """

    def __init__(self, ends_at: tuple[str, int] | None, by: str) -> None:
        self._ends_at = ends_at
        self._by = by
        self._message = 0

    def reached(self, step: str) -> None:
        """This step of the message in hand; may not return, or much later."""
        self._message += step == STEPS[0]
        if self._ends_at == (step, self._message):
            self._ends_at = None
            os.kill(os.getpid(), getattr(signal, f"SIG{self._by}"))


class Fated(Webhook):
    """Tells before and after it sends."""

    fate: Fate

    def send(self, message: Message, address: Address, *, now: datetime, timeout_s: float) -> str:
        self.fate.reached("claimed")
        receipt = super().send(message, address, now=now, timeout_s=timeout_s)
        self.fate.reached("sent")
        return receipt


class FatedDatabase(Database):
    """Tells before its transactions end: the first of a message claims it, the second marks it."""

    fate: Fate
    _opened = 0

    @contextmanager
    def transaction(self, token: str | None) -> Iterator[Connection[Any]]:
        self._opened += 1
        first = self._opened % 2 == 1
        with super().transaction(token) as connection:
            yield connection
            self.fate.reached("claiming" if first else "marking")
        if not first:
            self.fate.reached("marked")


def main() -> None:
    told: dict[str, Any] = json.loads(sys.argv[1])
    ends_at = (str(told["step"]), int(told["nth"])) if "step" in told else None
    fate = Fate(ends_at, told.get("signal", "KILL"))
    database = FatedDatabase(told["conninfo"], application="alerting-test", size=1)
    channel = Fated({"deputy-hook": told["secret"]}, [f"127.0.0.1:{told['port']}"])
    database.fate = channel.fate = fate
    database.open()
    dispatcher = Dispatcher(
        database,
        {"webhook": channel},
        token=lambda: ServiceToken(bytes.fromhex(told["key"])).at(datetime.now(UTC).timestamp()),
        clock=lambda: datetime.now(UTC),
        public_url="https://davy.example",
        metrics=Metrics().alerting,
    )
    outcomes: list[Outcome] = []
    while (outcome := dispatcher.run_once(datetime.fromisoformat(told["now"]))) is not None:
        outcomes.append(outcome)
    database.close()
    sys.stdout.write(json.dumps(outcomes) + "\n")


if __name__ == "__main__":
    main()
