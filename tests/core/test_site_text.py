"""What an export writes reads back as the same rows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.portfolio import Portfolio
from core.site_changes import compare, left_alone
from core.site_defaults import with_defaults
from core.site_text import write_site_file
from davy.site.importing import shipped_limits
from tests.core.sites import SMALL, read


def test_a_written_file_reads_back_the_same() -> None:
    """Round trip: rows, text, rows."""
    packs = shipped_limits()
    rows = with_defaults(read(SMALL).portfolio, packs)
    again = read(write_site_file(rows))
    assert again.mistakes == []
    assert compare(with_defaults(again.portfolio, packs), rows) == []
    assert left_alone(with_defaults(again.portfolio, packs), rows) == []


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1).map(str.strip).filter(bool))
def test_any_name_survives(name: str) -> None:
    """Names with quotes, braces, dollars or Chinese come back as they were."""
    rows = read(SMALL).portfolio
    company = rows.companies[0]
    changed = Portfolio(companies=[type(company)(company=company.company, key=company.key, name=name, name_zh=name)])
    again = read(write_site_file(changed))
    assert again.mistakes == []
    assert again.portfolio.companies == changed.companies


def test_davys_own_sensors_are_not_written() -> None:
    """Virtual devices are added by the import and never in a file."""
    rows = with_defaults(read(SMALL).portfolio, shipped_limits())
    assert {d.key for d in rows.devices} == {"gw-1", "gas-1", "_davy.north"}
    assert "_davy" not in write_site_file(rows)
