"""What the documents say is there: links, commands, targets, dependencies, and the code of the how-tos."""

from __future__ import annotations

import importlib.util
import inspect
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
from babel.messages.pofile import read_po

from alerting.actions import LONGEST_SHELF
from alerting.alarm import TABLE
from alerting.channels import Address
from alerting.message import Message
from core.errors import DeliveryFailed
from core.i18n import catalogues, translations
from davy.cli import app
from ingest.pipeline import FAULT_POINTS
from ingest.store.batch import STORE_POINTS
from ingest.storing import SPOOL_POINTS
from tests.detectors import test_contract as contract

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
COMMANDED = [*PAGES, *sorted((ROOT / "packs").rglob("*.yaml"))]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"^(?:# *)?(?:\$ )?(?:[\w./]*/)?davy (?!:)(.+)$")

PACKAGE_TABLES = (  # headings of docs/dependencies.md, in the order of pyproject.toml
    "Davy itself",
    "Only for `make demo` (extra `demo`)",
    "Only for writing to Grafana (extra `grafana`)",
    "Only for working on Davy (group `dev`)",
)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def prose_of(path: Path) -> str:
    """Without code blocks: what stands there is no link."""
    return FENCE.sub("", text_of(path))


def code_of(path: Path) -> Iterator[str]:
    """Code spans and lines of code blocks."""
    whole = text_of(path)
    if path.suffix == ".md":
        for _, block in FENCE.findall(whole):
            yield from block.splitlines()
        yield from re.findall(r"`([^`\n]+)`", FENCE.sub("", whole))
    else:
        yield from (line.strip() for line in whole.splitlines() if line.lstrip().startswith("#"))


def anchors_of(path: Path) -> set[str]:
    """The anchors a forge makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", prose_of(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links_of(path: Path) -> Iterator[tuple[str, Path, str]]:
    """(as written, file, anchor) of every link into the repository."""
    for written in LINK.findall(prose_of(path)):
        if not re.match(r"[a-z]+:", written):
            file, _, anchor = written.partition("#")
            yield written, (path.parent / file).resolve() if file else path, anchor


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    """A relative link names a file, or a heading of a page, that is in the repository."""
    dead = [
        written
        for written, file, anchor in links_of(page)
        if not file.exists()
        or not file.is_relative_to(ROOT)
        or (anchor and file.suffix == ".md" and anchor not in anchors_of(file))
    ]
    assert dead == []


def test_every_page_is_found_from_the_index() -> None:
    """Nobody finds a page that nothing leads to."""
    seen, waiting = set[Path](), [ROOT / "docs" / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in seen and page.exists():
            seen.add(page)
            waiting += [file for _, file, _ in links_of(page) if file.suffix == ".md"]
    assert [name_of(page) for page in PAGES if page not in seen] == []


@cache
def command_line() -> Any:
    """All commands of Davy, as typer makes them."""
    return typer.main.get_command(app)


def wrong_with(words: list[str]) -> str | None:
    """What the command line would say against `davy WORDS`; None: nothing."""
    command = command_line()
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        if words[0] not in command.commands:
            return f"there is no command {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    known = {"--help", *(option for parameter in command.params for option in parameter.opts)}
    unknown = [word for word in words if word.startswith("-") and word.partition("=")[0] not in known]
    return f"there is no option {' '.join(unknown)}" if unknown else None


@pytest.mark.parametrize("page", COMMANDED, ids=name_of)
def test_every_davy_command_exists(page: Path) -> None:
    """A `davy ...` line can be typed as it stands: its command and its options are there."""
    found = [match.group(1) for line in code_of(page) if (match := COMMAND.match(line.strip()))]
    typed = [(line, shlex.split(re.split(r"[|;&>#]", line)[0])) for line in found if not line.startswith("...")]
    assert {f"davy {line}": wrong for line, words in typed if (wrong := wrong_with(words))} == {}


def test_a_missing_command_is_noticed() -> None:
    """The check itself: a command or an option that is not there has a sentence."""
    assert wrong_with(["fly"]) == "there is no command fly"
    assert wrong_with(["site", "import", "plant.yaml", "--hope"]) == "there is no option --hope"
    assert wrong_with(["demo", "--for", "90", "--json"]) is None


def test_every_make_target_exists() -> None:
    """A `make ...` that a page names is a target."""
    targets = set(re.findall(r"^([a-z]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    named = {
        (name_of(page), target)
        for page in PAGES
        for line in code_of(page)
        for target in re.findall(r"^make ([a-z]+)", line.strip())
    }
    assert {(page, target) for page, target in named if target not in targets} == set()


def test_the_readme_names_the_test_command() -> None:
    """One command runs the tests, and the first page says which."""
    assert "`make test`" in text_of(ROOT / "README.md")


def test_the_status_table_says_how() -> None:
    """What is said to work names the test or the command that holds it."""
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", text_of(ROOT / "README.md"), re.MULTILINE)
    states = {what: (state, how) for what, state, how in rows if what != "what"}
    assert len(states) > 10
    assert {what for what, (state, how) in states.items() if state == "works" and how == "-"} == set()


def test_the_path_has_the_steps_of_the_pipeline() -> None:
    """The page tells the steps that the code runs, in its order."""
    page = text_of(ROOT / "docs" / "explanation" / "path-of-a-reading.md")
    told = [heading.lower() for heading in re.findall(r"^## \d (.+)$", page, re.MULTILINE)]
    steps = [point for point in FAULT_POINTS if point not in (*STORE_POINTS, *SPOOL_POINTS)]
    assert [step for step, heading in zip(steps, told, strict=True) if not heading.startswith(step)] == []


def test_the_life_of_an_alarm_is_that_of_the_table() -> None:
    """Every change of state that the page tells is in the code's table, and the other way round."""
    page = text_of(ROOT / "docs" / "explanation" / "alarm-life.md")
    told = {
        (start, end)
        for cell in re.findall(r"^\| .* \| (.*->.*) \|$", page, re.MULTILINE)
        for starts, end in re.findall(r"([A-F](?:(?:,| and) [A-F])*) -> ([A-F])", cell)
        for start in re.findall(r"[A-F]", starts)
    }
    assert told == {(rule.state.value, rule.to.value) for rule in TABLE if rule.state is not rule.to}
    (shelves,) = re.findall(r"longest shelf depends on the priority: ([^.]+)\.", " ".join(page.split()))
    units = {"hour": timedelta(hours=1), "hours": timedelta(hours=1), "days": timedelta(days=1)}
    found = {
        words.replace(" ", "-"): int(n) * units[unit]
        for words, n, unit in re.findall(r"([a-z ]+?) (\d+) (\w+)", shelves)
    }
    assert {name.strip("-"): length for name, length in found.items()} == {p.value: t for p, t in LONGEST_SHELF.items()}


