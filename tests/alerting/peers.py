"""Peers on loopback that stand in for vendors: they check what the vendor documents, and answer with its own error bodies.

Written from documentation, see docs/reference/channels.md; none of them is the vendor.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

from tests.alerting.receivers import Request

SIGNING = "SECa1b2c3d4e5f6a7b8c9d0"
TOKEN = "geheim0token"

Verdict = Callable[[Request], tuple[int, dict[str, str], dict[str, Any]]]


@contextmanager
def peer(judge: Verdict) -> Iterator[tuple[list[Request], int]]:
    """A real HTTP server that keeps what is posted, says what `judge` says, and its port."""
    received: list[Request] = []

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            request = Request(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            received.append(request)
            status, headers, document = judge(request)
            said = json.dumps(document).encode()
            self.send_response(status)
            for name, text in {"content-type": "application/json", "content-length": str(len(said)), **headers}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield received, server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _signed(key: str, text: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


def dingtalk(request: Request) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Signature over milliseconds and secret in the query; a title and a text; at most 20,000 bytes."""
    parts = urlsplit(request.path)
    query = {name: found[0] for name, found in parse_qs(parts.query, strict_parsing=True).items()}
    if parts.path != "/robot/send" or query.get("access_token") != TOKEN:
        return 200, {}, {"errcode": 300005, "errmsg": "token is not exist"}
    stamp = query.get("timestamp", "")
    if len(stamp) != 13 or query.get("sign") != _signed(SIGNING, f"{stamp}\n{SIGNING}"):
        return 200, {}, {"errcode": 310000, "errmsg": "sign not match, more: [https://ding-doc.dingtalk.com/...]"}
    if len(request.body) > 20_000:
        return 200, {}, {"errcode": 460101, "errmsg": "message too long, exceed 20000 bytes"}
    document = json.loads(request.body)
    if document.get("msgtype") != "markdown" or not document["markdown"]["title"] or not document["markdown"]["text"]:
        return 200, {}, {"errcode": 40035, "errmsg": "invalid parameter"}
    return 200, {}, {"errcode": 0, "errmsg": "ok"}


def wecom(request: Request) -> tuple[int, dict[str, str], dict[str, Any]]:
    """The key in the query; markdown of at most 4,096 bytes."""
    if request.path != f"/cgi-bin/webhook/send?key={TOKEN}":
        return 200, {}, {"errcode": 93000, "errmsg": "invalid webhook url, hint: [1], from ip: 127.0.0.1"}
    document = json.loads(request.body)
    if document.get("msgtype") != "markdown":
        return 200, {}, {"errcode": 40008, "errmsg": "invalid message type"}
    if len(document["markdown"]["content"].encode()) > 4_096:
        return 200, {}, {"errcode": 40058, "errmsg": "markdown.content exceed max length 4096"}
    return 200, {}, {"errcode": 0, "errmsg": "ok"}


def feishu(request: Request) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Signature with seconds and secret as the key over nothing, in the document; a post; at most 20 KB."""
    if request.path != f"/open-apis/bot/v2/hook/{TOKEN}":
        return 200, {}, {"code": 19001, "msg": "param invalid: incoming webhook access token invalid", "data": {}}
    document = json.loads(request.body)
    stamp = document.get("timestamp", "")
    if len(stamp) != 10 or document.get("sign") != _signed(f"{stamp}\n{SIGNING}", ""):
        words = "sign match fail or timestamp is not within one hour from current time"
        return 200, {}, {"code": 19021, "msg": words, "data": {}}
    posts = document.get("content", {}).get("post", {})
    sound = document.get("msg_type") == "post" and set(posts) <= {"zh_cn", "en_us"} and len(posts) == 1
    if not sound or len(request.body) > 20 * 1024:
        return 400, {}, {"code": 9499, "msg": "Bad Request", "data": {}}
    return 200, {}, {"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"}


def ntfy(request: Request) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Publishing as JSON to the root; priorities from 1 to 5; 4,096 bytes; the access token of a guarded topic."""
    if request.headers.get("authorization") != f"Bearer {SIGNING}":
        return 403, {}, {"code": 40301, "http": 403, "error": "forbidden"}
    document = json.loads(request.body)
    sound = (
        request.path == "/"
        and document["topic"] == TOKEN
        and document["priority"] in range(1, 6)
        and len(document["message"].encode()) <= 4_096
        and len(document["actions"]) <= 3
    )
    if not sound:
        return 400, {}, {"code": 40024, "http": 400, "error": "invalid request: body must be message JSON"}
    return 200, {}, {"id": "sPs71M8A2T", "time": 1_790_000_000, "event": "message", "topic": TOKEN}


