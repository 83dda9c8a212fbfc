"""Watching what has no sensor of its own: the broker and the gateways, as numbers of virtual sensors.

`_broker` is how many messages are known lost lately, plus one while the broker is away or after it forgot our session.
`_spool` is how much of the room for batches that wait for the database is taken, in percent: of the spool's limit or of the
disk, whichever is more.
`_clocks` is how many devices of a site have a wrong clock.
`_gateway.{device}` is 1 while the device is gone or silent, else 0. `_models` is how many models of a site say nothing that have
judged before: the process that judges does not run, or the broker refuses its scores. One alarm a site, not one a model.
`_limits` is how many limits of a site no detector takes as they stand, so that nobody judges by them.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.batch import Int64
from detectors.contract import SECOND_US
from detectors.registry import SetAside
from ingest.decode import Decoded
from ingest.directory import Directory
from ingest.rhythms import Rhythms, spans
from ingest.sorting import Sorter
from ingest.source import Lot, SourceReport

EVERY_US: Final = SECOND_US  # how often the numbers are worked out
AGAIN_US: Final = 60 * SECOND_US  # how often a number that did not change is said again
# A gap is loss when it has stood this long: a resend after a reconnect comes at once, and a loss must be seen within 60 s.
GRACE_US: Final = 30 * SECOND_US
LATELY_US: Final = 600 * SECOND_US  # how long a loss keeps the number up; then the alarm may return to normal
AWAY_US: Final = 10 * SECOND_US  # how long the broker may be away before that is news
BEHIND_US: Final = SECOND_US  # a message that has waited this long here says that the judge is behind
# A broker that stops in order publishes the last will of everybody connected to it: such a will says nothing of its device. So
# the session must have stood for so long after a will, and for so long before it is believed (who lost the broker is back by then).
OUTLIVED_US: Final = SECOND_US
BACK_US: Final = 30 * SECOND_US
UNKNOWN, OFFLINE, ONLINE = -1, 0, 1


class Watch:
    """Time watched, and the numbers of virtual sensors.

    Args:
        watched_us: time connected and caught up so far, microseconds; staleness counts only that.
        known_session: this worker had a session with the broker before.
        most: messages the broker or a batch can hold; so many at once mean that more wait behind them.
        longest_us: more time than this between two looks was not watched: a commit that had to wait, a machine that slept, a
            clock that was set. None where the clock follows the data: it may jump.
    """

    def __init__(
        self, directory: Directory, *, watched_us: int, known_session: bool, most: int, longest_us: int | None = None
    ) -> None:
        self.watched_us = watched_us
        self.turned = False  # watching began or ended with the last tick: unwatched time must be left out where it lay
        self.status_changed: set[int] = set()  # device_id
        self.missing = 0  # messages of all devices in gaps that have stood for `GRACE_US`
        self._directory = directory
        self._most = most
        self._longest_us = longest_us
        self._tick_us: int | None = None
        self._watching = False
        self._news_us = 0
        self._known_session = known_session
        self._session_seen = False
        self._sessions_lost = 0
        self._dropped: int | None = None
        self._losses: deque[tuple[int, int]] = deque()  # (when, how many) that concern every site
        self._begin(directory)
        self._rhythms = Rhythms(directory)
        self._said: dict[int, tuple[float, int]] = {}
        self._place(directory)

    def _begin(self, directory: Directory) -> None:
        """Of each device: nothing heard, counting from now."""
        devices = len(directory.devices)
        self._heard_us: Int64 = np.full(devices, self.watched_us, np.int64)
        self.online: NDArray[np.int8] = np.full(devices, UNKNOWN, np.int8)
        self._spoken = np.zeros(devices, np.bool_)
        self._willed_us: Int64 = np.zeros(devices, np.int64)  # when the last will came
        self._gone = np.zeros(devices, np.bool_)  # by a last will that is believed

    def _of_devices(self) -> Sequence[NDArray[Any]]:
        return self._heard_us, self.online, self._spoken, self._willed_us, self._gone

    def _place(self, directory: Directory) -> None:
        gateways = [(slot, directory.device_of[d].index) for d, slot in directory.gateway_slot.items()]
        self._gateway_slot = np.array([slot for slot, _ in gateways], np.int64)
        self._gateway_device = np.array([index for _, index in gateways], np.int64)
        self._has_sensors = np.array([bool(device.slots) for device in directory.devices], np.bool_)
        self._models = directory.models()

    def carry(self, directory: Directory) -> None:
        """Goes on with another directory; devices that are new count from now."""
        earlier = {d.row.device_id: d.index for d in self._directory.devices}
        known = [(d.index, earlier[d.row.device_id]) for d in directory.devices if d.row.device_id in earlier]
        mine, theirs = np.array(known, np.intp).reshape(-1, 2).T
        before = self._of_devices()
        self._begin(directory)
        for column, old in zip(self._of_devices(), before, strict=True):
            column[mine] = old[theirs]
        rhythms = Rhythms(directory)
        rhythms.restore(self._rhythms.state(), directory)
        self._directory, self._rhythms = directory, rhythms
        self._said = {}
        self._place(directory)

    def tick(self, report: SourceReport, lot: Lot, now_us: int) -> None:
        """Counts the time since the last tick, where ingest was connected and caught up."""
        behind = report.oldest_us is not None and now_us - report.oldest_us > BEHIND_US
        caught_up = len(lot) + report.waiting < self._most and not behind
        watching = False
        if self._tick_us is not None:
            elapsed_us = max(0, now_us - self._tick_us)
            looked = self._longest_us is None or elapsed_us <= self._longest_us
            watching = report.connected and report.since_us <= self._tick_us and caught_up and looked
            self.watched_us += elapsed_us if watching else 0
        self.turned, self._watching, self._tick_us = watching != self._watching, watching, now_us

    def heard(self, decoded: Decoded) -> None:
        """Notes who spoke, and what statuses said. Who is taken again does not speak now."""
        if decoded.again:
            return
        if decoded.device:
            index = np.array([device.index for device in decoded.device], np.int64)
            self._heard_us[index] = self.watched_us
            self._rhythms.hear(index, spans(decoded), self.watched_us)
            self._spoken[index] = True
            gone = index[self.online[index] == OFFLINE]
            self.online[gone] = UNKNOWN  # it speaks: what the broker said in its name is over
        if decoded.statuses:
            self._note_statuses(decoded)

    def _note_statuses(self, decoded: Decoded) -> None:
        spoke = dict(zip((d.index for d in decoded.device), decoded.received_us.tolist(), strict=True))
        for status in decoded.statuses:
            index = status.device.index
            back = spoke.get(index, status.received_us) > status.received_us  # it spoke after its last will
            self.online[index] = ONLINE if status.online else UNKNOWN if back else OFFLINE
            self._willed_us[index] = status.received_us
            self.status_changed.add(status.device.row.device_id)

    def news(
        self,
        sorter: Sorter,
        report: SourceReport,
        now_us: int,
        spool_used: float = 0.0,
        together: Mapping[int, float] | None = None,
        set_aside: Sequence[SetAside] = (),
    ) -> list[tuple[int, float]]:
        """(slot, number) of virtual sensors whose number changed, or was last said a minute ago.

        Args:
            spool_used: share of the spool's room that is taken, 0 to 1.
            together: sensor_id of each compound -> how many of its parts hold; for charts, it was judged already.
            set_aside: definitions that cannot be judged by.
        """
        if now_us - self._news_us < EVERY_US:
            return []
        self._news_us = now_us
        self._note_losses(report, now_us)
        percent = float(int(100 * spool_used))  # whole ones: each change is a reading at every site
        numbers = {
            **self._broker_numbers(sorter, report, now_us),
            **self._clock_numbers(sorter),
            **self._gateway_numbers(report, now_us),
            **dict.fromkeys(self._directory.spool_slot.values(), percent),
            **self._limit_numbers(set_aside),
        }
        numbers.update(self._model_numbers(sorter))
        slots = self._directory.compound_slot
        numbers.update({slots[sensor]: held for sensor, held in (together or {}).items() if sensor in slots})
        changed = [
            (slot, number)
            for slot, number in numbers.items()
            if slot not in self._said or self._said[slot][0] != number or now_us - self._said[slot][1] >= AGAIN_US
        ]
        for slot, number in changed:
            self._said[slot] = (number, now_us)
        return changed

    def _note_losses(self, report: SourceReport, now_us: int) -> None:
        lost = report.sessions_lost - self._sessions_lost
        self._sessions_lost = report.sessions_lost
        if report.connected and not self._session_seen:
            self._session_seen = True
            lost += self._known_session and not report.first_session_present
        if report.dropped is not None:
            before = self._dropped
            # A counter that went back is a broker that started again and counts anew.
            if before is not None:
                lost += report.dropped - before if report.dropped >= before else report.dropped
            self._dropped = report.dropped
        if lost > 0:
            self._losses.append((now_us, lost))
        while self._losses and self._losses[0][0] < now_us - LATELY_US:
            self._losses.popleft()

    def _broker_numbers(self, sorter: Sorter, report: SourceReport, now_us: int) -> dict[int, float]:
        everywhere = sum(count for _, count in self._losses)
        if not report.connected and now_us - report.since_us >= AWAY_US:
            everywhere += 1
        missing: dict[int, int] = {}
        self.missing = 0
        for device_id in sorter.sequences.with_gaps():
            device = self._directory.device_of.get(device_id)
            if device is not None:
                lost = sorter.sequences.missing(device_id, now_us - LATELY_US, now_us - GRACE_US)
                missing[device.row.site_id] = missing.get(device.row.site_id, 0) + lost
                self.missing += sorter.sequences.missing(device_id, seen_until_us=now_us - GRACE_US)
        return {
            slot: float(everywhere + missing.get(site_id, 0)) for site_id, slot in self._directory.broker_slot.items()
        }

    def _clock_numbers(self, sorter: Sorter) -> dict[int, float]:
        numbers = dict.fromkeys(self._directory.clocks_slot.values(), 0.0)
        for device_id in sorter.clocks.wrong:
            device = self._directory.device_of.get(device_id)
            if device is not None and device.row.site_id in self._directory.clocks_slot:
                numbers[self._directory.clocks_slot[device.row.site_id]] += 1
        return numbers

    def _limit_numbers(self, set_aside: Sequence[SetAside]) -> dict[int, float]:
        unjudged = Counter(each.site_id for each in set_aside)
        return {slot: float(unjudged[site_id]) for site_id, slot in self._directory.limits_slot.items()}

    def _believe_wills(self, report: SourceReport, now_us: int) -> None:
        """Who was gone before the broker went stays gone while it is away."""
        self._gone &= self.online == OFFLINE
        if report.connected and now_us - report.since_us >= BACK_US:
            self._gone |= (self.online == OFFLINE) & (now_us - self._willed_us >= OUTLIVED_US)

    def _gateway_numbers(self, report: SourceReport, now_us: int) -> dict[int, float]:
        """Nothing is said of a device that is neither known to be there nor silent for long enough."""
        self._believe_wills(report, now_us)
        online = self.online[self._gateway_device]
        quiet_us = self.watched_us - self._heard_us[self._gateway_device]
        silent = (quiet_us > self._rhythms.allowed_us()[self._gateway_device]) & self._has_sensors[self._gateway_device]
        gone = silent | self._gone[self._gateway_device]
        known = gone | (online == ONLINE) | self._spoken[self._gateway_device]
        numbers = np.where(gone, 1.0, 0.0)
        return dict(zip(self._gateway_slot[known].tolist(), numbers[known].tolist(), strict=True))

    def _model_numbers(self, sorter: Sorter) -> dict[int, float]:
        """Nothing is said where no model was ever fitted, nor while it is open, since ingest began, whether one is there."""
        numbers = {}
        for slot, devices in self._models.items():
            judged = [device for device in devices if sorter.sequences.newest(device.row.device_id) is not None]
            silent = [
                device for device in judged if self.watched_us - self._heard_us[device.index] > device.silent_after_us
            ]
            if silent or (judged and all(self._spoken[device.index] for device in judged)):
                numbers[slot] = float(len(silent))
        return numbers

    def state(self) -> dict[str, NDArray[np.generic]]:
        """What a restart must know of losses, as columns."""
        dropped = -1 if self._dropped is None else self._dropped
        return {
            "watch/dropped": np.array([dropped], np.int64),
            "watch/losses": np.array(list(self._losses), np.int64).reshape(-1, 2),
            "watch/rhythms": self._rhythms.state(),
        }

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Goes on from an earlier `state()`: what was dropped while nobody looked is counted too."""
        dropped = int(state["watch/dropped"][0])
        self._dropped = None if dropped < 0 else dropped
        self._losses = deque((int(at), int(count)) for at, count in state["watch/losses"].tolist())
        if "watch/rhythms" in state:
            self._rhythms.restore(state["watch/rhythms"].astype(np.int64), self._directory)
