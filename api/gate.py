"""Who comes in: sessions from cookies, rights, and the token every form must bring."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Depends, Form, Header, Request

from api import cookies, looks
from api.permissions import Right
from api.store import people
from api.visitor import Visitor, token_for_session
from api.web import Here, Web
from api.words.texts import Forbidden, FormRefused, NotLoggedIn
from core.i18n import LANGUAGES
from core.model import Role

SEEN_EVERY = timedelta(minutes=1)  # a session's row is written so often at most


def find_visitor(request: Request, web: Web) -> Visitor | None:
    """Whose session the request's cookie stands for; the database is asked only about cookies that we sealed."""
    opened = cookies.unseal(request.cookies.get(cookies.SESSION, ""), web.cookie_key)
    if opened is None:
        return None
    secret, person_id = opened
    now, session_hash = web.clock(), cookies.session_hash(secret)
    token = token_for_session(person_id, web.principal_key, now)
    with web.database.connection() as connection:
        session = people.find_session(connection, token, session_hash, person_id, now)
    if session is None:
        return None
    if now - session.seen_at > SEEN_EVERY:
        with web.acting_as(token) as connection:
            people.see_session(connection, session_hash, now)
    person = session.person
    return _acting(person, language_of(request, person.language), secret, session.expires_at)


def without_session(web: Web, person_id: int) -> Visitor | None:
    """Who comes by what was made for them alone (a call, a link, a feed), as they act for the length of this request; None for who has left."""
    now = web.clock()
    with web.acting_as(token_for_session(person_id, web.principal_key, now)) as connection:
        person = people.find_person(connection, person_id)
    return None if person is None else _acting(person, person.language, b"", now)


def _acting(person: people.Person, language: str, secret: bytes, expires_at: datetime) -> Visitor:
    return Visitor(
        person_id=person.person_id,
        name=person.name,
        role=Role(person.role),
        company_id=person.company_id,
        companies=tuple(person.companies),
        language=language,
        secret=secret,
        expires_at=expires_at,
    )


def language_of(request: Request, persons: str | None = None) -> str:
    """What they chose on this browser, else the person's language, else the browser's, else Chinese."""
    chosen = request.cookies.get(cookies.LANGUAGE, "")
    if chosen in LANGUAGES:
        return chosen
    if persons in LANGUAGES:
        return str(persons)
    for part in request.headers.get("accept-language", "").split(","):
        name = part.split(";")[0].strip().lower().split("-")[0]
        if name in LANGUAGES:
            return name
    return "zh"


def visitor_or_none(request: Request, web: Here) -> Visitor | None:
    """For pages that greet everybody. The database is asked once a request, however many want to know."""
    if not hasattr(request.state, "visitor"):
        request.state.visitor = find_visitor(request, web)
    visitor: Visitor | None = request.state.visitor
    return visitor


def visitor_of(request: Request, web: Here) -> Visitor:
    """Somebody with a session."""
    visitor = visitor_or_none(request, web)
    if visitor is None:
        raise NotLoggedIn
    return visitor


class Having:
    """A dependency: somebody whose role has `right`. All of it is one call: each dependency is a way to a thread and back."""

    def __init__(self, right: Right) -> None:
        self.right = right

    def __call__(self, request: Request, web: Here) -> Visitor:
        """The visitor, or the answer that ends the request. What the insurer's people look at is written down first."""
        visitor = visitor_of(request, web)
        if not visitor.may(self.right):
            raise Forbidden
        if visitor.role in looks.INSURER:
            with web.acting_for(visitor) as connection:
                looks.note(connection, visitor, path_of(request), request.path_params)
        return visitor


def path_of(request: Request) -> str:
    """The path of the route that answers, as it was written, such as `/occurrences/{occurrence_id}`."""
    return str(request.scope["route"].path)


def form_of_session(
    web: Here, visitor: Annotated[Visitor, Depends(visitor_of)], form_token: Annotated[str, Form()] = ""
) -> None:
    """A form that came from a page of this session."""
    if not cookies.same(form_token, cookies.form_token(visitor.secret, web.cookie_key)):
        raise FormRefused


