"""YAML read by hand that knows the line of everything, so that every mistake in a file is told at once and where it is.

Values are never constructed by YAML's own rules: a field says what it expects and reads the text as written. So a phone
number keeps its leading zero, `key: no` is the text "no", and no tag can make an object.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Final

import yaml

from core.errors import BadSiteFile

MAX_BYTES: Final = 32 * 1024 * 1024  # a file of 100,000 sensors is about 20 MB
_DEPTH: Final = 64  # of nesting; the parser's own recursion ends the process somewhere above 10,000
_MERGES: Final = 16  # how deep `<<` may nest
MOST_FIELDS: Final = 5_000_000  # a file of 100,000 sensors has 2,000,000; aliases of aliases could make any number
LARGEST: Final = (
    1e15  # of a number; a change of a limit holds none that is larger (davy_limit_readable), nor does any plant
)
_VARIABLE: Final = re.compile(r"\$(\$?)\{([A-Za-z_][A-Za-z0-9_]*)\}")
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_EARLIEST_YEAR: Final = 1950  # no calibration or assessment that counts is older
# A key that people choose: an id on the wire and in addresses; what begins with an underscore is Davy's own.
KEY: Final = re.compile(r"(?!_)[A-Za-z0-9_.-]{1,64}")
KEY_RULE: Final = "1 to 64 letters, digits, dots, dashes and underscores, not beginning with an underscore"
_NULL: Final = "tag:yaml.org,2002:null"
_MERGE: Final = "tag:yaml.org,2002:merge"


@dataclass(slots=True)
class Reading:
    """What all blocks of one file share.

    Args:
        variables: what `${NAME}` in a value stands for.
        mistakes: (line, sentence), filled while reading.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    mistakes: list[tuple[int, str]] = field(default_factory=list)
    fields: int = 0

    def count(self, line: int, fields: int) -> None:
        """Counts fields as they are unfolded.

        Raises:
            BadSiteFile: there are too many; nothing more is read.
        """
        self.fields += fields
        if self.fields > MOST_FIELDS:
            raise BadSiteFile([(line, f"Up to here the aliases unfold to more than {MOST_FIELDS} fields; use fewer.")])

    def mistake(self, line: int, sentence: str) -> None:
        """Writes down one mistake; an aliased block may be read twice, its mistake counts once."""
        if (line, sentence) not in self.mistakes:
            self.mistakes.append((line, sentence))


def read_block(text: str, reading: Reading, *, version: str = "site/1") -> Block | None:
    """The mapping a file consists of; None, with the mistake written down, where it is none.

    Args:
        version: what such a file says of itself first, for the sentence.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        reading.mistake(1, f"The file is larger than {MAX_BYTES // 1024 // 1024} MB; write one file a site.")
        return None
    try:
        deep = _too_deep(text)
        node = None if deep else yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(part for part in (error.context, error.problem) if part)
        reading.mistake(mark.line + 1 if mark else 1, f"This is not YAML: {what}.")
        return None
    except (yaml.YAMLError, RecursionError) as error:
        reading.mistake(1, f"This is not YAML: {str(error).splitlines()[0]}.")
        return None
    if deep:
        reading.mistake(deep, f"This nests deeper than {_DEPTH} levels; no file of this kind does.")
        return None
    if not isinstance(node, yaml.MappingNode):
        reading.mistake(1, f"The file is empty or no mapping; it must be a mapping such as `davy: {version}`.")
        return None
    return Block(node, reading, "the file")


def _too_deep(text: str) -> int:
    """The line where nesting passes what a file may have; 0 where it never does."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > _DEPTH:
                    return event.start_mark.line + 1 if event.start_mark else 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    except yaml.MarkedYAMLError as error:
        # libyaml has a limit of its own, and reads ahead of the events it gives.
        if error.problem is None or "nesting depth" not in error.problem:
            raise
        return error.problem_mark.line + 1 if error.problem_mark else 1
    return 0


