"""The three numbers, and what moved them since the month before."""

from __future__ import annotations

from typing import Final

from risk.report import charts
from risk.report.document import Block, Figure, Paragraph, Section, Table
from risk.report.facts import DriverFacts, ReportFacts, ScoreFacts
from risk.report.refusal import later
from risk.report.voice import NONE, SCORES, Voice
from risk.score.formula import explaining
from risk.score.texts import TEXTS

WHY_NOT: Final = {
    "not_computed": later("not computed for this month"),
    "no_scenario": later("no scenario is declared"),
    "too_few_days": later("not enough data: fewer than %(days)s days"),
    "low_coverage": later("not enough data: less than %(percent)s percent of the readings arrived"),
    "no_sensors": later("not enough data: no sensors"),
}


def told(facts: ReportFacts, voice: Voice) -> Section:
    """The chapter."""
    _ = voice.gettext
    blocks: list[Block] = [_gauges(facts, voice)]
    blocks += [Paragraph(text, "note") for text in _formulas(facts, voice)]
    if facts.drivers:
        blocks.append(_moves(facts, voice))
    if any(day.control is not None or day.confidence is not None for day in facts.score_days):
        blocks.append(_course(facts, voice))
    blocks.append(
        _scenarios(facts, voice)
        if facts.scenarios
        else Paragraph(_("No hazard scenario is declared for this site."), "note")
    )
    return Section("scores", _("Scores, and what moved them"), tuple(blocks))


def _formulas(facts: ReportFacts, voice: Voice) -> list[str]:
    """Where two formulas meet, what that means for the reader."""
    _, before_by = voice.gettext, _before_by(facts)
    words = {"formula": facts.formula, "before": before_by, "others": ", ".join(facts.other_formulas)}
    said = []
    if before_by:
        said.append(
            _(
                "The numbers of the month before were made with formula %(before)s, those of this month with %(formula)s. They do not compare, so no change is shown."
            )
            % words
        )
    if facts.other_formulas:
        said.append(
            _(
                "On some days of the month there is no number by %(formula)s; theirs were made with %(others)s, so the curve may step where the formula changes."
            )
            % words
        )
    return said


def _before_by(facts: ReportFacts) -> str | None:
    return next((score.before_by for score in facts.scores if score.before_by), None)


def sentence(score: ScoreFacts, facts: ReportFacts, voice: Voice) -> str:
    """One number in one sentence."""
    _ = voice.gettext
    words = {"name": voice.word(SCORES, score.name)}
    if score.value is None:
        return _("%(name)s: %(why)s.") % {**words, "why": _why_not(score, facts, voice)}
    words |= {"value": voice.score(score.value), "interval": voice.interval(score.low, score.high)}
    if score.before is None:
        return _("%(name)s %(value)s (interval %(interval)s); there is no value of the month before.") % words
    if score.before_by:
        words |= {"before": voice.score(score.before), "formula": score.before_by}
        return (
            _(
                "%(name)s %(value)s (interval %(interval)s); a month before %(before)s by another formula (%(formula)s), which does not compare."
            )
            % words
        )
    step = round(score.value) - round(score.before)
    words["step"] = voice.number(abs(step))
    if step > 0:
        return _("%(name)s %(value)s (interval %(interval)s), %(step)s higher than a month before.") % words
    if step < 0:
        return _("%(name)s %(value)s (interval %(interval)s), %(step)s lower than a month before.") % words
    return _("%(name)s %(value)s (interval %(interval)s), as a month before.") % words


def _why_not(score: ScoreFacts, facts: ReportFacts, voice: Voice) -> str:
    """In the numbers of the formula that gave none."""
    enough = explaining(facts.formula).enough
    words = {"days": voice.number(enough.days), "percent": voice.number(100 * enough.coverage)}
    return voice.word(WHY_NOT, score.why_not or "") % words


