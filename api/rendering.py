"""Pages: Jinja2 templates, one environment a language, with what templates need to write times, numbers and words."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from babel.numbers import format_decimal
from babel.support import Translations
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from api.keeping import keeper
from api.rooms import NAVIGATION
from api.words import alarms as wording
from api.words import backtests as tried
from api.words import compound, explanation, numbers, rejected, sentences
from api.words import duty as duty_wording
from api.words import limits as limit_wording
from api.words import looks as look_wording
from api.words import model_setup as setup_wording
from api.words import models as model_wording
from api.words import risk as risk_wording
from api.words import second as second_wording
from api.words import suppressions as suppression_wording
from api.words import voice as voice_wording
from api.words.routes import HEARS_WORDS, WISH_WORDS
from core.i18n import LANGUAGES, locale_of, translations
from core.model import COMPOUND
from risk.device_kinds import device_kind

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
STATIC = HERE / "static"
HTML_LANGUAGE = {"zh": "zh-Hans", "en": "en"}

_CHANNELS = {**wording.CHANNELS, **WISH_WORDS}  # of a step: a channel, or what leaves it to the person


class Pages:
    """All templates in all languages. Catalogues, templates and the static folder are read once a process."""

    def __init__(self) -> None:
        self._environments = _environments()

    def page(
        self,
        template: str,
        language: str,
        *,
        now: datetime,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **words: Any,
    ) -> HTMLResponse:
        """A rendered page or fragment. What a person may see is nobody else's: never cached."""
        text = self.environment(language).get_template(template).render(now=now, **words)
        return HTMLResponse(text, status, {"Cache-Control": "no-store", **(headers or {})})

    def environment(self, language: str) -> Environment:
        """The templates with the words of one language."""
        return self._environments[language]


@cache
def _environments() -> dict[str, Environment]:
    versions = _versions()
    return {language: _environment(language, versions) for language in LANGUAGES}


def _versions() -> dict[str, str]:
    return {
        path.relative_to(STATIC).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        for path in STATIC.rglob("*")
        if path.is_file()
    }


def _environment(language: str, versions: Mapping[str, str]) -> Environment:
    texts, locale = translations(language), locale_of(language)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    environment.install_gettext_translations(texts, newstyle=True)  # type: ignore[attr-defined]
    environment.globals.update(
        _=_saying(texts),
        kept=keeper(),
        language=language,
        html_language=HTML_LANGUAGE[language],
        static=lambda name: f"/static/{name}?v={versions[name]}",
        NAVIGATION=NAVIGATION,
        PRIORITIES=wording.PRIORITIES,
        RESOLUTIONS=wording.RESOLUTIONS,
        UNACKNOWLEDGED=wording.UNACKNOWLEDGED,
        DUTY_BY=duty_wording.BY,
        DUTY_IN_QUIET=duty_wording.IN_QUIET,
        WHY_NOT=duty_wording.WHY_NOT,
        CALL_STATES=duty_wording.CALL_STATES,
        SCORES=wording.SCORES,
        COMPOUND=COMPOUND,
    )
    environment.filters.update(_filters(language, texts, locale))
    environment.filters.update(_risk_filters(texts))
    environment.filters.update(_limit_filters(texts, locale, language))
    environment.filters.update(_backtest_filters(texts, locale))
    environment.filters.update(_voice_filters(texts))
    environment.filters.update(_second_filters(texts, language, locale))
    return environment


def _saying(texts: Translations) -> Callable[..., Markup]:
    """`_` as templates use it. Jinja's own copies the whole context at each call within a loop: a third of what a long list costs."""

    def said(message: str, /, **words: Any) -> Markup:
        shown = {name: escape(word) if isinstance(word, str) else word for name, word in words.items()}
        return Markup(texts.gettext(message) % shown)

    return said


