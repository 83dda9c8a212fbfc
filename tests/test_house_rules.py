"""The rules of CONTRIBUTING.md that a linter does not know. Each test says the rule it holds."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("davy", "ingest", "api", "simulators", "alerting", "detectors", "risk", "core")
LONGEST_FILE, LONGEST_TEST_FILE = 400, 600
SCREEN = 70  # lines of a function
FORBIDDEN_NAMES = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "manager",
    "service",
    "handler",
    "data",
    "info",
    "misc",
}
BROAD_EXCEPT_ALLOWED = {"ingest/judge.py", "davy/processes/process.py"}  # the detector guard and the process loop
SQL_ALLOWED = {"core/db.py", "core/migrate.py"}  # what every store needs before its first statement
SQL = re.compile(
    r"^\s*(SELECT\s.+\sFROM|INSERT INTO|UPDATE\s+\w+\s+SET|DELETE FROM|COPY\s+\w+|LISTEN\s|WITH\s+\w+\s+AS)", re.DOTALL
)


def _tracked(pattern: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", pattern], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


PRODUCTION = [path for path in _tracked("*.py") if path.relative_to(ROOT).parts[0] in PACKAGES]
TESTS = [path for path in _tracked("*.py") if path.relative_to(ROOT).parts[0] == "tests"]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def _trees() -> list[tuple[str, ast.Module]]:
    return [(_name(path), ast.parse(path.read_text(encoding="utf-8"))) for path in PRODUCTION]


def test_files_are_short() -> None:
    """A file that grows past its limit wants splitting by meaning."""
    limits = [(path, LONGEST_FILE) for path in PRODUCTION] + [(path, LONGEST_TEST_FILE) for path in TESTS]
    too_long = {_name(p): n for p, limit in limits if (n := len(p.read_text(encoding="utf-8").splitlines())) > limit}
    assert too_long == {}


def test_functions_fit_a_screen() -> None:
    """A function fits a screen, docstring included."""
    long = {
        f"{name}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno
        for name, tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno > SCREEN
    }
    assert long == {}


def test_names_say_something() -> None:
    """Never a module, class or variable called just utils, helpers, common, manager, service, handler, data or info."""
    found = [_name(path) for path in PRODUCTION if path.stem in FORBIDDEN_NAMES]
    for name, tree in _trees():
        for node in ast.walk(tree):
            said = (
                node.name
                if isinstance(node, ast.ClassDef)
                else node.id
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
                else ""
            )
            if said.lower() in FORBIDDEN_NAMES:
                found.append(f"{name}:{getattr(node, 'lineno', 0)} {said}")
    assert found == []


def test_every_module_and_public_thing_has_a_docstring() -> None:
    """First a sentence that says what the thing is for."""
    bare = []
    for name, tree in _trees():
        if not ast.get_docstring(tree):
            bare.append(name)
        for node in tree.body:
            public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
            if public and not ast.get_docstring(node):  # type: ignore[arg-type]
                bare.append(f"{name}:{node.lineno}")
    assert bare == []


def test_broad_excepts_stand_in_two_places() -> None:
    """`except Exception` hides what nobody thought of; the detector guard and the process loop may."""
    found = set()
    for name, tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler) and name not in BROAD_EXCEPT_ALLOWED:
                caught = ast.unparse(node.type) if node.type else "everything"
                reraised = any(isinstance(inner, ast.Raise) and inner.exc is None for inner in ast.walk(node))
                swallowed = len(node.body) == 1 and isinstance(node.body[0], ast.Pass)
                if swallowed or (re.search(r"\b(Exception|BaseException|everything)\b", caught) and not reraised):
                    found.add(f"{name}:{node.lineno} {caught}")
    assert found == set()


def _docstrings(tree: ast.Module) -> set[int]:
    """The nodes that are docstrings."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = (node.body for node in ast.walk(tree) if isinstance(node, documented))
    return {id(body[0].value) for body in bodies if body and isinstance(body[0], ast.Expr)}


def test_sql_lives_in_stores() -> None:
    """SQL stands only in store.py or a store folder, as literal text."""
    found: list[str] = []
    for name, tree in _trees():
        if "store" in Path(name).stem or "/store/" in name or name in SQL_ALLOWED or name.startswith("davy/servers/"):
            continue
        docstrings = _docstrings(tree)
        texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in docstrings)
        found += [f"{name}:{node.lineno}" for node in texts if isinstance(node.value, str) and SQL.match(node.value)]
    assert found == []


def test_sql_is_never_an_f_string() -> None:
    """Nothing concatenates SQL."""
    found = []
    for name, tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                first = node.values[0] if node.values else None
                if isinstance(first, ast.Constant) and SQL.match(str(first.value) + " x FROM"):
                    found.append(f"{name}:{node.lineno}")
    assert found == []


def test_the_code_promises_nothing_for_later() -> None:
    """No TODO in place of a feature, no stub called done."""
    pattern = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
    found = [
        f"{_name(p)}:{i}"
        for p in PRODUCTION
        for i, line in enumerate(p.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_tests_patch_nothing_and_wait_for_no_clock() -> None:
    """Fakes at the network edge, no mock.patch; tests never sleep to wait for logic."""
    pattern = re.compile(r"mock\.patch|MagicMock|monkeypatch\.setattr|\btime\.sleep\(")
    found = [
        f"{_name(p)}:{i}"
        for p in TESTS
        for i, line in enumerate(p.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line) and p != Path(__file__)
    ]
    assert found == []


def test_importing_a_module_starts_nothing() -> None:
    """Wiring happens only in davy/: no module reads the environment when it is imported."""
    found = []
    for name, tree in _trees():
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef | ast.If):
                found += [
                    f"{name}:{node.lineno}"
                    for inner in ast.walk(node)
                    if isinstance(inner, ast.Attribute) and ast.unparse(inner) in {"os.environ", "os.getenv"}
                ]
    assert found == []


@pytest.mark.parametrize(
    "ending", ["*.md", "*.py", "*.yml", "*.yaml", "*.toml", "*.conf", "Makefile", "*.lock", ".ci/run"]
)
def test_no_machine_path_and_no_registry_address(ending: str) -> None:
    """The project speaks of the project alone: no path of a machine, no address of a package registry."""
    pattern = re.compile(r"/work/|/opt/pypi|\.pyenv|index-url|find-links|file:///")
    found = [
        f"{_name(p)}:{i}"
        for p in _tracked(ending)
        for i, line in enumerate(p.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if pattern.search(line) and p != Path(__file__) and "vendor" not in p.parts
    ]
    assert found == []
