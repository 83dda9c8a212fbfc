"""What risk refuses, as templates for the catalogues. `tests/api/test_risk_words.py` holds that none is missing."""

from __future__ import annotations

from api.words.texts import later

RISK_REFUSALS = (
    later("That cannot be done now: the finding is {state}."),
    later("Before work begins, five things are settled. Still missing: {words}."),
    later("A deadline that runs is moved by an extension, with a reason."),
    later("Who is responsible cannot hand the finding over alone: another person does that."),
    later("Who is responsible cannot put off their own deadline: another person approves it."),
    later("An extension ends later than the deadline that runs."),
    later("Who is responsible for the finding cannot verify it: another person looks."),
    later("Who said it is done cannot verify it: another person looks."),
    later("The deadline must lie in the future: choose a day from {first} to {last}."),
    later("The deadline is more than three years away: choose a day from {first} to {last}."),
    later("A finding needs a title: what is wrong, and where."),
    later("There is no such site or zone; choose one from the list."),
    later("The person responsible is one of your own colleagues; choose one from the list."),
    later("The grade is only suspected: a person confirms it before work begins."),
    later("An extension needs a reason."),
    later("Say what was done."),
    later("Say what was looked at, and what was found."),
    later("Say what is still wrong."),
    later("Say why it is opened again."),
    later("A note needs a text."),
    later("Say whether the photo shows it before or after the work."),
    later("This finding has {count} photos already; that is the most."),
    later("A grade is general or major."),
    later("There is no finding {number}."),
    later("Only the company's own people work on its findings and impairments."),
    later("A grade that a person has confirmed is changed with a reason."),
    later("Choose a photo first: nothing was sent."),
    later("The photo has more than 10 MB. Take it with a lower resolution."),
    later("The photo has more than {count} million pixels. Take it with a lower resolution."),
    later(
        "The picture has more than 12.5 million pixels. Take it with a lower resolution, or send it as an ordinary JPEG "
        "(not a progressive one), which may have 50 million."
    ),
    later("Other photos are being read at this moment. Send yours again in a few seconds."),
    later("This file is not a photo that can be read: send a JPEG, PNG or WebP picture."),
    later("The kind of an impairment is one of {words}."),
    later("A bypass names the detector that is bypassed."),
    later("An impairment is registered at most 7 days before it begins; look at the date."),
    later("The beginning lies more than a year back; look at the date."),
    later("An impairment ends after it begins; look at the two times."),
    later("An impairment of more than a year is no impairment but a missing protection: report a finding."),
    later("An extension ends later than the end expected so far."),
    later("The new end must lie in the future."),
    later("It cannot have been restored before it began; look at the time."),
    later("The time of restoring lies in the future; write it down when it is done."),
    later("Say what is out of service: which valve, pump, panel or detector."),
    later("An impairment needs a reason."),
    later("Say what holds meanwhile: fire watch, portable detectors, work stopped."),
    later("There is no such detector at this site; choose one from the list."),
    later("Restoring needs proof: what was tested, and with what result."),
    later("This protection is restored already; if it is out again, register it anew."),
    later("There is no impairment {number}."),
    # Of api/typed.py and the forms.
    later("The date {text} cannot be read; write it as 2026-12-31."),
    later("The time {text} cannot be read; write it as 2026-12-31T08:30."),
    later("That is not in the list; choose from it."),
    later("Choose a day for the deadline."),
    later("Say until when it is expected to be out of service."),
)
# Words of risk that are filled in.
RISK_WORDS = {
    "reported, not yet put in hand": later("reported, not yet put in hand"),
    "being put right": later("being put right"),
    "said to be done, waiting for verification": later("said to be done, waiting for verification"),
    "closed": later("closed"),
    "owner": later("owner"),
    "measures": later("measures"),
    "funds": later("funds"),
    "deadline": later("deadline"),
    "contingency": later("contingency"),
}
