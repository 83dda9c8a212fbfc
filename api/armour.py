"""What every answer carries and no request may exceed: security headers, and a bound on bodies. Plain ASGI."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.metrics import ApiMetrics

MOST_BODY = 64 * 1024  # bytes: the largest form is a comment of 4,000 characters
# Photos come here, and only from who has a session of ours: core.photo refuses beyond 10 MB with a sentence, this ends the rest.
MOST_PHOTO_BODY = 32 * 1024 * 1024
# A connection that ends while a browser still sends shows that browser's error and not our sentence: so the rest is read and
# dropped, up to this; who sends more than that is no browser with a large photo.
MOST_DROPPED = 1024 * 1024
MOST_PHOTO_DROPPED = 2 * MOST_PHOTO_BODY
_PHOTOS = re.compile(r"(/api/v1)?/(findings|occurrences)/\d+/photos")
# No inline script or style, no other host, no frame around us, forms go home only. data: are Swagger's and uPlot's pictures.
POLICY = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
# Addresses that are secrets themselves: who holds one can do, or read, what it says. So no page of theirs says where one came from, no
# search engine keeps them, and no log has more of them than their beginning.
SECRET_PATHS = ("/a/", "/api/v1/receipts/aliyun/", "/calendar/", "/cap/")
# What is counted by its name; whoever asks may write anything there, and each would be a series of its own for good.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
FOR_SECRETS = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"}
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def for_logs(path: str) -> str:
    """A path as a log may have it.

    >>> for_logs("/a/k1.c2VjcmV0"), for_logs("/alarms")
    ('/a/…', '/alarms')
    """
    return next((f"{secret}…" for secret in SECRET_PATHS if path.startswith(secret)), path)


class Armour:
    """ASGI middleware around the whole app.

    Args:
        secure: the app is reached by https; browsers are told to stay there.
        knows: whether a Cookie header carries a session that we sealed.
        too_large: the answer to a body of more than so many bytes.
        changed: called before the answer to whatever may have changed something begins to go out.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        secure: bool,
        metrics: ApiMetrics | None,
        knows: Callable[[str], bool],
        too_large: Callable[[Scope, int], Response],
        changed: Callable[[], None],
    ) -> None:
        self._app = app
        self._changed = changed
        self._knows = knows
        self._too_large = too_large
        self._metrics = metrics
        self._headers = dict(HEADERS)
        if secure:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, started = time.perf_counter(), 500, False

        async def sent(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                if scope["method"] not in ("GET", "HEAD"):
                    self._changed()
                headers = MutableHeaders(scope=message)
                if scope["path"].startswith(SECRET_PATHS):
                    for name, value in FOR_SECRETS.items():
                        headers[name] = value
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/static/") and status in (200, 206, 304):
                    headers["Cache-Control"] = "public, max-age=31536000, immutable"
                else:
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        most = self._most_body(scope)
        bounded = _Bounded(receive, most)

        async def sent_unless_cut(message: Message) -> None:
            if not bounded.is_cut:
                await sent(message)

        announced = _announced(scope)
        if announced <= most:
            await self._app(scope, bounded, sent_unless_cut)
        if not started and (announced > most or bounded.is_cut):
            if not bounded.has_ended:
                await _drop(receive, announced, MOST_DROPPED if most == MOST_BODY else MOST_PHOTO_DROPPED)
            await self._too_large(scope, most)(scope, receive, sent)
        self._count(scope, status, time.perf_counter() - began)

    def _most_body(self, scope: Scope) -> int:
        if scope["method"] != "POST" or _PHOTOS.fullmatch(scope["path"]) is None:
            return MOST_BODY
        cookies = [value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie"]
        return MOST_PHOTO_BODY if any(map(self._knows, cookies)) else MOST_BODY

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        if self._metrics is None:
            return
        template = _template(scope)
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._metrics.requests.labels(method, template, str(status)).inc()
        self._metrics.request_seconds.labels(template).observe(seconds)


class _Bounded:
    """A body that was not announced is cut where it exceeds the bound."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._most = most
        self._taken = 0
        self.is_cut = False
        self.has_ended = False

    async def __call__(self) -> Message:
        message = await self._receive()
        self._taken += len(message.get("body", b""))
        self.has_ended = not message.get("more_body", False)
        if self._taken > self._most:
            self.is_cut = True
        if self.is_cut:
            return {"type": "http.disconnect"}
        return message


def _template(scope: Scope) -> str:
    """The route a request took, never the path itself: a path would make a series of every occurrence, and can be a secret.

    The route knows its own end of the path; what stands before that is where the route is mounted, the same for everybody.
    """
    if scope["path"].startswith("/static/"):
        return "/static"
    own: str | None = getattr(scope.get("route"), "path_format", None)
    if own is None:
        return "none"
    parts = str(scope["path"]).split("/")
    return "/".join(parts[: len(parts) - own.count("/")]) + own


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


async def _drop(receive: Receive, announced: int, most: int) -> None:
    """Reads what is still on its way, unless it is more than anybody should have to send in vain."""
    dropped = 0
    while announced <= most and dropped <= most:
        message = await receive()
        dropped += len(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return
