"""Words of duty: by which rule somebody is on duty, why somebody was or was not told, and what alerting refuses, as templates."""

from __future__ import annotations

from api.words.texts import later

BY = {
    "layer": later("by the rotation “%(layer)s”"),
    "holiday": later("by the rotation “%(layer)s”, a holiday"),
    "override": later("has taken over"),
    "nobody_by_override": later("nobody, by a person's word"),
    "calendar": later("by its calendar"),
    "stranger": later("nobody: the calendar names somebody whom nobody here knows"),
    "hole": later("nobody: the roster has a hole"),
    "gone": later("nobody: who would be on duty is no longer active"),
}
WHY_NOT = {
    "simulated": later("Nobody was called: the demo's history made this up."),
    "historic": later("Nobody was called: Davy learnt of it more than 15 minutes late."),
    "suppressed": later("Nobody was called: the alarm was put aside."),
    "no_call": later("Nobody was called for this occurrence."),
    "no_route": later("No route of the site for alarms of this priority names this person."),
    "not_on_duty": later("Somebody else was on duty."),
    "not_reached": later("The routes name this person now; when it began they did not."),
    "others_tried": later("The exercise called others."),
}
CALL_STATES = {
    "waiting": later("waits"),
    "claimed": later("is being sent"),
    "sent": later("sent"),
    "failed": later("failed"),
    "cancelled": later("not sent"),
}
IN_QUIET = {
    "defer": later("It waits until they are over"),
    "next": later("It goes to the next person; where there is none it waits"),
}
DUTY_REFUSALS = (
    later("This time is over already; what was, stays as it was."),
    later("Say until when."),
    later("It must end after it begins."),
    later("Somebody takes over for at most {days} days; a longer change belongs in the rotation."),
    later("It begins more than a year ahead; look at the date again."),
    later("Say why nobody is on duty then."),
    later("Choose one of the people of this duty position's own side."),
    later("It is over or taken back already."),
    later("A note needs a text."),
    later("A note is for a shift that begins now or later."),
    later("There is no time zone {zone}; write one such as Asia/Shanghai."),
    later("Choose Chinese or English."),
    later("Choose what becomes of a message in the quiet hours."),
    later("Quiet hours must not begin when they end: then there would be no hour left."),
    later("Quiet hours need both: from when, and until when."),
    later("There is no address for the channel {channel}; an integrator adds it to the site file."),
    later("A channel stands twice in the order; keep it once."),
    later("There is no such duty position."),
    later("Only a safety officer or integrator of the company changes its duty."),
    later("The insurer's duty desk is the insurer's to change."),
    later("The hour {text} cannot be read; write it as 22:00."),
    later(
        "Nobody would be on duty at times in the next {days} days, {n} in number, the first from {at}; fill that, or say that it is meant."
    ),
    later("Somebody has changed this rotation since you opened the form; look at it again."),
    later("Say why the rotation changes."),
    later("The rotation of the insurer's duty desk is written in the site file."),
    later(
        "{name} has no address for {channel}, by which a route tells this duty position; an integrator adds one to the site file."
    ),
    later(
        "{name} has no address for {channel}, by which life safety calls this duty position, nor any other that works; an integrator adds one to the site file."
    ),
    later(
        "{name} has no address for {channel}, by which life safety calls this duty position; it would go over {other} instead. If that is meant, say why."
    ),
    later("Choose what is to be read there."),
    later("There are {most} addresses of yours already; revoke one that you no longer need."),
)
# What the site file's reader says of a roster, core/site_rosters.py and core/yaml_lines.py: before what says the same of anything.
ROTATION_MISTAKES = (
    later("the roster has {n} layers; it needs 1 to {most}."),
    later("the roster has two layers of one key; give one of them another."),
    later("the roster has {n} holidays; {most} is the most."),
    later("{text} in holidays of the roster must be a date such as 2026-10-01."),
    later("layer of the roster, {key} is a rotation of nobody; name 1 to {most}."),
    later("layer of the roster, {key} is a rotation of {n} people; name 1 to {most}."),
    later("turn_days of layer of the roster, {key} is {n}; it must be 1 to {most} whole days."),
    later("hours of layer of the roster, {key} begin when they end; leave hours out for all day."),
    later("turn_days of layer of the roster, {key} is {text}; it must be a number."),
    later("{field} of hours of layer of the roster, {key} is empty; it needs a text."),
    later('{field} of hours of layer of the roster, {key} is {text}; it must be an hour such as "08:00", in quotes.'),
    later("{field} of layer of the roster, {key} is empty; it needs a text."),
    later("{field} of layer of the roster, {key} is {text}; it must be a date such as 2026-01-31."),
    later('{field} of layer of the roster, {key} is {text}; it must be an hour such as "08:00", in quotes.'),
    later("key of layer of the roster, {key} is {text}; it must be {rule}."),
    later("time_zone of the roster is {text}; there is no such one."),
    later("roster {roster}, layer {key}, names {person}, who is nobody."),
    later("roster {roster}, layer {key}, names {person}, who is not active; name somebody who is."),
)
# Fields of a rotation, as the reader names them.
FIELD_WORDS = {
    "begins_on": later("the day of the first hand-over"),
    "hand_over": later("the hour of the hand-over"),
    "from": later("the hour from which it holds"),
    "until": later("the hour until which it holds"),
    "any channel": later("any channel"),
    "1 to 64 letters, digits, dots, dashes and underscores, not beginning with an underscore": later(
        "1 to 64 letters, digits, dots, dashes and underscores, not beginning with an underscore"
    ),
}
CALENDAR_WORDS = (
    later("The address of a calendar is like https://calendar.example/duty.ics."),
    later("A calendar is fetched over https only."),
    later("Calendars are not fetched from there: {host} is at {address}, which is not on the public internet."),
    later("Calendars are not fetched from there: {why}."),
    later("{host} did not answer well: {words}."),
    later("{host} redirects (HTTP {status}), and nobody is followed; give the address that it leads to."),
    later("{host} answered HTTP {status}."),
    later("The calendar has more than {most} bytes; shorten it."),
    later("The server says that nothing has changed, and there is nothing yet."),
    later("The calendar has {length} bytes; it may have {most}."),
    later("Byte {position} of the calendar is not UTF-8."),
    later("Character {position} of the calendar is NUL, which no text has."),
    later(
        "The calendar has a time zone of its own ({zone}) whose clocks change otherwise than once a year each way; write a name such as Asia/Shanghai."
    ),
    later(
        "The time zones of the calendar's own have more than {most} rules or {dates} dates; write names such as Asia/Shanghai."
    ),
    later("The times of the calendar cannot be worked out: {why}."),
    later("This is no calendar: it does not begin with BEGIN:VCALENDAR."),
    later("The calendar has more than {most} events that repeat; shorten it."),
    later("The calendar has more than {most} lines; shorten it."),
    later("The calendar has more than {most} events; shorten it."),
    later("The events of the calendar repeat more than {most} times until then; shorten it."),
    later("Reading the calendar takes more than {seconds} s; shorten it."),
    later("The calendar has more than {most} shifts in the weeks that are looked at; shorten it."),
    later("The calendar cannot be read: {why}."),
    later("An event ({title}) says no beginning; it is left out."),
    later("An event ({title}) ends when it begins; it is left out."),
    later("An event ({title}) repeats since before {year}; it is left out."),
    later("An event ({title}) repeats by a rule that cannot be read; it is left out."),
    later("An event ({title}) repeats {rule}; only days, weeks, months and years are read."),
    later("Nobody here is called {title}, who is on duty from {at}."),
    later("Two are on duty at {at}: {first} and {second}; the one who began first holds."),
)
# The clauses of a rule, as alerting/routing.py writes them; the longer ones first.
RULES = (
    later("route {route} (client), step {step}: {priority} alarms, at once"),
    later("route {route} (insurer), step {step}: {priority} alarms, at once"),
    later(
        "route {route} (client), step {step}: {priority} alarms, once, because it was learnt of more than 15 minutes late"
    ),
    later(
        "route {route} (client), step {step}: {priority} alarms, {seconds} s after the onset, unless acknowledged before"
    ),
    later(
        "route {route} (insurer), step {step}: {priority} alarms, {seconds} s after the onset, unless acknowledged before"
    ),
    later("exercise of duty position {roster}, step {step}: {priority} alarms, at once"),
    later(
        "exercise of duty position {roster}, step {step}: {priority} alarms, {seconds} s after the onset, unless acknowledged before"
    ),
    later("daily delivery test, step {step}: {priority} alarms, at once"),
    later("roll call of duty position {roster}, step {step}: {priority} alarms, at once"),
    later(
        "roll call of duty position {roster}, step {step}: {priority} alarms, {seconds} s after the onset, unless acknowledged before"
    ),
    later(
        "sooner than the route says, for duty position {roster} answered {answered} of {calls} roll calls at {hours} on holidays"
    ),
    later(
        "sooner than the route says, for duty position {roster} answered {answered} of {calls} roll calls at {hours} on working days"
    ),
    later(
        "sooner than the route says, for duty position {roster} answered {answered} of {calls} roll calls at {hours}"
    ),
    later("on duty by roster {roster}, layer {layer}, a holiday"),
    later("on duty by roster {roster}, layer {layer}"),
    later("on duty by roster {roster}, override {number}"),
    later("on duty by roster {roster}, nobody, by override {number}"),
    later("on duty by roster {roster}, its calendar"),
    later("on duty by roster {roster}, nobody: its calendar names somebody whom nobody here knows"),
    later("on duty by roster {roster}, nobody: the roster has a hole"),
    later("on duty by roster {roster}, nobody: who would be on duty is no longer active"),
    later("everybody of it is told"),
    later("in the place of person {person}, who has quiet hours until {until} UTC"),
    later("put off to the end of quiet hours, {until} UTC"),
    later("over {channel}, by their own order"),
    later("instead of {channel}"),
    later("nothing reaches person {person}, who is on duty"),
    later("everybody of the roster is told"),
    later("sees to the occurrence"),
    later("told in the storm digest of {at} UTC"),
    later("told in the message of its hazard of {at} UTC"),
    later("told in one message with others, {at} UTC"),
    later("it waits for the next storm digest"),
    later("it waited for a storm digest"),
    later("it waits for the next message of its hazard"),
    later("it waited for the message of its hazard"),
    later("its cause is told in its place while it holds"),
    later("its cause was told in its place"),
)
OUTCOMES = {
    "acknowledged": later("it was acknowledged before"),
    "resolved": later("it was resolved before"),
    "the exercise is over": later("the exercise was over before"),
    "a real alarm goes first": later("a real alarm went first"),
    "shelved": later("it was shelved before"),
    "suppressed by design": later("it was suppressed by design before"),
    "out of service": later("it was taken out of service before"),
    "somebody else is on duty": later("somebody else was on duty by then"),
    "over before anybody could be told": later("it was over before anybody could be told"),
    "the person is no longer active": later("the person is no longer active"),
    "an earlier attempt may have arrived": later("an earlier attempt may have arrived"),
    "it is being sent": later("it is being sent"),
    "nothing waits for it any more": later("nothing waits for it any more"),
    "raised again while it was to be called off": later("raised again while it was to be called off"),
}
# Clauses of an outcome that say something of a channel, as alerting writes them; a receipt stays in the receiver's words, and is said to be theirs.
CHANNEL_OUTCOMES = (
    later("told over {channel}"),
    later("goes over {channel}"),
    later("the person has no {channel} address"),
    later("The channel {channel} is not set up"),
    later("{channel} takes no more from us at this moment"),
    later("{channel} has failed since {at} UTC"),
)
