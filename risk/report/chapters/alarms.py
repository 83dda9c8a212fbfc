"""Alarms of the month, how soon somebody answered, and how they ended."""

from __future__ import annotations

from typing import Final

from core.response_time import ResponseTime
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
        blocks.append(Paragraph(response_sentence(facts, voice)))
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


def response_sentence(facts: ReportFacts, voice: Voice) -> str:
    """How soon somebody answered, all priorities together."""
    _, of = voice.gettext, facts.response
    words = {
        "counted": voice.number(of.counted),
        "unanswered": voice.number(of.unanswered),
        "half": voice.minutes(of.p50_s),
        "most": voice.minutes(of.p90_s),
    }
    if of.counted == 0:
        return _(
            "No alarm that called somebody was acknowledged or is beyond its target yet, so there is no time to tell."
        )
    if of.p90_s is not None:
        return _("Half of the alarms were acknowledged within %(half)s min, 9 of 10 within %(most)s min.") % words
    if of.p50_s is not None:
        return (
            _(
                "Half of the alarms were acknowledged within %(half)s min; more than one in ten were not acknowledged: %(unanswered)s of %(counted)s."
            )
            % words
        )
    return _("More than half of the alarms were not acknowledged: %(unanswered)s of %(counted)s.") % words


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
        _("Time from an alarm's first call to its first acknowledgement, in minutes"),
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
        (2.8, 1.6, 2.9, 2.5, 3.2, 3.8, 1.8, 2.8),
        (*(_row(row, voice) for row in facts.priorities), _together(facts, voice)),
    )


def _row(row: PriorityFacts, voice: Voice) -> tuple[str, ...]:
    return (
        voice.word(PRIORITIES, row.priority),
        voice.number(row.alarms),
        voice.number(row.answered),
        voice.number(row.unanswered),
        *_percentiles(row, voice),
        voice.minutes(row.longest_s),
        voice.minutes(row.target_s),
    )


def _together(facts: ReportFacts, voice: Voice) -> tuple[str, ...]:
    rows = facts.priorities
    longest = max((row.longest_s for row in rows if row.longest_s is not None), default=None)
    return (
        voice.gettext("All together"),
        voice.number(sum(row.alarms for row in rows)),
        voice.number(sum(row.answered for row in rows)),
        voice.number(sum(row.unanswered for row in rows)),
        *_percentiles(facts.response, voice),
        voice.minutes(longest),
        NONE,
    )


def _percentiles(of: PriorityFacts | ResponseTime, voice: Voice) -> tuple[str, str]:
    """The two times, or what there is in place of one where too many were not answered."""
    _ = voice.gettext
    if of.counted == 0:
        return NONE, NONE
    return (
        _("over half unanswered") if of.p50_s is None else voice.minutes(of.p50_s),
        _("over 1 in 10 unanswered") if of.p90_s is None else voice.minutes(of.p90_s),
    )


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