def _gauges(facts: ReportFacts, voice: Voice) -> Block:
    _ = voice.gettext
    rows = [
        charts.Gauge(
            voice.word(SCORES, score.name),
            f"{voice.score(score.value)} ({voice.interval(score.low, score.high)})"
            if score.value is not None
            else _("not enough data"),
            score.value,
            score.low,
            score.high,
            None if score.before_by else score.before,
        )
        for score in facts.scores
    ]
    table = Table(
        _("The three scores, 0-100"),
        (_("Score"), _("Value"), _("Interval"), _("A month before"), _("Better is")),
        (False, True, True, True, False),
        (3, 4, 2, 2, 2),
        tuple(
            (
                voice.word(SCORES, score.name),
                voice.score(score.value) if score.value is not None else _why_not(score, facts, voice),
                voice.interval(score.low, score.high),
                voice.score(score.before),
                _("lower") if score.name == "hazard" else _("higher"),
            )
            for score in facts.scores
        ),
    )
    return Figure(
        charts.gauges(rows, (_("value"), _("interval"), _("a month before"))),
        _("The three scores, 0-100"),
        " ".join(
            [
                *(sentence(score, facts, voice) for score in facts.scores),
                _("Hazard: lower is better; control and confidence: higher."),
            ]
        ),
        table,
    )


def _moves(facts: ReportFacts, voice: Voice) -> Block:
    _ = voice.gettext
    return Table(
        _("What the scores are made of: points taken off 100"),
        (_("Score"), _("Driver"), _("Why"), _("Points off"), _("A month before"), _("Change")),
        (False, False, False, True, True, True),
        (2, 3, 6, 1.6, 1.8, 1.6),
        tuple(
            (
                voice.word(SCORES, driver.score),
                voice.own(driver.name, driver.name_zh),
                _why(driver, voice),
                voice.number(driver.lost, 1),
                voice.number(driver.before, 1),
                NONE if _before_by(facts) else _change(driver, voice),
            )
            for driver in facts.drivers
        ),
    )


def _why(driver: DriverFacts, voice: Voice) -> str:
    """The sentence of the score, or the number behind it where it has none."""
    text = TEXTS.get(driver.sentence)
    if text is None:
        return NONE if driver.value is None else f"{voice.number(driver.value, 1)} {driver.unit}".rstrip()
    words = {name: voice.number(value, 0 if value == int(value) else 1) for name, value in driver.words.items()}
    return voice.gettext(text) % words


def _change(driver: DriverFacts, voice: Voice) -> str:
    if driver.lost is None or driver.before is None:
        return NONE
    change = driver.lost - driver.before
    if abs(change) < 0.05:
        return voice.number(0.0, 1)
    return f"{'+' if change > 0 else '−'}{voice.number(abs(change), 1)}"


def _course(facts: ReportFacts, voice: Voice) -> Block:
    _ = voice.gettext
    control = [day.control for day in facts.score_days]
    confidence = [day.confidence for day in facts.score_days]
    known = [value for value in control if value is not None]
    past = facts.score_days if facts.complete else [d for d in facts.score_days if d.day <= facts.as_of.date()]
    missing = sum(day.control is None for day in past)
    caption = (
        _("Control moved between %(low)s and %(high)s; days without a number: %(missing)s.")
        % {"low": voice.score(min(known)), "high": voice.score(max(known)), "missing": voice.number(missing)}
        if known
        else _("Control had no number on any day of the month.")
    )
    lines = [
        charts.Line(voice.word(SCORES, "control"), control),
        charts.Line(voice.word(SCORES, "confidence"), confidence),
    ]
    return Figure(
        charts.lines(lines, len(facts.score_days)),
        _("Control and confidence by day"),
        caption,
        Table(
            _("Control and confidence by day"),
            (_("Day"), voice.word(SCORES, "control"), voice.word(SCORES, "confidence")),
            (False, True, True),
            (1, 1, 1),
            tuple(
                (voice.date(day.day), voice.score(day.control), voice.score(day.confidence)) for day in facts.score_days
            ),
        ),
    )


def _scenarios(facts: ReportFacts, voice: Voice) -> Block:
    _ = voice.gettext
    return Table(
        _("Declared hazards (LEC method: likelihood × exposure × consequence)"),
        (_("Scenario"), "L", "E", "C", "D", _("Grade"), _("Declared in")),
        (False, True, True, True, True, False, False),
        (6, 1, 1, 1, 1, 2, 4),
        tuple(
            (
                voice.own(one.title, one.title_zh),
                f"{one.likelihood:g}",
                f"{one.exposure:g}",
                f"{one.consequence:g}",
                voice.number(one.likelihood * one.exposure * one.consequence),
                voice.own(one.grade, one.grade_zh) or NONE,
                one.source,
            )
            for one in facts.scenarios
        ),
    )
