"""The how-to "replay your own history", run as it stands: its files, its commands, and what it says they print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from davy.private.stack import Plan, Stack
from tests.e2e.instance import private_stack
from tests.e2e.test_bring_your_own_plant import BLOCK, Reader

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how-to" / "replay-your-own-history.md"


@pytest.mark.e2e
def test_the_page_plays_its_own_history(tmp_path: Path) -> None:
    """Every file and command of the page works in its order, and each line that it shows is printed."""
    reader, said = Reader(tmp_path, {}), ""
    with private_stack(Plan(parts=("ingest",), users=False)) as stack:
        for match in BLOCK.finditer(PAGE.read_text("utf-8")):
            text, file = match["text"], re.search(r"[Ss]ave as `([\w.]+)`", match["before"])
            if file is not None:
                (tmp_path / file[1]).write_text(text, "utf-8")
            elif match["language"] == "sh":
                if "--private" not in text:
                    (tmp_path / "davy.env").write_text(settings_of(stack), "utf-8")
                said = reader.shell(f"exec 2>&1\n{text}", PYTHONPATH=str(ROOT))
            else:
                assert [line for line in text.splitlines() if line not in said.splitlines()] == []
    assert "readings_stored: 11" in said.splitlines()
    assert "marked as replayed" in said


def settings_of(stack: Stack) -> str:
    """What the page's table asks for, in the terminal."""
    settings = {
        "DAVY_DATABASE_URL_OWNER": stack.database_url("owner"),
        "DAVY_MQTT_PORT": str(stack.broker.port),
        "DAVY_MQTT_USER": "simulator",
        "DAVY_MQTT_PASSWORD": stack.mqtt_passwords["simulator"],
    }
    return "".join(f"export {name}='{text}'\n" for name, text in settings.items())
