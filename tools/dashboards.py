"""The Grafana dashboards of deploy/grafana, in English and Chinese, from one description.

    python tools/dashboards.py            rewrite deploy/grafana/dashboards/*/*.json
    python tools/dashboards.py --check    say which files are not what this program would write

In texts and SQL, «English|中文» stands for the language's half, and a name followed by @ for the language's column (name@ is
name or name_zh); <priority> and the like stand for the pieces below, <here d> for "of the sites chosen", d having a site_id. Highest and lowest of an interval are drawn, never its mean: a mean hides the peak that one looks for.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.response_time import TOO_LATE_TO_CALL
from risk.score.formula import shipped

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "deploy" / "grafana" / "dashboards"
SOURCE = {"type": "grafana-postgresql-datasource", "uid": "davy-postgres"}
SCHEMA_VERSION = 39  # of Grafana 10.4; newer ones read it and migrate
LANGUAGES = ("en", "zh")

PRIORITY = """CASE d.priority WHEN 'life-safety' THEN '«life safety|人身安全»' WHEN 'high' THEN '«high|高»'
         WHEN 'medium' THEN '«medium|中»' ELSE '«low|低»' END"""
URGENCY = "array_position(ARRAY['life-safety', 'high', 'medium', 'low'], d.priority)"
STATE = """CASE a.state WHEN 'B' THEN '«active, unacknowledged|报警中，未确认»' WHEN 'C' THEN '«active, acknowledged|报警中，已确认»'
         WHEN 'D' THEN '«back, unacknowledged|已恢复，未确认»' WHEN 'E' THEN '«latched, unacknowledged|已锁定，未确认»'
         WHEN 'F' THEN '«latched, acknowledged|已锁定，已确认»' ELSE '«normal|正常»' END"""
SUPPRESSION = """CASE a.suppression WHEN 'shelved' THEN '«shelved|搁置»' WHEN 'by_design' THEN '«suppressed by design|设计抑制»'
         WHEN 'out_of_service' THEN '«out of service|停用»' ELSE '' END"""
HAPPENING = """CASE t.event WHEN 'raise' THEN '«raised|报警»' WHEN 'clear' THEN '«back|恢复»' WHEN 'acknowledge' THEN '«acknowledged|确认»'
         WHEN 'reset' THEN '«reset|复位»' WHEN 'realarm' THEN '«raised again|再次报警»'
         WHEN 'escalate' THEN '«higher limit reached|达到更高限值»' WHEN 'shelve' THEN '«shelved|搁置»'
         WHEN 'resolve' THEN '«resolved|关闭事件»' ELSE '«other|其他»' END"""
# The time to acknowledge as core/response_time.py means it, with the targets of the score's formula.
NEWS = f"interval '{TOO_LATE_TO_CALL.total_seconds():g} s'"
TARGET = (
    "CASE d.priority "
    + " ".join(f"WHEN '{key}' THEN interval '{s:g} s'" for key, s in shipped().control.response.targets_s.items())
    + " END"
)
SNIPPETS = {
    "news": NEWS,
    "target": TARGET,
    "priority": PRIORITY,
    "urgency": URGENCY,
    "state": STATE,
    "suppression": SUPPRESSION,
    "happening": HAPPENING,
}
HERE = "JOIN site si ON si.site_id = {}.site_id AND si.key IN (${{site:sqlstring}})"


@dataclass(frozen=True)
class Panel:
    """One panel.

    Args:
        queries: SQL, refId A and on; time series where `series`, else a table.
        at: x, y, width, height in Grafana's 24 columns.
        more: the panel's own options, laid over the kind's.
    """

    title: str
    said: str
    kind: str
    queries: tuple[str, ...]
    at: tuple[int, int, int, int]
    series: bool = False
    unit: str = "none"
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Board:
    """One dashboard: its uid is `name` and the language."""

    name: str
    title: str
    said: str
    variables: tuple[tuple[str, str, str, bool], ...]  # name, label, SQL, several at once
    panels: tuple[Panel, ...]
    since: str


SITE_VARIABLE = ("site", "«Site|厂区»", "SELECT name@ AS __text, key AS __value FROM site ORDER BY 1")

SITE = Board(
    name="davy-site",
    title="«Davy: site|Davy：厂区»",
    said="«Readings, devices and gaps of one site. Alarms are answered in Davy, not here.|一个厂区的读数、设备和缺口。报警在 Davy 中处理，不在此处。»",
    since="now-6h",
    variables=(
        (*SITE_VARIABLE, False),
        (
            "sensor",
            "«Sensor|传感器»",
            (
                "SELECT s.name@ || ' (' || d.key || ')' AS __text, s.sensor_id AS __value"
                " FROM sensor s JOIN device d ON d.device_id = s.device_id JOIN site si ON si.site_id = s.site_id"
                " WHERE si.key IN (${site:sqlstring}) AND s.retired_at IS NULL AND s.quantity <> 'exercise' ORDER BY 1"
            ),
            True,
        ),
    ),
    panels=(
        Panel(
            "«Ingest|采集»",
            "«Whether readings are taken and judged at all. A beat older than 15 s means: not.|采集是否正常。心跳超过15秒即为异常。»",
            "table",
            (
                """SELECT worker AS "«Worker|采集进程»",
       CASE state WHEN 'judging' THEN '«judging|判定中»' WHEN 'broker_away' THEN '«broker away|消息服务器断开»' ELSE state END AS "«State|状态»",
       round(extract(epoch FROM now() - beat_at)) AS "«Beat, s ago|心跳（秒前）»"