class Block:
    """One mapping of the file. Ask for each field once, then call `finish`."""

    def __init__(self, node: yaml.MappingNode, reading: Reading, where: str) -> None:
        self.line: int = node.start_mark.line + 1
        self.where = where
        self.reading = reading
        self._fields = _fields(node, reading, where)
        self._asked: list[str] = []

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return name in self._fields and self._fields[name][1].tag != _NULL

    def offers(self, name: str) -> bool:
        """Whether the field is there; it counts as asked for, so that `finish` does not tell it."""
        return self._ask(name, required=False) is not None

    def is_text(self, name: str) -> bool:
        """Whether the field is there and a plain text."""
        return self.has(name) and isinstance(self._fields[name][1], yaml.ScalarNode)

    def line_of(self, name: str) -> int:
        """The line of a field, or of the block where it has none."""
        return self._fields[name][0] if name in self._fields else self.line

    def mistake(self, name: str | None, sentence: str) -> None:
        """Writes down a mistake at the field, or at the block."""
        self.reading.mistake(self.line if name is None else self.line_of(name), sentence)

    def text(self, name: str, *, required: bool = True, most: int = 4000) -> str:
        """A text; empty where it is missing."""
        node = self._scalar(name, required, "a text")
        found = _text(node, name, self.where, self.reading, most)
        if required and node is not None and not str(node.value).strip():
            self.mistake(name, f"{name} of {self.where} is empty; it needs a text.")
        return found

    def optional(self, name: str) -> str | None:
        """A text, or None where it is missing or null."""
        return self.text(name, required=False) or None

    def word(self, name: str, words: Collection[str], *, default: str | None = None, required: bool = True) -> str:
        """One of `words`."""
        found = self.text(name, required=required and default is None) or (default or "")
        if found and found not in words:
            self.mistake(name, f"{name} of {self.where} is {found}; {_one_of(found, words)}")
            return default or ""
        return found

    def key(self, name: str, rule: re.Pattern[str] = KEY, sentence: str = KEY_RULE) -> str:
        """An id. A wrong one is told, and kept, so that what refers to it is not told as well."""
        found = self.text(name)
        if found and not rule.fullmatch(found):
            self.mistake(name, f"{name} of {self.where} is {found!r}; it must be {sentence}.")
        return found

    def number(
        self,
        name: str,
        *,
        default: float | None = None,
        required: bool = True,
        least: float = -LARGEST,
        above: float = -math.inf,
        most: float = LARGEST,
    ) -> float | None:
        """A finite number not below `least`, greater than `above` and not above `most`."""
        found = self._scalar(name, required and default is None, "a number")
        if found is None:
            return default
        try:
            number = float(self._replaced(found, name))
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            self.mistake(name, f"{name} of {self.where} is {found.value!r}; it must be a number.")
            return default
        if number < least or number <= above:
            rule = f"{least:g} or more" if number < least else f"more than {above:g}"
            self.mistake(name, f"{name} of {self.where} is {number:g}; it must be {rule}.")
        elif number > most:
            self.mistake(name, f"{name} of {self.where} is {number:g}; it must be {most:g} or less.")
        return number

    def amount(self, name: str) -> Decimal:
        """An exact decimal, for money."""
        found = self._scalar(name, True, "an amount")
        try:
            amount = Decimal(self._replaced(found, name)) if found is not None else Decimal(0)
        except InvalidOperation:
            amount = Decimal("NaN")
        if found is not None and not (amount.is_finite() and amount >= 0):
            self.mistake(name, f"{name} of {self.where} is {found.value!r}; it must be an amount of 0 or more.")
            return Decimal(0)
        return amount

    def flag(self, name: str, *, default: bool = False) -> bool:
        """`true` or `false`."""
        return self.word(name, ("true", "false"), default=str(default).lower()) == "true"

    def day(self, name: str, *, required: bool = True) -> date | None:
        """A date as 2026-01-31."""
        found = self.text(name, required=required)
        try:
            day = date.fromisoformat(found) if found else None
        except ValueError:
            self.mistake(name, f"{name} of {self.where} is {found!r}; it must be a date such as 2026-01-31.")
            return None
        if day is not None and day.year < _EARLIEST_YEAR:
            self.mistake(
                name, f"{name} of {self.where} is {day}; a date before {_EARLIEST_YEAR} is a slip of the keys."
            )
        return day

    def both(self, name: str, *, required: bool = True) -> tuple[str, str]:
        """A text in English and in Chinese: `{en: ..., zh: ...}`."""
        block = self.block(name, f"{name} of {self.where}", required=required, example="{en: ..., zh: ...}")
        if block is None:
            return "", ""
        texts = block.text("en"), block.text("zh")
        block.finish()
        return texts

    def block(self, name: str, where: str, *, required: bool = False, example: str = "a mapping") -> Block | None:
        """A mapping within this one."""
        node = self._ask(name, required)
        if node is None:
            return None
        if not isinstance(node, yaml.MappingNode):
            self.mistake(name, f"{name} of {self.where} must be {example}.")
            return None
        return Block(node, self.reading, where)

    def blocks(self, name: str, what: str) -> Iterator[Block]:
        """The mappings of a list; a bare text becomes a mapping with the one field `is`."""
        for node in self._list(name):
            where = _described(node, what)
            if isinstance(node, yaml.ScalarNode):
                key = yaml.ScalarNode("tag:yaml.org,2002:str", "is", node.start_mark, node.end_mark)
                node = yaml.MappingNode("tag:yaml.org,2002:map", [(key, node)], node.start_mark, node.end_mark)
            if not isinstance(node, yaml.MappingNode):
                self.reading.mistake(node.start_mark.line + 1, f"Each entry of {name} must be a mapping of fields.")
                continue
            yield Block(node, self.reading, where)

    def texts(self, name: str) -> list[tuple[int, str]]:
        """A list of texts, each with its line."""
        found = []
        for node in self._list(name):
            if isinstance(node, yaml.ScalarNode):
                found.append((node.start_mark.line + 1, _text(node, name, self.where, self.reading, 4000)))
            else:
                self.reading.mistake(node.start_mark.line + 1, f"Each entry of {name} of {self.where} must be a text.")
        return found

    def numbers(self, name: str, where: str) -> dict[str, float]:
        """A mapping whose values are all numbers."""
        block = self.block(name, where)
        return {} if block is None else {key: block.number(key) or 0.0 for key in block.names()}

    def names(self) -> list[str]:
        """The fields that are there."""
        return list(self._fields)

    def finish(self) -> None:
        """Tells every field nobody asked for."""
        for name, (line, _) in self._fields.items():
            if name not in self._asked:
                near = get_close_matches(name, self._asked, n=1, cutoff=0.6)
                advice = f"did you mean {near[0]}?" if near else f"the fields are {', '.join(self._asked)}."
                self.reading.mistake(line, f"{self.where} has no field {name}; {advice}")

    def _ask(self, name: str, required: bool) -> yaml.Node | None:
        if name not in self._asked:
            self._asked.append(name)
        if self.has(name):
            return self._fields[name][1]
        if required:
            self.mistake(None, f"{self.where} has no {name}; it needs one.")
        return None

    def _scalar(self, name: str, required: bool, what: str) -> yaml.ScalarNode | None:
        node = self._ask(name, required)
        if node is not None and not isinstance(node, yaml.ScalarNode):
            self.mistake(name, f"{name} of {self.where} must be {what}, not a list or a mapping.")
            return None
        return node

    def _list(self, name: str) -> list[yaml.Node]:
        node = self._ask(name, required=False)
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            self.mistake(name, f"{name} of {self.where} must be a list.")
            return []
        return list(node.value)

    def _replaced(self, node: yaml.ScalarNode, name: str) -> str:
        return _text(node, name, self.where, self.reading, 4000)


