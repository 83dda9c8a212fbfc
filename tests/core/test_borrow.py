"""Arrays that a compiled loop only borrows."""

import ast
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from core.borrow import borrowed
from core.kernel_cache import PACKAGES, ROOT, kernel

Floats = NDArray[np.float64]


class Pair(NamedTuple):
    left: Floats
    right: Floats


@kernel
def _add(into: Floats, what: Floats) -> None:
    for n in range(len(into)):
        into[n] += what[n]


@kernel
def _twice(into: Floats, pair: Pair) -> float:
    into, pair = borrowed((into, pair))
    _add(into, pair.left)
    _add(into[1:], pair.right[1:])  # a view of what is borrowed
    return float(into.sum())


def test_what_is_borrowed_is_the_array_itself() -> None:
    into, left, right = np.zeros(4), np.arange(4.0), np.full(4, 10.0)
    assert _twice(into, Pair(left, right)) == 36.0
    assert into.tolist() == [0.0, 11.0, 12.0, 13.0]


def test_whoever_lends_it_keeps_it() -> None:
    """The count of its holders is afterwards what it was before, however often: nothing is let go and nothing is held for ever."""
    owner = np.zeros(100_000)
    lent = owner[:4]
    for _ in range(1_000):
        _twice(lent, Pair(np.ones(4), np.ones(4)))
    owner_is_whole = bool((owner[4:] == 0.0).all())
    assert owner_is_whole
    assert lent[0] == 1_000.0


def freed_too_soon(source: str) -> Iterator[str]:
    """What the loops in it have made themselves and borrow, so that nobody holds it while they run."""
    for loop in ast.walk(ast.parse(source)):
        if not isinstance(loop, ast.FunctionDef):
            continue
        given = {each.arg for each in loop.args.args}
        back = {name.id for end in ast.walk(loop) if isinstance(end, ast.Return) for name in _names(end)}
        for line in ast.walk(loop):
            if isinstance(line, ast.Assign):
                anew = {name.id for target in line.targets for name in _names(target)}
                calls = [each for each in ast.walk(line.value) if isinstance(each, ast.Call)]
                lent = [
                    name.id for call in calls if ast.unparse(call.func) == "borrowed" for name in _names(call.args[0])
                ]
                yield from (f"{loop.name}: {name}" for name in lent if name not in given | (back - anew))


def _names(node: ast.AST) -> Iterator[ast.Name]:
    return (each for each in ast.walk(node) if isinstance(each, ast.Name))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f(a):\n    a, b = borrowed((a, b))", ["f: b"]),
        ("def f(a):\n    b = np.empty(3)\n    c, n = borrowed(b), 0\n    return b", []),
        ("def f(a):\n    b = borrowed(b)\n    return b", ["f: b"]),
    ],
)
def test_what_a_loop_made_itself_is_found(source: str, found: list[str]) -> None:
    """An argument is held by who gave it, and what is given back by the name that it was made under."""
    assert list(freed_too_soon(source)) == found


def test_no_loop_borrows_what_nobody_else_holds() -> None:
    """Numba frees it behind its last use: the loop would work in memory that is somebody else's by then."""
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    lenders = [text for path in files if "borrowed(" in (text := path.read_text("utf-8"))]
    assert len(lenders) > 10
    assert [found for text in lenders for found in freed_too_soon(text)] == []
