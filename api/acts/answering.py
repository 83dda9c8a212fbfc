"""Acknowledging by the link of a message: whose it is, what it may do still, and the act itself in that person's name.

There is no session. What our own key has signed says which message it is and to whom it went; what that person may is asked of the
database as at every request of a session. Looking changes nothing: mail scanners and previews look.
"""

from __future__ import annotations

from alerting import actions
from alerting.links import Link, by_link
from alerting.receipts import Stage
from alerting.store import receipts
from alerting.store.calls import lock_onset
from api.answering import Answering, Taken
from api.gate import without_session
from api.store import answering as store
from api.store import occurrences
from api.visitor import Visitor
from api.web import Web
from api.words.answering import NOT_NOW, USED
from api.words.texts import Answer, later
from core.errors import Refused
from core.log import logger

log = logger(__name__)

FORGED = later(
    "This is not a link of Davy's, or a part of it was cut off on the way. Open it from the message itself, or log in."
)
EXPIRED = later("This link is no longer good: it was for %(hours)s h only. Log in to see how the alarm stands.")
LEFT = later("The person to whom this link was sent does not work with Davy any more. The link does nothing.")
NOT_SEEN = later(
    "The alarm of this link is not to be seen by the person to whom it was sent, or not any more. The link does nothing."
)
OFTEN = later("Too many links from here were none of Davy's. Try again in %(minutes)s min, or log in.")


def whose(web: Web, text: str, address: str) -> tuple[Link, Visitor]:
    """What the link says, and the person to whom it was sent, for the length of this request.

    Args:
        address: of who asks; it counts only against who brings links that are none.

    Raises:
        Answer: with why there is nothing to see.
    """
    now = web.clock()
    link = web.links.read(text) if web.links is not None else None
    if link is None:
        wait = web.strangers.wait(text, address, now)
        web.strangers.failed(text, address, now)
        log.warning("link_refused", why="not ours", address=address)
        if wait:
            minutes = -(-int(wait.total_seconds()) // 60)
            raise Answer(429, OFTEN, minutes=minutes)
        raise Answer(404, FORGED)
    assert web.links is not None
    if now >= link.expires_at:
        raise Answer(410, EXPIRED, hours=int(web.links.lasting.total_seconds() // 3600))
    visitor = without_session(web, link.person_id)
    if visitor is None:
        log.warning("link_refused", why="left", notification=link.notification_id)
        raise Answer(403, LEFT)
    return link, visitor


def look(web: Web, visitor: Visitor, link: Link) -> Answering:
    """How the link's alarm stands, as that person may see it; nothing is written.

    Raises:
        Answer: the message is not there, or not for them to see.
    """
    with web.acting_for(visitor) as connection:
        message = receipts.find_message(connection, link.notification_id, link.person_id)
        found = None if message is None else occurrences.find_occurrence(connection, message.occurrence_id)
        if message is None or found is None or not link.is_of(message.key):
            log.warning("link_refused", why="nothing to see", notification=link.notification_id)
            raise Answer(403, NOT_SEEN)
        taken = store.last_acknowledgement(connection, message.occurrence_id)
        called_since = store.called_since(connection, message.alarm)
    told = None if taken is None else Taken(taken.at, taken.who, taken.person_id == visitor.person_id, taken.reason)
    return Answering(visitor, message, found, told, called_since)


def acknowledge(web: Web, answering: Answering) -> None:
    """Takes the alarm on in the name of the link's person, once, as of the onset of its message.

    Raises:
        Refused: the state, the role or the rules do not allow it, or the link was used.
    """
    visitor, message, now = answering.visitor, answering.message, web.clock()
    with web.acting_for(visitor) as connection:
        if lock_onset(connection, message.alarm) != message.onset:
            raise Refused(NOT_NOW)
        actions.acknowledge(
            connection,
            message.alarm,
            person_id=visitor.person_id,
            now=now,
            reason=by_link(message.notification_id, message.channel),
        )
        if not receipts.note(connection, message, Stage.ANSWERED, now):
            raise Refused(USED)
        receipts.note(connection, message, Stage.SEEN, now)
    log.info("link_used", notification=message.notification_id, person=visitor.person_id, channel=message.channel)
