"""The checks of doctor that look for signs of life: ingest, alerting, calls without the database, risk."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from psycopg import Connection

from alerting.pulse import LATE_CARE, LATE_TURN
from alerting.store.exercises import deliveries, find_sink
from alerting.store.seals import sealing
from alerting.store.status import process_beats
from alerting.store.wire_tests import LEGS
from core.settings import variable
from davy.doctor import store
from davy.doctor.examination import Check, Examination, age, few
from detectors.registry import sift

LATE_SNAPSHOT: Final = timedelta(minutes=1)  # it is taken every second
LATE_SEAL: Final = timedelta(hours=2)  # one is made every hour
LATE_TEST: Final = timedelta(hours=36)  # one a day
LATE_BEAT: Final = timedelta(seconds=15)  # several times what ingest and alerting take between two


def ingest(on: Examination, connection: Connection[Any]) -> Check:
    """Whether each worker beats, has its broker, and judges by all its detectors."""
    _, beats = on.gettext, store.beats(connection)
    if not beats:
        return Check("ingest", False, _("No ingest has ever run on this database."), _("Start `davy process ingest`."))
    told = ", ".join(
        _("%(worker)s: %(state)s, last heard %(age)s ago")
        % {"worker": beat.worker, "state": beat.state, "age": age(on.now - beat.beat_at)}
        for beat in beats
    )
    if any(on.now - beat.beat_at > LATE_BEAT for beat in beats):
        advice = _("Look at ingest's log: it is not running, or it cannot write because the database was away.")
        return Check("ingest", False, told, advice)
    if any(beat.state == "broker_away" for beat in beats):
        return Check("ingest", False, told, _("Start the broker, or correct its address and ingest's credentials."))
    if off := sorted({name for beat in beats for name in beat.off}):
        found = _("Broke and is switched off, so what it watches for is not seen: %(detectors)s.")
        advice = _(
            "Look for detector_switched_off in ingest's log, report it with what stands there, and start ingest anew."
        )
        return Check("ingest", False, f"{told}. {found % {'detectors': ', '.join(off)}}", advice)
    return Check("ingest", True, told)


def late_readings(on: Examination, connection: Connection[Any]) -> Check:
    """Whether averages count what comes late: one that does not knows too little, and nothing on a page shows it."""
    _, beats = on.gettext, store.beats(connection)
    if uncounted := sorted({name for beat in beats for name in beat.uncounted}):
        found = _(
            "Late readings could not be counted into their averages (STEL, TWA, time over a level), which know of less than there was: %(sensors)s."
        )
        advice = _(
            "Look for late_readings_not_counted in ingest's log: it says why. It is tried again every few minutes, and other sensors are counted."
        )
        return Check("late_readings", False, found % {"sensors": few(uncounted)}, advice)
    if waiting := sum(beat.late for beat in beats):
        return Check(
            "late_readings", True, _("Sensors whose late readings are being counted: %(count)s.") % {"count": waiting}
        )
    return Check("late_readings", True, _("No average waits for late readings."))


def limits(on: Examination, connection: Connection[Any]) -> Check:
    """Whether ingest can judge by every limit: one that no detector takes as it stands is set aside, and nobody watches for it."""
    _, found = on.gettext, store.definitions(connection)
    _left, aside = sift(found)
    if aside:
        sites = store.site_keys(connection)
        told = _("Judged by nobody (%(count)s): %(limits)s.") % {
            "count": len(aside),
            "limits": few([f"{sites[each.site_id]}: {each.why.rstrip('.')}" for each in aside]),
        }
        advice = _("Put right what is named and import the site's file, which writes the limit anew; ingest judges by it within seconds.")  # fmt: skip
        return Check("limits", False, told, advice)
    return Check("limits", True, _("All limits are judged by (%(count)s).") % {"count": len(found)})


def alerting(on: Examination, connection: Connection[Any]) -> Check:
    """Whether those who send come round: with nothing waiting, a queue that stands still looks like one that is empty."""
    _, beat = on.gettext, process_beats(connection).get("alerting")
    start = _("Start `davy process alerting`; until then nobody is called.")
    if beat is None:
        return Check("alerting", False, _("No alerting has ever run on this database."), start)
    told = _("Last heard %(age)s ago.") % {"age": age(on.now - beat.beat_at)}
    if on.now - beat.beat_at > LATE_BEAT:
        advice = _(
            "Nobody is being called. Look at the log of `davy process alerting`: it does not run, or a duty of it hangs."
        )
        if failing := beat.report.get("failing"):
            named = _("Fails again and again: %(duties)s.") % {"duties": ", ".join(sorted(failing))}
            told = f"{told} {named}"
        return Check("alerting", False, told, advice)
    if on.now - beat.turned_at > LATE_TURN:
        found = _("A sender has been at one message for %(age)s.") % {"age": age(on.now - beat.turned_at)}
        advice = _("Start `davy process alerting` anew: the message is sent again under the same key.")
        return Check("alerting", False, found, advice)
    return Check("alerting", True, told)


def calls(on: Examination, connection: Connection[Any]) -> Check:
    """Whether ingest could call people about life safety if the database were away now, over every channel that alerting has."""
    _, beats = on.gettext, process_beats(connection)
    beat = beats.get("calls")
    if beat is None:
        found = _("Ingest keeps no snapshot of whom to call: nobody would be called while the database is away.")
        advice = _("Give `davy process ingest` %(name)s and the channels' settings, and start it anew.")
        return Check("calls", False, found, advice % {"name": variable("snapshot_key")})
    told = _("Snapshot of %(definitions)s life-safety limits and %(people)s people, taken %(age)s ago.") % {
        "definitions": beat.report.get("definitions", 0),
        "people": beat.report.get("people", 0),
        "age": age(on.now - beat.turned_at),
    }
    if on.now - beat.beat_at > LATE_SNAPSHOT:
        advice = _("Look for snapshot and calls in ingest's log: it does not run, has no key any more, or cannot read.")
        return Check("calls", False, told, advice)
    if problem := beat.report.get("file"):
        found = _("The snapshot's file cannot be written: %(problem)s.") % {"problem": problem}
        return Check(
            "calls",
            False,
            found,
            _("Mend the folder: an ingest that starts anew calls from this file until it has read the database."),
        )
    if closed := beat.report.get("closed"):
        found = _(
            "Of the addresses of those who hear of life safety %(closed)s do not open: nothing reaches them there while the database is away."
        )
        advice = _("Give `davy process ingest` the same %(name)s as alerting, and start it anew.")
        return Check("calls", False, found % {"closed": closed}, advice % {"name": variable("address_keys")})
    alerts = beats.get("alerting")
    wanted = set(alerts.report.get("channels", ())) if alerts is not None else set()
    if missing := sorted(wanted - set(beat.report.get("channels", ()))):
        found = _("While the database is away nobody would be called over: %(channels)s.") % {
            "channels": ", ".join(missing)
        }
        return Check("calls", False, found, _("Give `davy process ingest` the same settings of channels as alerting."))
    return Check("calls", True, told)


def _report_of_alerting(connection: Connection[Any]) -> Mapping[str, Any]:
    """What the alerting process that last gave a sign of life said of itself: false is what it began without, for somebody has unset it."""
    beat = process_beats(connection).get("alerting")
    return {} if beat is None else beat.report


def outside(on: Examination, connection: Connection[Any]) -> Check:
    """Whether somebody outside waits for our sign of life, and gets it: of our own death nobody else can tell."""
    _, beat = on.gettext, process_beats(connection).get("outside")
    if beat is None:
        found = _("Nobody outside would notice if this Davy died: %(name)s is not set.")
        return Check("outside", True, found % {"name": variable("heartbeat_url")})
    if _report_of_alerting(connection).get("watched") is False:
        found = _("Switched off: alerting began without %(name)s, so nobody outside would notice if this Davy died.")
        return Check("outside", True, found % {"name": variable("heartbeat_url")})
    every = timedelta(seconds=float(beat.report.get("every_s", 60.0)))
    if (why := beat.report.get("why")) is not None:
        found = _("The sign of life outside is held back or not taken: %(why)s.") % {"why": str(why).rstrip(".")}
        return Check("outside", False, found, _("Put right what is named; then it is given again by itself."))
    told = _("A sign of life was taken outside %(age)s ago.") % {"age": age(on.now - beat.beat_at)}
    if on.now - beat.beat_at > 3 * every + LATE_BEAT:
        return Check(
            "outside", False, told, _("Look at the log of `davy process alerting`: it does not run, or cannot write.")
        )
    return Check("outside", True, told)


def delivery(on: Examination, connection: Connection[Any]) -> Check:
    """Whether the daily delivery test of each site arrived."""
    _, sites, told_of = on.gettext, deliveries(connection), _report_of_alerting(connection)
    tested = [each for each in sites if each.asked_at is not None]
    if not tested and told_of.get("tests") is not True:
        found = _("No delivery is tested day by day: %(name)s is not set.")
        return Check("delivery", True, found % {"name": variable("delivery_sink")})
    if told_of.get("tests") is False:
        found = _("Switched off: alerting began without %(name)s, so no delivery is tested day by day any more.")
        return Check("delivery", True, found % {"name": variable("delivery_sink")})
    sink = told_of.get("sink")
    if sink is not None and find_sink(connection, str(sink)) is None:
        found = _(
            "No delivery is tested: %(sink)s is nobody of the insurer's who is active and whom an address leads to."
        )
        advice = _("Name somebody else in %(name)s, or give them an address that works.")
        return Check("delivery", False, found % {"sink": sink}, advice % {"name": variable("delivery_sink")})
    late = [each for each in tested if each.outcome == "undelivered"]
    if late:
        missing = {leg: [each.key for each in late if each.missing == leg] for leg in LEGS}
        if all(each.missing for each in late):
            return _legs_missing(on, {leg: sites for leg, sites in missing.items() if sites})
        found = _("The daily delivery test did not arrive in time: %(sites)s.") % {
            "sites": few([each.key for each in late])
        }
        return Check(
            "delivery",
            False,
            found,
            _("Look at the receiver, at `notifications` here, and at the log of `davy process alerting`."),
        )
    old = [each.key for each in sites if each.asked_at is None or on.now - each.asked_at > LATE_TEST]
    if old:
        found = _("No delivery has been tested for a day and a half, or ever: %(sites)s.") % {"sites": few(old)}
        advice = _("A new site is tested within a minute. Else look at `alerting` here, and for deliveries in the log of `davy process alerting`.")  # fmt: skip
        return Check("delivery", False, found, advice)
    ended = [each.key for each in tested if each.outcome not in (None, "delivered")]
    if ended:
        found = _("The newest delivery test was ended before it could show anything: %(sites)s.") % {
            "sites": few(ended)
        }
        advice = _("It comes again tomorrow. Where no person ended it, look for exercise_not_begun in the log of `davy process alerting`.")  # fmt: skip
        return Check("delivery", False, found, advice)
    slowest = max((each.took_s for each in tested if each.took_s is not None), default=0.0)
    told = _("The slowest of the newest delivery tests took %(seconds)s s.") % {"seconds": f"{slowest:.1f}"}
    if not all(each.on_wire for each in tested):
        begins = _("Not all of them began on the wire, so they prove nothing of broker and ingest: %(name)s is not set for the detectors process.")  # fmt: skip
        told = f"{told} {begins % {'name': variable('mqtt_test_password')}}"
    return Check("delivery", True, told)


def _legs_missing(on: Examination, missing: Mapping[str, list[str]]) -> Check:
    """Where tests from the wire stayed away; what to do about the first leg, as nothing can be said of those after it.

    Args:
        missing: sites by leg, in the order of the legs.
    """
    _ = on.gettext
    words = {
        "published": (
            _("The daily delivery test did not arrive in time, the broker did not take its reading: %(sites)s."),
            _("Look at `broker` here, and at the log of `davy process detectors`: it publishes the reading as the user _test."),
        ),
        "stored": (
            _("The daily delivery test did not arrive in time, ingest did not store its reading: %(sites)s."),
            _("Look at `ingest` here, and for what it rejected: `davy rejected`."),
        ),
        "alarm": (
            _("The daily delivery test did not arrive in time, its reading is stored and raised no alarm: %(sites)s."),
            _("Look at the log of `davy process ingest`: limits are not judged, or it has not heard of this one."),
        ),
        "sent": (
            _("The daily delivery test did not arrive in time, its alarm came and no message was sent: %(sites)s."),
            _("Look at `alerting` and `notifications` here: nobody sends."),
        ),
        "receipt": (
            _("The daily delivery test did not arrive in time, its receiver did not take the message: %(sites)s."),
            _("Look at the receiver, at `notifications` here, and at the log of `davy process alerting`."),
        ),
    }  # fmt: skip
    found = " ".join(words[leg][0] % {"sites": few(sites)} for leg, sites in missing.items())
    return Check("delivery", False, found, words[next(iter(missing))][1])


def risk(on: Examination, connection: Connection[Any]) -> Check:
    """Whether deadlines, impairments and digests are looked after."""
    _, beat = on.gettext, process_beats(connection).get("risk")
    if beat is None:
        advice = _(
            "Start `davy process risk`; until then nobody hears of deadlines and impairments. Alarms do not need it."
        )
        return Check("risk", False, _("No risk process has ever run on this database."), advice)
    told = _("Last heard %(age)s ago.") % {"age": age(on.now - beat.beat_at)}
    if on.now - beat.beat_at > LATE_CARE:
        advice = _(
            "Look at the log of `davy process risk`: nobody hears of deadlines and impairments. Alarms do not need it."
        )
        return Check("risk", False, told, advice)
    if failing := beat.report.get("failing"):
        found = _("Fails again and again: %(duties)s.") % {"duties": ", ".join(sorted(failing))}
        advice = _(
            "Look for duty_failed in the log of `davy process risk`: it says why. The other duties go on, and alarms do not need it."
        )
        return Check("risk", False, found, advice)
    return Check("risk", True, told)


def seals(on: Examination, connection: Connection[Any]) -> Check:
    """Whether what happens to alarms is sealed every hour."""
    _, state = on.gettext, sealing(connection)
    if state.newest_at is not None and on.now - state.newest_at > LATE_SEAL:
        found = _("The newest seal over alarms is %(age)s old.") % {"age": age(on.now - state.newest_at)}
        advice = _("Look at the log of `davy process risk`: it does not run, or has no %(name)s any more.")
        return Check("seals", False, found, advice % {"name": variable("seal_key")})
    if state.unsealed_since is not None and on.now - state.unsealed_since > LATE_SEAL:
        found = _("What happened to alarms is not sealed: whoever owns the database could write it anew unseen.")
        return Check("seals", False, found, _("Give `davy process risk` %(name)s.") % {"name": variable("seal_key")})
    if state.newest_at is None:
        return Check("seals", True, _("There is nothing to seal yet."))
    told = _("%(seals)s seals over alarms, the newest %(age)s old.")
    return Check("seals", True, told % {"seals": state.seals, "age": age(on.now - state.newest_at)})
