"""Words of what puts alarms aside: kinds, what each means, how it stands; and what alerting refuses, as templates."""

from __future__ import annotations

from api.words.texts import later

KINDS = {
    "maintenance": later("Maintenance window"),
    "shutdown": later("Shutdown"),
    "hot_work": later("Permit for hot work"),
    "confined_space": later("Permit for a confined space"),
    "drill": later("Drill"),
    "out_of_service": later("Alarms out of service"),
}
MEANINGS = {
    "maintenance": later(
        "The alarms of the place call nobody until it ends, 72 hours at most. Gas and life-safety alarms go on calling."
    ),
    "shutdown": later(
        "The alarms of the place call nobody until it ends, 31 days at most. Gas and life-safety alarms go on calling."
    ),
    "hot_work": later(
        "Silences nothing. While people work, 8 hours at most, nobody can put the gas and life-safety alarms of the zone aside; those on a shelf are taken off it."
    ),
    "confined_space": later(
        "Silences nothing. While people are inside, 24 hours at most, nobody can put the gas and life-safety alarms of the zone aside; those on a shelf are taken off it."
    ),
    "drill": later(
        "Silences nothing: people are called as ever, and told that a drill is announced. A real fire during it is a real fire. 8 hours at most."
    ),
    "out_of_service": later(
        "Single alarms call nobody until they are returned to service or the time ends: life safety 72 hours, high 7 days, others 30 days at most. Another person, a safety officer, must agree first."
    ),
}
STANDINGS = {
    "asked": later("Waits for a second person"),
    "planned": later("To come"),
    "open": later("In force"),
    "over": later("Over"),
    "refused": later("Not agreed to"),
}
SUPPRESSIONS = {
    "shelved": later("Shelved"),
    "by_design": later("Suppressed by design"),
    "out_of_service": later("Out of service"),
}
SUPPRESSION_REFUSALS = (
    later("The kind of an order is one of {words}."),
    later("An order is written down before it begins: what was not written down silenced nothing. Look at the time."),
    later("An order is written down at most 31 days before it begins; look at the date."),
    later("An order ends after it begins; look at the two times."),
    later("An order of the kind {kind} lasts at most {hours} h; write the next one when it ends."),
    later("An order of the kind {kind} lasts at most {days} days; write the next one when it ends."),
    later("Choose either a place or single alarms, not both."),
    later("Out of service is taken alarm by alarm: choose the alarms."),
    later("A permit for hot work or a confined space names the zone where people work."),
    later("A drill names a place, not single alarms: it silences none."),
    later("At most {most} alarms can be chosen one by one; choose their zone or machine."),
    later("{title} is a life-safety alarm: no window silences it. Take it out of service, which two people do."),
    later("There is no alarm there that a window may silence; gas and life-safety alarms go on calling."),
    later("A {priority} alarm can be out of service for at most {hours} h."),
    later("A {priority} alarm can be out of service for at most {days} days."),
    later("{title} guards people at work ({kind}) until {until}: nobody can put it aside before then."),
    later("{title} is out of service until {until}: return it to service before people work there."),
    later("Give the number of the permit or work order."),
    later("An order needs a reason."),
    later("Say who has authorised it."),
    later("There is no such site, zone, machine or alarm; choose one from the list."),
    later("Say why you do not agree."),
    later("This order is over already."),
    later(
        "You have opened this permit yourself: another person looks at the place and closes it. It ends by itself at its time."
    ),
    later("Say that everybody is out and what you found at the place: a permit is not closed early without."),
    later("Only out of service waits for a second person."),
    later("This order has been answered already."),
    later("You have asked for this yourself: another person must agree."),
    later("A safety officer must agree; other roles can only ask for it."),
    later("There is no order {number}."),
    later("Only the company's own people put its alarms aside."),
    later("Say until when: an order ends by itself, and none goes on for ever."),
)
WORDS = {kind: KINDS[kind] for kind in KINDS}
