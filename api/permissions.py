"""Who may do what: the one table, pure. Row security decides which companies; this decides which rooms and which acts."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from core.model import Role


class Right(StrEnum):
    """Something a role may or may not do."""

    SEE_ALARMS = "see_alarms"  # the live list, with values
    SEE_OCCURRENCES = "see_occurrences"
    SEE_READINGS = "see_readings"  # curves at any time; without it only evidence that is resolved or shared
    SEE_PEOPLE = "see_people"  # the client's people by name, and what they wrote
    ACT = "act"  # acknowledge, shelve, reset, resolve
    COMMENT = "comment"
    ACKNOWLEDGE_FOR_INSURER = "acknowledge_for_insurer"  # a second record beside the client's own
    SEE_DEVICES = "see_devices"
    SEE_REJECTED = "see_rejected"  # what devices sent wrong, as they sent it
    REPLAY_REJECTED = "replay_rejected"  # have it taken in again once the map is mended
    SEE_BACKTESTS = "see_backtests"  # limits tried on the site's own history
    ASK_BACKTEST = "ask_backtest"
    SEE_USERS = "see_users"
    SEE_FINDINGS = "see_findings"
    WORK_ON_FINDINGS = "work_on_findings"  # open, grade, assign, claim, verify
    SEE_IMPAIRMENTS = "see_impairments"
    WORK_ON_IMPAIRMENTS = "work_on_impairments"
    SEE_SUPPRESSIONS = "see_suppressions"  # what is put aside, for how long
    ORDER_SUPPRESSIONS = "order_suppressions"  # write windows and permits down, ask for out of service
    SEE_PORTFOLIO = "see_portfolio"  # the insurer's table of sites
    SEE_SITE = "see_site"  # a site's score, and its report
    SEE_LIMITS = "see_limits"  # what is watched for, and every version it had
    CHANGE_LIMITS = "change_limits"  # propose and approve; for life safety one of the two is a safety officer
    SEE_MODELS = "see_models"  # the cards of models; without see_readings no number and no curve of them
    SEE_DUTY = "see_duty"  # who is on duty, now and the next weeks; the insurer's people of their own desk
    KEEP_DUTY = "keep_duty"  # take over, leave a note, of one's own side
    SEE_ROUTES = "see_routes"  # who is told in which order, of one's own company
    CHANGE_ROUTES = "change_routes"  # their steps; what loosens life safety takes two, one of them a safety officer
    SEE_READINESS = "see_readiness"  # exercises, and how duty positions answer roll calls
    START_EXERCISE = "start_exercise"  # and end it
    SEE_LOOKS = "see_looks"  # what the insurer's people have looked at
    SEE_VOICE = "see_voice"  # the room of the voice: one's own words, or counts of them
    GIVE_VOICE = "give_voice"  # rate, recommend, complain
    SEE_VOICE_COUNTS = "see_voice_counts"  # counts of at least so many people, by site and hazard
    SEE_COMPLAINTS = "see_complaints"  # with their words
    ANSWER_COMPLAINTS = "answer_complaints"  # take on, analyse, solve; note a call or a service
    SEE_SECOND_OPINION = "see_second_opinion"  # what was least usual by night, with curves
    SAY_SECOND_OPINION = "say_second_opinion"  # and what it was


_INSURER = frozenset(
    {
        Right.SEE_OCCURRENCES,
        Right.COMMENT,
        Right.ACKNOWLEDGE_FOR_INSURER,
        Right.SEE_FINDINGS,
        Right.SEE_IMPAIRMENTS,
        Right.SEE_SUPPRESSIONS,
        Right.SEE_PORTFOLIO,
        Right.SEE_SITE,
        Right.SEE_LIMITS,
        Right.SEE_READINESS,
        Right.SEE_DUTY,
        Right.KEEP_DUTY,
        Right.SEE_VOICE,
        Right.SEE_VOICE_COUNTS,
    }
)

_TABLE: dict[Role, frozenset[Right]] = {
    Role.SAFETY_OFFICER: frozenset(
        {
            Right.SEE_ALARMS,
            Right.SEE_OCCURRENCES,
            Right.SEE_READINGS,
            Right.SEE_PEOPLE,
            Right.ACT,
            Right.COMMENT,
            Right.SEE_DEVICES,
            Right.SEE_BACKTESTS,
            Right.ASK_BACKTEST,
            Right.SEE_FINDINGS,
            Right.WORK_ON_FINDINGS,
            Right.SEE_IMPAIRMENTS,
            Right.WORK_ON_IMPAIRMENTS,
            Right.SEE_SUPPRESSIONS,
            Right.ORDER_SUPPRESSIONS,
            Right.SEE_SITE,
            Right.SEE_LIMITS,
            Right.CHANGE_LIMITS,
            Right.SEE_MODELS,
            Right.SEE_DUTY,
            Right.KEEP_DUTY,
            Right.SEE_ROUTES,
            Right.CHANGE_ROUTES,
            Right.SEE_READINESS,
            Right.START_EXERCISE,
            Right.SEE_LOOKS,
            Right.SEE_VOICE,
            Right.GIVE_VOICE,
            Right.SEE_COMPLAINTS,
            Right.SEE_SECOND_OPINION,
            Right.SAY_SECOND_OPINION,
        }
    ),
    Role.INTEGRATOR: frozenset(
        {
            Right.SEE_ALARMS,
            Right.SEE_OCCURRENCES,
            Right.SEE_READINGS,
            Right.SEE_PEOPLE,
            Right.COMMENT,
            Right.SEE_DEVICES,
            Right.SEE_REJECTED,
            Right.REPLAY_REJECTED,
            Right.SEE_BACKTESTS,
            Right.ASK_BACKTEST,
            Right.SEE_FINDINGS,
            Right.WORK_ON_FINDINGS,
            Right.SEE_IMPAIRMENTS,
            Right.WORK_ON_IMPAIRMENTS,
            Right.SEE_SUPPRESSIONS,
            Right.ORDER_SUPPRESSIONS,
            Right.SEE_SITE,
            Right.SEE_LIMITS,
            Right.CHANGE_LIMITS,
            Right.SEE_MODELS,
            Right.SEE_DUTY,
            Right.KEEP_DUTY,
            Right.SEE_ROUTES,
            Right.CHANGE_ROUTES,
            Right.SEE_READINESS,
            Right.SEE_LOOKS,
            Right.SEE_VOICE,
            Right.GIVE_VOICE,
            Right.SEE_COMPLAINTS,
            Right.SEE_SECOND_OPINION,
            Right.SAY_SECOND_OPINION,
        }
    ),
    Role.UNDERWRITER: _INSURER,
    # A complaint is addressed to whoever answers it; who prices the risk sees its clocks and no word.
    # Whether a machine is watched well is an engineer's question; a price needs no model's card.
    Role.RISK_ENGINEER: _INSURER
    | {Right.SEE_MODELS, Right.START_EXERCISE, Right.SEE_COMPLAINTS, Right.ANSWER_COMPLAINTS},
    # The operator keeps Davy running for all companies; answering a client's alarm is the client's.
    Role.ADMIN: frozenset(
        {
            Right.SEE_ALARMS,
            Right.SEE_OCCURRENCES,
            Right.SEE_READINGS,
            Right.SEE_PEOPLE,
            Right.SEE_DEVICES,
            Right.SEE_REJECTED,
            Right.SEE_BACKTESTS,
            Right.SEE_USERS,
            Right.SEE_FINDINGS,
            Right.SEE_IMPAIRMENTS,
            Right.SEE_SUPPRESSIONS,
            Right.SEE_PORTFOLIO,
            Right.SEE_SITE,
            Right.SEE_LIMITS,
            Right.SEE_MODELS,
            Right.SEE_DUTY,
            Right.SEE_ROUTES,
            Right.SEE_READINESS,
            Right.SEE_LOOKS,
            Right.SEE_VOICE,
            Right.SEE_VOICE_COUNTS,
            Right.SEE_COMPLAINTS,
            Right.SEE_SECOND_OPINION,
        }
    ),
}
RIGHTS: Mapping[Role, frozenset[Right]] = MappingProxyType(_TABLE)

HOME: Mapping[Role, str] = MappingProxyType(
    {
        Role.SAFETY_OFFICER: "/alarms",
        Role.INTEGRATOR: "/devices",
        Role.UNDERWRITER: "/portfolio",
        Role.RISK_ENGINEER: "/portfolio",
        Role.ADMIN: "/alarms",
    }
)


def may(role: Role, right: Right) -> bool:
    """Whether `role` has `right`."""
    return right in RIGHTS[role]


def sees_all_companies(role: Role) -> bool:
    """The operator alone; everybody else sees the companies the database names for them."""
    return role is Role.ADMIN
