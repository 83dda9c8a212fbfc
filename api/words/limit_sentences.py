"""What core and alerting say against a change of a limit, as templates for `api.words.sentences`."""

from __future__ import annotations

from typing import Final

from api.words.texts import later

# The sentences of a site file that a form of a limit can meet, core/yaml_lines.py and core/limit_checks.py; then those of
# alerting/limit_changes.py and alerting/limit_gate.py. What matches more stands below what matches less.
LIMIT_REFUSALS: Final = (
    later("{name} of votes of limit {limit} is {found}; it must be a number."),
    later("{name} of limit {limit} is {found}; it must be a number."),
    later("{name} of limit {limit} is {found}; it must be {least} or more."),
    later("{name} of limit {limit} is {found}; it must be {most} or less."),
    later("{name} of limit {limit} is {found}; it must be more than {above}."),
    later("{name} of limit {limit} is {found}; did you mean {near}?"),
    later("{name} of limit {limit} is {found}; it must be one of {choices}."),
    later("{language} of {text} of limit {limit} is empty; it needs a text."),
    later("{name} of limit {limit} is empty; it needs a text."),
    later("{text} of limit {limit} has no {language}; it needs one."),
    later("{name} of limit {limit} has {length} characters; at most {most}, none of them NUL, are kept."),
    later("limit {limit} has no field {field} that changes."),
    later(
        "setpoint of limit {limit} is {found}; {standard} wants at most {most}. State a source of its own to differ."
    ),
    later(
        "setpoint of limit {limit} is {found}; {standard} wants at least {least}. State a source of its own to differ."
    ),
    later(
        "limit {limit} lets its sensor be silent for {found} s; the pack wants at most {most}. Declare the sensor's period_s, or state a source of its own to differ."
    ),
    later(
        "setpoint of limit {limit} is {found}; sensor {sensor} measures from {low} to {high}, so the limit would never be reached or always."
    ),
    later("deadband of limit {limit} is {found}, the whole range of sensor {sensor}; it would never clear."),
    later(
        "deadband of limit {limit} is {found}: its value would have to come back beyond {back}, and sensor {sensor} measures from {low} to {high}; it would never clear. Take less than {most}."
    ),
    later("Say why the limit changes: the reason is kept with the change for good."),
    later(
        "{name} of limit {limit} is {found}; it must be {least} or more, or `never`. Sooner it would call again while the call before it still runs."
    ),
    later("{name} of votes of limit {limit} is {found}; it must be a whole number from 1 to {most}."),
    later("votes of limit {limit} needs {found} of the last {of} numbers; needed must be {most} or less."),
    later("limit {limit} has votes; a silence is no number that could vote. Take a longer setpoint."),
    later(
        "limit {limit} wants {found} readings of sensor {sensor}, which measures gas and does not say how often; declare its period_s: together they may take at most {most} s."
    ),
    later(
        "on_delay_s of limit {limit} is {found}; sensor {sensor} measures gas, where an alarm may wait at most {most} s. Take an off_delay_s or a deadband against chatter."
    ),
    later(
        "limit {limit} waits up to {found} s for {votes} readings every {period} s and its delay; sensor {sensor} measures gas, where an alarm may wait at most {most} s. Want fewer, or let several sensors vote."
    ),
    later("other of limit {limit} is {found}; write device/sensor."),
    later("limit {limit} is compared with its own sensor; name another one."),
    later("limit {limit} has other; only the detectors {those} compare with a second sensor."),
    later("limit {limit} is compared with {other}, which is no sensor in use at its site."),
    later("limit {limit} is compared with {other}, which is no sensor of site {site}; there are {names} and more."),
    later("limit {limit} is compared with {other}, which is no sensor of site {site}; there are {names}."),
    later("limit {limit} is compared with {other}, which is no sensor of site {site}; there is none."),
    later(
        "limit {limit} is compared with {other}, which is retired; retire the limit as well, or name another sensor."
    ),
    later(
        "limit {limit} is compared with {other}, which is in {unit}, while {sensor} is in {own_unit}; only two sensors of one unit can be compared."
    ),
    later(
        "limit {limit} waits up to {found} s: {own} s by its delay and votes, and {slower} s until the slower of {sensor} and {other} has spoken; on gas an alarm may wait at most {most} s. Let it wait for less, let both report more often, or put a limit on each of them."
    ),
    later(
        "limit {limit} lets a reading stand for {found} s, and {sensor} reports every {period} s; it would hardly ever be judged. Set the parameter hold_s to {least} or more."
    ),
    later("This limit watches Davy itself and comes with it; it does not change here."),
    later(
        "This limit was changed meanwhile: version {version} is in force, and you saw version {seen}. Look at it as it is now and propose again."
    ),
    later("A change of this limit is proposed already; settle that one first."),
    later("Nothing would change: every value is as it is in force."),
    later("The sensor of this limit is retired; a limit cannot come back without it."),
    later("This proposal is settled already."),
    later("The limit was changed since this was proposed. Withdraw the proposal, look at the limit and propose again."),
    later("These values cannot be a limit; withdraw the proposal, or refuse it."),
    later("A second person must approve this: you proposed it."),
    later("One of the two must be a safety officer of the company."),
    later("Whoever proposed this is no longer active and answers for nothing; refuse it and propose it anew."),
    later("You overrule the back-test with your approval: say why."),
    later("Overruling a back-test needs your reason in writing."),
    later("Only its proposer overrules the back-test of an open proposal; the second person does so by approving."),
    later("Say why you refuse the change."),
    later("A back-test tries numbers; this change has none to try."),
    later("There is no such limit."),
    later("Only the company's own safety officers and integrators change its limits."),
    later(
        "This limit would come back looser than it was when it was last in force. Bring it back as it was and change it then, or let two people overrule that in writing."
    ),
    later(
        "This change may call people later, or not at all, and no finished back-test shows that it does not. Back-test it first, or let two people overrule that in writing."
    ),
    later(
        "By the back-test {injected} incidents laid over the history would be missed. Propose another value, or let two people overrule that in writing."
    ),
    later(
        "Detectors failed in the back-test, so it does not show what they would have found. Back-test it anew, or let two people overrule that in writing."
    ),
    later(
        "The sensor was silent for too much of the back-test: {known} percent of the time are known, and {least} must be. Back-test it when more is known, or let two people overrule that in writing."
    ),
    later(
        "By the back-test {lost} true dangers would be missed and {delayed} found later. Propose another value, or let two people overrule that in writing."
    ),
    later(
        "The back-test looks at too little: it must begin 7 days ago, or where the history begins, and end within the last day. Back-test it anew, or let two people overrule that in writing."
    ),
    later(
        "The back-test saw rollups only: delays under a minute cannot be judged. Back-test it where readings are kept, or let two people overrule that in writing."
    ),
)
# Fields, as a site file and its sentences name them.
LIMIT_WORDS: Final = {
    "setpoint": later("setpoint"),
    "deadband": later("deadband"),
    "on_delay_s": later("on_delay_s"),
    "off_delay_s": later("off_delay_s"),
    "priority": later("priority"),
    "latch": later("latch"),
    "retired": later("retired"),
    "needed": later("needed"),
    "of": later("of"),
    "realarm_after_s": later("realarm_after_s"),
    "respond_within_s": later("respond_within_s"),
    "title": later("title"),
    "consequence": later("consequence"),
    "response": later("response"),
    "source": later("source"),
    "en": later("en"),
    "zh": later("zh"),
}