FROM ingest_status ORDER BY worker""",
            ),
            (0, 0, 8, 5),
        ),
        Panel(
            "«Devices on line|在线设备»",
            "«Of this site, by their own word and the broker's.|按设备自报和消息服务器的通知统计。»",
            "stat",
            (
                """SELECT count(*) FILTER (WHERE t.online) AS "«on line|在线»", count(*) AS "«known|已知»"
FROM device_stream t JOIN device d ON d.device_id = t.device_id <here d>
WHERE d.retired_at IS NULL AND NOT starts_with(d.key, '_test.')""",
            ),
            (8, 0, 4, 5),
        ),
        Panel(
            "«Sensors silent for 10 minutes|10分钟无数据的传感器»",
            "«Unknown is not safe.|未知不等于安全。»",
            "stat",
            (
                """SELECT count(*) FILTER (WHERE l.received_at IS NULL OR l.received_at < now() - interval '10 minutes') AS "«silent|无数据»",
       count(*) AS "«sensors|传感器»"
FROM sensor s <here s>
LEFT JOIN latest l ON l.sensor_id = s.sensor_id
WHERE s.retired_at IS NULL AND NOT s.is_virtual""",
            ),
            (12, 0, 6, 5),
        ),
        Panel(
            "«Messages known lost|已知丢失的消息»",
            "«Holes in the devices' numbering that are still open.|设备序号中尚未补齐的缺口。»",
            "stat",
            (
                """SELECT coalesce(sum(g.missing), 0) AS "«messages|消息数»"
FROM stream_gap g JOIN device d ON d.device_id = g.device_id <here d>
WHERE g.closed_at IS NULL""",
            ),
            (18, 0, 6, 5),
        ),
        Panel(
            "«Readings: highest and lowest in each interval|读数：各时段最高值与最低值»",
            "«What the sensor itself called bad is left out.|传感器自报质量为“坏”的读数不计入。»",
            "timeseries",
            (
                """SELECT $__timeGroupAlias(r.measured_at, $__interval), s.name@ || ' [' || s.unit || '] «max|最高»' AS metric, max(r.value) AS value
FROM v_reading r JOIN sensor s ON s.sensor_id = r.sensor_id
WHERE $__timeFilter(r.measured_at) AND r.sensor_id = ANY (ARRAY[${sensor:sqlstring}]::int[])
  AND r.value <> 'NaN' AND (r.quality & 3) <> 2
GROUP BY 1, 2 ORDER BY 1""",
                """SELECT $__timeGroupAlias(r.measured_at, $__interval), s.name@ || ' [' || s.unit || '] «min|最低»' AS metric, min(r.value) AS value
FROM v_reading r JOIN sensor s ON s.sensor_id = r.sensor_id
WHERE $__timeFilter(r.measured_at) AND r.sensor_id = ANY (ARRAY[${sensor:sqlstring}]::int[])
  AND r.value <> 'NaN' AND (r.quality & 3) <> 2
