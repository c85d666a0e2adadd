"""Where the bars begin in a piece whose file does not say: a dynamic programme over accents.

Bass notes, full chords, changes of harmony and long melody notes gather on strong beats. Each is a curve over the
sixteenths; its weight at each level of the metre is a table fitted by multinomial logistic regression of the true
barline among the sixteen sixteenths of a bar (POP909 with the barlines of its structure study).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from composer.corpus.midi import Floats, Ints, Part
from composer.theory import METER_INDEX, METERS, Meter

# Rows: bar, half-bar, beat, half-beat. Columns: bass note, chord size, harmonic change, melody onset, note length.
_WEIGHTS = np.array(
    [
        (0.50, 0.14, 0.54, 0.16, -0.02),
        (0.26, -0.04, 0.18, -0.16, 0.30),
        (-0.02, -0.01, -0.20, -0.16, 0.28),
        (-0.06, -0.05, 0.07, -0.18, 0.31),
    ]
)
_IRREGULAR = 2.5  # log-odds against a bar that is cut short, by the same data
# Log-odds for a barline where the file declares one. Enough to hold it in music with few accents (chorales 100 %,
# fiddle tunes 93 %, where the ear alone finds 50 % and 18 %), and little enough to be overruled where it is wrong.
_DECLARED = 0.4
_SPANS = (8, 4)  # sixteenths before and after a place whose tones are compared
_FULL_CHORD = 3.0


@dataclass(frozen=True, slots=True)
class Bars:
    """The bars of a piece.

    Attributes:
        meter: index into :data:`composer.theory.METERS`.
        lines: (K + 1,) sixteenths of the barlines, the closing one included. A bar may be shorter than the metre's.
        short: how many are.
    """

    meter: int
    lines: Floats
    short: int = 0

    def place(self, times: Floats) -> Floats:
        """``times`` in sixteenths on a clock whose bars all have the metre's length; short bars end early."""
        length = METERS[self.meter].bar_steps
        bar = np.clip(np.searchsorted(self.lines, times, side="right") - 1, 0, len(self.lines) - 2)
        return np.asarray(bar * length + times - self.lines[bar])


def find_bars(curves: Floats, meters: tuple[str, ...], declared: Ints) -> Bars:
    """The most likely bars of accent ``curves`` (T, 5), in the best of ``meters`` (names).

    ``declared`` are the steps at which the file has a barline that may be right.
    """
    found = [_track(curves, METERS[METER_INDEX[name]], declared) for name in meters]
    best = max(range(len(found)), key=lambda index: found[index][0])
    lines = found[best][1]
    meter = METER_INDEX[meters[best]]
    lengths = np.diff(lines)
    return Bars(meter, lines.astype(np.float64), int((lengths < METERS[meter].bar_steps).sum()))


def _track(curves: Floats, meter: Meter, declared: Ints) -> tuple[float, Ints]:
    """The score of the best row of bars, and its barlines, from at most a bar before the piece to beyond its end."""
    steps, bar = len(curves), meter.bar_steps
    padded = np.concatenate([np.zeros((bar, curves.shape[1])), curves, np.zeros((2 * bar, curves.shape[1]))])
    gain = padded @ _WEIGHTS.T
    gain = gain - gain[bar : bar + steps].mean(0)
    gain[:bar] = gain[bar + steps :] = 0.0
    gain[declared[(declared >= 0) & (declared < steps)] + bar, 0] += _DECLARED
    lengths = [bar, *(beats * meter.beat_steps for beats in range(meter.beats - 1, 0, -1))]
    total = steps + 2 * bar
    scores = np.stack([_bar_score(gain, meter, length, total) for length in lengths])
    scores[1:] -= _IRREGULAR
    best = np.full(total + bar + 1, -np.inf)
    best[:bar] = 0.0
    come = np.zeros(total + bar + 1, dtype=np.int64)
    rows = scores.T.tolist()
    values = best.tolist()
    for start in range(total):
        here = values[start]
        for length, score in zip(lengths, rows[start], strict=True):
            if here + score > values[start + length]:
                values[start + length] = here + score
                come[start + length] = length
    last = max(range(bar + steps, bar + steps + bar), key=lambda end: values[end])
    lines = [last]
    while come[lines[-1]]:
        lines.append(lines[-1] - int(come[lines[-1]]))
    return values[last], np.array(lines[::-1]) - bar


