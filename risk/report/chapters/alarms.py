"""Alarms of the month, how soon somebody answered, and how they ended."""

from __future__ import annotations

from typing import Final

from risk.report import charts
from risk.report.document import Block, Figure, Paragraph, Section, Table
from risk.report.facts import PriorityFacts, ReportFacts
from risk.report.refusal import later
from risk.report.voice import NONE, PRIORITIES, Voice

REASONS: Final = {
    "true_danger": later("True danger"),
    "near_miss": later("Near miss"),
    "test_or_drill": later("Test or drill"),
    "nuisance": later("Nuisance alarm"),
    "sensor_fault": later("Fault of the sensor"),
    "unknown": later("Cause unknown"),
}


def told(facts: ReportFacts, voice: Voice) -> Section:
    """The chapter."""
    _ = voice.gettext
    blocks: list[Block] = [Paragraph(sentence(facts, voice), "finding")]
    if any(row.alarms for row in facts.priorities):
        blocks += [_chart(facts, voice), _times(facts, voice), _endings(facts, voice)]
    return Section("alarms", _("Alarms and answers"), tuple(blocks))


def sentence(facts: ReportFacts, voice: Voice) -> str:
    """What the chapter comes to."""
    _ = voice.gettext
    alarms = sum(row.alarms for row in facts.priorities)
    if not alarms:
        return _("No alarm began in this month.")
    words = {
        "alarms": voice.number(alarms),
        "life": voice.number(facts.priorities[0].alarms),
        "unanswered": voice.number(sum(row.unanswered for row in facts.priorities)),
    }
    return (
        _("Alarms: %(alarms)s, of them for life safety: %(life)s; not acknowledged by the end: %(unanswered)s.") % words
    )


def _chart(facts: ReportFacts, voice: Voice) -> Block:
    _ = voice.gettext
    labels = [voice.word(PRIORITIES, row.priority) for row in facts.priorities]
    busiest = max(facts.alarm_days, key=lambda day: (sum(day.counts), -day.day.toordinal()))
    quiet = sum(not any(day.counts) for day in facts.alarm_days)
    return Figure(
        charts.bars([day.counts for day in facts.alarm_days], labels, _("alarms a day")),
        _("Alarms by day and priority"),
        _("Most alarms began on %(day)s: %(count)s. Days without an alarm: %(quiet)s.")
        % {"day": voice.day(busiest.day), "count": voice.number(sum(busiest.counts)), "quiet": voice.number(quiet)},
        Table(
            _("Alarms by day and priority"),
            (_("Day"), *labels),
            (False, True, True, True, True),
            (2, 1, 1, 1, 1),
            tuple((voice.date(day.day), *map(voice.number, day.counts)) for day in facts.alarm_days),
        ),
    )


def _times(facts: ReportFacts, voice: Voice) -> Block:
    _ = voice.gettext
    return Table(
        _("Time from the start of an alarm to its first acknowledgement, in minutes"),
        (
            _("Priority"),
            _("Alarms"),
            _("Acknowledged"),
            _("Unanswered"),
            _("p50"),
            _("p90"),
            _("Longest"),
            _("Respond within"),
        ),
        (False, True, True, True, True, True, True, True),
        (3, 2, 3, 2.6, 2.8, 2.8, 2, 3),
        tuple(
            (
                voice.word(PRIORITIES, row.priority),
                voice.number(row.alarms),
                voice.number(row.answered),
                voice.number(row.unanswered),
                _time(row.p50_s, row, voice),
                _time(row.p90_s, row, voice),
                voice.minutes(row.longest_s),
                voice.minutes(row.target_s),
            )
            for row in facts.priorities
        ),
    )


def _time(seconds: float | None, row: PriorityFacts, voice: Voice) -> str:
    if seconds is None and row.unanswered:
        return voice.gettext("not answered")
    return voice.minutes(seconds)


def _endings(facts: ReportFacts, voice: Voice) -> Block:
    _, ended = voice.gettext, facts.resolutions
    rows = [(voice.word(REASONS, reason), voice.number(count)) for reason, count in ended.by_reason.items()]
    rows.append((_("Not closed yet"), voice.number(ended.open)))
    rows.append(
        (_("Share of nuisance alarms among those closed"), voice.percent(ended.nuisance_share) if rows else NONE)
    )
    return Table(
        _("How the month's alarms were closed"), (_("What it was"), _("Alarms")), (False, True), (3, 1), tuple(rows)
    )
