"""The golden payloads, the decoder and the AsyncAPI document say the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from core.errors import Malformed
from core.wire import (
    MAX_PAYLOAD,
    MAX_READINGS,
    REASONS,
    Message,
    Status,
    WireReading,
    decode,
    decode_status,
    encode,
    encode_status,
    readings_topic,
    status_topic,
)
from core.wire_rules import MAX_ID, MAX_MS, MAX_TEXT, MIN_MS, NOT_A_STATE, QUALITIES, UINT32

GOLDEN = Path(__file__).parent / "golden"
DOCUMENT = yaml.safe_load((Path(__file__).parents[2] / "docs/reference/asyncapi.yaml").read_text(encoding="utf-8"))
DECODERS = {"good": decode, "bad": decode, "status_good": decode_status, "status_bad": decode_status}

# What no JSON schema sees: bytes that are no JSON, and numbers a JSON parser has already rounded or refused.
BEFORE_ANY_SCHEMA = {"not_utf8", "not_json"}
NOT_IN_A_SCHEMA = {
    "wrong_type.seq_with_point_zero",  # 42.0 is an integer to JSON Schema, and not to the parsers of many devices
    "not_finite.nan",  # not JSON, but Python's parser takes it, and every comparison with it is false
    "not_json.half_a_surrogate",  # Python's parser takes it
}


def files(folder: str) -> list[Any]:
    return [pytest.param(path, id=f"{folder}/{path.stem}") for path in sorted((GOLDEN / folder).glob("*.json"))]


def schema(name: str) -> jsonschema.Draft202012Validator:
    root = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    return jsonschema.Draft202012Validator(root)


def kind_of(path: Path) -> str:
    return "status" if path.parent.name.startswith("status") else "readings"


@pytest.mark.parametrize("path", files("good") + files("status_good"))
def test_good_payload_decodes(path: Path) -> None:
    """What the document allows is never refused, and survives encoding."""
    decoded = DECODERS[path.parent.name](path.read_bytes())
    assert schema(kind_of(path)).is_valid(json.loads(path.read_bytes()))
    if isinstance(decoded, Message):
        assert decode(encode(decoded)) == decoded
        assert schema("readings").is_valid(json.loads(encode(decoded)))
    else:
        assert isinstance(decoded, Status)
        assert decode_status(encode_status(decoded)) == decoded


@pytest.mark.parametrize("path", files("bad") + files("status_bad"))
def test_bad_payload_is_refused_with_its_reason(path: Path) -> None:
    """A mistake has one reason, and a sentence made from that reason's words."""
    reason = path.name.split(".")[0]
    with pytest.raises(Malformed) as caught:
        DECODERS[path.parent.name](path.read_bytes())
    assert caught.value.reason == reason
    pattern = re.sub(r"\\\{\w+\\\}", "(.+)", re.escape(REASONS[reason]))
    assert re.fullmatch(pattern, str(caught.value)), str(caught.value)


@pytest.mark.parametrize("path", files("bad") + files("status_bad"))
def test_schema_refuses_what_it_can_see(path: Path) -> None:
    """A maker who validates against the document finds what we would refuse."""
    payload = path.read_bytes()
    if path.stem in NOT_IN_A_SCHEMA:
        return
    if path.name.split(".")[0] in BEFORE_ANY_SCHEMA or not payload.strip():
        with pytest.raises((UnicodeDecodeError, json.JSONDecodeError, RecursionError)):
            json.loads(payload.decode("utf-8"))
    else:
        assert not schema(kind_of(path)).is_valid(json.loads(payload))


def test_every_reason_of_decoding_has_a_golden_payload() -> None:
    """No code without an example; the two that need big payloads are below, those of topics in test_wire.py."""
    shown = {path.name.split(".")[0] for path in [*(GOLDEN / "bad").glob("*"), *(GOLDEN / "status_bad").glob("*")]}
    reasons = list(REASONS)
    of_decoding = set(reasons[: reasons.index("unknown_site")])
    assert shown == of_decoding - {"too_many_readings", "too_large", "unknown_version", "bad_topic"}


def test_most_readings_of_a_message() -> None:
    """One more reading than allowed is refused, by decoder and document."""
    for count in (MAX_READINGS, MAX_READINGS + 1):
        payload = encode(Message(1, 2, 3, [WireReading("a", 1.0)] * count))
        fits = count == MAX_READINGS
        assert schema("readings").is_valid(json.loads(payload)) is fits
        if fits:
            assert len(decode(payload).readings) == count
        else:
            with pytest.raises(Malformed, match="5001 readings") as caught:
                decode(payload)
            assert caught.value.reason == "too_many_readings"


def test_too_large_payload() -> None:
    """A payload above the limit is refused by its length, before anything parses it."""
    with pytest.raises(Malformed, match=str(MAX_PAYLOAD)) as caught:
        decode(b" " * (MAX_PAYLOAD + 1))
    assert caught.value.reason == "too_large"


def examples() -> list[Any]:
    return [
        pytest.param(kind, example["payload"], id=f"{kind}-{example['name']}")
        for kind, message in DOCUMENT["components"]["messages"].items()
        for example in message["examples"]
    ]


@pytest.mark.parametrize(("kind", "payload"), examples())
def test_examples_of_the_document_decode(kind: str, payload: dict[str, Any]) -> None:
    """What a reader copies out of the document works."""
    (decode if kind == "readings" else decode_status)(json.dumps(payload).encode())
    assert schema(kind).is_valid(payload)


def test_document_and_code_agree_on_names_and_limits() -> None:
    """Limits stand in the code and in the document; they are the same."""
    channels, schemas = DOCUMENT["channels"], DOCUMENT["components"]["schemas"]
    assert channels["readings"]["address"] == readings_topic("{site}", "{device}")
    assert channels["status"]["address"] == status_topic("{site}", "{device}")
    assert schemas["uint32"]["maximum"] == UINT32
    assert (schemas["milliseconds"]["minimum"], schemas["milliseconds"]["maximum"]) == (MIN_MS, MAX_MS)
    assert schemas["sensor"]["maxLength"] == MAX_ID
    assert schemas["value"]["anyOf"][1]["not"]["pattern"] == NOT_A_STATE
    assert schemas["value"]["anyOf"][1]["maxLength"] == schemas["unit"]["maxLength"] == MAX_TEXT
    assert tuple(schemas["quality"]["enum"]) == QUALITIES


def test_document_is_asyncapi_3() -> None:
    """Every reference inside the document resolves, and operations name channels that exist."""
    assert DOCUMENT["asyncapi"] == "3.0.0"
    for reference in references(DOCUMENT):
        node: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
    assert {operation["channel"]["$ref"] for operation in DOCUMENT["operations"].values()} == {
        f"#/channels/{name}" for name in DOCUMENT["channels"]
    }
    jsonschema.Draft202012Validator.check_schema({"$defs": DOCUMENT["components"]["schemas"]})


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for key, inner in node.items():
            if key == "$ref":
                yield inner
            else:
                yield from references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references(inner)
