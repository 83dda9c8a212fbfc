"""The facts of a month, told in one language: the document that the page and the PDF both set. Pure."""

from __future__ import annotations

from risk.report.chapters import alarms, hazards, limits, readings, scores, site
from risk.report.document import Document, Listed, Section
from risk.report.facts import ReportFacts
from risk.report.voice import Voice


def tell(facts: ReportFacts, language: str) -> Document:
    """The report.

    Args:
        language: "zh" or "en".
    """
    voice = Voice.of(language, facts.site.time_zone)
    _ = voice.gettext
    where, month = voice.own(facts.site.name, facts.site.name_zh), voice.month(facts.month)
    company = voice.own(facts.site.company, facts.site.company_zh)
    state = _("complete month") if facts.complete else _("month still running")
    return Document(
        language=voice.language,
        title=_("Site safety report"),
        subtitle=_("%(company)s, %(site)s") % {"company": company, "site": where},
        lead=(
            (_("Month"), month),
            (_("As of"), f"{voice.instant(facts.as_of)} ({facts.site.time_zone})"),
            (_("State"), state),
            (_("Score formula"), facts.formula or _("none")),
        ),
        running=_("Site safety report, %(site)s, %(month)s") % {"site": where, "month": facts.month},
        eyes=_(
            "Davy is a second pair of eyes. It is not a safety function, not a fire alarm system, and decides no claim."
        ),
        page_of=_("Page {page} of {pages}"),
        simulated=_("Simulated: made by the demo, no real site") if facts.simulated else None,
        sections=(
            _summary(facts, voice),
            site.told(facts, voice),
            scores.told(facts, voice),
            alarms.told(facts, voice),
            hazards.findings(facts, voice),
            hazards.impairments(facts, voice),
            readings.coverage(facts, voice),
            readings.calibration(facts, voice),
            limits.method(facts, voice),
            limits.not_this(voice),
        ),
        numbers=_("Annex: the drawings as tables"),
        signatures=(_("For the insurer: name, date"), _("For the insured: name, date")),
        author="Davy",
    )


def _summary(facts: ReportFacts, voice: Voice) -> Section:
    _ = voice.gettext
    said = (
        *(scores.sentence(score, facts, voice) for score in facts.scores),
        alarms.sentence(facts, voice),
        *([alarms.response_sentence(facts, voice)] if facts.response.counted else []),
        hazards.findings_sentence(facts, voice),
        hazards.impairments_sentence(facts, voice),
        readings.coverage_sentence(facts, voice),
        readings.calibration_sentence(facts, voice),
    )
    return Section("summary", _("In short"), (Listed(said),))
