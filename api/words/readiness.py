"""Words of exercises and roll calls, and what alerting refuses about them, as templates."""

from __future__ import annotations

from api.words.texts import later

KINDS = {"exercise": later("Exercise"), "roll_call": later("Roll call"), "delivery": later("Delivery test")}
OUTCOMES = {
    "answered": later("answered"),
    "unanswered": later("nobody answered"),
    "stopped": later("ended early"),
    "real_alarm": later("gave way to a real alarm"),
    "nobody_to_call": later("there was nobody to call"),
    "delivered": later("arrived"),
    "undelivered": later("did not arrive in time"),
}
# Of a daily delivery test that did not arrive, by the first leg that did not come (alerting.store.wire_tests.LEGS).
MISSING_LEGS = {
    "published": later("The broker did not take its reading."),
    "stored": later("The broker has its reading, and ingest did not store it."),
    "alarm": later("Its reading is stored, and its alarm did not come."),
    "sent": later("Its alarm came, and nobody sent its message."),
    "receipt": later("Its message was sent, and the receiver did not take it."),
}
READINESS_REFUSALS = (
    later("There is no site {site}."),
    later("An exercise lasts 1 to {most} minutes."),
    later("The site has no limit {limit} in force."),
    later("The site has no duty position {position}."),
    later("A priority is one of {words}."),
    later("An alarm of this site waits for somebody: what is real goes first. Ask again when it is answered."),
    later("An exercise or a roll call of this site runs already; end it, or wait for its end."),
    later("Only a safety officer of the company or the insurer's risk engineer starts and ends an exercise."),
    later("This exercise is over already, or there is none of this number."),
    later("An exercise is not shelved; it ends by itself, or is stopped on the page of readiness."),
    later("Say in minutes how long it may last."),
)
