"""Findings (隐患), impairments of protection, and alarms that were kept from calling."""

from __future__ import annotations

from typing import Final

from risk.report.document import Block, Paragraph, Section, Table
from risk.report.facts import ReportFacts
from risk.report.refusal import later
from risk.report.voice import NONE, PRIORITIES, Voice

GRADES: Final = {"major": later("Major"), "general": later("General")}
STATES: Final = {
    "reported": later("Reported"),
    "rectifying": later("Being put right"),
    "claimed_done": later("Done, to be verified"),
    "closed": later("Closed"),
}
KINDS: Final = {
    "sprinkler_valve": later("Sprinkler valve closed"),
    "fire_pump": later("Fire pump out"),
    "fire_panel": later("Fire panel out"),
    "detector_bypass": later("Detector bypassed"),
    "gas_suppression": later("Gas extinguishing out"),
    "other": later("Other protection out"),
}
SUPPRESSIONS: Final = {
    "shelved": later("Shelved by a person"),
    "by_design": later("Suppressed by design"),
    "out_of_service": later("Out of service by a work order"),
}
MOST_ROWS: Final = 40  # of a table; what is beyond is counted


def findings(facts: ReportFacts, voice: Voice) -> Section:
    """The chapter on findings."""
    _ = voice.gettext
    blocks: list[Block] = [Paragraph(findings_sentence(facts, voice), "finding"), _grades(facts, voice)]
    if facts.open_findings:
        blocks.append(_open_ones(facts, voice))
        blocks += _beyond(len(facts.open_findings), voice)
    return Section("findings", _("Findings"), tuple(blocks))


def impairments(facts: ReportFacts, voice: Voice) -> Section:
    """The chapter on protection that was out, and on silenced alarms."""
    _ = voice.gettext
    blocks: list[Block] = [Paragraph(impairments_sentence(facts, voice), "finding")]
    if facts.impairments:
        blocks.append(_impairments(facts, voice))
        blocks += _beyond(len(facts.impairments), voice)
    if facts.silenced:
        blocks.append(_silenced(facts, voice))
    else:
        blocks.append(Paragraph(_("No alarm was shelved, suppressed or out of service in this month.")))
    return Section("impairments", _("Impairments and silenced alarms"), tuple(blocks))


def findings_sentence(facts: ReportFacts, voice: Voice) -> str:
    """What the chapter on findings comes to."""
    _ = voice.gettext
    words = {
        "opened": voice.number(sum(row.opened for row in facts.grades)),
        "closed": voice.number(sum(row.closed for row in facts.grades)),
        "open": voice.number(sum(row.open_after for row in facts.grades)),
        "major": voice.number(sum(row.open_after for row in facts.grades if row.grade == "major")),
        "overdue": voice.number(sum(row.overdue for row in facts.grades)),
    }
    return (
        _(
            "Findings opened: %(opened)s, closed: %(closed)s; open at the end: %(open)s, of them major: %(major)s, overdue: %(overdue)s."
        )
        % words
    )


def impairments_sentence(facts: ReportFacts, voice: Voice) -> str:
    """What the chapter on impairments comes to."""
    _ = voice.gettext
    if not facts.impairments:
        return _("No protection was reported out of service in this month.")
    words = {
        "hours": voice.number(sum(one.hours for one in facts.impairments), 1),
        "count": voice.number(len(facts.impairments)),
        "open": voice.number(sum(one.restored_at is None for one in facts.impairments)),
        "overran": voice.number(sum(one.overran for one in facts.impairments)),
    }
    return (
        _(
            "Protection out of service: %(hours)s h, impairments: %(count)s; not restored by the end: %(open)s, longer than announced: %(overran)s."
        )
        % words
    )


def _grades(facts: ReportFacts, voice: Voice) -> Block:
    _ = voice.gettext
    return Table(
        _("Findings by grade"),
        (
            _("Grade"),
            _("Open before"),
            _("Opened"),
            _("Closed"),
            _("Reopened"),
            _("Open at the end"),
            _("Overdue"),
            _("Overdue finding-days"),
        ),
        (False, True, True, True, True, True, True, True),
        (2, 2, 2, 2, 2, 2, 2, 3),
        tuple(
            (
                voice.word(GRADES, row.grade),
                voice.number(row.open_before),
                voice.number(row.opened),
                voice.number(row.closed),
                voice.number(row.reopened),
                voice.number(row.open_after),
                voice.number(row.overdue),
                voice.number(row.overdue_days, 1),
            )
            for row in facts.grades
        ),
    )


def _open_ones(facts: ReportFacts, voice: Voice) -> Block:
    _ = voice.gettext
    return Table(
        _("Open at the end: major ones and overdue ones"),
        (_("No."), _("Finding"), _("Grade"), _("Zone"), _("State"), _("Due"), _("Days overdue")),
        (True, False, False, False, False, False, True),
        (1, 6, 2.5, 2.5, 3, 2.5, 2),
        tuple(
            (
                str(one.finding_id),
                _marked(one.title, one.simulated, voice),
                _("%(grade)s, suspected") % {"grade": voice.word(GRADES, one.grade)}
                if one.suspected
                else voice.word(GRADES, one.grade),
                voice.own(one.zone or NONE, one.zone_zh or NONE),
                voice.word(STATES, one.state),
                voice.date(one.due_at) if one.due_at else _("no date"),
                voice.number(one.overdue_days) if one.overdue_days else NONE,
            )
            for one in facts.open_findings[:MOST_ROWS]
        ),
    )


def _impairments(facts: ReportFacts, voice: Voice) -> Block:
    _ = voice.gettext
    return Table(
        _("Protection out of service, the longest first"),
        (
            _("No."),
            _("Kind"),
            _("What"),
            _("Zone"),
            _("Began"),
            _("Announced until"),
            _("Restored"),
            _("Hours in the month"),
        ),
        (True, False, False, False, False, False, False, True),
        (1, 3, 4, 2.5, 2.8, 2.8, 2.8, 2),
        tuple(
            (
                str(one.impairment_id),
                voice.word(KINDS, one.kind),
                _marked(one.what, one.simulated, voice),
                voice.own(one.zone or NONE, one.zone_zh or NONE),
                voice.instant(one.began_at),
                voice.instant(one.expected_until),
                voice.instant(one.restored_at) if one.restored_at else _("not yet"),
                voice.number(one.hours, 1),
            )
            for one in facts.impairments[:MOST_ROWS]
        ),
    )


def _silenced(facts: ReportFacts, voice: Voice) -> Block:
    _ = voice.gettext
    return Table(
        _("Alarms kept from calling"),
        (_("How"), _("Priority"), _("Alarms"), _("Hours in the month")),
        (False, False, True, True),
        (4, 3, 2, 2),
        tuple(
            (
                voice.word(SUPPRESSIONS, one.suppression),
                voice.word(PRIORITIES, one.priority),
                voice.number(one.alarms),
                voice.number(one.hours, 1),
            )
            for one in facts.silenced
        ),
    )


def _beyond(count: int, voice: Voice) -> list[Block]:
    if count <= MOST_ROWS:
        return []
    return [
        Paragraph(
            voice.gettext("Not listed here: %(count)s more.") % {"count": voice.number(count - MOST_ROWS)}, "note"
        )
    ]


def _marked(text: str, simulated: bool, voice: Voice) -> str:
    return voice.gettext("%(text)s [simulated]") % {"text": text} if simulated else text
