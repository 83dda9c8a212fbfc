"""Every sentence by which risk refuses, and every word of its tables, is one that readers get in their language."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from api.words import risk as risk_wording
from api.words import sentences
from core.i18n import translations
from risk.finding import SAID, Grade, State
from risk.impairment import Kind, Standing

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    *sorted((ROOT / "risk").rglob("*.py")),
    ROOT / "api" / "typed.py",
    *sorted((ROOT / "api/pages").glob("*.py")),
]
ASKERS = {"text_of", "words_of"}  # functions that refuse with a sentence that they are given


def _texts(node: ast.expr) -> str | None:
    """A literal sentence, with x in the place of what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
    return None


def refusals() -> set[str]:
    """What `Refused(...)` says, and what `text_of(..., sentence, ...)` would say."""
    found = set()
    for file in SOURCES:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                arguments = (
                    node.args[:1] if node.func.id == "Refused" else node.args[1:2] if node.func.id in ASKERS else []
                )
                found |= {said for argument in arguments if (said := _texts(argument)) is not None and " " in said}
    return found


def test_no_refusal_is_left_in_english() -> None:
    """A sentence added to a rule gets its template, and its Chinese."""
    said = refusals()
    assert len(said) > 40
    zh = translations("zh")
    assert [sentence for sentence in said if sentences.translated(zh, sentence).startswith("系统说明")] == []


def test_names_of_states_in_sentences_are_translated() -> None:
    """Also where several stand in a row."""
    zh = translations("zh")
    for state in State:
        assert SAID[state] in sentences.WORDS
    assert sentences.translated(zh, "That cannot be done now: the finding is closed.") == (
        "现在不能这样操作：该隐患当前为“已闭环”。"
    )
    assert sentences.translated(zh, "Before work begins, five things are settled. Still missing: owner, funds.") == (
        "开始整改前须做到“五落实”。尚缺：责任人、资金。"
    )


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (risk_wording.GRADES, Grade),
        (risk_wording.STATES, State),
        (risk_wording.KINDS, Kind),
        (risk_wording.STANDINGS, Standing),
    ],
)
def test_every_word_of_the_rules_is_said(table: dict[str, str], words: type) -> None:
    """A state or kind added to the rules has a name on the pages."""
    assert set(table) == set(words)  # type: ignore[call-overload]
