"""A stand-in for Grafana 13, written from its HTTP API documentation: the routes that push uses, and what Grafana refuses.

Its answers are those the documentation shows; where that is silent (the words of some refusals) only the status counts.
Not a Grafana: what passes here is "checked against a peer written from documentation".
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from davy.servers.processes import free_port, wait_until

UID = re.compile(r"[A-Za-z0-9_-]{1,40}")
TOKEN = "glsa_for-the-test"


@dataclass
class Peer:
    """What the stand-in holds, and what it was asked.

    Args:
        role: of the token: "Admin", or "Viewer", who may only read.
        between: called before a dashboard is written: somebody else's click.
    """

    url: str = ""
    role: str = "Admin"
    folders: dict[str, dict[str, Any]] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    dashboards: dict[str, dict[str, Any]] = field(default_factory=dict)
    provisioned: set[str] = field(default_factory=set)
    between: list[Any] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)


def refusal(code: int, message: str, **more: Any) -> JSONResponse:
    """An error as Grafana writes it."""
    return JSONResponse({"message": message, **more}, code)


def app_of(peer: Peer) -> FastAPI:
    """The routes."""
    app = FastAPI(openapi_url=None)

    @app.middleware("http")
    async def authorised(request: Request, call_next: Any) -> Any:
        peer.requests.append((request.method, request.url.path))
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return refusal(401, "Invalid API key")
        if request.method != "GET" and peer.role != "Admin":
            return refusal(403, "You'll need additional permissions to perform this action.")
        return await call_next(request)

    add_folders(app, peer)
    add_sources(app, peer)
    add_dashboards(app, peer)
    return app


def add_folders(app: FastAPI, peer: Peer) -> None:
    """GET and PUT /api/folders/:uid, POST /api/folders."""

    @app.get("/api/folders/{uid}")
    async def read(uid: str) -> Any:
        return peer.folders.get(uid) or refusal(404, "folder not found")

    @app.post("/api/folders")
    async def make(request: Request) -> Any:
        asked = await request.json()
        if not asked.get("title"):
            return refusal(400, "folder title cannot be empty")
        if not UID.fullmatch(asked.get("uid", "")):
            return refusal(400, "uid contains illegal characters or is too long")
        if asked["uid"] in peer.folders:
            return refusal(409, "a folder with the same uid already exists")
        peer.folders[asked["uid"]] = {"uid": asked["uid"], "title": asked["title"], "version": 1}
        return peer.folders[asked["uid"]]

    @app.put("/api/folders/{uid}")
    async def change(uid: str, request: Request) -> Any:
        asked, there = await request.json(), peer.folders.get(uid)
        if there is None:
            return refusal(404, "folder not found")
        if asked.get("version") != there["version"] and not asked.get("overwrite"):
            return refusal(412, "the folder has been changed by someone else", status="version-mismatch")
        there.update(title=asked["title"], version=there["version"] + 1)
        return there


def add_sources(app: FastAPI, peer: Peer) -> None:
    """By uid only: /api/datasources/:id is answered as Grafana 13 does, where numeric ids are off."""

    @app.get("/api/datasources/uid/{uid}")
    async def read(uid: str) -> Any:
        found = peer.sources.get(uid)
        return told(found) if found else refusal(404, "Data source not found")

    @app.post("/api/datasources")
    async def make(request: Request) -> Any:
        asked = await request.json()
        if not (asked.get("name") and asked.get("type") and asked.get("access")):
            return refusal(400, "bad request data")
        if not UID.fullmatch(asked.get("uid", "")):
            return refusal(400, "invalid uid")
        if asked["uid"] in peer.sources or asked["name"] in {s["name"] for s in peer.sources.values()}:
            return refusal(409, "data source with the same name already exists")
        peer.sources[asked["uid"]] = {**asked, "version": 1, "readOnly": False}
        return {"datasource": told(peer.sources[asked["uid"]]), "message": "Datasource added"}

    @app.put("/api/datasources/uid/{uid}")
    async def change(uid: str, request: Request) -> Any:
        asked, there = await request.json(), peer.sources.get(uid)
        if there is None:
            return refusal(404, "Data source not found")
        if there["readOnly"]:
            return refusal(403, "Cannot update read-only data source")
        if asked.get("version", there["version"]) != there["version"]:
            return refusal(409, "Datasource has already been updated by someone else. Please reload and try again")
        peer.sources[uid] = {**asked, "version": there["version"] + 1, "readOnly": False}
        return {"datasource": told(peer.sources[uid]), "message": "Datasource updated"}


def told(source: dict[str, Any]) -> dict[str, Any]:
    """A data source as Grafana shows it: never a secret."""
    shown = {key: value for key, value in source.items() if key != "secureJsonData"}
    return {**shown, "secureJsonFields": dict.fromkeys(source.get("secureJsonData", {}), True)}


def add_dashboards(app: FastAPI, peer: Peer) -> None:
    """GET /api/dashboards/uid/:uid and POST /api/dashboards/db."""

    @app.get("/api/dashboards/uid/{uid}")
    async def read(uid: str) -> Any:
        return peer.dashboards.get(uid) or refusal(404, "Dashboard not found")

    @app.post("/api/dashboards/db")
    async def write(request: Request) -> Any:
        for click in peer.between:
            click()
        asked = await request.json()
        dashboard, uid = asked["dashboard"], asked["dashboard"].get("uid", "")
        there = peer.dashboards.get(uid)
        if not dashboard.get("title"):
            return refusal(400, "Dashboard title cannot be empty", status="empty-name")
        if not UID.fullmatch(uid):
            return refusal(400, "uid contains illegal characters or is too long")
        if asked.get("folderUid") not in peer.folders:
            return refusal(400, "folder not found", status="not-found")
        if uid in peer.provisioned:
            return refusal(400, "Cannot save provisioned dashboard")
        if there and dashboard.get("version") != there["dashboard"]["version"] and not asked.get("overwrite"):
            return refusal(412, "The dashboard has been changed by someone else", status="version-mismatch")
        version = there["dashboard"]["version"] + 1 if there else 1
        kept = {**dashboard, "id": 7, "version": version}
        peer.dashboards[uid] = {"dashboard": kept, "meta": {"folderUid": asked["folderUid"], "provisioned": False}}
        return {"status": "success", "uid": uid, "version": version, "id": 7, "url": f"/d/{uid}"}


@contextmanager
def running() -> Iterator[Peer]:
    """A peer on a free loopback port, gone at the end."""
    peer, port = Peer(), free_port()
    peer.url = f"http://127.0.0.1:{port}"
    server = uvicorn.Server(uvicorn.Config(app_of(peer), host="127.0.0.1", port=port, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        assert wait_until(lambda: server.started, 20)
        yield peer
    finally:
        server.should_exit = True
        thread.join(20)
