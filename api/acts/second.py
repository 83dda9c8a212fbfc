"""What a person says of a window of the second opinion, in a transaction of theirs, with its line in the journal."""

from __future__ import annotations

from api.store import second as store
from api.store.second import Window
from api.visitor import Visitor
from api.web import Web
from api.words.second import SAID
from api.words.texts import NotFound
from core.errors import Refused
from core.store import journal


def say(web: Web, visitor: Visitor, opinion_id: int, said: str) -> Window:
    """Keeps it; the same said again by the same person changes nothing.

    Returns:
        The window as it was before.

    Raises:
        NotFound: there is none, or it is not theirs to see.
        Refused: that is none of the three words.
    """
    if said not in SAID:
        raise Refused("Say one of: worth a look, nothing, sensor fault.")
    now = web.clock()
    with web.acting_for(visitor) as connection:
        found = store.windows(connection, opinion_id=opinion_id)
        if not found:
            raise NotFound
        window = found[0]
        if window.said == said and window.said_by_id == visitor.person_id:
            return window
        store.add_word(connection, window, said, visitor.person_id, now)
        journal.write(
            connection, at=now, company_id=window.company_id, person_id=visitor.person_id, actor=visitor.role.value,
            action="second_opinion_said", subject=f"second_opinion/{opinion_id}",
            old=None if window.said is None else {"said": window.said}, new={"said": said}, reason="",
        )  # fmt: skip
    return window
