"""What the inbox process has received, for the page /demo/inbox of the web process."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.request import urlopen

from api.web import Received

KINDS: Final = {"smtp": "mail", "webhook": "webhook"}
NEWEST: Final = 100
TIMEOUT_S: Final = 2.0


class HttpInbox:
    """Reads the listing of `davy.private.inbox` over loopback.

    Args:
        url: where the listing is.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def received(self) -> Sequence[Received]:
        """The newest first; empty while the inbox does not answer."""
        try:
            with urlopen(self._url, timeout=TIMEOUT_S) as answer:
                messages = json.load(answer)
        except OSError:
            return []
        return [
            Received(
                at=datetime.fromisoformat(m["received_at"]),
                kind=KINDS[m["channel"]],
                to=m["recipient"],
                subject=m["subject"],
                body=m["body"],
                verified=m["verified"],
            )
            for m in reversed(messages[-NEWEST:])
        ]
