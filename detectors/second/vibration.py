"""What a snapshot of a vibration waveform sounds like: RMS by frequency band, crest factor and kurtosis; or why it cannot be said. Pure.

Bands say something only of frequencies that the sampling reaches. A reading a second reaches half a hertz, where no machine vibrates: of such a
sensor no band is worked out, and the page says how often it would have to be read. Most such sensors send a level that they have
worked out themselves; that is judged as any other signal.

Source: the reach is half the sampling rate (Nyquist), in practice the rate divided by 2.56, as analysers do it to leave room for the filter. Broad-band
vibration of machines is measured from 10 Hz to 1,000 Hz (ISO 20816-1:2016, 4.2; not verified against the standard's text). The bands are ours.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from core.batch import Float64

BANDS: Final = (
    (2.0, 10.0),
    (10.0, 100.0),
    (100.0, 1000.0),
)  # Hz: slow shafts; most faults of shafts; bearings and gears
REACH: Final = 2.56  # sampling rate by the highest frequency that is looked at
LEAST_RATE_HZ: Final = REACH * BANDS[0][1]  # for one whole band
FULL_RATE_HZ: Final = REACH * BANDS[-1][1]  # for all of them
SNAPSHOT: Final = 512  # samples looked at in each window
LEAST_SAMPLES: Final = 128
LEAST_RMS: Final = 1e-9  # of the value: what is left of a number's digits
MOST_UNEVEN: Final = 0.2  # how far a step may differ from the usual one: uneven samples have no spectrum


def reached(rate_hz: float) -> tuple[tuple[float, float], ...]:
    """The bands that so many samples a second reach.

    >>> reached(1.0), reached(400.0)
    ((), ((2.0, 10.0), (10.0, 100.0)))
    """
    return tuple(band for band in BANDS if rate_hz >= REACH * band[1])


def names(rate_hz: float) -> tuple[str, ...]:
    """What `spectrum` gives, in its order.

    >>> names(30.0)
    ('band 2-10 Hz', 'crest factor', 'kurtosis')
    """
    return (*(f"band {low:g}-{high:g} Hz" for low, high in reached(rate_hz)), "crest factor", "kurtosis")


def spectrum(at_s: Float64, values: Float64, rate_hz: float) -> Float64:
    """One snapshot.

    Args:
        at_s: seconds of each sample, ascending.
        rate_hz: of the sensor, 25.6 or more.

    Returns:
        float64, shape (len(names(rate_hz)),): logarithms of the RMS of each band and of the crest factor, and the kurtosis (3 for noise, above it
        where there are knocks) as the logarithm of its share of 3. NaN throughout where the samples are too few or uneven, or stand still.
    """
    empty = np.full(len(names(rate_hz)), np.nan)
    known = np.isfinite(values)
    at_s, values = at_s[known], values[known]
    if len(values) < LEAST_SAMPLES:
        return empty
    steps = np.diff(at_s)
    step = float(np.median(steps))
    if step <= 0.0 or np.abs(steps - step).max() > MOST_UNEVEN * step or not 0.8 <= step * rate_hz <= 1.25:
        return empty
    around = values - values.mean()
    rms = float(np.sqrt((around**2).mean()))
    if rms <= LEAST_RMS * max(1.0, float(np.abs(values).max())):
        return empty
    window = np.hanning(len(around))
    power = np.abs(np.fft.rfft(around * window)) ** 2 / (window**2).sum() / len(around)
    power[1:] *= 2.0  # the other half of the spectrum is its mirror
    frequency = np.fft.rfftfreq(len(around), step)
    bands = [power[(frequency >= low) & (frequency < high)].sum() for low, high in reached(rate_hz)]
    kurtosis = float((around**4).mean()) / rms**4
    logs = [0.5 * np.log(max(float(band), (1e-6 * rms) ** 2)) for band in bands]
    return np.array([*logs, np.log(float(np.abs(around).max()) / rms), np.log(kurtosis / 3.0)])
