"""What channels say of a message, as alerting/channels write it: where it went, what a receiver answered, why it could not go.

A receiver's own words stay as they are and are said to be theirs; the sentence around them is ours.
"""

from __future__ import annotations

from api.words.texts import later

# Of the platforms and gateways that answer: `title` of their channels.
PLATFORMS = {
    "WeCom": later("WeCom"),
    "DingTalk": later("DingTalk"),
    "Feishu": later("Feishu"),
    "Aliyun": later("Aliyun"),
    "Webhooks": later("Webhooks"),
    "Texts and calls": later("Texts and calls"),
    "Robots' messages": later("Robots' messages"),
    "Pushed messages": later("Pushed messages"),
}
# The longer forms first: the later ones would match what the earlier ones say better. Without the full stop, which an outcome may have lost.
ANSWERS = (
    later("The address is dead: {why}"),
    later("{channel} has failed since {at} UTC: {why}"),
    later("ntfy took it as {number}"),
    later("{gateway} took it as {number}"),
    later("{gateway} took it"),
    later("Apprise handed it to {service}"),
    later("The mail server answered {answer}"),
    later("The mail server {server} did not take it: {answer}"),
    later("The receiver answered HTTP {status}"),
    later("The receiver redirects (HTTP {status}); we follow nobody"),
    later("The receiver wants no more messages (HTTP 410)"),
    later("{gateway} answered {code}: this is not a number that can be reached"),
    later("{gateway} answered {code}: it does not send to this number"),
    later("{gateway} answered without a code: {answer}"),
    later("{gateway} answered {code}: {answer}"),
    later("{gateway} reports that it did not arrive: {answer}"),
    later("{host} did not answer well: {answer}"),
    later("Apprise's messages do not go there: {service} would lead to an address that is not on the public internet"),
    later("{what} do not go there: {host} is at {address}, which is not on the public internet"),
    later("{what} do not go there: a webhook does not go to a socket of this machine"),
    later("{what} do not go there: {answer}"),
    later("The address is not an URL"),
    later("The address is not an http(s) URL without credentials"),
    later("Alarms do not go to {host} in the clear: use {scheme}"),
    later("This is not a mail address"),
    later("This is not the address of an ntfy topic"),
    later("There is no ntfy server at this address (HTTP 404)"),
    later("This is not the address of a {gateway} robot"),
    later("This is not an Apprise URL"),
    later("This is not an URL that Apprise knows for {service}"),
    later("Apprise could not hand it to {service}: HTTP {status}"),
    later("Apprise could not hand it to {service}"),
    later("Apprise took too long"),
    later("Apprise could not be started: {answer}"),
    later("Apprise broke down (exit status {status})"),
    later("The Python of {name} has no library apprise"),
    later("{name} does not name {service}"),
    later("The settings have no webhook secret {name}"),
    later("The settings have no {what} {name} among {setting}"),
    later("No gateway is set up for numbers that begin with {number}: {gateways}"),
    later("The address of {channel} is not {what}"),
    later("The message is too long for a webhook"),
    later("An address of {channel} is sealed with key {name}, which DAVY_ADDRESS_KEYS does not have"),
    later("An address of {channel} does not open: it was changed, or sealed with another key of the id {name}"),
    later("The database does not take what became of it, and it may have gone out: {answer}"),
)
