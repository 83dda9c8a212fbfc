"""A site file tells what was done, on days that there were."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.errors import BadSiteFile
from davy.site.importing import import_site
from tests.database import TestDatabase

pytestmark = pytest.mark.db

DEMO = Path(__file__).resolve().parents[2] / "packs" / "demo" / "portfolio.yaml"


@pytest.mark.parametrize(
    ("field", "day", "told"),
    [
        ("done_on", "2999-05-20", "calibrated on 2999-05-20, which is yet to come"),
        ("assessed_on", "2999-05-20", "assessed on 2999-05-20, which is yet to come"),
        ("done_on", "0001-01-01", "a date before 1950 is a slip of the keys"),
        ("assessed_on", "0001-01-01", "a date before 1950 is a slip of the keys"),
    ],
)
def test_days_that_cannot_be_are_refused_with_their_line(
    timescale_database: TestDatabase, tmp_path: Path, field: str, day: str, told: str
) -> None:
    """Neither yet to come nor before anybody calibrated anything; nothing is written."""
    text = DEMO.read_text("utf-8")
    file = tmp_path / "sites.yaml"
    file.write_text(re.sub(rf"{field}: *[\d-]+", f"{field}: {day}", text, count=1), "utf-8")
    with pytest.raises(BadSiteFile) as refused:
        import_site(
            timescale_database.url("owner"), file, actor="tester", variables={"DEMO_WEBHOOK": "http://127.0.0.1:9/hook"},
            now=datetime(2026, 7, 1, tzinfo=UTC),
        )  # fmt: skip
    assert told in str(refused.value)
    assert re.search(r"\d", str(refused.value))