def _filters(language: str, texts: Translations, locale: str) -> dict[str, Any]:
    def say(row: object, name: str) -> str:
        """The column `name` of a row in this language."""
        return getattr(row, f"{name}_zh" if language == "zh" else name) or ""

    return {
        "say": say,
        "instant": numbers.instant,
        "noon": numbers.noon,
        "moment": lambda written, zone: numbers.instant(datetime.fromisoformat(written), zone),
        "iso": lambda at: at.isoformat(timespec="seconds"),
        "number": lambda value: numbers.number(value, locale),
        "quantity": lambda value, unit: numbers.quantity(value, unit, locale),
        "whole": lambda amount: format_decimal(amount, format="#,##0", locale=locale),
        "unit_sign": numbers.unit_sign,
        "duration": lambda length: numbers.duration(texts, length),
        "off_by": lambda length: numbers.off_by(texts, length),
        "reading": lambda fired, value: wording.reading(texts, fired, value, locale),
        "limit": lambda row: wording.limit_sign(row.direction, row.unit, row.setpoint, locale),
        "why": lambda fired: wording.why(texts, fired, say(fired, "sensor_name"), locale),
        "model_verdict": lambda found: model_wording.verdict(texts, found, locale),
        "rarity": lambda score: model_wording.rarity(texts, score, locale),
        "setup_verdict": lambda found, version: setup_wording.verdict(texts, found, version),
        "setup_lines": lambda found, names: setup_wording.lines(texts, found, names, language, locale),
        "explained": lambda evidence, fired: explanation.explained(texts, evidence, fired, language, locale),
        "parts_told": lambda raised, zone, now: compound.parts_told(texts, raised, language, locale, zone, now),
        "priority": lambda word: wording.said(texts, wording.PRIORITIES, word),
        "state": lambda word: wording.said(texts, wording.STATES, word),
        "resolution": lambda word: wording.said(texts, wording.RESOLUTIONS, word),
        "role": lambda word: wording.said(texts, wording.ROLES, word),
        "channel": lambda word: wording.said(texts, _CHANNELS, word),
        "device_kind": lambda written: device_kind(texts.gettext, written),
        "priorities": lambda words: texts.gettext(", ").join(
            wording.said(texts, wording.PRIORITIES, each) for each in words
        ),
        "all_hears": lambda words: texts.gettext(", ").join(wording.said(texts, HEARS_WORDS, each) for each in words),
        "happened": lambda row: wording.happened(texts, row.kind, row.what, row.detail),
        "seen": lambda look: look_wording.seen(texts, look.action, look.subject, say(look, "title")),
        "way": look_wording.way,
        "rule": lambda said: sentences.rule(texts, said),
        "reason": lambda said: sentences.reason(texts, said),
        "outcome": lambda said: sentences.outcome(texts, said),
        "model_notice": lambda said: sentences.model_notice(texts, said),
        "advice": lambda reason: rejected.advice(texts, reason),
        "rejection": lambda row: sentences.rejection(texts, row.reason, row.sentence),
        "translated_sentence": lambda sentence: sentences.translated(texts, sentence),
        "translated": lambda text, words=None: texts.gettext(text) % (words or {}) if words else texts.gettext(text),
    }


def _second_filters(texts: Translations, language: str, locale: str) -> dict[str, Any]:
    """The words of the second opinion."""
    return {
        "unusual": lambda window, names: second_wording.unusual(texts, window, names, language, locale),
        "second_agreement": lambda window: second_wording.agreement(texts, window),
        "second_missed": lambda night: second_wording.not_looked_at(texts, night.signals, night.not_looked_at, locale),
        "second_left_out": lambda left, names: second_wording.left_out_together(texts, left, names, language, locale),
    }


