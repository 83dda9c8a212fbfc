"""Many messages for one person over one channel as one: a line each, most urgent first, and where the rest of it stands. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from alerting.message import Message
from alerting.reader import Reader

LISTED: Final = 20  # lines: a phone's screen or two; the list of alarms has them all


def folded(messages: Sequence[Message], *, language: str, public_url: str) -> Message:
    """The one message.

    Its key is that of the set: sent again after a crash it is the same, and with one more message it is another, since a receiver
    that drops repeats must not drop what is new.

    Args:
        messages: at least two, none of life safety.
    """
    reader = Reader(language)
    _ = reader.gettext
    home = public_url.rstrip("/")
    digest = hashlib.sha256("\n".join(sorted(message.key for message in messages)).encode()).hexdigest()
    lines = [f"- {message.subject}" for message in messages[:LISTED]]
    if len(messages) > LISTED:
        lines.append(_("and %(count)s more") % {"count": len(messages) - LISTED})
    link = f"{home}/alarms"
    return Message(
        key=f"fold-{digest[:32]}",
        thread=messages[0].thread,
        language=language,
        urgent=False,
        subject=_("%(count)s messages in one") % {"count": len(messages)},
        lines=(
            _("So many came at once that this channel would not have taken each by itself:"),
            *lines,
            "",
            _("All of them, to acknowledge and answer:"),
            link,
            "",
            reader.what_this_is_not(),
        ),
        fields={
            "key": f"fold-{digest[:32]}",
            "link": link,
            "messages": len(messages),
            "keys": " ".join(m.key for m in messages),
        },
        brief=_("%(count)s messages in one") % {"count": len(messages)},
    )
