"""Gateways mute their sensors: while one is gone, its own alarm stands for the silence of all that is behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.batch import NEVER, NOTHING_DUE, QUALITY_CODE, Float64, Int32, Int64, ReadingBatch, Scores
from core.model import DefinitionSet
from detectors.contract import SECOND_US, unwatched_us
from detectors.hearing import BAD
from ingest.directory import Directory

# How long a gateway is there, in all, before a silence is said that fell into its absence: who speaks again does so by then,
# devices built to our profile at once. Ours; as often as a silence that lasts is said again (detectors/stale.py).
PATIENCE_US: Final = 10 * SECOND_US
# A gateway may say nothing for so long, or for as long as any one of its sensors may, whichever is more (ingest/rhythms.py). After twice
# that time it is known to be gone, or never will be: where ingest starts in between, the time begins anew. What is silent behind it
# until then may be its matter.
LEAST_US: Final = int(Directory.SILENT_AT_LEAST_S * SECOND_US)


class Mute:
    """Which silences are heard.

    A sensor whose gateway comes back after a loss that was an alarm of its own has its whole time again, once for each
    silence. A silence that fell due while the gateway was gone is withheld, and said when the gateway has been there again
    for `PATIENCE_US`, in one stretch or in many: so one that comes and goes, in whatever rhythm, hides no dead sensor.

    A sensor is silent by itself when something behind its gateway has spoken since, later than half of the time it is allowed.
    Where nothing has, the gateway may be what is gone, which takes longer to be known: the silence is withheld until then.
    Time that was not watched counts for nobody.

    Memory: 33 bytes a sensor, 16 a definition.
    """

    def __init__(self, directory: Directory, definitions: DefinitionSet) -> None:
        slots, rows = len(directory), definitions.definitions
        on_delay_us = rows.integers("on_delay_us")
        self._slot: Int32 = definitions.slot
        self._sensor = rows.numbers("sensor_id")
        self._keys = definitions.keys
        self._behind = directory.muted_by()
        self._is_gateway = np.zeros(slots, np.bool_)
        self._is_gateway[list(self._behind)] = True
        self._can_be_muted = np.zeros(slots, np.bool_)
        for behind in self._behind.values():
            self._can_be_muted[behind] = True
        # Since when a sensor's gateway is gone; NEVER: it is not.
        self._gone_at: Int64 = np.full(slots, NEVER, np.int64)
        # From when a sensor's silence counts anew since its gateway came back, and whether it has spoken since.
        self._back_at: Int64 = np.full(slots, NEVER, np.int64)
        self._spoke = np.ones(slots, np.bool_)
        # From when a withheld silence waits, moved on by the time for which the gateway was gone since; and its number.
        self._withheld_at: Int64 = np.full(len(rows), NEVER, np.int64)
        self._number: Float64 = np.zeros(len(rows))  # of those alone
        self._any_withheld = False  # almost always: then nothing is looked for
        # The newest word from behind each gateway, by its slot; the last place is for those behind none.
        self._gateway_of: Int32 = np.full(slots, -1, np.int32)
        for gateway, behind in self._behind.items():
            self._gateway_of[behind] = gateway
        self._word_at: Int64 = np.full(slots + 1, NEVER, np.int64)
        self._listens = len(definitions.of("stale")) > 0 and bool(self._behind)
        self._gateway_id = directory.sensor_id
        self._swept_us, self._watched_us = NEVER, 0
        # How long a gateway is gone before its own alarm stands.
        self._stands_after_us: Int64 = np.zeros(slots, np.int64)
        for index in np.flatnonzero(self._is_gateway[self._slot]).tolist():
            slot = self._slot[index]
            self._stands_after_us[slot] = max(self._stands_after_us[slot], on_delay_us[index])

    def hear(self, batch: ReadingBatch) -> None:
        """Who speaks, and which gateways go and come, in the order of the readings."""
        usable = ((batch.quality & QUALITY_CODE) != BAD) & np.isfinite(batch.value)
        if self._listens:
            np.maximum.at(self._word_at, self._gateway_of[batch.sensor], batch.judged_at)
        done = 0
        for row in np.flatnonzero(self._is_gateway[batch.sensor]).tolist():
            self._spoke[batch.sensor[done:row][usable[done:row]]] = True
            done = row
            gateway, at = int(batch.sensor[row]), int(batch.judged_at[row])
            slots = self._behind[gateway]
            muted = self._gone_at[slots] != NEVER
            if batch.value[row] >= 1.0:
                self._gone_at[slots[~muted]] = at
            else:
                self._come_back(slots[muted], at, int(self._stands_after_us[gateway]))
        self._spoke[batch.sensor[done:][usable[done:]]] = True
        if self._any_withheld:
            speaks = np.zeros(len(self._spoke), np.bool_)
            speaks[batch.sensor[usable]] = True
            self._withheld_at[speaks[self._slot]] = NEVER
            self._any_withheld = bool((self._withheld_at != NEVER).any())

    def _come_back(self, slots: Int64, at: int, stands_after_us: int) -> None:
        """A gateway's sensors have their whole time again, once for each silence: the slow ones have not spoken yet.

        Who has said nothing since the last time gets no more than the time for which the gateway was gone, so that one that
        comes and goes cannot hide a dead sensor for ever. A loss too short for the gateway's own alarm gives nothing.
        """
        if self._any_withheld:
            mine = np.isin(self._slot, slots) & (self._withheld_at != NEVER)
            waited_from = np.maximum(self._gone_at[self._slot[mine]], self._withheld_at[mine])
            self._withheld_at[mine] += np.maximum(at - waited_from, 0)
        away_us = at - self._gone_at[slots]
        spoke = self._spoke[slots]
        anew = slots[spoke & (away_us >= stands_after_us)]
        self._back_at[slots[~spoke]] += np.maximum(away_us[~spoke], 0)
        self._back_at[anew] = at
        self._spoke[anew] = False
        self._gone_at[slots] = NEVER

    def pass_time(self, now_us: int, watched_us: int) -> None:
        """Time passes; what of it was not watched is taken off whoever waits."""
        if self._swept_us != NEVER and now_us > self._swept_us:
            unwatched = unwatched_us(now_us - self._swept_us, watched_us, self._watched_us)
            if unwatched > 0:
                self._withheld_at[self._withheld_at != NEVER] += unwatched
                back = self._back_at != NEVER
                self._back_at[back] = np.minimum(self._back_at[back] + unwatched, now_us)
                spoke = self._word_at != NEVER
                moved = np.minimum(self._word_at[spoke], self._swept_us) + unwatched
                self._word_at[spoke] = np.maximum(self._word_at[spoke], moved)
        self._swept_us, self._watched_us = max(now_us, self._swept_us), watched_us

    def _by_itself(self, slot: Int32, at: Int64, number: Float64) -> NDArray[np.bool_]:
        """Whether others spoke behind the gateway of each sensor while it was silent for `number` seconds until `at`."""
        half_us = (number * (SECOND_US / 2)).astype(np.int64)
        return ~self._can_be_muted[slot] | (self._word_at[self._gateway_of[slot]] >= at - half_us)

    def heard(self, silent: Scores) -> Scores:
        """Silences, without those for which a gateway's alarm stands, stood until a moment ago, or may be about to."""
        if len(silent) == 0:
            return silent
        slot = self._slot[silent.definition]
        gone = (self._gone_at[slot] != NEVER) | ~self._by_itself(slot, silent.at, silent.number)
        since_back_s = (silent.at - self._back_at[slot]) / SECOND_US
        heard = ~gone & (since_back_s >= silent.number)
        self._withheld_at[silent.definition[heard]] = NEVER
        fresh = gone & (self._withheld_at[silent.definition] == NEVER)
        self._withheld_at[silent.definition[fresh]] = silent.at[fresh]
        self._number[silent.definition[fresh]] = silent.number[fresh]
        self._any_withheld |= bool(fresh.any())
        return Scores(silent.definition[heard], silent.row[heard], silent.at[heard], silent.number[heard])

    def withheld(self, now_us: int) -> Scores:
        """Withheld silences whose time has come by `now_us`."""
        if not self._any_withheld:
            return Scores.empty()
        waiting, at = self._waiting()
        due = at <= now_us
        if not due.any():
            return Scores.empty()
        definition = waiting[due].astype(np.int32)
        self._withheld_at[definition] = NEVER
        return Scores(definition, np.full(len(definition), -1, np.int32), at[due], self._number[definition])

    def next_due_us(self) -> int:
        """When the first withheld silence is said, should its gateway stay; microseconds UTC."""
        if not self._any_withheld:
            return NOTHING_DUE
        _, at = self._waiting()
        return int(at.min()) if len(at) else NOTHING_DUE

    def _waiting(self) -> tuple[Int64, Int64]:
        """Definitions with a withheld silence whose gateway is there, and when each is said."""
        waiting = np.flatnonzero(self._withheld_at != NEVER)
        waiting = waiting[self._gone_at[self._slot[waiting]] == NEVER]
        slot, withheld_at, number = self._slot[waiting], self._withheld_at[waiting], self._number[waiting]
        back_at, number_us = self._back_at[slot], (number * SECOND_US).astype(np.int64)
        excused_until = np.where(back_at == NEVER, NEVER, np.maximum(back_at, 0) + number_us)
        known_at = np.where(self._by_itself(slot, withheld_at, number), NEVER, self._word_at[self._gateway_of[slot]])
        from_us = np.maximum(withheld_at, np.maximum(known_at, 0) + 2 * np.maximum(LEAST_US, number_us))
        return waiting, np.maximum(from_us + PATIENCE_US, excused_until)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Everything as columns, by sensor and by definition."""
        slot = self._slot
        kept = (self._gone_at[slot] != NEVER) | (self._back_at[slot] != NEVER)
        gateways = self._sensor, self._gone_at[slot], self._back_at[slot], self._spoke[slot].astype(np.int64)
        waits = self._withheld_at != NEVER
        return {
            "behind_gateway": np.column_stack(gateways)[kept],
            "withheld": np.column_stack((self._keys, self._withheld_at))[waits],
            "withheld_number": self._number[waits],
            "gateway_words": np.column_stack((self._gateway_id, self._word_at[:-1]))[self._is_gateway],
            "muted_when_swept": np.array([self._swept_us, self._watched_us], np.int64),
        }

    def restore(self, columns: Mapping[str, NDArray[np.generic]]) -> None:
        """Goes on from an earlier `state()`, where a gateway can still say that it is back."""
        behind = {row[0]: row[1:] for row in columns["behind_gateway"].tolist()} if "behind_gateway" in columns else {}
        for index in np.flatnonzero(np.isin(self._sensor, list(behind))).tolist():
            slot, (gone_at, back_at, spoke) = self._slot[index], behind[int(self._sensor[index])]
            if self._can_be_muted[slot]:
                self._gone_at[slot] = gone_at
            self._back_at[slot], self._spoke[slot] = back_at, bool(spoke)
        if "gateway_words" in columns:
            words = dict(columns["gateway_words"].tolist())
            for slot in self._behind:
                self._word_at[slot] = words.get(int(self._gateway_id[slot]), NEVER)
            self._swept_us, self._watched_us = columns["muted_when_swept"].tolist()
        if "withheld" not in columns:
            return
        rows = zip(columns["withheld"].tolist(), columns["withheld_number"].tolist(), strict=True)
        mine = np.flatnonzero(np.isin(self._keys[:, 0], columns["withheld"][:, 0])).tolist()
        index_of = {tuple(self._keys[index].tolist()): index for index in mine}
        for (*key, withheld_at), number in rows:
            if tuple(key) in index_of:
                index = index_of[tuple(key)]
                self._withheld_at[index], self._number[index] = withheld_at, number
                self._any_withheld = True
