"""A site file: companies and what they own, as one YAML text. Pure: text in, rows and mistakes out.

How it is written: docs/reference/site-file.md. Devices, sensors and their limits are read by `core.site_plant`; what one
row says of another, here or in the database, is checked by `core.site_changes`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final
from zoneinfo import available_timezones

from core.limit_rule import PackLimit, Vocabulary
from core.model import Role
from core.portfolio import (
    AddressRow,
    AssetRow,
    CompanyRow,
    PersonRow,
    PolicyRow,
    Portfolio,
    SiteRow,
    ZoneRow,
)
from core.site_calm import read_calm
from core.site_compounds import ReadyCompound, read_compound
from core.site_false_alarms import read_false_alarms
from core.site_hazard import read_hazard
from core.site_models import read_model
from core.site_plant import read_device
from core.site_rosters import read_roster
from core.site_routes import read_route
from core.site_suppressions import read_suppression
from core.yaml_lines import Block, Reading, read_block

VERSION: Final = "site/1"
SITE_KEY: Final = re.compile(r"(?!_)[A-Za-z0-9_.-]{1,58}")  # `_davy.{site}` is an id on the wire too
SITE_KEY_RULE: Final = "1 to 58 letters, digits, dots, dashes and underscores, not beginning with an underscore"
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_COUNTRY: Final = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
_MAIL: Final = re.compile(r"[^@\s<>]+@[^@\s<>]+")
_CLIENT_ROLES: Final = (Role.SAFETY_OFFICER.value, Role.INTEGRATOR.value)
_INSURER_ROLES: Final = (Role.UNDERWRITER.value, Role.RISK_ENGINEER.value, Role.ADMIN.value)
_UNKNOWN_DAY: Final = date(1970, 1, 1)  # stands in for a missing date; the mistake is written down by then


@dataclass(slots=True)
class SiteFile:
    """What a file says, mistakes included."""

    portfolio: Portfolio = field(default_factory=Portfolio)
    mistakes: list[tuple[int, str]] = field(default_factory=list)


def read_site_file(
    text: str,
    *,
    words: Vocabulary,
    packs: Mapping[str, PackLimit],
    ready: Mapping[str, ReadyCompound] | None = None,
    variables: Mapping[str, str] | None = None,
) -> SiteFile:
    """Reads the whole file, collecting every mistake instead of stopping at the first.

    Args:
        words: detectors and channels there are.
        packs: limits that may be taken by name; ready: compounds likewise.
        variables: values for `${NAME}`; a real dollar before a brace is written `$${`.

    Raises:
        BadSiteFile: the aliases unfold to more than any plant has; reading on would not end.
    """
    reading = Reading(variables or {})
    found = SiteFile(mistakes=reading.mistakes)
    top = read_block(text, reading)
    if top is None:
        return found
    top.word("davy", (VERSION,))
    top.offers("templates")  # a place for anchors; what uses them is checked where it is used
    for block in top.blocks("companies", "company"):
        _company(block, found.portfolio, words, packs, ready or {})
    insurer = top.block("insurer", "insurer")
    if insurer is not None:
        for block in insurer.blocks("people", "person"):
            _person(block, found.portfolio, words, None)
        insurer.finish()
    if not top.has("companies") and not top.has("insurer"):
        top.mistake(None, "The file has neither companies nor an insurer; it needs one of them.")
    top.finish()
    _tell_twins(found)
    return found


def _company(
    block: Block,
    portfolio: Portfolio,
    words: Vocabulary,
    packs: Mapping[str, PackLimit],
    ready: Mapping[str, ReadyCompound],
) -> None:
    key = block.key("key")
    name, name_zh = block.both("name")
    portfolio.companies.append(CompanyRow(company=key, key=key, name=name, name_zh=name_zh, line=block.line))
    for each in block.blocks("people", "person"):
        _person(each, portfolio, words, key)
    for each in block.blocks("policies", "policy"):
        _policy(each, portfolio, key)
    for each in block.blocks("sites", "site"):
        _site(each, portfolio, key, words, packs, ready)
    block.finish()


def _person(block: Block, portfolio: Portfolio, words: Vocabulary, company: str | None) -> None:
    key = block.key("key")
    email = block.optional("email")
    if email is not None and not _MAIL.fullmatch(email):
        block.mistake("email", f"email of {block.where} is {email!r}; it must be an e-mail address.")
    portfolio.people.append(
        PersonRow(
            company=company,
            key=key,
            name=block.text("name"),
            role=block.word("role", _INSURER_ROLES if company is None else _CLIENT_ROLES),
            language=block.word("language", ("zh", "en"), default="zh"),
            email=email,
            phone=block.optional("phone"),
            active=block.flag("active", default=True),
            looks_after=tuple(sorted({each for _, each in block.texts("looks_after")})) if company is None else (),
            line=block.line,
        )
    )
    channels = block.block("channels", f"channels of {block.where}")
    for channel in channels.names() if channels is not None else ():
        assert channels is not None
        _address(channels, channel, portfolio, words, company, key)
    if channels is not None:
        channels.finish()
    block.finish()


def _address(
    channels: Block, channel: str, portfolio: Portfolio, words: Vocabulary, company: str | None, person: str
) -> None:
    line, secret_ref = channels.line_of(channel), None
    if channels.is_text(channel):
        address = channels.text(channel)
    else:
        block = channels.block(channel, f"{channel} of person {person}")
        if block is None:
            return
        address, secret_ref = block.text("address"), block.optional("secret")
        block.finish()
    rule = words.channels.get(channel)
    if rule is None:
        channels.mistake(channel, f"There is no channel {channel}; there are {', '.join(sorted(words.channels))}.")
    elif address and not rule.pattern.fullmatch(address):
        shown = "" if rule.secret else f" {address!r}"
        channels.mistake(channel, f"The address{shown} of {channel} is wrong; it must be {rule.sentence}.")
    elif rule.signed and secret_ref is None:
        channels.mistake(
            channel,
            f"{channel} of person {person} names no secret; write {channel}: {{address: ..., secret: NAME}}, "
            f"NAME being one of {rule.secrets}.",
        )
    elif rule.signed is False and secret_ref is not None:
        channels.mistake(channel, f"{channel} of person {person} names a secret; that channel signs nothing.")
    row = AddressRow(company=company, person=person, channel=channel, address=address, secret_ref=secret_ref, line=line)
    portfolio.addresses.append(row)


def _policy(block: Block, portfolio: Portfolio, company: str) -> None:
    begins_on, ends_on = block.day("begins_on"), block.day("ends_on")
    if begins_on is not None and ends_on is not None and ends_on <= begins_on:
        block.mistake("ends_on", f"{block.where} ends on {ends_on} and begins on {begins_on}; it must end later.")
    currency = block.text("currency")
    if currency and not _CURRENCY.fullmatch(currency):
        block.mistake("currency", f"currency of {block.where} is {currency!r}; it must be three capitals such as CNY.")
    portfolio.policies.append(
        PolicyRow(
            company=company,
            number=block.text("number", most=100),
            begins_on=begins_on or _UNKNOWN_DAY,
            ends_on=ends_on or _UNKNOWN_DAY,
            premium=block.amount("premium"),
            sum_insured=block.amount("sum_insured"),
            currency=currency,
            sites=tuple(sorted({each for _, each in block.texts("sites")})),
            line=block.line,
        )
    )
    block.finish()


def _site(
    block: Block,
    portfolio: Portfolio,
    company: str,
    words: Vocabulary,
    packs: Mapping[str, PackLimit],
    ready: Mapping[str, ReadyCompound],
) -> None:
    key = block.key("key", SITE_KEY, SITE_KEY_RULE)
    name, name_zh = block.both("name")
    jurisdiction = block.text("jurisdiction", required=False) or "CN"
    if not _COUNTRY.fullmatch(jurisdiction):
        block.mistake(
            "jurisdiction",
            f"jurisdiction of {block.where} is {jurisdiction!r}; it must be a country code such as CN or US.",
        )
    site = SiteRow(
        company=company,
        key=key,
        name=name,
        name_zh=name_zh,
        time_zone=block.word("time_zone", available_timezones()),
        jurisdiction=jurisdiction,
        line=block.line,
    )
    portfolio.sites.append(site)
    for each in block.blocks("hazards", "hazard"):
        read_hazard(each, portfolio, company, key)
    for each in block.blocks("zones", "zone"):
        _zone(each, portfolio, company, key)
    for each in block.blocks("devices", "device"):
        read_device(each, portfolio, site, words, packs)
    for each in block.blocks("compounds", "compound"):
        read_compound(each, portfolio, site, words, ready)
    for each in block.blocks("rosters", "roster"):
        read_roster(each, portfolio, company, key, site.time_zone)
    for each in block.blocks("routes", "route"):
        read_route(each, portfolio, company, key, words)
    for each in block.blocks("suppressions", "suppression"):
        read_suppression(each, portfolio, company, key)
    read_calm(block, portfolio, company, key)
    read_false_alarms(block, portfolio, company, key)
    block.finish()


def _zone(block: Block, portfolio: Portfolio, company: str, site: str) -> None:
    key = block.key("key")
    name, name_zh = block.both("name")
    portfolio.zones.append(ZoneRow(company=company, site=site, key=key, name=name, name_zh=name_zh, line=block.line))
    for each in block.blocks("assets", "asset"):
        asset_key = each.key("key")
        name, name_zh = each.both("name")
        asset = AssetRow(
            company=company,
            site=site,
            zone=key,
            key=asset_key,
            asset_kind=each.text("kind"),
            name=name,
            name_zh=name_zh,
            line=each.line,
        )
        portfolio.assets.append(asset)
        if each.offers("model") and (model := each.block("model", f"the model of asset {asset_key}")) is not None:
            read_model(model, portfolio, asset)
        each.finish()
    block.finish()


def _tell_twins(found: SiteFile) -> None:
    for rows in found.portfolio.kinds():
        first: dict[tuple[str, ...], int] = {}
        for row in rows:
            before = first.get(row.name_parts)
            first.setdefault(row.name_parts, row.line)
            if before is not None and all(row.name_parts):
                found.mistakes.append(
                    (
                        row.line,
                        f"{row.subject} is there twice, first in line {before}; {_TWIN_ADVICE.get(row.kind, _KEEP_ONE)}",
                    )
                )


_KEEP_ONE: Final = "keep one of them, or give one another key."
_TWIN_ADVICE: Final = {
    "device": "a device key is unique over all sites, because it is the broker's user name.",
    "model": "a model's key is part of the topic and unique over all sites; it is the asset's where it states none.",
    "limit": "give one of them another `key`, or a `full_key` where two devices have a sensor of the same key.",
    "site": "a site key is unique over all companies, because it is part of the topic.",
}
