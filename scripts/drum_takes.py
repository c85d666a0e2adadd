"""Recordings of the Groove MIDI Dataset on the grid they were played on, for ``learn_drums.py``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np
from numpy.typing import NDArray

from composer.arrangement.grooves import BAR_STEPS

Array = NDArray[np.float64]

# The keys of the dataset's electronic kit, as its page maps them, as drums of composer/arrangement/kit.py.
KIT = {
    "kick": (36,), "snare": (38, 40), "rim": (37,), "hat": (42, 22), "pedal": (44,), "open": (46, 26),
    "tom_high": (48, 50), "tom_mid": (45, 47), "tom_low": (43, 58), "crash": (49, 57, 52), "splash": (55,),
    "ride": (51, 59), "bell": (53,),
}  # fmt: skip
DRUMS = tuple(KIT)
ROW = {key: row for row, keys in enumerate(KIT.values()) for key in keys}

FAINTEST = 8  # softer strokes are other pads ringing along
# The pads of an electronic kit answer unlike, and its module made up for it: in each recording every drum is levelled
# so that this percentile of its velocities comes to its level, by a gain within bounds.
LEVELS = {
    "kick": 100, "snare": 104, "rim": 92, "hat": 84, "pedal": 60, "open": 88, "tom_high": 100, "tom_mid": 100,
    "tom_low": 100, "crash": 104, "splash": 92, "ride": 86, "bell": 92,
}  # fmt: skip
LOUD_SHARE, LEAST_GAIN, MOST_GAIN = 80, 0.5, 2.0
LOUD = 100.0
SUBDIVISIONS = {"straight": 4, "swung": 3}
LAGS = np.arange(-0.16, 0.161, 0.01)  # quarter notes a recording may be behind its click
LAG_COST = 0.3  # of two lags that fit alike, the smaller
OFF_CLICK = 0.85  # mean distance from the grid, chance being 1, at which a recording did not follow the click
DRIFT_BARS = 4  # drummers drift from the click: the lag is taken anew as often
SHORTEST_TAKE = 4  # bars


@dataclass(frozen=True)
class Take:
    """A recording on the grid: (bars, drums, 16) velocities, 0 for no stroke, and timings in sixteenths."""

    name: str
    tempo: float
    feel: str
    velocity: Array
    timing: Array


def read_take(path: Path, name: str, tempo: float) -> Take | None:
    """A recording on the grid it was played on, or None if it is too short or did not follow its click."""
    song = mido.MidiFile(path)
    rows, beats, loud = [], [], []
    tick = 0
    for message in mido.merge_tracks(song.tracks):
        tick += message.time
        if message.type == "note_on" and message.velocity >= FAINTEST and message.note in ROW:
            rows.append(ROW[message.note])
            beats.append(tick / song.ticks_per_beat)
            loud.append(message.velocity)
    if not beats:
        return None
    row, beat, velocity = np.array(rows), np.array(beats), np.array(loud, float)
    fits = {feel: _fit(beat, parts) for feel, parts in SUBDIVISIONS.items()}
    feel = min(fits, key=lambda name: fits[name][0])
    misfit, lag = fits[feel]
    parts = SUBDIVISIONS[feel]
    beat = _without_drift(beat - lag, parts)
    bars = int(np.ceil((beat.max() + 0.5 / parts) / 4))
    if misfit > OFF_CLICK or bars < SHORTEST_TAKE:
        return None
    for index, drum in enumerate(DRUMS):
        if (row == index).any():
            gain = LEVELS[drum] / np.percentile(velocity[row == index], LOUD_SHARE)
            velocity[row == index] *= min(max(gain, LEAST_GAIN), MOST_GAIN)
    velocity = np.minimum(127, velocity)
    slot = np.round(beat * parts).astype(int)
    step = slot // parts * 4 + slot % parts
    late = (beat - slot / parts) * 4
    grid, timing = np.zeros((bars, len(DRUMS), BAR_STEPS)), np.zeros((bars, len(DRUMS), BAR_STEPS))
    for index in np.argsort(velocity, kind="stable"):  # of two strokes in one place the louder stays
        bar, place = divmod(int(step[index]), BAR_STEPS)
        if 0 <= bar < bars:
            grid[bar, row[index], place] = velocity[index]
            timing[bar, row[index], place] = late[index]
    return Take(name, tempo, feel, grid, timing)


def _distance(beat: Array, parts: int) -> Array:
    return beat - np.round(beat * parts) / parts


def _fit(beat: Array, parts: int) -> tuple[float, float]:
    """How far strokes lie from a grid at its best lag, 1 being chance, and that lag in quarter notes."""
    chance = 1 / (4 * parts)
    misfits = [float(np.abs(_distance(beat - lag, parts)).mean()) / chance for lag in LAGS]
    best = min(range(len(LAGS)), key=lambda at: misfits[at] + LAG_COST * abs(LAGS[at]))
    return misfits[best], float(LAGS[best])


def _without_drift(beat: Array, parts: int) -> Array:
    """The beats with the median lag of every few bars taken away; what is left is feel."""
    window = (np.maximum(beat, 0) // (4 * DRIFT_BARS)).astype(int)
    moved = beat.copy()
    for index in np.unique(window):
        inside = window == index
        moved[inside] -= np.median(_distance(beat[inside], parts))
    return moved
