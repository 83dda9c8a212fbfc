"""What a command says: one JSON object on one line for machines, a few lines for people, progress on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any


def say(answer: Mapping[str, Any], *, as_json: bool) -> None:
    """Prints the command's answer on stdout.

    Args:
        answer: keys of design section 13; absent values are None.
    """
    if as_json:
        print(json.dumps(answer, ensure_ascii=False), flush=True)
        return
    for key, value in answer.items():
        print(
            f"{key}: {json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value}", flush=True
        )


def progress(sentence: str) -> None:
    """Tells a waiting person what is going on; machines read stdout."""
    print(sentence, file=sys.stderr, flush=True)
