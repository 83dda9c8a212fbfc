"""What waits for a second person, in words, and where one answers. Pure."""

from __future__ import annotations

from typing import Final

from api.words.texts import later

WAITING: Final = {
    "order": (later("Alarms out of service"), "/suppressions/"),
    "limit_change": (later("Change of a limit"), "/limits/"),
    "route_change": (later("Change of whom a route calls"), "/duty/routes/"),
}