ACCOUNT = "AC" + "0" * 32


def twilio(request: Request) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Log-in by account and token; a form; a text of at most 1,600 characters, or TwiML that it can read."""
    form = {name: found[0] for name, found in parse_qs(request.body.decode(), strict_parsing=True).items()}
    expected = "Basic " + base64.b64encode(f"{ACCOUNT}:{SIGNING}".encode()).decode()
    if request.headers.get("authorization") != expected:
        return 401, {}, {"code": 20003, "message": "Authenticate", "status": 401}
    if form["To"] == "+15005550001":  # the vendor's own number for tests of what is no number
        return 400, {}, {"code": 21211, "message": f"Invalid 'To' Phone Number: {form['To']}", "status": 400}
    if form["To"].startswith("+850"):
        return 400, {}, {"code": 21408, "message": "Permission to send to the region is not enabled", "status": 400}
    if request.path == f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json" and 0 < len(form["Body"]) <= 1600:
        return 201, {}, {"sid": "SM" + "1" * 32, "status": "queued"}
    if request.path == f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json":
        says = list(ElementTree.fromstring(form["Twiml"]).iter("Say"))
        if says and all(say.get("language") in ("zh-CN", "en-US") and say.text for say in says):
            return 201, {}, {"sid": "CA" + "1" * 32, "status": "queued"}
        return 400, {}, {"code": 12100, "message": "Document parse failure", "status": 400}
    return 400, {}, {"code": 21602, "message": "Message body is required", "status": 400}


def aliyun(request: Request) -> tuple[int, dict[str, str], dict[str, Any]]:
    """The signature over what came, worked out anew; numbers of China without their country; a JSON object as the variable."""
    raw = urlsplit(request.path).query
    query = {name: found[0] for name, found in parse_qs(raw, strict_parsing=True).items()}
    scheme, _, rest = request.headers["authorization"].partition(" ")
    fields = dict(part.split("=", 1) for part in rest.split(","))
    lines = "".join(f"{name}:{request.headers[name]}\n" for name in fields["SignedHeaders"].split(";"))
    hashed = hashlib.sha256(request.body).hexdigest()
    canonical = f"POST\n/\n{raw}\n{lines}\n{fields['SignedHeaders']}\n{hashed}"
    text = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    right = hmac.new(SIGNING.encode(), text.encode(), hashlib.sha256).hexdigest()
    must = {"host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version"}
    if (
        scheme != "ACS3-HMAC-SHA256"
        or fields["Signature"] != right
        or not must <= set(fields["SignedHeaders"].split(";"))
    ):
        return 400, {}, {"Code": "SignatureDoesNotMatch", "Message": "Specified signature is not matched."}
    number = query.get("PhoneNumbers") or query.get("CalledNumber", "")
    if not (number.isdigit() and len(number) == 11 and number.startswith("1")):
        return 200, {}, {"Code": "isv.MOBILE_NUMBER_ILLEGAL", "Message": "非法手机号"}
    variable = json.loads(query.get("TemplateParam") or query["TtsParam"])["text"]
    if "://" in variable or (request.headers["x-acs-action"] == "SendSms" and len(variable) > 35):
        return 200, {}, {"Code": "isv.PARAM_LENGTH_LIMIT", "Message": "参数超出长度限制"}
    if request.headers["x-acs-action"] == "SendSms":
        return 200, {}, {"Code": "OK", "Message": "OK", "BizId": "900619746936498440^0", "RequestId": "F655A8D5"}
    return 200, {}, {"Code": "OK", "Message": "OK", "CallId": "116012354148^102281", "RequestId": "D9CB3933"}


def always(status: int, document: dict[str, Any], **headers: str) -> Verdict:
    """One answer to everything."""
    return lambda request: (status, {name.replace("_", "-"): text for name, text in headers.items()}, document)
