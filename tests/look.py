"""What every page must look like, in one place: it fits, a thumb finds everything, axe finds nothing, and it speaks one language."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Page

from core.i18n import translations

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text("utf-8")
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1440, "height": 900}
SIZES = (PHONE, DESK)
LANGUAGES = ("zh", "en")
GAP = re.compile(r"%\(\w+\)[sd]|%%|\n")  # what is filled in
LETTERS = 12  # of an English text that nobody writes by chance; half of them in Chinese
CHINESE = re.compile(r"[\u4e00-\u9fff]")
CODE = re.compile(r"(?<![\w./-])[a-z]+(?:_[a-z0-9]+)+\b")


def look_right(page: Page, *paths: str) -> None:
    """Each path in both languages at both sizes, with every fold of it open; without a path what stands there, as it stands there:
    the answer to a form cannot be fetched again."""
    if not paths:
        unfold(page)
        assert wrong(page) == [], page.url
        return
    size, language = page.viewport_size, language_of(page)
    found: dict[tuple[str, str, int], list[str]] = {}
    for path in paths:
        for each in LANGUAGES:
            page.goto(f"/language?to={each}&next={quote(path)}")
            unfold(page)
            for width in SIZES:
                page.set_viewport_size(width)  # type: ignore[arg-type]
                if faults_here := wrong(page):
                    found[path, each, width["width"]] = faults_here
    if size is not None:
        page.set_viewport_size(size)
    page.goto(f"/language?to={language}&next={quote(paths[-1])}")
    assert found == {}, found


def unfold(page: Page) -> None:
    """Opens every fold of the page itself; the navigation lies over the page when open, and is looked at by its own test."""
    page.evaluate("document.querySelectorAll('main details').forEach(each => { each.open = true; })")


def wrong(page: Page) -> list[str]:
    """All that is wrong with what stands there."""
    wide = [] if fits(page) else [f"wider than the screen: {page.evaluate(_WIDEST)}"]
    return faults(page) + wide + small_targets(page) + strange_words(page) + bare_codes(page) + unsaid_zone(page)


def faults(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 A and AA and its best practices."""
    # Through the browser's own channel: the page's policy would rightly refuse an injected script.
    if page.evaluate("typeof axe === 'undefined'"):
        page.evaluate(AXE + "; 0")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{v['id']}: {v['help']}: {[n['target'] for n in v['nodes']][:3]}" for v in found["violations"]]


def fits(page: Page) -> bool:
    """No sideways scrolling, once what is drawn, a chart, has followed the width of the window."""
    for _ in range(30):
        if page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"):
            return True
        page.wait_for_timeout(100)
    return False


def small_targets(page: Page) -> list[str]:
    """What a thumb would miss: buttons, links of lists and fields lower than 44 px."""
    return list(
        page.evaluate(
            """[...document.querySelectorAll('button, summary, select, nav a, .alarm h3 a, .bar a, input:not([type=hidden])')]
               .filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 43.5).map(e => e.outerHTML.slice(0, 120))"""
        )
    )


def language_of(page: Page) -> str:
    """The language that the page says it speaks."""
    return "en" if page.evaluate("document.documentElement.lang") == "en" else "zh"


def strange_words(page: Page) -> list[str]:
    """Texts of the catalogues in the other language, with something filled in too. What people wrote, codes and what is marked as
    another language may be in any."""
    written = _english() if language_of(page) == "zh" else _chinese()
    texts = dict.fromkeys(page.evaluate(_TEXTS))
    return [f"in the other language: {text}" for text in texts if any(all(p in text for p in each) for each in written)]


def bare_codes(page: Page) -> list[str]:
    """Words of our own making that no person wrote: a code stands in `<code>`, and a word of a language beside it."""
    return [f"a code: {code}" for text in page.evaluate(_TEXTS) for code in CODE.findall(text)]


def unsaid_zone(page: Page) -> list[str]:
    """A time of day on a page that does not say whose clock it is of."""
    return [f"no zone said for {each}" for each in page.evaluate(_UNSAID)]


@cache
def _english() -> frozenset[tuple[str, ...]]:
    """The fixed pieces of every English text that is long enough to be no chance, and stands in Chinese on a Chinese page."""
    return _pieces((message for message, said in _pairs() if CHINESE.search(said)), LETTERS)


@cache
def _chinese() -> frozenset[tuple[str, ...]]:
    """Those of every Chinese text."""
    return _pieces((said for _, said in _pairs() if CHINESE.search(said)), LETTERS // 2)


def _pieces(texts: Iterable[str], least: int) -> frozenset[tuple[str, ...]]:
    pieces = (tuple(piece.strip() for piece in GAP.split(text) if piece.strip()) for text in texts)
    return frozenset(each for each in pieces if sum(map(len, each)) >= least)


def _pairs() -> list[tuple[str, str]]:
    return [(str(message), str(said)) for message, said in translations("zh")._catalog.items() if message]


# What sticks out at the right, innermost last, so that whoever reads of it need not look for it.
_WIDEST = """[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > window.innerWidth + 1)
    .slice(-3).map(e => e.outerHTML.slice(0, 200))"""
_TEXTS = """(() => {
  const skipped = 'script, style, noscript, code, pre, kbd, .said, textarea';
  const own = e => !e.closest(skipped) && e.closest('[lang]') === document.documentElement && e.checkVisibility();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  while (walk.nextNode()) {
    const text = walk.currentNode.data.trim().replace(/\\s+/g, ' ');
    if (text && own(walk.currentNode.parentElement)) found.push(text);
  }
  for (const e of document.querySelectorAll('[aria-label], [title], [placeholder], [alt]')) {
    if (own(e)) found.push(...['aria-label', 'title', 'placeholder', 'alt'].map(n => e.getAttribute(n)).filter(Boolean));
  }
  return found;
})()"""
_UNSAID = """(() => {
  const main = document.querySelector('main'), said = main.innerText;
  const zones = [...Intl.supportedValuesOf('timeZone'), 'UTC'];
  const shown = [...main.querySelectorAll('time')].filter(e => /\\d:\\d\\d/.test(e.textContent) && e.checkVisibility());
  return zones.some(zone => said.includes(zone)) ? [] : shown.slice(0, 2).map(e => e.textContent);
})()"""
