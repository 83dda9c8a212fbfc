"""The list of alarms that a program polls: an Atom feed (RFC 4287) whose entries lead to CAP messages. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from api import cap
from api.cap import Said
from api.store.cap import Told

NAMESPACE: Final = "http://www.w3.org/2005/Atom"
MEDIA_TYPE: Final = "application/atom+xml"
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


def feed(
    entries: Sequence[tuple[Told, Said]],
    *,
    name: str,
    title: str,
    company: str,
    address: str,
    host: str,
    made_at: datetime,
) -> bytes:
    """The feed as a file.

    Args:
        entries: the newest message of each alarm.
        name: of what it tells, for its id: the same for as long as that is.
        address: where it stands, without the file's name.
        made_at: when there was nothing to say yet.
    """
    root = Element("feed", {"xmlns": NAMESPACE})
    _add(root, "id", f"tag:{host},2026:davy/cap/{name}")
    _add(root, "title", title)
    _add(root, "updated", _instant(max([made_at, *(said.sent for _, said in entries)])))
    SubElement(root, "link", {"rel": "self", "type": MEDIA_TYPE, "href": f"{address}/alerts.atom"})
    author = SubElement(root, "author")
    _add(author, "name", company)
    SubElement(root, "generator").text = "Davy"
    for told, said in sorted(entries, key=lambda each: (each[1].sent, each[0].occurrence_id), reverse=True):
        entry = SubElement(root, "entry")
        _add(entry, "id", f"tag:{host},2026:davy/occurrence/{told.occurrence_id}")
        _add(entry, "title", f"{told.title} · {told.title_zh}")
        _add(entry, "updated", _instant(said.sent))
        _add(entry, "published", _instant(told.began_at))
        SubElement(entry, "category", {"term": cap.SEVERITY[told.priority]})
        SubElement(entry, "category", {"term": said.kind})
        SubElement(entry, "category", {"term": cap.status(told)})
        message = f"{address}/{cap.identifier(told.occurrence_id, said.number)}.xml"
        SubElement(entry, "link", {"rel": "alternate", "type": cap.MEDIA_TYPE, "href": message})
        _add(entry, "summary", f"{told.site}: {told.consequence}\n{told.site_zh}：{told.consequence_zh}")
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _add(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = cap.clean(text)


def _instant(at: datetime) -> str:
    """RFC 3339, whole seconds, UTC."""
    return max(at, _LONG_AGO).astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
