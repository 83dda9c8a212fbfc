"""Many messages for one person over one channel as one: a line each, most urgent first, and where the rest of it stands. Pure.

Whatever the reason is: more came at once than the channel takes (`alerting.pace`), several alarms are of one hazard, or a site is in a
storm (`alerting.calm`). None of it is life safety, which is in no fold.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from alerting.delivery import Claimed
from alerting.incident import BOTH, FIRST, SHARE, Root
from alerting.message import Message
from alerting.notice import StormNotice
from alerting.reader import Reader
from core.occasion import Subject

LISTED: Final = 20  # lines: a phone's screen or two; the list of alarms has them all
LINKED: Final = 5  # so many are acknowledged one by one quicker than in the list; more links fill the message before the alarms do. Ours


def folded(messages: Sequence[Message], *, language: str, public_url: str) -> Message:
    """More at once than the channel takes, as one message.

    Its key is that of the set: sent again after a crash it is the same, and with one more message it is another, since a receiver
    that drops repeats must not drop what is new.

    Args:
        messages: at least two, none of life safety.
    """
    reader = Reader(language)
    _ = reader.gettext
    key = set_key("fold", (message.key for message in messages))
    link = f"{public_url.rstrip('/')}/alarms"
    subject = _("%(count)s messages in one") % {"count": len(messages)}
    return Message(
        key=key,
        thread=messages[0].thread,
        language=language,
        urgent=False,
        subject=subject,
        lines=(
            _("So many came at once that this channel would not have taken each by itself:"),
            *listed(reader, messages, len(messages)),
            *_footer(reader, link),
        ),
        fields={"key": key, "link": link, "messages": len(messages), "keys": " ".join(m.key for m in messages)},
        brief=subject,
    )


def grouped(
    lead: Claimed,
    messages: Sequence[Message],
    told: Sequence[Message],
    *,
    total: int,
    since: datetime,
    slot: str,
    public_url: str,
    asset: tuple[str, str] | None = None,
    root: Root | None = None,
) -> Message:
    """Several alarms of one hazard, or of one asset's incident, as one message.

    Args:
        lead: any of them.
        messages: what is new; told: what a channel that replaces what it has shown must name again; each with its reader's own link.
        total: how many the group has by now.
        since: when it began.
        slot: under which name the channel replaces it.
        asset: of an incident: its name in English and Chinese.
        root: where to look first; None: nothing says.
    """
    reader = Reader(lead.language)
    _ = reader.gettext
    key = set_key("group", (message.key for message in (*messages, *told)))
    insurer = lead.audience == "insurer"  # who reads of no place within a site
    link = f"{public_url.rstrip('/')}/{'occurrences' if insurer else 'alarms'}"
    zone = "" if insurer else reader.own(lead.zone, lead.zone_zh or lead.zone)
    place = reader.listed(reader.own(lead.site, lead.site_zh), zone)
    subject = _("%(count)s alarms of one hazard: %(place)s") % {"count": total, "place": place}
    because = _("In one message because they came from one place and are of one kind, since %(when)s:")
    if asset is not None and not insurer:
        place = reader.listed(reader.own(lead.site, lead.site_zh), reader.own(*asset))
        subject = _("One incident, %(count)s alarms: %(place)s") % {"count": total, "place": place}
        because = _("In one message because statistics and signals of one asset speak together, since %(when)s:")
    return Message(
        key=key,
        thread=slot,
        language=lead.language,
        urgent=False,
        subject=subject,
        lines=(
            *(() if root is None or insurer else (look_first(reader, root),)),
            because % {"when": reader.instant(since, lead.time_zone)},
            *listed(reader, (*messages, *told), total),
            *_footer(reader, link),
        ),
        fields={
            "key": key, "group": slot, "link": link, "alarms": total, "keys": " ".join(m.key for m in messages),
            **({} if root is None or insurer else {"root": root.sensor}),
        },
        brief=subject,
        slot=slot,
    )  # fmt: skip


def look_first(reader: Reader, root: Root) -> str:
    """Where to look first, what that rests on, and that it may be wrong."""
    _ = reader.gettext
    share = "" if root.share is None else f"{100.0 * root.share:.0f}"
    told = {
        BOTH: _(
            "Look first at %(sensor)s: it makes up %(share)s %% of the model's number, and of all signals its alarm came first."
        ),
        SHARE: _("Look first at %(sensor)s: it makes up %(share)s %% of the model's number."),
        FIRST: _("Look first at %(sensor)s: of all signals its alarm came first."),
    }[root.why] % {"sensor": reader.own(root.name, root.name_zh), "share": share}
    hint = _("That is what the numbers point to; it may be wrong.")
    return f"{told} {hint}"


def storm_digest(notice: StormNotice, messages: Sequence[Message], more: int, *, public_url: str) -> Message:
    """What of a storm calls nobody by itself, as one message.

    Args:
        messages: the most urgent of what is told now; more: how many there are beside.
    """
    reader = Reader(notice.language)
    _ = reader.gettext
    now_told = len(messages) + more
    key = set_key(notice.key, (message.key for message in messages))
    link = f"{public_url.rstrip('/')}/{'occurrences' if notice.audience == 'insurer' else 'alarms'}"
    site = reader.own(notice.site, notice.site_zh)
    parts = {
        "site": site,
        "since": reader.instant(notice.storm_began_at, notice.time_zone),
        "alarms": notice.alarms,
        "every": reader.duration(notice.every_s),
        "told": notice.told + now_told,
    }
    subject = {
        "begun": _("[Storm] More alarms than one can work through: %(site)s") % parts,
        "going_on": _("[Storm] It goes on, %(alarms)s alarms: %(site)s") % parts,
        "ended": _("[Storm] It is over, %(alarms)s alarms: %(site)s") % parts,
    }[notice.event]
    what = {
        "begun": _(
            "Since %(since)s so many alarms come at this site that each by itself would only hide the others. Life safety calls you as ever;"
            " all else comes as one message, every %(every)s, until it is calmer."
        ),
        "going_on": _("The storm since %(since)s goes on: %(alarms)s alarms by now. Life safety calls you as ever."),
        "ended": _(
            "The storm since %(since)s is over: %(alarms)s alarms, of which %(told)s messages for you were told together. From now on each alarm calls"
            " by itself again."
        ),
    }[notice.event] % parts
    return Message(
        key=key,
        thread=f"storm-{notice.storm_id}",
        language=notice.language,
        urgent=False,
        subject=subject,
        lines=(what, *listed(reader, messages, now_told), *_footer(reader, link)),
        fields={
            "key": key,
            "about": Subject.STORM.value,
            "event": notice.event,
            "site": site,
            "since": notice.storm_began_at.isoformat(),
            "alarms": notice.alarms,
            "messages": now_told,
            "link": link,
            "keys": " ".join(m.key for m in messages),
        },
        brief=subject,
        slot=f"davy-storm-{notice.storm_id}" if notice.event == "going_on" else "",
    )


def in_slot(message: Message, slot: str) -> Message:
    """The first message of a group: said as ever, and replaced by the next where the channel can."""
    return replace(message, slot=slot, fields={**message.fields, "group": slot}) if slot else message


def listed(reader: Reader, messages: Sequence[Message], total: int) -> tuple[str, ...]:
    """A line each, as many as a phone shows, and how many there are beside; where they are few, each with its reader's own link below."""
    _ = reader.gettext
    shown = messages[:LISTED]
    linked = sum(message.acknowledge_at != "" for message in shown) if total <= LINKED else 0
    lines: list[str] = []
    for message in shown:
        lines += (
            [f"- {message.subject}", message.acknowledge_at]
            if linked and message.acknowledge_at
            else [f"- {message.subject}"]
        )
    if total > len(shown):
        lines.append(_("and %(count)s more") % {"count": total - len(shown)})
    if linked:
        lines += [
            "",
            _("The link below an alarm only acknowledges that one, without logging in (yours alone, works once)."),
        ]
    return tuple(lines)


def set_key(kind: str, keys: Iterable[str]) -> str:
    """The key of a set of messages: the same for the same set, in whatever order."""
    digest = hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()
    return f"{kind}-{digest[:32]}"


def _footer(reader: Reader, link: str) -> tuple[str, ...]:
    _ = reader.gettext
    return "", _("All of them, to acknowledge and answer:"), link, "", reader.what_this_is_not()