GROUP BY 1, 2 ORDER BY 1""",
            ),
            (0, 5, 24, 10),
            series=True,
        ),
        Panel(
            "«Newest values|最新读数»",
            "«As ingest last wrote them, every 2 seconds.|采集每2秒写入一次。»",
            "table",
            (
                """SELECT s.name@ AS "«Sensor|传感器»", z.name@ AS "«Zone|区域»", l.value AS "«Value|读数»", s.unit AS "«Unit|单位»",
       l.measured_at AS "«Measured|测量时间»", round(extract(epoch FROM now() - l.received_at)) AS "«Heard, s ago|收到（秒前）»"
FROM latest l JOIN sensor s ON s.sensor_id = l.sensor_id <here s>
LEFT JOIN zone z ON z.zone_id = s.zone_id
WHERE s.retired_at IS NULL AND s.quantity <> 'exercise' ORDER BY 1""",
            ),
            (0, 15, 12, 9),
        ),
        Panel(
            "«Device streams|设备数据流»",
            "«Clock: device minus ours. Repeated: sent again, and not stored twice.|时钟偏差：设备时间减本机时间。重复：重发的消息，不会重复入库。»",
            "table",
            (
                """SELECT d.key AS "«Device|设备»", CASE WHEN t.online THEN '«on line|在线»' ELSE '«off line|离线»' END AS "«State|状态»",
       t.last_received_at AS "«Last message|最近消息»", t.missing AS "«Missing|缺失»", t.repeated AS "«Repeated|重复»",
       round(t.clock_offset_ms) AS "«Clock, ms|时钟偏差（毫秒）»"
FROM device_stream t JOIN device d ON d.device_id = t.device_id <here d>
WHERE d.retired_at IS NULL AND NOT starts_with(d.key, '_test.') ORDER BY 1""",
            ),
            (12, 15, 12, 9),
        ),
        Panel(
            "«Gaps|缺口»",
            "«Messages that never came, and those that came later.|从未到达的消息，以及后来补到的消息。»",
            "table",
            (
                """SELECT d.key AS "«Device|设备»", g.missing_from AS "«From|起»", g.missing_until AS "«Until|止»",
       g.last_seq - g.first_seq + 1 AS "«Messages|消息数»", g.closed_at AS "«Closed|补齐时间»"
FROM stream_gap g JOIN device d ON d.device_id = g.device_id <here d>
WHERE $__timeFilter(g.missing_from) OR g.closed_at IS NULL ORDER BY g.missing_from DESC LIMIT 200""",
            ),
            (0, 24, 24, 8),
        ),
    ),
)

ALARMS = Board(
    name="davy-alarms",
    title="«Davy: alarms|Davy：报警»",
    said="«How alarms come and how they are answered. They are answered in Davy, not here.|报警的发生与处置情况。报警在 Davy 中处理，不在此处。»",
    since="now-30d",
    variables=((*SITE_VARIABLE, True),),
    panels=(
        Panel(
            "«Not normal now, by priority|当前未恢复正常的报警（按优先级）»",
            "«Shelved and suppressed ones included: they live on beneath.|含被搁置和被抑制的报警：其状态仍在变化。»",
            "bargauge",
            (
                """SELECT <priority> AS metric, count(a.definition_id) AS value
FROM (SELECT unnest(ARRAY['life-safety', 'high', 'medium', 'low']) AS priority) d
LEFT JOIN (SELECT a.definition_id, b.priority FROM alarm a <here a>
           JOIN alarm_definition b ON b.definition_id = a.definition_id AND b.role <> 'exercise' WHERE a.state <> 'A') a ON a.priority = d.priority
GROUP BY d.priority ORDER BY <urgency>""",
            ),
            (0, 0, 8, 8),
        ),
        Panel(
            "«Alarms that are not normal|未恢复正常的报警»",
            "«The most urgent first, then the oldest.|先按优先级，再按时间先后。»",
            "table",
            (
                """SELECT <priority> AS "«Priority|优先级»", d.title@ AS "«Alarm|报警»", s.name@ AS "«Sensor|传感器»",
       <state> AS "«State|状态»", <suppression> AS "«Suppression|抑制»",
       o.began_at AS "«Began|开始»", o.first_value AS "«First value|首个读数»", o.setpoint AS "«Limit|限值»"
