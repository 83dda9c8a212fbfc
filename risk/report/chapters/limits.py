"""How the report was made, where it ends, and what it is not."""

from __future__ import annotations

from risk.report.document import Listed, Section
from risk.report.facts import ReportFacts
from risk.report.voice import Voice


def method(facts: ReportFacts, voice: Voice) -> Section:
    """The chapter on method and limits."""
    _ = voice.gettext
    items = [
        _(
            "Told is what had happened by %(at)s. A month that is over is told the same on every later day, and the PDF of the same facts has the same bytes; what is entered afterwards for that time (a late reading, an extended date, a calibration) changes it."
        )
        % {"at": voice.instant(facts.as_of)},
        _(
            "Response time: from an alarm's first call to its first acknowledgement by a person, as in the score, the portfolio and the daily digest. p50 and p90 are nearest ranks; one that nobody acknowledged counts as longer than any other, so that silence cannot improve the figure; one that was still within its target at the end counts neither way. Alarms that called nobody (learnt of too late, or shelved) are counted, not timed: %(silent)s in this month."
        )
        % {"silent": voice.number(sum(row.alarms - row.called for row in facts.priorities))},
        _(
            "Findings: grade, due date and state are those of the end of the month. Overdue finding-days are the days after the due date that ran then on which nobody had verified a finding; a major one that nobody puts in hand is overdue some days after it was reported."
        ),
        _(
            "Impairments: hours within the month, each counted by itself. They are as people reported them; what nobody reported is not in them."
        ),
        _(
            "Data coverage: readings stored of those expected from each sensor's period. More readings than expected in an hour do not fill the gap of another."
        ),
        _(
            "Limits: %(standard)s limits in force name a standard; %(verified)s of them have been held against the standard's own text by a person. Until then they are the site's statement."
        )
        % {"standard": voice.number(facts.standard_limits), "verified": voice.number(facts.verified_limits)},
    ]
    if facts.formula:
        items.insert(
            1,
            _(
                "Scores: formula %(formula)s. It is a declared weighting by design, not fitted to losses and not validated on claims; the three numbers are never made one. Control looks back %(days)s days; the value is that of the last whole day of the month."
            )
            % {"formula": facts.formula, "days": voice.number(facts.window_days)},
        )
    else:
        items.insert(1, _("Scores: none has been computed for this month."))
    if facts.simulated:
        items.append(
            _("Some of what this report tells was made by the demo (simulated). It says nothing about a real site.")
        )
    return Section("method", _("Method and limits"), (Listed(tuple(items)),))


def not_this(voice: Voice) -> Section:
    """The chapter on what the report is not."""
    _ = voice.gettext
    return Section(
        "not",
        _("What this is not"),
        (
            Listed(
                (
                    _(
                        "Davy is a second pair of eyes. It is no safety-instrumented function (no SIL) and no fire-alarm system, and replaces no local alarm, interlock or inspection."
                    ),
                    _(
                        "This report decides no claim. Readings are never used alone to refuse, reduce or rescind cover, and a premium is not raised within the policy year because of them alone."
                    ),
                    _(
                        "Few alarms do not mean little danger, and many do not mean much: a detector that is switched off raises none. Read the coverage first."
                    ),
                    _(
                        "It is not an inspection under the Work Safety Law, not a safety assessment, and not the written notice of a hazard that the insurer owes the insured."
                    ),
                    _(
                        "It names no person; what people wrote in the titles of findings and impairments stands as they wrote it."
                    ),
                )
            ),
        ),
    )
