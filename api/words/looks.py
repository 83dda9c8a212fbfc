"""What somebody of the insurer's looked at, in words. Pure."""

from __future__ import annotations

from gettext import NullTranslations

from api.words.texts import later

ROOMS_SEEN = {
    "portfolio": later("the table of sites"),
    "portfolio.csv": later("the table of sites, as a spreadsheet"),
    "sites": later("the list of sites"),
    "occurrences": later("the list of occurrences"),
    "findings": later("the list of findings"),
    "own-findings": later("the list of findings against Davy"),
    "impairments": later("the list of protections out of service"),
    "suppressions": later("the list of alarms put aside"),
    "limits": later("the list of limits"),
    "models": later("the list of models"),
    "readiness": later("exercises and roll calls"),
    "duty": later("the insurer's own duty desk"),
    "voice": later("what the company's people said, counted"),
    "voice.csv": later("what the company's people said, counted, as a spreadsheet"),
    "complaints": later("the list of complaints"),
    "complaints/new": later("the form for a complaint by telephone"),
    "services/new": later("the form for a prevention service"),
}
THINGS_SEEN = {
    "occurrence": later("an occurrence: %(title)s"),
    "finding": later("a finding: %(title)s"),
    "own_finding": later("a finding against Davy: %(title)s"),
    "impairment": later("a protection out of service: %(title)s"),
    "order": later("an order that puts alarms aside: %(title)s"),
    "limit": later("a limit: %(title)s"),
    "model": later("the card of a model: %(title)s"),
    "complaint": later("a complaint: %(title)s"),
    "service": later("a prevention service: %(title)s"),
    "site": later("the page of a site: %(title)s"),
    "roster": later("the insurer's own duty desk"),
}
EVIDENCE_SEEN = later("the readings of an occurrence: %(title)s")
REPORT_SEEN = later("the report on a site: %(title)s")


def seen(texts: NullTranslations, action: str, subject: str, title: str) -> str:
    """What was looked at; a subject that this table does not know stands as the journal has it.

    >>> seen(NullTranslations(), "looked", "site/north", "North"), seen(NullTranslations(), "looked", "board", "")
    ('the page of a site: North', 'board')
    """
    kind, _, rest = subject.partition("/")
    if action == "evidence_read":
        text = EVIDENCE_SEEN
    elif kind == "site" and "report" in rest.partition("/")[2]:
        text = REPORT_SEEN
    elif kind in THINGS_SEEN:
        text = THINGS_SEEN[kind]
    elif subject in ROOMS_SEEN:
        return texts.gettext(ROOMS_SEEN[subject])
    else:
        return subject
    return texts.gettext(text) % {"title": title or rest}


def way(subject: str) -> str | None:
    """Where the client finds the same thing; None where they have no page of it.

    >>> way("occurrence/12"), way("own_finding/3"), way("site/north/report"), way("portfolio")
    ('/occurrences/12', '/own-findings/3', '/sites/north', None)
    """
    kind, _, rest = subject.partition("/")
    folder = {
        "occurrence": "occurrences",
        "finding": "findings",
        "own_finding": "own-findings",
        "impairment": "impairments",
        "order": "suppressions",
        "limit": "limits",
        "model": "models",
        "complaint": "complaints",
        "service": "services",
        "site": "sites",
    }.get(kind)
    return f"/{folder}/{rest.partition('/')[0]}" if folder and rest else None
