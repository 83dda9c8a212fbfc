"""The part of the Compose Specification that compose.yml uses, restated by hand as JSON schema.

Stricter where it can be: a key that is not here is one that nobody has looked at. Source: the Compose Specification,
chapters services, networks, volumes and secrets; compose.yml was also held against its own schema when this was written.
"""

from __future__ import annotations

from typing import Any, Final

TEXTS: Final[dict[str, Any]] = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
DURATION: Final[dict[str, Any]] = {"type": "string", "pattern": r"^(\d+(us|ms|s|m|h))+$"}
NAMES: Final[dict[str, Any]] = {"type": "object", "propertyNames": {"pattern": "^[a-z0-9_-]+$"}}


def closed(**properties: Any) -> dict[str, Any]:
    """An object with these keys and no other."""
    return {"type": "object", "properties": properties, "additionalProperties": False}


HEALTHCHECK: Final = closed(
    disable={"type": "boolean"},
    test={"type": "array", "prefixItems": [{"enum": ["CMD", "CMD-SHELL", "NONE"]}], "items": {"type": "string"}},
    interval=DURATION,
    timeout=DURATION,
    start_period=DURATION,
    retries={"type": "integer", "minimum": 1},
)
DEPENDS: Final = {
    **NAMES,
    "additionalProperties": {
        **closed(
            condition={"enum": ["service_started", "service_healthy", "service_completed_successfully"]},
            required={"type": "boolean"},
        ),
        "required": ["condition"],
    },
}
SERVICE: Final = {
    **closed(
        image={"type": "string", "pattern": r"^[a-z0-9./-]+:[A-Za-z0-9._-]+$"},
        build=closed(context={"type": "string"}, dockerfile={"type": "string"}),
        command=TEXTS | {"uniqueItems": False},
        environment={
            "type": "object",
            "propertyNames": {"pattern": "^[A-Z][A-Z0-9_]*$"},
            "additionalProperties": {"type": "string"},  # a bare yes, no or number would be read as YAML reads it
        },
        secrets=TEXTS,
        volumes=TEXTS,
        tmpfs=TEXTS,
        networks=TEXTS,
        network_mode={"type": "string", "pattern": "^service:[a-z-]+$"},
        ports=TEXTS,
        profiles=TEXTS,
        cap_add=TEXTS,
        cap_drop=TEXTS,
        security_opt=TEXTS,
        user={"type": "string", "pattern": r"^\d+:\d+$"},
        working_dir={"type": "string"},
        shm_size={"type": "string", "pattern": r"^\d+[mg]$"},
        read_only={"type": "boolean"},
        restart={"enum": ["no", "unless-stopped"]},
        stop_grace_period=DURATION,
        healthcheck=HEALTHCHECK,
        depends_on=DEPENDS,
    ),
    "required": ["image", "restart", "read_only", "healthcheck"],
    "not": {"required": ["networks", "network_mode"]},
}
COMPOSE: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "services": {**NAMES, "additionalProperties": SERVICE},
        "networks": {**NAMES, "additionalProperties": closed(internal={"type": "boolean"})},
        "volumes": {**NAMES, "additionalProperties": closed()},
        "secrets": {**NAMES, "additionalProperties": {**closed(file={"type": "string"}), "required": ["file"]}},
    },
    "patternProperties": {"^x-": {}},
    "additionalProperties": False,
    "required": ["services", "networks", "volumes", "secrets"],
}
