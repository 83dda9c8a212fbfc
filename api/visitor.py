"""Who is on the other side of a request, as far as the database vouches for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from api.permissions import Right, may, sees_all_companies
from core.model import Role
from core.principal import Principal, sign

TOKEN_LIFETIME = timedelta(seconds=60)  # one request; statements time out in 5 s


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """A person with a session.

    Args:
        company_id: their own company; None for the insurer's and the operator's people.
        companies: companies whose rows they may see.
        secret: the random part of the session cookie.
    """

    person_id: int
    name: str
    role: Role
    company_id: int | None
    companies: tuple[int, ...]
    language: str
    secret: bytes = field(repr=False)
    expires_at: datetime

    def may(self, right: Right) -> bool:
        """Whether their role has this right."""
        return may(self.role, right)

    @property
    def everything(self) -> bool:
        """Whether they see all companies: the operator."""
        return sees_all_companies(self.role)

    def token(self, key: bytes, now: datetime) -> str:
        """The principal their transactions act for."""
        principal = Principal(
            role=self.role, person_id=self.person_id, companies=self.companies, everything=self.everything
        )
        return sign(principal, key, (now + TOKEN_LIFETIME).timestamp())


def token_for_login(login: str, key: bytes, now: datetime) -> str:
    """May look up this one login, nothing else."""
    return sign(Principal(role="login", login=login), key, (now + TOKEN_LIFETIME).timestamp())


def token_for_gateway(key: bytes, now: datetime) -> str:
    """May write down what a gateway reports, and sees nothing: for a callback whose signature held."""
    return sign(Principal(role="gateway"), key, (now + TOKEN_LIFETIME).timestamp())


def token_for_session(person_id: int, key: bytes, now: datetime) -> str:
    """May read this one person and their sessions: what is needed to find out what else they may."""
    return sign(Principal(role="login", person_id=person_id), key, (now + TOKEN_LIFETIME).timestamp())
