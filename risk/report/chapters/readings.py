"""How much of what was expected arrived, and whose calibration is over."""

from __future__ import annotations

from risk.device_kinds import device_kind
from risk.report import charts
from risk.report.document import Block, Figure, Paragraph, Section, Table
from risk.report.facts import ReportFacts
from risk.report.voice import Voice


def coverage(facts: ReportFacts, voice: Voice) -> Section:
    """The chapter on readings."""
    _ = voice.gettext
    blocks: list[Block] = [Paragraph(coverage_sentence(facts, voice), "finding")]
    shown = facts.coverage[: charts.MOST_ROWS]
    if facts.share is not None:
        blocks.append(_strip(facts, voice))
    if len(facts.coverage) > len(shown):
        words = {"count": voice.number(len(facts.coverage) - len(shown))}
        blocks.append(Paragraph(_("Shown are the devices of which least came; not shown: %(count)s.") % words, "note"))
    return Section("coverage", _("Data coverage"), tuple(blocks))


def calibration(facts: ReportFacts, voice: Voice) -> Section:
    """The chapter on calibration."""
    _ = voice.gettext
    blocks: list[Block] = [Paragraph(calibration_sentence(facts, voice), "finding")]
    if facts.overdue_calibrations:
        blocks.append(
            Table(
                _("Calibration overdue at the end of the month"),
                (_("Device"), _("Sensor"), _("Was due on"), _("Days overdue"), _("Required by law")),
                (False, False, False, True, False),
                (3, 5, 3, 2, 2),
                tuple(
                    (
                        one.device,
                        voice.own(one.sensor, one.sensor_zh),
                        voice.date(one.due_on),
                        voice.number(one.overdue_days),
                        _("yes") if one.mandatory else _("no"),
                    )
                    for one in facts.overdue_calibrations
                ),
            )
        )
    return Section("calibration", _("Calibration"), tuple(blocks))


def coverage_sentence(facts: ReportFacts, voice: Voice) -> str:
    """What the chapter on readings comes to."""
    _ = voice.gettext
    if facts.share is None:
        return _("No readings were expected in this month.")
    silent = sum(one.share == 0 for one in facts.coverage)
    words = {"share": voice.percent(facts.share), "silent": voice.number(silent)}
    if silent:
        return _("%(share)s of the expected readings arrived; devices of which nothing came: %(silent)s.") % words
    return _("%(share)s of the expected readings arrived.") % words


def calibration_sentence(facts: ReportFacts, voice: Voice) -> str:
    """What the chapter on calibration comes to."""
    _ = voice.gettext
    if not facts.calibrated:
        return _("It is known of no sensor when it is to be calibrated again (sensors: %(sensors)s).") % {
            "sensors": voice.number(facts.site.sensors)
        }
    return _("Calibration overdue: %(overdue)s; sensors with a known date: %(known)s of %(sensors)s.") % {
        "overdue": voice.number(len(facts.overdue_calibrations)),
        "known": voice.number(facts.calibrated),
        "sensors": voice.number(facts.site.sensors),
    }


def _strip(facts: ReportFacts, voice: Voice) -> Block:
    _ = voice.gettext
    shown = facts.coverage[: charts.MOST_ROWS]
    expected = [one for one in shown if one.share is not None]
    least = expected[0]
    days = len(facts.alarm_days)
    return Figure(
        charts.strip(
            [charts.Row(one.device, voice.percent(one.share), one.days) for one in shown],
            days,
            (_("95 percent or more arrived"), _("in part: as high as it is filled"), _("nothing arrived")),
        ),
        _("Readings that arrived, by device and day"),
        _("Least came from %(device)s: %(share)s of what was expected.")
        % {"device": least.device, "share": voice.percent(least.share)},
        Table(
            _("Readings that arrived, by device"),
            (_("Device"), _("Kind"), _("Arrived"), _("Days below 60 percent"), _("Days with nothing")),
            (False, False, True, True, True),
            (4, 3, 2, 2, 2),
            tuple(
                (
                    one.device,
                    device_kind(voice.gettext, one.kind),
                    voice.percent(one.share),
                    voice.number(sum(day is not None and day < 0.6 for day in one.days)),
                    voice.number(sum(day == 0 for day in one.days)),
                )
                for one in shown
            ),
        ),
    )
