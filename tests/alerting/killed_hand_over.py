"""A process for the race tests: hands calls over to whoever is on duty now, and is killed before or after that is committed.

Arguments: conninfo of the role alerting, principal key (hex), now (ISO), "before" or "after".
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime

from alerting.reassigning import reassign
from core.db import connect, transaction
from core.principal import ServiceToken


def main() -> None:
    conninfo, key, now, when = sys.argv[1:]
    token = ServiceToken(bytes.fromhex(key)).at(datetime.now(UTC).timestamp())
    with connect(conninfo, application="alerting-test") as connection:
        with transaction(connection, token):
            assert reassign(connection, datetime.fromisoformat(now)) > 0
            if when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
