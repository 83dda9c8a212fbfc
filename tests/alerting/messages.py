"""A claimed message for tests that need one without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from alerting.delivery import Claimed

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
_CLAIMED = Claimed(
    notification_id=1, key="12-70-1772352000000000-0-3-smtp", attempt=1, created_at=NOW, due_at=NOW, onset=NOW, step=0,
    audience="client", channel="smtp", occurrence_id=5, person_id=3, person_active=True, language="en",
    address="chen@example.com", secret_ref=None, state="B", suppression="none", resolved_at=None, began_at=NOW,
    definition_key="gas", priority="life-safety", detector="limit", direction="high", setpoint=25.0,
    title="Gas at 25 % LEL", title_zh="可燃气体达25%LEL", consequence="Explosion", consequence_zh="爆炸",
    response="Leave the area", response_zh="撤离现场", respond_within_s=120.0, company="Alpha Petro", company_zh="甲石化",
    site="Tank farm", site_zh="罐区", time_zone="Asia/Shanghai", zone="Pumps", zone_zh="泵区", sensor="CH4 at pump 3",
    sensor_zh="3号泵甲烷", unit="%{LEL}", value=31.456, raised_at=NOW,
)  # fmt: skip


def claimed(**changes: Any) -> Claimed:
    return replace(_CLAIMED, **changes)
