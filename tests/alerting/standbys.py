"""A snapshot of a small plant, for tests that call without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from alerting.alarm import Alarm
from alerting.ledger import AlarmKey
from alerting.routing import Route, RouteStep
from alerting.snapshot import Known, LifeSafety, Recipient, Snapshot
from core.batch import Event
from core.model import Priority

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GAS, HEAT = AlarmKey(12, 70), AlarmKey(13, 71)  # life safety, and not
OFFICER, DEPUTY, UNDERWRITER = 3, 4, 5
_DEFINITION = LifeSafety(
    definition_id=GAS.definition_id, sensor_id=GAS.sensor_id, company_id=1, site_id=2, latch=False, definition_key="gas",
    detector="limit", direction="high", setpoint=25.0, title="Gas at 25 % LEL", title_zh="可燃气体达25%LEL",
    consequence="Explosion", consequence_zh="爆炸", response="Leave the area", response_zh="撤离现场", respond_within_s=120.0,
    company="Alpha Petro", company_zh="甲石化", site="Tank farm", site_zh="罐区", time_zone="Asia/Shanghai", zone="Pumps",
    zone_zh="泵区", sensor="CH4 at pump 3", sensor_zh="3号泵甲烷", unit="%{LEL}",
)  # fmt: skip


def us(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def raised(at: datetime = NOW, alarm: AlarmKey = GAS, *, value: float = 31.456) -> Event:
    return Event(*alarm, active=True, at=us(at), value=value)


def cleared(at: datetime, alarm: AlarmKey = GAS) -> Event:
    return Event(*alarm, active=False, at=us(at), value=1.0)


def known(alarm: Alarm, key: AlarmKey = GAS) -> Known:
    return Known(definition_id=key.definition_id, sensor_id=key.sensor_id, alarm=alarm, changed_at=NOW)


def snapshot(*alarms: Known, **changes: Any) -> Snapshot:
    """The officer by mail at once, the deputy by webhook after two minutes, the underwriter after five."""
    client = [RouteStep(0, 0, OFFICER, "smtp"), RouteStep(1, 120, DEPUTY, "webhook")]
    urgent = frozenset({Priority.LIFE_SAFETY})
    routes = [
        Route("urgent", "client", urgent, client),
        Route("duty", "insurer", urgent, [RouteStep(0, 300, UNDERWRITER, "smtp")]),
    ]
    recipients = [
        Recipient(person_id=OFFICER, channel="smtp", language="zh", address="chen@example.com", secret_ref=None),
        Recipient(
            person_id=DEPUTY,
            channel="webhook",
            language="en",
            address="http://127.0.0.1:1/hook",
            secret_ref="deputy-hook",
        ),
        Recipient(person_id=UNDERWRITER, channel="smtp", language="en", address="wu@insurer.example", secret_ref=None),
    ]
    whole = Snapshot(
        taken_at=NOW,
        version=7,
        definitions=[_DEFINITION],
        routes={2: routes},
        recipients=recipients,
        alarms=list(alarms),
    )
    return replace(whole, **changes)


def officer_only() -> Snapshot:
    """The same where nobody else has an address."""
    whole = snapshot()
    return replace(whole, recipients=whole.recipients[:1])