def call_of_session(
    web: Here, visitor: Annotated[Visitor, Depends(visitor_of)], x_form_token: Annotated[str, Header()] = ""
) -> None:
    """A call of the JSON API that carries the token of this session (`form_token` of /api/v1/me)."""
    if not cookies.same(x_form_token, cookies.form_token(visitor.secret, web.cookie_key)):
        raise FormRefused


OurForm = Depends(form_of_session)
OurCall = Depends(call_of_session)
Anybody = Annotated[Visitor | None, Depends(visitor_or_none)]
Somebody = Annotated[Visitor, Depends(visitor_of)]
AlarmReader = Annotated[Visitor, Depends(Having(Right.SEE_ALARMS))]
OccurrenceReader = Annotated[Visitor, Depends(Having(Right.SEE_OCCURRENCES))]
ReadingReader = Annotated[Visitor, Depends(Having(Right.SEE_READINGS))]
Actor = Annotated[Visitor, Depends(Having(Right.ACT))]
InsurerActor = Annotated[Visitor, Depends(Having(Right.ACKNOWLEDGE_FOR_INSURER))]
Commenter = Annotated[Visitor, Depends(Having(Right.COMMENT))]
DeviceReader = Annotated[Visitor, Depends(Having(Right.SEE_DEVICES))]
RejectedReader = Annotated[Visitor, Depends(Having(Right.SEE_REJECTED))]
RejectedReplayer = Annotated[Visitor, Depends(Having(Right.REPLAY_REJECTED))]
BacktestReader = Annotated[Visitor, Depends(Having(Right.SEE_BACKTESTS))]
BacktestAsker = Annotated[Visitor, Depends(Having(Right.ASK_BACKTEST))]
UserReader = Annotated[Visitor, Depends(Having(Right.SEE_USERS))]
FindingReader = Annotated[Visitor, Depends(Having(Right.SEE_FINDINGS))]
FindingWorker = Annotated[Visitor, Depends(Having(Right.WORK_ON_FINDINGS))]
ImpairmentReader = Annotated[Visitor, Depends(Having(Right.SEE_IMPAIRMENTS))]
ImpairmentWorker = Annotated[Visitor, Depends(Having(Right.WORK_ON_IMPAIRMENTS))]
SuppressionReader = Annotated[Visitor, Depends(Having(Right.SEE_SUPPRESSIONS))]
SuppressionWorker = Annotated[Visitor, Depends(Having(Right.ORDER_SUPPRESSIONS))]
PortfolioReader = Annotated[Visitor, Depends(Having(Right.SEE_PORTFOLIO))]
SiteReader = Annotated[Visitor, Depends(Having(Right.SEE_SITE))]
LimitReader = Annotated[Visitor, Depends(Having(Right.SEE_LIMITS))]
LimitChanger = Annotated[Visitor, Depends(Having(Right.CHANGE_LIMITS))]
ModelReader = Annotated[Visitor, Depends(Having(Right.SEE_MODELS))]
DutyReader = Annotated[Visitor, Depends(Having(Right.SEE_DUTY))]
DutyKeeper = Annotated[Visitor, Depends(Having(Right.KEEP_DUTY))]
RouteReader = Annotated[Visitor, Depends(Having(Right.SEE_ROUTES))]
RouteChanger = Annotated[Visitor, Depends(Having(Right.CHANGE_ROUTES))]
ReadinessReader = Annotated[Visitor, Depends(Having(Right.SEE_READINESS))]
ExerciseLeader = Annotated[Visitor, Depends(Having(Right.START_EXERCISE))]
LookReader = Annotated[Visitor, Depends(Having(Right.SEE_LOOKS))]
VoiceReader = Annotated[Visitor, Depends(Having(Right.SEE_VOICE))]
VoiceGiver = Annotated[Visitor, Depends(Having(Right.GIVE_VOICE))]
VoiceCounter = Annotated[Visitor, Depends(Having(Right.SEE_VOICE_COUNTS))]
ComplaintReader = Annotated[Visitor, Depends(Having(Right.SEE_COMPLAINTS))]
ComplaintAnswerer = Annotated[Visitor, Depends(Having(Right.ANSWER_COMPLAINTS))]
SecondReader = Annotated[Visitor, Depends(Having(Right.SEE_SECOND_OPINION))]
SecondSayer = Annotated[Visitor, Depends(Having(Right.SAY_SECOND_OPINION))]
