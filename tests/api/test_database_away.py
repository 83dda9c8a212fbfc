"""What a person sees while the database is away: why nothing can be acknowledged, and a page that comes back by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from api.app import create_app
from api.cookies import SESSION, seal
from core.db import Database
from davy.limit_words import limit_words
from tests.api.conftest import COOKIE_KEY, served

pytestmark = pytest.mark.db  # sockets: nothing listens at the other end
NOBODY = "postgresql://davy_web:secret@127.0.0.1:1/davy"


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """A browser with a session, at an app whose database does not answer."""
    app = create_app(
        database=Database(NOBODY, application="web-test"),
        principal_key=b"k" * 32,
        cookie_key=COOKIE_KEY,
        clock=lambda: datetime.now(UTC),
        listen_url=NOBODY,
        limits=limit_words,
    )
    with served(app) as url, httpx.Client(base_url=url, timeout=20) as found:
        found.cookies.set(SESSION, seal(b"s" * 32, 7, COOKIE_KEY))
        yield found


@pytest.mark.parametrize(
    ("language", "words"), [("en", "alarms cannot be shown or acknowledged"), ("zh", "无法查看或确认报警")]
)
def test_the_page_says_so_and_comes_back(client: httpx.Client, language: str, words: str) -> None:
    """Status 503, why nothing can be acknowledged, and the same address again by itself and by hand."""
    answer = client.get("/alarms?priority=high", headers={"accept-language": language})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "10"
    assert words in answer.text
    assert '<meta http-equiv="refresh" content="10; url=/alarms?priority=high">' in answer.text
    assert 'href="/alarms?priority=high"' in answer.text


def test_what_was_to_be_written_is_not_sent_again(client: httpx.Client) -> None:
    """After an act the first page is tried, and the person is told to look."""
    answer = client.post("/occurrences/1/acknowledge", data={"form_token": "x"}, headers={"accept-language": "en"})
    assert answer.status_code == 503
    assert 'content="10; url=/"' in answer.text
    assert "It is not certain that what you just sent was taken" in answer.text


def test_a_program_gets_one_sentence(client: httpx.Client) -> None:
    """JSON under /api, without a page."""
    answer = client.get("/api/v1/me", headers={"accept-language": "en"})
    assert answer.status_code == 503
    assert list(answer.json()) == ["error"]
