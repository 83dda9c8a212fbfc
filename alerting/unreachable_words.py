"""What is said of somebody whom Davy can no longer reach."""

from __future__ import annotations

from alerting.notice import UnreachableNotice
from alerting.reader import Fields, Reader
from core.occasion import Subject


class UnreachableWords:
    """One such message in one language."""

    def __init__(self, notice: UnreachableNotice) -> None:
        self.of = notice
        self.reader = Reader(notice.language)
        self._ = self.reader.gettext

    def company(self) -> str:
        """Whose person it is; empty for the insurer's own."""
        return self.reader.own(self.of.company, self.of.company_zh)

    def subject(self) -> str:
        if self.of.person is None:
            return self.brief()
        return self._("[Cannot be reached] %(name)s: no channel works") % {"name": self.of.person}

    def brief(self) -> str:
        """Without the name."""
        if not self.company():
            return self._("[Cannot be reached] One of the insurer's people: no channel works")
        return self._("[Cannot be reached] Somebody at %(company)s: no channel works") % {"company": self.company()}

    def lines(self) -> tuple[str, ...]:
        _ = self._
        names = {None: _("no address")}
        broken = (f"- {names[None]}" if channel is None else f"- {channel}: {why}" for channel, why in self.of.broken)
        return (
            _("A route names this person, and nothing that Davy sends arrives there any more:"),
            *broken,
            "",
            _(
                "Tell them by telephone meanwhile. Correct the address in the site file, or the settings of the channel;"
                " a corrected address is used at once."
            ),
        )

    def fields(self) -> Fields:
        return {
            "about": Subject.UNREACHABLE.value,
            "person": self.of.person,
            "company": self.company(),
            "channels": ", ".join(channel for channel, _ in self.of.broken if channel is not None),
        }
