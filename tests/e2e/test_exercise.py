"""An exercise as an operator and an officer meet it: by the command line, over real mail and webhook, acknowledged on the page, over by itself."""

from __future__ import annotations

import json
import subprocess
from typing import Any
from urllib.request import urlopen

import httpx
import pytest

from davy.private.stack import Plan, Stack
from davy.servers.processes import wait_until
from tests.e2e.instance import ROOT, answer_of, davy, private_stack, visitor

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
DEMO = ROOT / "packs" / "demo" / "portfolio.yaml"
SITE = "huaihai-tank-farm"


def received(stack: Stack) -> list[dict[str, Any]]:
    """What came to the demo's own receivers."""
    with urlopen(stack.inbox_url, timeout=5) as answer:
        return list(json.load(answer))


def run(stack: Stack, *words: str) -> subprocess.CompletedProcess[str]:
    """A command of the operator's."""
    return davy(*words, timeout_s=60.0, **stack.operator_settings())


def newest(stack: Stack) -> dict[str, Any]:
    """The newest exercise, by the command line."""
    found = answer_of(run(stack, "exercise", "list", "--site", SITE, "--json"))
    return dict(found["exercises"][0])


def rehearsed(page: httpx.Client) -> list[dict[str, Any]]:
    """The exercises among the open alarms."""
    return [alarm for alarm in page.get("/api/v1/alarms").json()["alarms"] if alarm["exercise"]]


def told(stack: Stack) -> list[dict[str, Any]]:
    """What came that says in its first words that it is an exercise."""
    return [message for message in received(stack) if "演练" in (message["subject"] or message["body"])]


def test_an_exercise_reaches_people_and_ends_with_their_answer() -> None:
    """Started by the operator, told by mail and webhook within seconds and marked there; the officer's acknowledgement ends it."""
    # Nobody publishes here. By a clock that follows the data nothing falls silent, which would be real and go before the exercise.
    with private_stack(Plan(site_file=DEMO, stream_clock=True)) as stack:
        number = answer_of(run(stack, "exercise", "start", "--site", SITE, "--why", "monthly", "--json"))["exercise"]
        twice = run(stack, "exercise", "start", "--site", SITE)
        assert twice.returncode == 2
        refused = run(stack, "exercise", "start", "--site", "nowhere")
        assert (refused.returncode, refused.stderr.strip()) == (2, "There is no site nowhere.")
        refused = run(stack, "exercise", "start", "--site", SITE, "--minutes", "0")
        assert (refused.returncode, refused.stderr.strip()) == (2, "An exercise lasts 1 to 60 minutes.")
        assert wait_until(lambda: {message["channel"] for message in told(stack)} >= {"smtp", "webhook"}, 90)
        assert json.loads(next(m["body"] for m in told(stack) if m["channel"] == "webhook"))["data"]["exercise"] is True
        officer = next(user for user in stack.users if user.login == "huaihai-officer")
        with visitor(stack.http_url, officer.login, officer.password) as page:
            (alarm,) = rehearsed(page)
            token = page.get("/api/v1/me").json()["form_token"]
            page.post(f"/occurrences/{alarm['occurrence_id']}/acknowledge", data={"form_token": token})
            assert wait_until(lambda: newest(stack)["outcome"] == "answered", 60)
            assert rehearsed(page) == []
        assert (newest(stack)["exercise"], newest(stack)["kind"]) == (number, "exercise")
        verified = run(stack, "verify", "--json")
        assert verified.returncode == 0, verified.stdout + verified.stderr
