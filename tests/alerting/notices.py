"""Messages about findings, impairments and days, for tests that need them without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from alerting.digest import CompanyTally, Tally
from alerting.notice import AssignmentNotice, DigestNotice, FindingNotice, ImpairmentNotice

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
_ENVELOPE: dict[str, Any] = {
    "notification_id": 1, "key": "finding-5-overdue-1-0-3-smtp", "attempt": 1, "created_at": NOW, "due_at": NOW, "onset": NOW,
    "step": 0, "audience": "client", "channel": "smtp", "person_id": 3, "person_active": True, "language": "en",
    "address": "chen@example.com", "secret_ref": None,
}  # fmt: skip
_PLACE: dict[str, Any] = {
    "company": "Alpha Petro", "company_zh": "甲石化", "site": "Tank farm", "site_zh": "罐区", "time_zone": "Asia/Shanghai",
    "zone": "Pumps", "zone_zh": "泵区",
}  # fmt: skip
_FINDING = FindingNotice(
    **_ENVELOPE, **_PLACE, event="overdue", finding_id=5, title="陈安全 left the hatch open", grade="major", graded=True,
    state="rectifying", owner_id=3, deadline=NOW,
)  # fmt: skip
_IMPAIRMENT = ImpairmentNotice(
    **_ENVELOPE, **_PLACE, event="overrun", impairment_id=7, kind="fire_pump", what="Pump 2, see 陈安全", began_at=NOW - 5 * HOUR,
    expected_until=NOW, restored_at=None,
)  # fmt: skip
_ASSIGNMENT = AssignmentNotice(
    **_ENVELOPE, **_PLACE, occurrence_id=9, title="Bearing hot", title_zh="轴承过热", sensor="Bearing 1", sensor_zh="1号轴承",
    priority="high", began_at=NOW - HOUR, by="陈安全", assignee_id=3, resolved_at=None,
)  # fmt: skip
BUSY = CompanyTally(
    company="Alpha Petro", company_zh="甲石化", occurrences=3, life_safety=1, unacknowledged=1, counted=3, answered_p50_s=45.0,
    answered_p90_s=180.0, findings_new=1, findings_open=4, findings_overdue=2, major_overdue=1, impairments_open=1,
    impairment_s=18_000.0, sensors=14, heard=12, fell_silent=2,
)  # fmt: skip
QUIET = CompanyTally(company="Beta Coal", company_zh="乙煤矿", findings_open=2, sensors=3, heard=3)


def finding(**changes: Any) -> FindingNotice:
    return replace(_FINDING, **changes)


def assignment(**changes: Any) -> AssignmentNotice:
    return replace(_ASSIGNMENT, **changes)


def impairment(**changes: Any) -> ImpairmentNotice:
    return replace(_IMPAIRMENT, **changes)


def digest(*companies: CompanyTally, **changes: Any) -> DigestNotice:
    tally = Tally(since=NOW - 24 * HOUR, until=NOW, time_zone="Asia/Shanghai", companies=companies or (BUSY, QUIET))
    made = DigestNotice(**_ENVELOPE, tally=tally)
    return replace(made, **{"audience": "insurer", "key": "digest-2026-03-01-3", **changes})
