"""Why a message did not go out by itself, as one more clause of its rule: with others of its hazard, in a storm's digest, for its cause. Pure."""

from __future__ import annotations

from datetime import UTC, datetime


def with_calm(rule: str, state: str, held_by: str | None, told_in: str | None, sent_at: datetime | None) -> str:
    """The rule of a call, and what calm made of it.

    Args:
        held_by: "group", "storm" or "cause"; None: it waited for nothing.
        told_in: key of the message that told of it; None: its own.
        sent_at: when that went out.

    >>> at = datetime(2026, 3, 1, 8, 2, tzinfo=UTC)
    >>> with_calm("route a", "sent", "storm", "storm-1-begun", at)
    'route a; told in the storm digest of 2026-03-01 08:02 UTC'
    >>> with_calm("route a", "sent", None, None, at)
    'route a'
    """
    clause = _clause(state, held_by, told_in, sent_at)
    return rule if clause is None else f"{rule}; {clause}"


def _clause(state: str, held_by: str | None, told_in: str | None, sent_at: datetime | None) -> str | None:
    if state == "sent":
        if told_in is None or sent_at is None:
            return None
        when = sent_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
        if held_by == "storm":
            return f"told in the storm digest of {when}"
        if held_by == "group":
            return f"told in the message of its hazard of {when}"
        return f"told in one message with others, {when}"
    if held_by is None:
        return None
    ended = state in ("cancelled", "failed")
    return {
        "storm": "it waited for a storm digest" if ended else "it waits for the next storm digest",
        "group": "it waited for the message of its hazard" if ended else "it waits for the next message of its hazard",
        "cause": "its cause was told in its place" if ended else "its cause is told in its place while it holds",
    }[held_by]