def _limit_filters(texts: Translations, locale: str, language: str) -> dict[str, Any]:
    """The words of limits and their changes."""

    def zone(row: Any) -> str:
        found = row.zone_zh if language == "zh" else row.zone
        return found or (texts.gettext("Davy itself") if row.is_own else texts.gettext("Without a zone"))

    return {
        "groupby_run": lambda rows: [(name, list(run)) for name, run in groupby(rows, zone)],
        "limit_bound": lambda row: limit_wording.bound(texts, row, locale),
        "limit_value": lambda row, name, content: limit_wording.value(texts, row, name, content, locale),
        "limit_changes": lambda row, old, new: limit_wording.changes(texts, row, old, new, locale),
        "limit_field": lambda field, row: limit_wording.name_of(texts, field, row.detector),
        "limit_action": lambda word: wording.said(texts, limit_wording.ACTIONS, word),
        "limit_state": lambda word: wording.said(texts, limit_wording.STATES, word),
        "limit_source": lambda word: wording.said(texts, limit_wording.SOURCES, word),
        "remark": lambda remark: remark.said(language),
        "sentence": lambda text: sentences.translated(texts, text),
    }


def _risk_filters(texts: Translations) -> dict[str, Any]:
    """The words of findings and impairments."""

    def one_of(table: Mapping[str, str]) -> Callable[[str], str]:
        return lambda word: wording.said(texts, table, word)

    return {
        "finding_grade": one_of(risk_wording.GRADES),
        "finding_state": one_of(risk_wording.STATES),
        "finding_event": one_of(risk_wording.EVENTS),
        "finding_source": one_of(risk_wording.SOURCES),
        "photo_side": one_of(risk_wording.SHOWS),
        "impairment_kind": one_of(risk_wording.KINDS),
        "impairment_standing": one_of(risk_wording.STANDINGS),
        "impairment_change": one_of(risk_wording.CHANGES),
        "is_overdue": risk_wording.is_overdue,
        "deadline": lambda finding, now: risk_wording.deadline(texts, finding, now),
        "changes": lambda event, names, zone, now: risk_wording.changes(texts, event.old, event.new, names, zone, now),
        "impairment_changes": lambda entry, zone, now: risk_wording.changes(texts, entry.old, entry.new, {}, zone, now),
        "day": numbers.day,
        "order_kind": one_of(suppression_wording.KINDS),
        "order_standing": one_of(suppression_wording.STANDINGS),
        "suppression": one_of(suppression_wording.SUPPRESSIONS),
    }


def _backtest_filters(texts: Translations, locale: str) -> dict[str, Any]:
    """The words of back-tests."""
    return {
        "backtest_state": lambda word: wording.said(texts, tried.STATES, word),
        "backtest_outcome": lambda word: wording.said(texts, tried.OUTCOMES, word),
        "backtest_shape": lambda word: wording.said(texts, tried.SHAPES, word),
        "backtest_size": lambda word: wording.said(texts, tried.SIZES, word),
        "backtest_field": lambda name: tried.field(texts, name),
        "backtest_verdict": lambda verdict: tried.verdict(texts, verdict),
        "backtest_value": lambda key, amount: tried.value(texts, key, amount, locale),
        "backtest_difference": lambda key, was, would_be: tried.difference(texts, key, was, would_be, locale),
    }


def _voice_filters(texts: Translations) -> dict[str, Any]:
    """The words of ratings and complaints."""

    def one_of(table: Mapping[str, str]) -> Callable[[str], str]:
        return lambda word: wording.said(texts, table, word)

    return {
        "rating_reason": one_of(voice_wording.REASONS),
        "rated_thing": one_of(voice_wording.THINGS),
        "service_item": one_of(voice_wording.ITEMS),
        "complaint_state": one_of(voice_wording.STATES),
        "complaint_cause": one_of(voice_wording.CAUSES),
        "complaint_event": one_of(voice_wording.EVENTS),
        "told_back": one_of(voice_wording.CHANGES),
        "voice_hazard": lambda word: voice_wording.hazard(texts, word),
        "folder_of": lambda thing: voice_wording.FOLDERS[thing],
    }