FIRST_DAYS = ("officer", "underwriter", "integrator")


def emphasised(page: Path) -> list[str]:
    """The words of Davy's own pages that a tutorial names, in their order; its head says how they are marked."""
    bold = [" ".join(words.split()) for words in re.findall(r"\*\*([^*]+)\*\*", prose_of(page))]
    return [words for words in bold if words not in {"bold", "粗体"}]


@pytest.mark.parametrize("day", FIRST_DAYS)
def test_both_languages_teach_the_same(day: str) -> None:
    """A tutorial in Chinese has the commands and files of the English one in their order, and names the same pages of Davy."""
    english, chinese = (ROOT / "docs" / "tutorials" / folder / f"{day}-first-day.md" for folder in ("", "zh"))
    assert FENCE.findall(text_of(english)) == FENCE.findall(text_of(chinese)) != []
    sections = [re.findall(r"^## (\d+)\.", text_of(page), re.MULTILINE) for page in (english, chinese)]
    assert sections[0] == sections[1] == [str(n) for n in range(1, len(sections[0]) + 1)]
    assert [translations("zh").gettext(words) for words in emphasised(english)] == emphasised(chinese)


@pytest.mark.parametrize("day", FIRST_DAYS)
def test_a_tutorial_names_what_stands_on_the_page(day: str) -> None:
    """What a tutorial says to press or read is a text of Davy, letter by letter."""
    page = ROOT / "docs" / "tutorials" / f"{day}-first-day.md"
    known = {text for _, content in catalogues("zh_Hans_CN") for text in ids_of(content)}
    assert [words for words in emphasised(page) if words not in known] == []


