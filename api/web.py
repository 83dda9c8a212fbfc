"""What every route may use, made once by `create_app`: the database, the keys, the clock, the pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Protocol

from fastapi import Depends, Request
from psycopg import Connection
from psycopg.rows import TupleRow

from alerting.links import Links
from api.boards import Boards
from api.news import News
from api.passwords import Passwords
from api.rendering import Pages
from api.throttle import Throttle
from api.visitor import Visitor
from core.db import Database
from core.limit_rule import PackLimit, Vocabulary
from core.metrics import ApiMetrics


@dataclass(frozen=True, slots=True)
class Received:
    """Something a sink of the demo received: a mail or a webhook call.

    Args:
        kind: "mail" or "webhook".
        verified: for a webhook, whether its signature held; None where there is none to check.
    """

    at: datetime
    kind: str
    to: str
    subject: str
    body: str
    verified: bool | None = None

    @property
    def language(self) -> str:
        """Of its subject, as HTML names it: a message is in its reader's language, not in that of whoever looks at the page."""
        return "zh-Hans" if any("\u4e00" <= letter <= "\u9fff" for letter in self.subject) else "en"


class DemoInbox(Protocol):
    """Where the demo's own sinks keep what they received."""

    def received(self) -> Sequence[Received]:
        """The newest first."""


@dataclass(frozen=True, slots=True)
class LimitWords:
    """What limits may be made of, as for a site file.

    Args:
        packs: those that come with Davy, by name.
    """

    words: Vocabulary
    packs: Mapping[str, PackLimit]


@dataclass(frozen=True, slots=True)
class CallKeys:
    """What a key that was pressed during a call is checked against.

    Args:
        token: with which the gateway signs what it sends.
        public_url: address of Davy that the gateway was given.
    """

    token: str = field(repr=False)
    public_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """The composition of one web process.

    Args:
        clock: aware UTC now.
        secure: cookies go over https only.
        limits: asked for when somebody first looks at limits: what detectors there are takes a moment to load.
        calls: None: no gateway calls back.
        public_url: where people and programs find us, without a slash at its end; None: where they found us.
        links: reads the links by which people acknowledge without logging in; None: none is believed.
        strangers: who comes with links that we did not sign.
        aliyun_receipts: what stands at the end of the address that Aliyun reports to; None: it reports to nobody.
    """

    database: Database
    principal_key: bytes = field(repr=False)
    cookie_key: bytes = field(repr=False)
    clock: Callable[[], datetime]
    secure: bool
    news: News
    boards: Boards
    pages: Pages
    passwords: Passwords
    throttle: Throttle
    inbox: DemoInbox | None
    metrics: ApiMetrics | None
    limits: Callable[[], LimitWords]
    calls: CallKeys | None = None
    public_url: str | None = None
    links: Links | None = None
    strangers: Throttle = field(default_factory=Throttle)
    aliyun_receipts: str | None = field(default=None, repr=False)

    @contextmanager
    def acting_for(self, visitor: Visitor) -> Iterator[Connection[TupleRow]]:
        """One transaction under the visitor's principal."""
        with self.database.transaction(visitor.token(self.principal_key, self.clock())) as connection:
            yield connection

    @contextmanager
    def acting_as(self, token: str) -> Iterator[Connection[TupleRow]]:
        """One transaction under another principal: looking up a login or a session."""
        with self.database.transaction(token) as connection:
            yield connection


def web_of(request: Request) -> Web:
    """The `Web` of the app that answers `request`."""
    web: Any = request.app.state.web
    assert isinstance(web, Web)
    return web


async def _here(request: Request) -> Web:
    """Asynchronous because FastAPI sends every other dependency to a thread and back, and each such way is waited for while others render."""
    return web_of(request)


Here = Annotated[Web, Depends(_here)]