def _text(node: yaml.ScalarNode | None, name: str, where: str, reading: Reading, most: int) -> str:
    if node is None:
        return ""
    line = node.start_mark.line + 1

    def value(found: re.Match[str]) -> str:
        if found[1]:
            return found[0][1:]
        if found[2] not in reading.variables:
            reading.mistake(
                line,
                f"{name} of {where} uses ${{{found[2]}}}, which has no value; give one with --set {found[2]}=VALUE.",
            )
        return reading.variables.get(found[2], "")

    text = _VARIABLE.sub(value, str(node.value)).strip()
    if len(text) > most or "\0" in text:
        reading.mistake(
            line, f"{name} of {where} has {len(text)} characters; at most {most}, none of them NUL, are kept."
        )
    return text


def _fields(node: yaml.MappingNode, reading: Reading, where: str, depth: int = 0) -> dict[str, tuple[int, yaml.Node]]:
    reading.count(node.start_mark.line + 1, 1 + len(node.value))
    own: dict[str, tuple[int, yaml.Node]] = {}
    merged: dict[str, tuple[int, yaml.Node]] = {}
    for key, value in node.value:
        name = str(key.value)
        line = key.start_mark.line + 1
        if key.tag == _MERGE:
            for block in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                if not isinstance(block, yaml.MappingNode) or depth == _MERGES:
                    reading.mistake(line, f"<< in {where} must name mappings.")
                    continue
                merged = _fields(block, reading, where, depth + 1) | merged
        elif name in own:
            reading.mistake(line, f"{where} has {name} twice, first in line {own[name][0]}; keep one of them.")
        else:
            own[name] = line, value
    return merged | own


def _described(node: yaml.Node, what: str) -> str:
    """How a person names an entry: by its key where it has one."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value in ("key", "number", "limit", "person") and isinstance(value, yaml.ScalarNode):
                return f"{what} {value.value}"
    return f"{what} {node.value}" if isinstance(node, yaml.ScalarNode) else f"this {what}"


def _one_of(found: str, words: Collection[str]) -> str:
    near = get_close_matches(found, words, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]}?"
    return f"it must be one of {', '.join(sorted(words))}." if len(words) <= 12 else "there is no such one."
