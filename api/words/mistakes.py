"""What is wrong with the fields of a request, in the reader's language: the words for what pydantic found. Pure.

What was sent is never said back: it may be a password, and who sent it knows it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from gettext import NullTranslations
from typing import Any, Final, NamedTuple

from api.words.texts import later

MOST_SAID = 5  # of one request: who mends these meets the others next


class Mistake(NamedTuple):
    """One field and what is wrong with it.

    Args:
        field: its name on the wire, such as `expected_until` or `readings[3].value`; "body" for the whole.
        problem: in the reader's language, without the field and without a full stop.
    """

    field: str
    problem: str


_WHOLE: Final = later("must be a whole number")
_NUMBER: Final = later("must be a number")
_TEXT: Final = later("must be a text")
_OBJECT: Final = later("must be a JSON object")
_TRUTH: Final = later("must be true or false")
_TIME: Final = later("must be a time with its offset from UTC, such as 2026-12-31T08:30:00+08:00")
_DAY: Final = later("must be a day, such as 2026-12-31")
_ANYTHING_ELSE: Final = later("has a wrong form")
# By the type of pydantic's error (https://docs.pydantic.dev/latest/errors/validation_errors/); places are names of its `ctx`.
_PROBLEMS: Final[Mapping[str, str]] = {
    "missing": later("is missing"),
    "extra_forbidden": later("is no field of this request"),
    "json_invalid": later("is not JSON"),
    "string_too_short": later("must have at least %(min_length)s characters"),
    "string_too_long": later("may have at most %(max_length)s characters"),
    "greater_than_equal": later("must be at least %(ge)s"),
    "greater_than": later("must be more than %(gt)s"),
    "less_than_equal": later("must be at most %(le)s"),
    "less_than": later("must be less than %(lt)s"),
    "literal_error": later("must be one of: %(expected)s"),
    "enum": later("must be one of: %(expected)s"),
    "list_type": later("must be a list"),
    "string_type": _TEXT,
    "string_unicode": _TEXT,
    "bytes_type": _TEXT,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "bool_type": _TRUTH,
    "bool_parsing": _TRUTH,
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
}
_FAMILIES: Final = (("datetime_", _TIME), ("timezone_", _TIME), ("date_", _DAY))
_EMPTY: Final = later("must not be empty")
# What a page calls the fields that a person can get wrong there; a program is told the names it sends.
_CALLED: Final[Mapping[str, str]] = {
    "minutes": later("The time on the shelf, in minutes,"),
    "body": later("What was sent"),
}


def mistakes(texts: NullTranslations, errors: Sequence[Mapping[str, Any]]) -> list[Mistake]:
    """The first of pydantic's `errors()` in words.

    >>> mistakes(NullTranslations(), [{"type": "missing", "loc": ("body", "rows", 3, "value")}])
    [Mistake(field='rows[3].value', problem='is missing')]
    """
    return [Mistake(_field(error), _problem(texts, error)) for error in errors[:MOST_SAID]]


def in_sentences(texts: NullTranslations, found: Sequence[Mistake], *, by_program: bool) -> str:
    """A sentence for each mistake.

    >>> in_sentences(NullTranslations(), [Mistake("minutes", "must be at least 1")], by_program=True)
    'minutes must be at least 1.'
    """
    called = {} if by_program else _CALLED
    said = (
        texts.gettext("%(field)s %(problem)s.")
        % {"field": texts.gettext(called[each.field]) if each.field in called else each.field, "problem": each.problem}
        for each in found
    )
    return " ".join(said)


def _field(error: Mapping[str, Any]) -> str:
    where, *path = error["loc"]
    if not path or error["type"] == "json_invalid":
        return str(where)
    if where == "header":
        return "-".join(word.capitalize() for word in re.split("[-_]", str(path[0])))
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _problem(texts: NullTranslations, error: Mapping[str, Any]) -> str:
    kind, words = str(error["type"]), dict(error.get("ctx", {}))
    if kind == "string_too_short" and words.get("min_length") == 1:
        return texts.gettext(_EMPTY)
    template = _PROBLEMS.get(kind)
    if template is None:
        template = next((text for family, text in _FAMILIES if kind.startswith(family)), _ANYTHING_ELSE)
    if "expected" in words:  # pydantic's own English list: 'a', 'b' or 'c'
        words["expected"] = ", ".join(re.findall("'([^']*)'", str(words["expected"])))
    return texts.gettext(template) % words