def ids_of(catalogue: bytes) -> list[str]:
    """The English texts of a catalogue."""
    return [each.id if isinstance(each.id, str) else each.id[0] for each in read_po(BytesIO(catalogue)) if each.id]


@cache
def dependency_rows() -> dict[str, dict[str, list[str]]]:
    """Heading -> first cell -> the other cells."""
    tables: dict[str, dict[str, list[str]]] = {}
    for part in re.split(r"^## ", text_of(ROOT / "docs" / "dependencies.md"), flags=re.MULTILINE)[1:]:
        cells = [
            [c.strip() for c in line.strip("|").split(" | ")] for line in part.splitlines() if line.startswith("| ")
        ]
        tables[part.splitlines()[0]] = {row[0]: row[1:] for row in cells[1:]}
    return tables


def names_in(requirements: list[str]) -> set[str]:
    return {re.match(r"[\w.-]+", requirement).group() for requirement in requirements}  # type: ignore[union-attr]


def test_every_dependency_is_explained() -> None:
    """Each package that pyproject.toml asks for has a row where it belongs, with every cell filled; and no other has."""
    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))
    wanted = (
        project["project"]["dependencies"],
        project["project"]["optional-dependencies"]["demo"],
        project["project"]["optional-dependencies"]["grafana"],
        project["dependency-groups"]["dev"],
    )
    tables = dependency_rows()
    for heading, requirements in zip(PACKAGE_TABLES, wanted, strict=True):
        assert set(tables[heading]) == names_in(requirements)
    assert [name for rows in tables.values() for name, cells in rows.items() if not all(cells)] == []


def test_nothing_is_installed_unexplained() -> None:
    """Each package of the lock is asked for by pyproject.toml or named once under *brings along*; and no other is named."""
    locked = set(re.findall(r"^([a-z0-9][\w.-]*)==", text_of(ROOT / "requirements.lock"), re.MULTILINE))
    asked = {name: cells for heading in PACKAGE_TABLES for name, cells in dependency_rows()[heading].items()}
    brought = [name for cells in asked.values() if cells[2] != "-" for name in cells[2].split(", ")]
    assert sorted([*asked, *brought]) == sorted(locked)


def test_copied_files_are_explained() -> None:
    """The table of copied files is what the manifests say, versions and licences included."""
    manifests = [
        json.loads(text_of(ROOT / folder / "manifest.json"))
        for folder in ("api/static/vendor", "risk/report/font", "tests/vendor")
    ]
    wanted = {(entry["name"], entry["version"], entry["licence"]) for manifest in manifests for entry in manifest}
    rows = dependency_rows()["Files of other projects in this repository"]
    assert {(name, cells[0], cells[-1]) for name, cells in rows.items()} == wanted


def module_in(page: str, folder: Path) -> ModuleType:
    """The Python block of a how-to, imported as the file it says it is."""
    whole = text_of(ROOT / "docs" / "how-to" / page)
    (code,) = [block for language, block in FENCE.findall(whole) if language == "python"]
    path = folder / f"{page.removesuffix('.md').replace('-', '_')}.py"
    path.write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_detector_of_the_how_to_keeps_the_contract(tmp_path: Path) -> None:
    """Who copies the example has a detector that passes every contract test."""
    jump = module_in("add-a-detector.md", tmp_path).Jump
    rules = [
        rule
        for name, rule in vars(contract).items()
        if name.startswith("test_") and list(inspect.signature(rule).parameters) == ["kind"]
    ]
    assert len(rules) > 10
    for rule in rules:
        rule(kind=jump)


def test_the_channel_of_the_how_to_delivers_once(tmp_path: Path) -> None:
    """Who copies the example has a channel that writes, does not repeat itself, and says what cannot be written."""
    logbook = module_in("add-a-channel.md", tmp_path).Logbook(tmp_path)
    message = Message("12-70-0-0-3-logbook", "occurrence-1", "en", True, "Gas", ("Gas.",), {})
    now = datetime(2026, 1, 1, tzinfo=UTC)
    for _ in range(2):
        assert logbook.send(message, Address("night"), now=now, timeout_s=1) == "written to night.log"
    assert text_of(tmp_path / "night.log").count(message.key) == 1
    with pytest.raises(DeliveryFailed) as caught:
        logbook.send(message, Address("../night"), now=now, timeout_s=1)
    assert caught.value.permanent
