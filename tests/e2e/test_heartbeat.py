"""Nobody is called and nothing waits: the page says so all the same, and so does doctor."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.settings import Settings
from davy.doctor.doctor import examine
from davy.private.stack import Plan
from davy.servers.processes import wait_until
from tests.e2e.instance import ROOT, private_stack, visitor

pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.timeout(300)]
DEMO = ROOT / "packs" / "demo" / "portfolio.yaml"
SEEN_WITHIN_S = 15.0


def test_a_killed_alerting_is_said_within_fifteen_seconds() -> None:
    """SIGKILL with an empty queue: trouble line in both languages, and doctor's advice; it goes when alerting is back."""
    with private_stack(Plan(site_file=Path(DEMO))) as stack:
        officer = next(user for user in stack.users if user.login == "huaihai-officer")
        with visitor(stack.http_url, officer.login, officer.password) as page:

            def says(text: str) -> bool:
                return text in page.get("/alarms").text

            assert wait_until(lambda: not says('class="trouble"'), 20)
            stack.parts["alerting"].kill()
            assert wait_until(lambda: says("没有任何人会被通知"), SEEN_WITHIN_S)
            page.get("/language", params={"to": "en"})
            settings = Settings.read(
                {"DAVY_DATABASE_URL_OWNER": stack.database_url("owner"), "DAVY_STATE_DIR": os.getcwd()}
            )
            assert wait_until(lambda: not life_of(settings)[0], SEEN_WITHIN_S)
            assert "davy process alerting" in str(life_of(settings)[1])
            stack.keep_alive()
            assert wait_until(lambda: not says('class="trouble"'), 30)
            assert life_of(settings)[0]


def life_of(settings: Settings) -> tuple[bool, str | None]:
    """What doctor says of alerting."""
    check = next(check for check in examine(settings, "en", datetime.now(UTC)) if check.name == "alerting")
    return check.ok, check.advice
