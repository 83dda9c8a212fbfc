"""Writes docs/reference/openapi.json, the JSON API's contract, from the app itself: `python tools/openapi.py`."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from api.app import create_app  # noqa: E402
from core.db import Database  # noqa: E402
from davy.limit_words import limit_words  # noqa: E402


def document() -> str:
    """The document; nothing is connected to for it."""
    nowhere = "host=127.0.0.1"
    app = create_app(
        database=Database(nowhere, application="openapi"),
        principal_key=bytes(32),
        cookie_key=bytes(32),
        clock=lambda: datetime.now(UTC),  # noqa: TID251 - never called
        listen_url=nowhere,
        limits=limit_words,
    )
    return json.dumps(app.openapi(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    (ROOT / "docs/reference").mkdir(parents=True, exist_ok=True)
    (ROOT / "docs/reference/openapi.json").write_text(document(), "utf-8")