FROM alarm a <here a>
JOIN alarm_definition d ON d.definition_id = a.definition_id AND d.role <> 'exercise'
JOIN sensor s ON s.sensor_id = a.sensor_id
LEFT JOIN v_occurrence o ON o.occurrence_id = a.occurrence_id
WHERE a.state <> 'A' ORDER BY <urgency>, o.began_at LIMIT 200""",
            ),
            (8, 0, 16, 8),
        ),
        Panel(
            "«Occurrences a day|每日事件数»",
            "«Days of UTC. An occurrence lasts from leaving normal until it is resolved.|按UTC日期统计。事件从离开正常状态开始，到被关闭为止。»",
            "timeseries",
            (
                """SELECT $__timeGroupAlias(o.began_at, '1d'), <priority> AS metric, count(*) AS value
FROM v_occurrence o <here o> JOIN alarm_definition d ON d.definition_id = o.definition_id AND d.role <> 'exercise'
WHERE $__timeFilter(o.began_at) GROUP BY 1, 2 ORDER BY 1""",
            ),
            (0, 8, 12, 8),
            series=True,
            more={"bars": True},
        ),
        Panel(
            "«Time to acknowledge|确认用时»",
            "«From the first call to the first acknowledgement, by the day it began. What nobody acknowledged counts as longer than any other: where that is more than a tenth of the alarms, there is no point. All days are of UTC.|从首次通知到首次确认，按事件开始日期（UTC）统计。无人确认的报警按长于其他任何报警计：超过一成未确认的日期不画点。»",
            "timeseries",
            (
                """SELECT $__timeGroupAlias(o.began_at, '1d'),
       nullif(percentile_disc(0.5) WITHIN GROUP (ORDER BY w.s), 'Infinity') AS "«half within|半数在此之内»",
       nullif(percentile_disc(0.9) WITHIN GROUP (ORDER BY w.s), 'Infinity') AS "«9 of 10 within|九成在此之内»"
FROM v_occurrence o <here o> JOIN alarm_definition d ON d.definition_id = o.definition_id AND d.role <> 'exercise'
CROSS JOIN LATERAL (SELECT min(t.at) AS at FROM transition t WHERE t.occurrence_id = o.occurrence_id AND t.to_state = 'B'
                    AND t.suppression = 'none' AND t.recorded_at - t.at <= <news>) c
CROSS JOIN LATERAL (SELECT min(t.at) AS at FROM transition t WHERE t.occurrence_id = o.occurrence_id AND t.event = 'acknowledge'
                    AND t.at >= c.at) k
CROSS JOIN LATERAL (SELECT coalesce(extract(epoch FROM k.at - c.at)::float8, 'Infinity') AS s) w
WHERE $__timeFilter(o.began_at) AND c.at IS NOT NULL AND (k.at IS NOT NULL OR now() - c.at > <target>) GROUP BY 1 ORDER BY 1""",
            ),
            (12, 8, 12, 8),
            series=True,
            unit="s",
        ),
        Panel(
            "«Transitions a day|每日状态转换数»",
            "«Every change of an alarm's state, by what happened. Days of UTC.|报警状态的每次变化，按发生的事情统计。按UTC日期。»",
            "timeseries",
            (
                """SELECT $__timeGroupAlias(t.at, '1d'), <happening> AS metric, count(*) AS value
FROM v_transition t JOIN alarm_definition d ON d.definition_id = t.definition_id AND d.role <> 'exercise' <here d>
WHERE $__timeFilter(t.at) GROUP BY 1, 2 ORDER BY 1""",
            ),
            (0, 16, 12, 8),
            series=True,
            more={"bars": True},
        ),
        Panel(
            "«Most frequent|最频繁的报警»",
            "«The ten definitions with the most occurrences in the time shown.|所选时段内事件最多的十个报警定义。»",
            "table",
            (
                """SELECT d.title@ AS "«Alarm|报警»", <priority> AS "«Priority|优先级»", count(*) AS "«Occurrences|事件数»",
       count(*) FILTER (WHERE o.resolution = 'nuisance') AS "«Nuisance|误扰»", count(*) FILTER (WHERE o.resolved_at IS NULL) AS "«Open|未关闭»"
