"""What a message says, in the words of its kind and the language of its reader. Every message says what Davy is not."""

from __future__ import annotations

from dataclasses import dataclass

from alerting.alarm_words import AlarmWords, alarm_fields
from alerting.approval import ApprovalNotice
from alerting.approval_words import ApprovalWords
from alerting.assignment_words import AssignmentWords
from alerting.backlog_words import BacklogWords
from alerting.delivery import Claimed, Envelope
from alerting.digest_words import DigestWords
from alerting.notice import (
    AssignmentNotice,
    BacklogNotice,
    DigestNotice,
    FindingNotice,
    ImpairmentNotice,
    UnreachableNotice,
    WeeklyNotice,
)
from alerting.notice_words import FindingWords, ImpairmentWords
from alerting.reader import Fields
from alerting.unreachable_words import UnreachableWords
from alerting.voice_notice import ComplaintNotice, RequestNotice, ToldBackNotice
from alerting.voice_words import ComplaintWords, RequestWords, ToldBackWords
from alerting.weekly_words import WeeklyWords
from core.model import Priority

Words = (
    FindingWords | ImpairmentWords | AssignmentWords | DigestWords | WeeklyWords | BacklogWords | UnreachableWords
    | ComplaintWords | RequestWords | ToldBackWords | ApprovalWords
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Message:
    """A notification in words, ready for any channel.

    Args:
        key: the receiver's idempotency key.
        thread: what belongs together for the receiver: one occurrence, finding or impairment; one person's digests, their weeks; a gateway's backlogs.
        urgent: life safety.
        lines: the text, paragraph by paragraph.
        fields: the same for machines, JSON types only.
        brief: the subject without what people typed, for what is read on a locked screen or heard by whoever stands by; never empty
            where it was composed.
        slot: a channel that can replaces what it has shown under this name; empty: nothing.
        acknowledge_at: link by which its reader acknowledges without logging in; empty: there is none.
    """

    key: str
    thread: str
    language: str
    urgent: bool
    subject: str
    lines: tuple[str, ...]
    fields: Fields
    brief: str = ""
    slot: str = ""
    acknowledge_at: str = ""

    @property
    def text(self) -> str:
        """The text as one."""
        return "\n".join(self.lines)


def compose(claimed: Envelope, *, public_url: str, acknowledge_at: str = "") -> Message:
    """The message for one recipient, in their language.

    Args:
        public_url: address of Davy as people type it; the link to what it is about starts with it.
        acknowledge_at: link of this message's own, see `alerting.links`; empty: it holds none.
    """
    home = public_url.rstrip("/")
    match claimed:
        case Claimed():
            return _alarm(claimed, home, acknowledge_at)
        case FindingNotice():
            link, thread = f"{home}/findings/{claimed.finding_id}", f"finding-{claimed.finding_id}"
            words: Words = FindingWords(claimed)
        case ImpairmentNotice():
            link, thread = f"{home}/impairments/{claimed.impairment_id}", f"impairment-{claimed.impairment_id}"
            words = ImpairmentWords(claimed)
        case AssignmentNotice():
            link = f"{home}/occurrences/{claimed.occurrence_id}"
            thread, words = f"occurrence-{claimed.occurrence_id}", AssignmentWords(claimed)
        case DigestNotice():
            link, thread, words = f"{home}/", f"digest-{claimed.person_id}", DigestWords(claimed)
        case WeeklyNotice():
            first = claimed.week.sites[0].site_key if len(claimed.week.sites) == 1 else None
            link = f"{home}/sites/{first}/performance" if first else f"{home}/sites"
            thread, words = f"weekly-{claimed.person_id}", WeeklyWords(claimed)
        case BacklogNotice():
            link = f"{home}/devices/{claimed.backlog.device_id}"
            thread, words = f"backlog-{claimed.backlog.device_id}", BacklogWords(claimed)
        case UnreachableNotice():
            link, thread, words = f"{home}/", f"unreachable-{claimed.person_id}", UnreachableWords(claimed)
        case ComplaintNotice():
            link, thread = f"{home}/complaints/{claimed.complaint_id}", f"complaint-{claimed.complaint_id}"
            words = ComplaintWords(claimed)
        case RequestNotice():
            link, thread, words = f"{home}/{claimed.path}#rate", f"rating-{claimed.request_id}", RequestWords(claimed)
        case ToldBackNotice():
            link, thread, words = f"{home}/voice#changed", f"told-back-{claimed.told_back_id}", ToldBackWords(claimed)
        case ApprovalNotice():
            link, thread = f"{home}/{claimed.path}", f"{claimed.subject}-{claimed.number}"
            words = ApprovalWords(claimed)
        case _:
            raise TypeError(f"no words for {type(claimed).__name__}")
    return Message(
        key=claimed.key,
        thread=thread,
        language=claimed.language,
        urgent=False,
        subject=words.subject(),
        lines=(*words.lines(), link, "", words.reader.what_this_is_not()),
        fields={"key": claimed.key, "audience": claimed.audience, "link": link, **words.fields()},
        brief=words.brief(),
    )


def _alarm(claimed: Claimed, home: str, acknowledge_at: str) -> Message:
    words = AlarmWords(claimed)
    if claimed.occurrence_id is None:  # the list is the page on which it will be seen first
        link = f"{home}/occurrences" if claimed.audience == "insurer" else f"{home}/alarms"
        thread = f"alarm-{'-'.join(claimed.key.split('-')[:3])}"  # definition, sensor, onset
    else:
        link, thread = f"{home}/occurrences/{claimed.occurrence_id}", f"occurrence-{claimed.occurrence_id}"
    lines = words.for_insurer() if claimed.audience == "insurer" else words.for_client()
    fields = alarm_fields(claimed, words, link)
    if acknowledge_at:
        fields["acknowledge_link"] = acknowledge_at
    return Message(
        key=claimed.key,
        thread=thread,
        language=claimed.language,
        urgent=claimed.priority == Priority.LIFE_SAFETY,
        subject=words.subject(),
        lines=(*lines, link, *words.without_login(acknowledge_at), "", words.reader.what_this_is_not()),
        fields=fields,
        brief=words.subject(),
        acknowledge_at=acknowledge_at,
    )
