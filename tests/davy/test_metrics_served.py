"""What Prometheus gets: every metric of the page, over a port that only this machine reaches."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import httpx
import pytest

from core.errors import Unavailable
from core.metrics import Metrics
from core.settings import Settings
from davy.processes.surroundings import metrics_served
from davy.servers.processes import free_port

pytestmark = pytest.mark.broker  # for its sockets

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "metrics.md"
ROW = re.compile(r"^\| `(davy_\w+)` \| (\w+) \|", re.MULTILINE)


def test_a_scrape_shows_what_the_page_lists() -> None:
    """Each name with its type, in the words that Prometheus reads, and nothing of ours beside."""
    port = free_port()
    with metrics_served(Metrics(), Settings.read({"DAVY_METRICS_PORT": str(port)})):
        shown = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    listed = {(name, kind) for name, kind in ROW.findall(PAGE.read_text(encoding="utf-8"))}
    assert len(listed) >= 45
    types = set(re.findall(r"^# TYPE (davy_\w+) (\w+)$", shown, re.MULTILINE))
    assert {pair for pair in types if not pair[0].endswith("_created")} == listed


def test_it_is_not_public() -> None:
    """On the loopback address alone; a port that is taken is one sentence."""
    port = free_port()
    settings = Settings.read({"DAVY_METRICS_PORT": str(port)})
    with metrics_served(Metrics(), settings):
        with socket.socket() as other:
            other.settimeout(1)
            assert other.connect_ex(("127.0.0.2", port)) != 0
        with (
            pytest.raises(Unavailable, match=f"Port {port} for metrics cannot be used"),
            metrics_served(Metrics(), settings),
        ):
            pass
    with metrics_served(Metrics(), Settings.read({})), socket.socket() as nobody:
        assert nobody.connect_ex(("127.0.0.1", port)) != 0