def _bar_score(gain: Floats, meter: Meter, length: int, total: int) -> Floats:
    """(total,) the score of a bar of ``length`` that begins at each step."""
    score = gain[:total, 0].copy()
    for place in range(1, length):
        level = _level(meter, place)
        if level < gain.shape[1]:
            score += gain[place : place + total, level][:total]
    return score


def _level(meter: Meter, place: int) -> int:
    """The level of the metre a place in the bar lies on: 0 bar, 1 half-bar, 2 beat, 3 half-beat, 4 below."""
    if place == 0:
        return 0
    if place % meter.beat_steps == 0:
        return 1 if 2 * place == meter.bar_steps else 2
    return 3 if place % 2 == 0 else 4


def accents(melody: Part, harmony: tuple[Part, ...], phase: float, steps: int) -> Floats:
    """(steps, 5) accent curves, each about 0..2, in the order of the columns of the weights."""
    curves = np.zeros((steps, _WEIGHTS.shape[1]))
    place = np.clip(np.round(melody.start - phase).astype(np.int64), 0, steps - 1)
    curves[place, 3] = 1.0
    gap = np.diff(melody.start, append=melody.end[-1:])
    np.maximum.at(curves[:, 4], place, np.clip(gap, 0, 8) / 8)
    parts = harmony or (melody,)
    first = np.concatenate([part.start for part in parts]) - phase
    last = np.concatenate([part.end for part in parts]) - phase
    pitch = np.concatenate([part.pitch for part in parts])
    struck = np.clip(np.round(first).astype(np.int64), 0, steps - 1)
    released = np.clip(np.round(last).astype(np.int64), struck + 1, np.minimum(struck + _SPANS[0], steps))
    curves[:, 0] = _bass(struck, pitch, steps)
    np.add.at(curves[:, 1], struck, 1.0)
    curves[:, 1] = np.minimum(curves[:, 1] / _FULL_CHORD, 2.0)
    curves[:, 2] = _change(struck, released, pitch % 12, steps)
    return curves


def _bass(struck: Ints, pitch: Ints, steps: int) -> Floats:
    """(steps,) 1 where a note is struck that is the lowest for half a bar around, falling to 0 an octave above it."""
    lowest = np.full(steps, 128)
    np.minimum.at(lowest, struck, pitch)
    around = lowest.copy()
    for shift in range(1, 9):
        around[shift:] = np.minimum(around[shift:], lowest[:-shift])
        around[:-shift] = np.minimum(around[:-shift], lowest[shift:])
    return np.where(lowest < 128, np.clip(1.0 - (lowest - around) / 12, 0.0, 1.0), 0.0)


def _change(struck: Ints, released: Ints, pitch_class: Ints, steps: int) -> Floats:
    """(steps,) how much the tones after a place differ from those before it, 0..2."""
    edges = np.zeros((steps + 1, 12))
    np.add.at(edges, (struck, pitch_class), 1.0)
    np.add.at(edges, (released, pitch_class), -1.0)
    sounding = np.minimum(np.cumsum(edges, 0)[:-1], 1.0)
    total = np.concatenate([np.zeros((1, 12)), np.cumsum(sounding, 0)])
    index = np.arange(steps)
    change = np.zeros(steps)
    for span in _SPANS:
        before = total[index] - total[np.maximum(index - span, 0)]
        after = total[np.minimum(index + span, steps)] - total[index]
        norm = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
        cosine = (before * after).sum(1) / np.maximum(norm, 1e-9)
        change += np.where(norm > 0, 1.0 - cosine, 0.0)
    return change
