"""What is sent to the old and to the new end when a person's address changes: a code that only its reader can give back."""

from __future__ import annotations

from alerting.message import Message
from alerting.reader import Reader


def code_message(code: str, *, channel: str, language: str, key: str, is_new: bool) -> Message:
    """The message.

    Args:
        code: digits; they are told apart from each other, so that a voice reads them one by one.
        is_new: whether it goes to the address to be.
    """
    reader = Reader(language)
    _ = reader.gettext
    spaced = " ".join(code)
    subject = _("[Davy] Code %(code)s") % {"code": spaced}
    what = (
        _("Davy is to send what it sends you by %(channel)s to this address from now on.")
        if is_new
        else _("What Davy sends you by %(channel)s is to go to another address from now on.")
    )
    lines = (
        what % {"channel": channel},
        _("If you want that, tell whoever changes it this code: %(code)s") % {"code": spaced},
        _("If you do not know of it, give the code to nobody, and tell your safety officer."),
        "",
        reader.what_this_is_not(),
    )
    return Message(
        key=key, thread=key, language=language, urgent=False, subject=subject, lines=lines,
        fields={"key": key, "about": "address", "channel": channel, "code": code, "is_new": is_new}, brief=subject,
    )  # fmt: skip
