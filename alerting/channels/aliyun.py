"""Aliyun (阿里云): texts and calls within mainland China, by templates that the vendor has approved beforehand.

A template has one variable, `text`. Its own words are the company's, so a reader of English hears an English alarm within a
Chinese template. There is no key to press: `SingleCallByTts` takes none. From the public pool of numbers it calls nobody at night
(21:00 to 9:00) nor from 12:00 to 14:00, so that life safety needs numbers of one's own.

Source: help.aliyun.com, API of Dysmsapi and Dyvmsapi 2017-05-25, "V3 request structure and signature", and the lists of error
codes of both, as found in a public archive; never tried against the vendor.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import ClassVar, Final
from urllib.parse import quote

from alerting.channels.gateway import Gateway, short
from alerting.channels.post import Poster, refuse
from alerting.discreet import discreet
from alerting.message import Message
from alerting.receipts import took
from core.errors import AddressGone, DeliveryFailed

SMS: Final = "https://dysmsapi.aliyuncs.com"
VOICE: Final = "https://dyvmsapi.aliyuncs.com"
VERSION: Final = "2017-05-25"
LONGEST_VARIABLE: Final = 35  # characters of a variable of a text message; a link in one is refused
_LONGEST_SAID: Final = 200  # the variables of a voice template must stay below 250 characters
_TWICE: Final = "2"
_NO_NUMBER: Final = frozenset({"isv.MOBILE_NUMBER_ILLEGAL"})
# Words that are not allowed in a variable, the callee has complained, the hour at which nobody is called.
_NEVER: Final = frozenset(
    {
        "isv.BLACK_KEY_CONTROL_LIMIT",
        "isv.PARAM_LENGTH_LIMIT",
        "isv.PARAM_NOT_SUPPORT_URL",
        "isv.TEMPLATE_PARAMS_ILLEGAL",
        "isv.COMPLAINT_REJECT",
        "isv.VOICE_ROBOT_NOT_PERIOD",
    }
)
_OF_NUMBER: Final = frozenset(
    {"isv.BUSINESS_LIMIT_CONTROL"}
)  # one number was written to too often: a minute's, an hour's or a day's limit
_TOO_FAST: Final = _OF_NUMBER | {"Throttling.User"}
_REST_S: Final = 60.0  # the shortest of its limits is one a minute


class Aliyun(Gateway):
    """One account.

    Args:
        key_id, key_secret: of a RAM user who may send texts and make calls, and nothing else.
        sign: the approved signature of texts.
        sms_template, voice_template: codes of approved templates with the variable `text`; None: not set up for that.
    """

    title: ClassVar[str] = "Aliyun"
    serves: ClassVar[tuple[str, ...]] = ("+86",)

    def __init__(
        self,
        key_id: str,
        key_secret: str,
        *,
        sign: str | None,
        sms_template: str | None,
        voice_template: str | None,
        sms_base: str = SMS,
        voice_base: str = VOICE,
        allow: Iterable[str] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._key_id = key_id
        self._key_secret = key_secret
        self._sign = sign or ""
        self._sms_template = sms_template or ""
        self._voice_template = voice_template or ""
        self._bases = (sms_base, voice_base)
        self._poster = Poster("Texts and calls", allow, monotonic=monotonic)
        self.texts = bool(sign and sms_template)
        self.calls = bool(voice_template)

    def text(self, number: str, message: Message, *, now: datetime, timeout_s: float) -> str:
        """What and where; the template says what to do."""
        parameters = {
            "PhoneNumbers": number.removeprefix("+86"),
            "SignName": self._sign,
            "TemplateCode": self._sms_template,
            "TemplateParam": _variable(message, LONGEST_VARIABLE),
            "OutId": _short_key(message),
        }
        return self._ask(self._bases[0], "SendSms", parameters, "BizId", now, timeout_s)

    def call(self, number: str, message: Message, *, now: datetime, timeout_s: float) -> str:
        """A call that says it twice."""
        parameters = {
            "CalledNumber": number.removeprefix("+86"),
            "TtsCode": self._voice_template,
            "TtsParam": _variable(message, _LONGEST_SAID),
            "PlayTimes": _TWICE,
            "OutId": _short_key(message),
        }
        return self._ask(self._bases[1], "SingleCallByTts", parameters, "CallId", now, timeout_s)

    def _ask(
        self, base: str, action: str, parameters: Mapping[str, str], receipt: str, now: datetime, timeout_s: float
    ) -> str:
        query = canonical_query(parameters)
        headers = {
            "host": base.partition("://")[2],
            "x-acs-action": action,
            "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
            "x-acs-date": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": os.urandom(16).hex(),
            "x-acs-version": VERSION,
        }
        signed = authorization(self._key_id, self._key_secret, query, headers)
        answer = self._poster.post(f"{base}/?{query}", {**headers, "authorization": signed}, b"", timeout_s=timeout_s)
        document = answer.document()
        code = document.get("Code")
        if code == "OK":
            return took("Aliyun", document.get(receipt))
        if code is None:
            refuse(answer, now)
        number = parameters.get("PhoneNumbers") or parameters.get("CalledNumber", "")
        answered = "without a code" if code is None else code
        words = f"Aliyun answered {answered}: {discreet(str(document.get('Message', 'nothing')), number)[:160]}"
        if code in _NO_NUMBER:
            raise AddressGone(f"Aliyun answered {code}: this is not a number that can be reached.")
        rest = _REST_S if code in _TOO_FAST else None
        raise DeliveryFailed(words, permanent=code in _NEVER, retry_after_s=rest, of_address=code in _OF_NUMBER)


def canonical_query(parameters: Mapping[str, str]) -> str:
    """Sorted by name, each percent-encoded as RFC 3986 says.

    >>> canonical_query({"b": "x y", "a": "1*~"})
    'a=1%2A~&b=x%20y'
    """
    return "&".join(f"{quote(name, safe='~')}={quote(text, safe='~')}" for name, text in sorted(parameters.items()))


def authorization(key_id: str, key_secret: str, query: str, headers: Mapping[str, str]) -> str:
    """ACS3-HMAC-SHA256 over method, path, query, headers and the hash of the body."""
    names = sorted(headers)
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in names)
    signed = ";".join(names)
    request = f"POST\n/\n{query}\n{lines}\n{signed}\n{headers['x-acs-content-sha256']}"
    text = f"ACS3-HMAC-SHA256\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.new(key_secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return f"ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={signed},Signature={signature}"


def _variable(message: Message, longest: int) -> str:
    """The template's variable. 【】 belong to the signature of a text, so the vendor does not take them in a variable."""
    brief = (message.brief or message.subject).replace("【", "").replace("】", " ")
    return json.dumps({"text": short(brief, longest)}, ensure_ascii=False)


def _short_key(message: Message) -> str:
    """What comes back with receipts, at most 15 bytes: the beginning of the key's hash."""
    return hashlib.sha256(message.key.encode()).hexdigest()[:15]
