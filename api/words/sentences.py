"""Sentences that other packages wrote in English, in the reader's language: matched against their templates. Pure.

Alerting and risk refuse an action, ingest rejects a message: they say why in one English sentence with the particulars filled in.
What matches no template stays as it is, behind a sentence that the reader understands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from gettext import NullTranslations

from api.words.alarms import CHANNELS
from api.words.answering import KEPT, LINK_REFUSALS, WAYS
from api.words.backtests import REFUSALS as BACKTEST_REFUSALS
from api.words.duty import CALENDAR_WORDS, CHANNEL_OUTCOMES, DUTY_REFUSALS, FIELD_WORDS, OUTCOMES, ROTATION_MISTAKES
from api.words.duty import RULES as DUTY_RULES
from api.words.limit_sentences import LIMIT_REFUSALS, LIMIT_WORDS
from api.words.models import KIND_WORDS, NOTICES
from api.words.own_findings import OWN_REFUSALS
from api.words.readiness import READINESS_REFUSALS
from api.words.receivers import ANSWERS, PLATFORMS
from api.words.risk_sentences import RISK_REFUSALS, RISK_WORDS
from api.words.routes import HEARS_WORDS, ROUTE_REFUSALS, STEP_WORDS, WISH_WORDS
from api.words.second import SECOND_REFUSALS
from api.words.suppressions import SUPPRESSION_REFUSALS
from api.words.suppressions import WORDS as SUPPRESSION_WORDS
from api.words.texts import later
from api.words.voice import VOICE_REFUSALS, VOICE_WORDS
from core import wire_rules

REFUSALS = (
    later("There is nothing to acknowledge: the alarm is {state}."),
    later("Only an acknowledged alarm whose condition has cleared can be reset; this one is {state}."),
    later("Only what is back to normal can be resolved; the alarm is {state}."),
    later("The alarm is already suppressed ({suppression}); end that first."),
    later("The alarm is already suppressed ({suppression})."),
    later("The alarm is not shelved."),
    later("A shelf needs a reason."),
    later("A shelf must end in the future."),
    later("A {priority} alarm can be shelved for at most {hours} h."),
    later("Only a safety officer of the company acts on its alarms."),
    later("A resolution is one of {words}."),
    later("A resolution says what was done."),
    later("This occurrence is resolved already."),
    later("A comment needs a text."),
    later("The text has {length} characters; it may have {most}."),
    later("The insurer's people do not act on the client's alarms; they can comment."),
    later("This person may not act: unknown to this session, or no longer active."),
    later("There is no occurrence {number}."),
    later("Too many people are logging in at this moment. Try again in a few seconds."),
    later("Mending the map does not help here: the device must send it right."),
    later("Only the beginning of these messages was kept: the device must send them again."),
    later("This record is the insurer's: acknowledge the alarm itself."),
    later("You have acknowledged this occurrence for the insurer already."),
    later("Choose one of the company's own people."),
    later("That is so already: nothing was changed."),
    later("This occurrence has {most} photos already; that is the most."),
    *ROTATION_MISTAKES,
    *OWN_REFUSALS,
    *ROUTE_REFUSALS,
    *LIMIT_REFUSALS,  # these match less than those of back-tests, and stand before them
    *BACKTEST_REFUSALS,
    *RISK_REFUSALS,
    *VOICE_REFUSALS,
    *SUPPRESSION_REFUSALS,
    *DUTY_REFUSALS,
    *READINESS_REFUSALS,
    *SECOND_REFUSALS,
    *CALENDAR_WORDS,
    *LINK_REFUSALS,
)
# The same texts as core.wire_rules.REASONS, which a test holds.
REASONS = (
    later("Byte {position} of the payload is not UTF-8; a payload is JSON in UTF-8."),
    later("The payload is not JSON: {problem}; a payload is one JSON object in UTF-8."),
    later("{where} is {found}; it must be a JSON object."),
    later("{where} is missing; {rule}."),
    later("{where} is {found}; {rule}."),
    later("{where} is {found}; a value must be a finite number or, for an enumeration, a text."),
    later("{where} is {found}; a quality is good, uncertain, bad or substituted, and good where it is left out."),
    later("The message has both readings and {where}; one reading stands flat, several stand in readings, never both."),
    later("{where} is empty; a message carries at least one reading."),
    later("The message has {count} readings; at most {limit} go into one message, so send several."),
    later("The payload has {count} bytes; at most {limit} go into one message, so send several."),
    later("The payload is of the kind {found}, but its topic ends in {expected}; send it to the topic of its kind."),
    later("The topic {topic} speaks version {found}; this server speaks davy/v1."),
    later("The topic {topic} is not one of ours: {problem}; topics are davy/v1/SITE/DEVICE/readings and .../status."),
    later("There is no site {site}; import the site or correct the topic."),
    later("There is no device {device} at site {site}; import the device or correct the topic."),
    later("Device {device} has no sensor {sensor}; add the sensor to the site file or correct s."),
    later("Device {device} spoke for {claimed}; a device may speak only for its own site and sensors."),
    later("The message was retained by the broker; readings must be published without the retain flag."),
    later(
        "Sensor {sensor} was sent in {found}, which does not convert to its unit {expected}; send u as {expected} or leave it out."
    ),
    later(
        "Sensor {sensor} was sent {found}, which is none of {expected}; send a known state or add it to the sensor's map."
    ),
    later(
        "Sensor {sensor} at {instant} is stored as {stored} and was sent again as {found}; the stored value was kept."
    ),
    later("The database refused the message: {problem}."),
    later("Device {device} sent more than {limit} wrong messages in a minute; the others were counted, not kept."),
)
# Words that are filled into the templates and are words of ours, not particulars.
WORDS = {
    "normal": later("normal"),
    "active and unacknowledged": later("active and unacknowledged"),
    "active and acknowledged": later("active and acknowledged"),
    "back to normal but unacknowledged": later("back to normal but unacknowledged"),
    "latched and unacknowledged": later("latched and unacknowledged"),
    "latched and acknowledged, waiting for a reset": later("latched and acknowledged, waiting for a reset"),
    "shelved": later("shelved"),
    "by design": later("by design"),
    "out of service": later("out of service"),
    "life-safety": later("Life safety"),
    "high": later("High"),
    "medium": later("Medium"),
    "low": later("Low"),
    **RISK_WORDS,
    **VOICE_WORDS,
    **SUPPRESSION_WORDS,
    **FIELD_WORDS,
    **LIMIT_WORDS,
    **CHANNELS,
    **PLATFORMS,
    **WISH_WORDS,
    **HEARS_WORDS,
    **STEP_WORDS,
    **KIND_WORDS,
}
# What core.wire_rules fills in for {where}, {found} and {rule}: the longer form first where one begins as another.
RULES = (
    later("The payload"),
    later("a list"),
    later("an object"),
    later("the text {text}"),
    later("the number {number}"),
    later("a message has boot, seq and sent_at"),
    later("a message has a list readings, or s and v of one reading beside seq"),
    later("a reading has at least s and v"),
    later("a status has online, true or false"),
    later("it must be true or false"),
    later("it must be a list of readings"),
    later("a contact is sent as 0 or 1"),
    later("a value must be a finite number or, for an enumeration, a text"),
    later("it must be a text of 1 to {longest} characters"),
    later(
        "it must be a whole number from {low} to {high}, milliseconds since 1970 in UTC, or left out where it equals sent_at"
    ),
    later("it must be a whole number from {low} to {high}, milliseconds since 1970 in UTC"),
    later("it must be a whole number from {low} to {high}, written without point or exponent"),
    later("it must be a whole number from {low} to {high}"),
)
_BETWEEN_HAN = re.compile(r"(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])")  # what was filled in turned out to be Chinese
_PLACE = re.compile(r"\{(\w+)\}")
_STEP = re.compile(r", step (\d+):")  # alerting counts them from 0
_TOGETHER = re.compile(r"one of (?P<n>\d+) in one message: (?P<rest>.*)", re.DOTALL)
_ANSWER = re.compile(
    r"(?:HTTP )?\d{3}(?: .*)?", re.DOTALL
)  # of a mail server or a web server: a status, and words of its own (RFC 5321, 4.2)


def translated(texts: NullTranslations, sentence: str) -> str:
    """The sentence in the reader's language.

    >>> translated(NullTranslations(), "The alarm is not shelved.")
    'The alarm is not shelved.'
    """
    for template in REFUSALS:
        match = _pattern(template).fullmatch(sentence)
        if match is not None:
            return _filled(texts.gettext(template), match.groupdict(), texts)
    return texts.gettext("%(sentence)s") % {"sentence": sentence}


def rule(texts: NullTranslations, said: str) -> str:
    """By which rule somebody is told, clause by clause; steps counted from 1, as the page of the route counts them.

    >>> rule(NullTranslations(), "route a (client), step 0: high alarms, at once; over smtp, by their own order")
    'route a (client), step 1: High alarms, at once; over E-mail, by their own order'
    """
    counted = _STEP.sub(lambda found: f", step {int(found[1]) + 1}:", said)
    return texts.gettext("; ").join(_clause(texts, each, DUTY_RULES) for each in counted.split("; "))


def outcome(texts: NullTranslations, said: str | None) -> str:
    """What became of a message, clause by clause; what a receiver said in its own words, and is said to be its own.

    >>> outcome(NullTranslations(), "acknowledged; an earlier attempt may have arrived"), outcome(NullTranslations(), None)
    ('it was acknowledged before; an earlier attempt may have arrived', '')
    >>> outcome(NullTranslations(), "told over webhook")
    'told over Webhook'
    >>> outcome(NullTranslations(), "one of 3 in one message: 250 Message accepted; queued as 7")
    'one of 3 in one message; the receiver answered: “250 Message accepted; queued as 7”'
    >>> outcome(NullTranslations(), "WeCom answered 93000: invalid; hint 7; goes over smtp")
    'WeCom answered 93000: invalid; hint 7; goes over E-mail'
    """
    clauses = [] if said is None else said.split("; ")
    before: list[str] = []
    after: list[str] = []
    while clauses and _of_ours(clauses[0]):
        before.append(clauses.pop(0))
    while clauses and _of_ours(clauses[-1]):
        after.insert(0, clauses.pop())
    between = ["; ".join(clauses)] if clauses else []  # one sentence, whose words may hold what parts ours
    return texts.gettext("; ").join(_told(texts, clause) for clause in (*before, *between, *after))


def _of_ours(clause: str) -> bool:
    return clause in OUTCOMES or any(_pattern(each).fullmatch(clause.rstrip(".")) for each in CHANNEL_OUTCOMES)


def _told(texts: NullTranslations, clause: str) -> str:
    if clause in OUTCOMES:
        return texts.gettext(OUTCOMES[clause])
    together = _TOGETHER.fullmatch(clause)
    if together is not None:
        so_far = texts.gettext("one of %(n)s in one message") % {"n": together["n"]}
        return texts.gettext("; ").join((so_far, _told(texts, together["rest"])))
    if _ANSWER.fullmatch(clause):
        return texts.gettext("the receiver answered: “%(answer)s”") % {"answer": clause}
    for template in (*ANSWERS, *CHANNEL_OUTCOMES):
        match = _pattern(template).fullmatch(clause.rstrip("."))
        if match is not None:
            found = {name: _told(texts, text) if name == "why" else text for name, text in match.groupdict().items()}
            return _filled(texts.gettext(template), found, texts)
    return clause


def reason(texts: NullTranslations, said: str) -> str:
    """What somebody gave as the reason, as they wrote it; by which way they acknowledged, and what Davy keeps, in the reader's language.

    >>> reason(NullTranslations(), "by the link of message 17 over ntfy"), reason(NullTranslations(), "false alarm")
    ('by the link of message 17 over Push message', 'false alarm')
    """
    for template in (*WAYS, *KEPT):
        match = _pattern(template).fullmatch(said)
        if match is not None:
            return _filled(texts.gettext(template), match.groupdict(), texts)
    return said


def model_notice(texts: NullTranslations, said: str) -> str:
    """What fitting a model said of its interval.

    >>> model_notice(NullTranslations(), "State idle: 3 windows in the earlier half and 4 in the later one; to be judged it needs 60 and 40.")
    'State idle: 3 windows in the earlier half and 4 in the later one; to be judged it needs 60 and 40.'
    """
    return _clause(texts, said, NOTICES)


def _clause(texts: NullTranslations, said: str, templates: Sequence[str]) -> str:
    for template in templates:
        match = _pattern(template).fullmatch(said)
        if match is not None:
            return _filled(texts.gettext(template), match.groupdict(), texts)
    return said


def rejection(texts: NullTranslations, reason: str, sentence: str) -> str:
    """Why a message was not taken, in the reader's language.

    Args:
        reason: `rejected_message.reason`; it names the template, since some templates would match what others made.
    """
    template = wire_rules.REASONS.get(reason)
    match = _pattern(template).fullmatch(sentence) if template else None
    if template is None or match is None:
        return texts.gettext("%(sentence)s") % {"sentence": sentence}
    return _filled(texts.gettext(template), match.groupdict(), texts)


def _filled(template: str, found: dict[str, str], texts: NullTranslations) -> str:
    words = {name: _word(word, texts) for name, word in found.items()}
    return _BETWEEN_HAN.sub("", _PLACE.sub(lambda place: words[place[1]], template))


def _word(found: str, texts: NullTranslations) -> str:
    """A word of ours, or a list of them, in the reader's language; particulars as they are."""
    parts = found.split(", ")
    if all(part in WORDS for part in parts):
        return texts.gettext(", ").join(texts.gettext(WORDS[part]) for part in parts)
    for rule in RULES:
        match = _pattern(rule).fullmatch(found)
        if match is not None:
            return texts.gettext(rule).format(**match.groupdict())
    return found


@cache
def _pattern(template: str) -> re.Pattern[str]:
    pattern, named = "", set[str]()
    for at, part in enumerate(_PLACE.split(template)):
        if at % 2 == 0:
            pattern += re.escape(part)
        elif part in named:
            pattern += f"(?P={part})"
        else:
            named.add(part)
            pattern += f"(?P<{part}>.+?)"
    return re.compile(pattern, re.DOTALL)
