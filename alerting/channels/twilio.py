"""Twilio: texts and calls to numbers of all countries its account may send to.

Source: Twilio's pages of the Messages and Calls resources, TwiML <Say>, its dictionary of errors, and Apprise's plug-in `twilio`;
never tried against the vendor. It has no idempotency key: what is sent again after a crash arrives twice.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import ClassVar, Final
from urllib.parse import urlencode
from xml.sax.saxutils import escape, quoteattr

from alerting.channels.gateway import Gateway, short
from alerting.channels.post import FORM_TYPE, Answer, Poster, refuse
from alerting.discreet import discreet
from alerting.message import Message
from alerting.receipts import took
from core.errors import AddressGone, DeliveryFailed
from core.i18n import translations

API: Final = "https://api.twilio.com"
REPORTS: Final = "/api/v1/receipts/twilio"  # where it says what became of a text or call, below Davy's address
# Two parts of a message in UCS-2, as Chinese is sent: 67 characters each (GSM 03.38 concatenated).
LONGEST_TEXT: Final = 134
_LONGEST_SAID: Final = 300  # characters: half a minute, twice
# What its voices are called (<Say language>); who reads another language hears English.
VOICES: Final = {"zh": "zh-CN", "en": "en-US"}
_NO_NUMBER: Final = frozenset({21211, 21217, 21614})  # not a telephone number; not one that takes texts
# The account may not send to that country, not from this number, or the person has answered STOP.
_NOT_THERE: Final = frozenset({21215, 21408, 21610, 21612})
# Cannot be reached now; the account may not call it, or has not verified it; it is a short code; it is the sender's own. By the
# vendor's dictionary as remembered: found in no source at hand.
_OF_NUMBER: Final = frozenset({21214, 21216, 21219, 21265, 21266, 21608})
_TOO_FAST: Final = frozenset({20429, 21611})
_REST_S: Final = 30.0


class Twilio(Gateway):
    """One account.

    Args:
        account: its SID.
        token: its auth token.
        sender: the number it sends and calls from, E.164.
        base: of the API; another one for a region of its own.
        answers_at: address of Davy that Twilio can call back; None: nobody acknowledges by pressing a key, and it does not say what
            became of what it took.
    """

    title: ClassVar[str] = "Twilio"

    def __init__(
        self,
        account: str,
        token: str,
        sender: str,
        *,
        base: str = API,
        answers_at: str | None = None,
        allow: Iterable[str] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._account = account
        self._sender = sender
        self._base = base
        self._answers_at = answers_at
        self._login = base64.b64encode(f"{account}:{token}".encode()).decode()
        self._poster = Poster("Texts and calls", allow, monotonic=monotonic)
        self.texts = self.calls = True

    def text(self, number: str, message: Message, *, now: datetime, timeout_s: float) -> str:
        """What, where and one link, in two parts of a message at most: a lock screen shows it to whoever passes by.

        Where there is a link to acknowledge by it is that one: its page leads on to the other.
        """
        link = message.acknowledge_at or str(message.fields.get("link", ""))
        body = f"{short(message.brief or message.subject, LONGEST_TEXT - 1 - len(link))} {link}"
        return self._ask("Messages", {"To": number, "From": self._sender, "Body": body}, now, timeout_s)

    def call(self, number: str, message: Message, *, now: datetime, timeout_s: float) -> str:
        """A call that says it twice, and takes a key where its reader may acknowledge the alarm."""
        said = spoken(message, answer_url(self._answers_at, message))
        return self._ask("Calls", {"To": number, "From": self._sender, "Twiml": said}, now, timeout_s)

    def _ask(self, resource: str, form: dict[str, str], now: datetime, timeout_s: float) -> str:
        url = f"{self._base}/2010-04-01/Accounts/{self._account}/{resource}.json"
        if self._answers_at is not None:
            form = {**form, "StatusCallback": f"{self._answers_at.rstrip('/')}{REPORTS}"}
        headers = {"content-type": FORM_TYPE, "authorization": f"Basic {self._login}"}
        answer = self._poster.post(url, headers, urlencode(form).encode(), timeout_s=timeout_s)
        return _judge(answer, number=form["To"], now=now)


def answer_url(answers_at: str | None, message: Message) -> str | None:
    """Where Twilio tells which key was pressed; None where there is nothing to acknowledge, or not by this reader."""
    fields = message.fields
    if answers_at is None or fields.get("occurrence") is None or fields.get("audience") != "client":
        return None
    return f"{answers_at.rstrip('/')}/api/v1/calls/{message.key}"


def spoken(message: Message, answers_at: str | None = None) -> str:
    """TwiML: the alarm twice, in the reader's language, with a pause between.

    Args:
        answers_at: where the pressed key goes; None: none is asked for.
    """
    _ = translations(message.language).gettext
    parts = {"what": short(message.brief or message.subject, _LONGEST_SAID)}
    if answers_at is None:
        text = _("This is Davy. %(what)s. Open Davy to see what to do, and acknowledge it there.") % parts
    else:
        text = _("This is Davy. %(what)s. Press 1 to acknowledge, and open Davy to see what to do.") % parts
    said = say(text, message.language)
    twice = f'{said}<Pause length="1"/>{said}'
    if answers_at is None:
        return response(twice)
    action = quoteattr(answers_at)
    return response(f'<Gather numDigits="1" timeout="10" method="POST" action={action}>{twice}</Gather>')


def say(text: str, language: str) -> str:
    """One sentence, in a voice of the language."""
    return f'<Say language="{VOICES.get(language, VOICES["en"])}">{escape(text)}</Say>'


def response(inner: str) -> str:
    """A TwiML document."""
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{inner}</Response>'


def signature(token: str, url: str, form: Mapping[str, str]) -> str:
    """What X-Twilio-Signature must be: HMAC-SHA1 over the address it called and every field, sorted by name.

    Source: Twilio, "Validating requests"; the example is of its own documentation, as public clients quote it.

    >>> signature("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", {"CallSid": "CA1234567890ABCDE", "From": "+12349013030",
    ...     "To": "+18005551212", "Caller": "+12349013030", "Digits": "1234"})
    '0/KCTR6DLpKmkAf8muzZqo1nDgQ='
    """
    text = url + "".join(f"{name}{form[name]}" for name in sorted(form))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def _judge(answer: Answer, *, number: str, now: datetime) -> str:
    document = answer.document()
    if 200 <= answer.status < 300:
        return took("Twilio", document.get("sid"))
    code = document.get("code")
    words = f"Twilio answered {code}: {discreet(str(document.get('message', 'nothing')), number)[:160]}"
    if code in _NO_NUMBER:
        raise AddressGone(f"Twilio answered {code}: this is not a number that can be reached.")
    if code in _NOT_THERE:
        raise DeliveryFailed(
            f"Twilio answered {code}: it does not send to this number.", permanent=True, of_address=True
        )
    if code in _TOO_FAST:
        raise DeliveryFailed(words, permanent=False, retry_after_s=answer.asked_s(now) or _REST_S)
    if code is None:
        refuse(answer, now)
    asked = answer.asked_s(now)
    raise DeliveryFailed(words, permanent=False, retry_after_s=asked, of_address=code in _OF_NUMBER)
