"""What the report is about: site, company, policies."""

from __future__ import annotations

from risk.report.document import Block, Pairs, Section, Table
from risk.report.facts import ReportFacts
from risk.report.voice import Voice


def told(facts: ReportFacts, voice: Voice) -> Section:
    """The chapter."""
    _, site = voice.gettext, facts.site
    pairs = (
        (_("Company"), voice.own(site.company, site.company_zh)),
        (_("Name of the site"), f"{voice.own(site.name, site.name_zh)} ({site.key})"),
        (_("Time zone; all times are in it"), site.time_zone),
        (_("Jurisdiction"), site.jurisdiction),
        (
            _("Zones, assets"),
            _("zones: %(zones)s, assets: %(assets)s")
            % {"zones": voice.number(site.zones), "assets": voice.number(site.assets)},
        ),
        (
            _("Devices, sensors"),
            _("devices: %(devices)s, sensors: %(sensors)s, required by law: %(mandatory)s")
            % {
                "devices": voice.number(site.devices),
                "sensors": voice.number(site.sensors),
                "mandatory": voice.number(site.mandatory),
            },
        ),
    )
    return Section("site", _("Site and policy"), (Pairs(pairs), _policies(facts, voice)))


def _policies(facts: ReportFacts, voice: Voice) -> Block:
    _ = voice.gettext
    if not facts.policies:
        return Pairs(((_("Policy"), _("none in force in this month is known to Davy")),))
    return Table(
        _("Policies in force in the month"),
        (_("Number"), _("From"), _("To"), _("Premium"), _("Sum insured")),
        (False, False, False, True, True),
        (3, 2, 2, 3, 3),
        tuple(
            (
                policy.number,
                voice.date(policy.begins_on),
                voice.date(policy.ends_on),
                voice.money(policy.premium, policy.currency),
                voice.money(policy.sum_insured, policy.currency),
            )
            for policy in facts.policies
        ),
    )
