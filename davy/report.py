"""`davy report`: a month of a site as a PDF, as the site's own people may read it."""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.db import connect
from core.errors import BadInput
from core.migrate import require_current
from davy.site.known import require_known
from risk.report.gathering import gather
from risk.report.month import Month
from risk.report.pdf import as_pdf
from risk.report.store.site import find_site, site_keys
from risk.report.telling import tell


@dataclass(frozen=True, slots=True)
class Written:
    """A report on disk."""

    file: Path
    size: int
    sha256: str
    as_of: datetime

    def answer(self) -> dict[str, Any]:
        """For machines."""
        return {
            "file": str(self.file),
            "bytes": self.size,
            "sha256": self.sha256,
            "as_of": self.as_of.isoformat(timespec="seconds"),
        }


def write_report(
    owner_url: str, *, site: str, month: str, language: str, out: Path, now: datetime | None = None
) -> Written:
    """Writes the PDF of a site and month.

    Args:
        owner_url: the database, as its owner.
        month: YYYY-MM.
        language: "zh" or "en".

    Raises:
        BadInput: there is no such site or month, nothing is recorded of it, or the file cannot be written.
    """
    at, wanted = now or datetime.now(UTC), Month.parse(month)
    with closing(connect(owner_url, application="report")) as connection:
        require_current(connection, "davy_owner")
        with connection.transaction():
            require_known(site, site_keys(connection))
            found = find_site(connection, site, at)
            assert found is not None
            facts = gather(connection, found, wanted, at)
    made = as_pdf(tell(facts, language), facts.as_of)
    try:
        out.write_bytes(made)
    except OSError as error:
        raise BadInput(f"{out} cannot be written: {error.strerror}.") from error
    return Written(out, len(made), hashlib.sha256(made).hexdigest(), facts.as_of)
