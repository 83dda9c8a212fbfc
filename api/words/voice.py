"""Words of ratings, complaints and what is told back. Pure."""

from __future__ import annotations

from gettext import NullTranslations
from typing import Final

from api.words.texts import later

REASONS: Final = {
    "in_time": later("In time"),
    "clear": later("Clear what to do"),
    "put_right": later("It put something right"),
    "no_danger": later("There was no danger"),
    "too_often": later("It comes too often"),
    "too_late": later("It came too late"),
    "wrong_person": later("Not my business"),
    "unclear": later("Unclear what to do"),
    "not_put_right": later("It is not put right"),
    "other": later("Another reason"),
}
THINGS: Final = {
    "occurrence": later("Alarm"),
    "finding": later("Finding"),
    "impairment": later("Impairment"),
    "service": later("Service"),
}
FOLDERS: Final = {
    "occurrence": "occurrences",
    "finding": "findings",
    "impairment": "impairments",
    "service": "services",
}
ITEMS: Final = {
    "training": later("Publicity and training"),
    "assessment": later("Risk identification and assessment"),
    "inspection": later("Inspection for hazards"),
    "standardisation": later("Help with standardisation"),
    "drill": later("Emergency plan and drill"),
    "technology": later("Safety technology"),
    "other": later("Other service"),
}
STATES: Final = {
    "received": later("Not taken on yet"),
    "acknowledged": later("Taken on"),
    "analysed": later("Analysed"),
    "solved": later("Answered: is it settled?"),
    "closed": later("Settled"),
}
CAUSES: Final = {
    "limit": later("Limit or delay not fitting"),
    "routing": later("The wrong people are told"),
    "device": later("Device or sensor"),
    "too_late": later("Done too late"),
    "wording": later("Texts unclear"),
    "quality": later("Quality of the service"),
    "defect": later("Defect of Davy"),
    "agreement": later("Not agreed clearly"),
    "unfounded": later("Nothing found that would be wrong"),
    "other": later("Another cause"),
}
EVENTS: Final = {
    "complaint_filed": later("Filed"),
    "complaint_acknowledged": later("Taken on"),
    "complaint_taken_over": later("Taken over"),
    "complaint_analysed": later("First answer"),
    "complaint_extended": later("Put off"),
    "complaint_solved": later("Answered"),
    "complaint_accepted": later("Said to be settled"),
    "complaint_reopened": later("Opened again"),
}
CHANGES: Final = {
    "limit_changed": later("The limit was changed"),
    "limit_retired": later("The alarm was taken away"),
    "route_changed": later("Who is told of the site's alarms was changed"),
    "finding_closed": later("The finding was put right and verified"),
    "own_finding_settled": later("There were too many messages: the insurer has done something about it"),
}
HAZARDS: Final = {
    "_finding": later("Findings"),
    "_impairment": later("Impairments"),
    "_service": later("Services"),
    "gas": later("Gas"),
    "methane": later("Methane"),
    "combustible gas": later("Combustible gas"),
    "carbon monoxide": later("Carbon monoxide"),
    "temperature": later("Temperature"),
    "pressure": later("Pressure"),
    "gauge pressure": later("Pressure"),
    "vibration": later("Vibration"),
    "level": later("Level"),
    "flow": later("Flow"),
    "current": later("Electric current"),
    "voltage": later("Voltage"),
    "contact": later("Contact"),
}


def hazard(texts: NullTranslations, word: str | None) -> str:
    """By what was measured; a word of the plant's own stands as it is.

    >>> hazard(NullTranslations(), None), hazard(NullTranslations(), "dust"), hazard(NullTranslations(), "_finding")
    ('All the rest', 'dust', 'Findings')
    """
    if word is None:
        return texts.gettext(REST)
    return texts.gettext(HAZARDS[word]) if word in HAZARDS else word


REST: Final = later("All the rest")

VOICE_REFUSALS = (
    later("The text has characters that cannot be shown; type it anew, or paste it as plain text."),
    later("Say why, with one of the reasons that are offered."),
    later("Choose a number from 0 to 10."),
    later("There is nothing here that you could rate."),
    later("It can be rated once it is over."),
    later("An exercise, a test or made-up history is not rated."),
    later("There is no such site; choose one from the list."),
    later("You have answered this within the last 90 days; it is not asked more often."),
    later("Choose which service was given from the list."),
    later("Say what was done: the subject of the training, what was inspected."),
    later("Say which body gave the service."),
    later("A service was given today or in the year before; look at the date."),
    later("Only the company's own people rate and complain."),
    later("Only the insurer's risk engineers do this."),
    later("This complaint is closed. If it is not settled after all, file a new one that follows it."),
    later("That cannot be done now: the complaint is {state}."),
    later("A complaint is extended once."),
    later("Who sees to the complaint cannot put off their own deadline: another person approves it."),
    later("The time is over already: an extension is approved before."),
    later("A complaint is extended by 30 days at most."),
    later("Who complained says whether it is settled."),
    later("A complaint needs a title: what is wrong, in one line."),
    later("Say what happened, and what you expect."),
    later("Say who called, as they gave their name."),
    later("What the complaint is about is not at this site; choose the site it belongs to."),
    later("There is no complaint {number}."),
    later("The earlier complaint is still open: what is new belongs there."),
    later("You see to this complaint already."),
    later("Choose the cause from the list."),
    later("Say what was found and on what it rests; who complained reads it."),
    later("An extension needs a reason; who complained reads it."),
    later("Say what was changed, or why nothing is; who complained reads it."),
    later("Say what is not settled."),
    later("Somebody else sees to this complaint: take it over first."),
    later("Say until when the conclusion is put off."),
)
VOICE_WORDS = {
    "received": later("received"),
    "taken on": later("taken on"),
    "analysed": later("analysed"),
    "answered, and waiting for who complained": later("answered, and waiting for who complained"),
    "closed": later("closed"),
}
