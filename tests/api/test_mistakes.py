"""What is wrong with a request is said field by field: the words, pure."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from api.words.mistakes import in_sentences, mistakes
from core.i18n import translations


class Sent(BaseModel):
    """One field of each kind that the JSON API takes."""

    count: Annotated[int, Field(ge=1, le=9)] = 1
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    name: Annotated[str, Field(min_length=1, max_length=5)] = "a"
    code: Annotated[str, Field(min_length=3)] = "abc"
    kind: Literal["general", "major"] = "general"
    at: AwareDatetime | None = None
    local: datetime | None = None
    day: date | None = None
    yes: bool = False
    rows: list[dict[str, float]] = []


def said(language: str, **sent: Any) -> list[tuple[str, str]]:
    try:
        Sent.model_validate(sent)
    except ValidationError as error:
        # As FastAPI hands them on: below "body".
        found = [{**each, "loc": ("body", *each["loc"])} for each in error.errors()]
        return [(each.field, each.problem) for each in mistakes(translations(language), found)]
    raise AssertionError("nothing was wrong")


@pytest.mark.parametrize(
    ("sent", "field", "english", "chinese"),
    [
        ({"count": 0}, "count", "must be at least 1", "不能小于 1"),
        ({"count": 10}, "count", "must be at most 9", "不能大于 9"),
        ({"count": "many"}, "count", "must be a whole number", "须为整数"),
        ({"count": 1.5}, "count", "must be a whole number", "须为整数"),
        ({"count": None}, "count", "must be a whole number", "须为整数"),
        ({"share": 0}, "share", "must be more than 0.0", "须大于 0.0"),
        ({"share": 1}, "share", "must be less than 1.0", "须小于 1.0"),
        ({"share": "half"}, "share", "must be a number", "须为数字"),
        ({"name": ""}, "name", "must not be empty", "不能为空"),
        ({"name": "abcdef"}, "name", "may have at most 5 characters", "最多 5 个字符"),
        ({"name": 7}, "name", "must be a text", "须为文字"),
        ({"code": "a"}, "code", "must have at least 3 characters", "至少 3 个字符"),
        ({"kind": "small"}, "kind", "must be one of: general, major", "只能是：general, major"),
        ({"yes": "perhaps"}, "yes", "must be true or false", "须为 true 或 false"),
        ({"rows": 5}, "rows", "must be a list", "须为列表"),
        ({"rows": [{"v": 1.0}, {"v": "x"}]}, "rows[1].v", "must be a number", "须为数字"),
        ({"rows": [3]}, "rows[0]", "must be a JSON object", "须为 JSON 对象"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_each_kind_of_mistake_has_its_words(sent: dict[str, Any], field: str, english: str, chinese: str) -> None:
    """Which field, what was wrong, what would be right; in the reader's language."""
    assert said("en", **sent) == [(field, english)]
    assert said("zh", **sent) == [(field, chinese)]


@pytest.mark.parametrize("sent", ["tomorrow", "2026-13-01T00:00:00Z", "2026-12-31T08:30:00", [], {}])
def test_times_show_how_they_are_written(sent: Any) -> None:
    """A time without its offset is nobody's time."""
    ((field, problem),) = said("en", at=sent)
    assert (field, problem.partition(",")[0]) == ("at", "must be a time with its offset from UTC")
    assert said("en", day="31.12.2026") == [("day", "must be a day, such as 2026-12-31")]


def test_what_nobody_thought_of_still_names_its_field() -> None:
    """A kind of error that is not in the table falls back to the field and a general word."""
    errors = [{"type": "frozen_set_type", "loc": ("query", "sort", 0)}, {"type": "json_invalid", "loc": ("body", 17)}]
    found = mistakes(translations("en"), errors)
    assert [tuple(each) for each in found] == [("sort[0]", "has a wrong form"), ("body", "is not JSON")]
    assert mistakes(translations("en"), [{"type": "missing", "loc": ("header", "idempotency-key")}])[0].field == (
        "Idempotency-Key"
    )


def test_a_page_calls_its_fields_by_their_names() -> None:
    """A program reads the name it sent, a person the words of the form."""
    found = mistakes(translations("zh"), [{"type": "int_parsing", "loc": ("body", "minutes")}])
    assert in_sentences(translations("zh"), found, by_program=False) == "搁置时长（分钟）：须为整数。"
    assert in_sentences(translations("zh"), found, by_program=True) == "minutes：须为整数。"


@given(st.dictionaries(st.sampled_from(list(Sent.model_fields)), st.text(min_size=12, alphabet="<>&%{}$秘")))
def test_what_was_sent_is_never_said_back(sent: dict[str, str]) -> None:
    """It may be a password, or markup; and no text of a stranger is a template of ours."""
    try:
        Sent.model_validate(sent)
    except ValidationError as error:
        found = mistakes(translations("en"), [{**each, "loc": ("body", *each["loc"])} for each in error.errors()])
        text = in_sentences(translations("en"), found, by_program=True)
        assert not any(value in text for value in sent.values())