FROM v_occurrence o <here o> JOIN alarm_definition d ON d.definition_id = o.definition_id AND d.role <> 'exercise'
WHERE $__timeFilter(o.began_at) GROUP BY d.definition_id, d.title@, d.priority ORDER BY 3 DESC, 1 LIMIT 10""",
            ),
            (12, 16, 12, 8),
        ),
    ),
)

BOARDS = (SITE, ALARMS)


def spoken(text: str, language: str) -> str:
    """The text, or SQL, of one language."""
    text = re.sub(r"<here (\w)>", lambda match: HERE.format(match[1]), text)
    text = re.sub(r"<([a-z]+)>", lambda match: SNIPPETS[match[1]], text)
    half = 1 if language == "en" else 2
    told = re.sub(r"«([^|»]*)\|([^»]*)»", lambda match: match[half], text)
    return re.sub(r"\b(name|title)@", r"\1" if language == "en" else r"\1_zh", told)


def panel(number: int, drawn: Panel, language: str) -> dict[str, Any]:
    """A panel as Grafana keeps it."""
    x, y, width, height = drawn.at
    custom: dict[str, Any] = {}
    options: dict[str, Any] = {}
    if drawn.kind == "timeseries":
        custom = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 0, "showPoints": "auto", "spanNulls": False}
        if drawn.more.get("bars"):
            custom = {"drawStyle": "bars", "fillOpacity": 70, "stacking": {"mode": "normal"}, "lineWidth": 1}
        options = {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    elif drawn.kind == "table":
        options = {"showHeader": True, "cellHeight": "sm"}
    elif drawn.kind == "bargauge":
        options = {
            "orientation": "horizontal",
            "displayMode": "basic",
            "reduceOptions": {"calcs": ["lastNotNull"], "values": True},
        }
    else:
        options = {
            "reduceOptions": {"calcs": ["lastNotNull"], "values": False},
            "colorMode": "none",
            "textMode": "value_and_name",
        }
    return {
        "id": number,
        "type": drawn.kind,
        "title": spoken(drawn.title, language),
        "description": spoken(drawn.said, language),
        "datasource": SOURCE,
        "gridPos": {"x": x, "y": y, "w": width, "h": height},
        "fieldConfig": {"defaults": {"unit": drawn.unit, "custom": custom}, "overrides": []},
        "options": options,
        "targets": [
            {
                "refId": chr(ord("A") + position),
                "datasource": SOURCE,
                "editorMode": "code",
                "rawQuery": True,
                "format": "time_series" if drawn.series else "table",
                "rawSql": spoken(query, language),
            }
            for position, query in enumerate(drawn.queries)
        ],
    }


def dashboard(board: Board, language: str) -> dict[str, Any]:
    """A dashboard as Grafana keeps it."""
    return {
        "uid": f"{board.name}-{language}",
        "title": spoken(board.title, language),
        "description": spoken(board.said, language),
        "tags": ["davy"],
        "schemaVersion": SCHEMA_VERSION,
        "editable": False,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": board.since, "to": "now"},
        "templating": {
            "list": [
                {
                    "name": name,
                    "label": spoken(label, language),
                    "type": "query",
                    "datasource": SOURCE,
                    "definition": spoken(query, language),
                    "query": spoken(query, language),
                    "refresh": 2,
                    "sort": 0,
                    "multi": several,
                    "includeAll": several,
                    **({"current": {"text": ["All"], "value": ["$__all"]}} if several else {}),
                }
                for name, label, query, several in board.variables
            ]
        },
        "annotations": {"list": []},
        "panels": [panel(number, drawn, language) for number, drawn in enumerate(board.panels, start=1)],
    }


def main() -> int:
    """Writes, or compares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check, other = parser.parse_args().check, []
    for board in BOARDS:
        for language in LANGUAGES:
            file = FOLDER / language / f"{board.name}.json"
            text = json.dumps(dashboard(board, language), ensure_ascii=False, indent=2) + "\n"
            if check:
                if not file.exists() or file.read_text("utf-8") != text:
                    other.append(str(file.relative_to(ROOT)))
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, "utf-8")
    if other:
        sys.stderr.write(f"Not as tools/dashboards.py writes them: {', '.join(other)}\n")
    return 1 if other else 0


if __name__ == "__main__":
    sys.exit(main())
