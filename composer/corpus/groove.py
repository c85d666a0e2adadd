"""When the accompaniment strikes: which sixteenths have a stroke of the bass, of the voices above it, or of both.

A groove says nothing of pitches; those follow from the chords. A part of its own is the bass where there is one;
where two hands share a track, the bass is the lowest note that no lower one sounds beneath.
"""

from __future__ import annotations

import re

import numpy as np

from composer.corpus.midi import Floats, Ints, Part
from composer.corpus.parts import BASS_PROGRAMS, LOW, POLYPHONIC, harmony_weights, simultaneity
from composer.groove import BASE, BASS, UPPER

_BASS_NAME = re.compile(r"bass|basso|baix|\bcello|\bleft\b|\bl\.?h\b", re.IGNORECASE)
_CHORD_SPREAD = 0.6  # sixteenths; notes nearer together are one stroke: rolled chords, grace notes
# Semitones above the lowest note between two places where harmony may change that still are bass: less than the fifth
# that broken chords go on with. And above the lowest of a bar before and after: a right hand left alone is none.
_BASS_SPAN, _BASS_LEAP = 5, 14
_AROUND = 16
_BASS_TOP = 59  # MIDI pitch, the highest below middle C
_OCTAVE = 12
_ACCOMPANIED = 0.25  # share of the beats with a stroke below which a piece counts as not accompanied
_NOTHING = 128  # above every MIDI pitch


def accompanying(harmony: tuple[Part, ...]) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """The parts of ``harmony`` that accompany, as (bass parts, others); a line above chords is a second melody."""
    weights = harmony_weights(harmony)
    parts = [part for part, weight in zip(harmony, weights, strict=True) if weight == 1.0]
    bass = [part for part in parts if _is_bass(part)]
    if len(bass) == len(parts):
        return (), tuple(parts)
    return tuple(bass), tuple(part for part in parts if part not in bass)


def _is_bass(part: Part) -> bool:
    if simultaneity(part) > POLYPHONIC:
        return False
    return bool(_BASS_NAME.search(part.name)) or part.program in BASS_PROGRAMS or float(part.pitch.mean()) < LOW


def strokes(start: Floats, end: Floats, pitch: Ints, bass_part: Ints, segment: Ints) -> Ints:
    """(steps,) the stroke at each sixteenth: 0 none, 1 bass, 2 upper voices, 3 both.

    Args:
        start: (N,) sixteenths on the piece's clock, in ascending order.
        end: (N,) likewise, where the notes end.
        pitch: (N,) MIDI pitch.
        bass_part: (N,) 1 for the notes of a part that plays the bass; all 0 where none does.
        segment: (steps,) which of the spans between two places where harmony may change each sixteenth lies in.
    """
    steps = len(segment)
    found = np.zeros(steps, dtype=np.int64)
    place = _places(start)
    inside = (place >= 0) & (place < steps)
    place, end, pitch, bass_part = place[inside], end[inside], pitch[inside], bass_part[inside]
    if bass_part.any():
        found[place[bass_part == 1]] |= BASS
        found[place[bass_part == 0]] |= UPPER
        return found
    lowest = np.full(steps, _NOTHING)
    np.minimum.at(lowest, place, pitch)
    carried = _carried(place, end, pitch, steps)
    beside = np.full(int(segment.max()) + 1, _NOTHING)
    np.minimum.at(beside, segment, np.minimum(lowest, carried))
    ceiling = np.minimum(beside[segment] + _BASS_SPAN, _lowest_around(lowest) + _BASS_LEAP)
    low = lowest <= np.minimum(np.minimum(ceiling, _BASS_TOP), carried)
    found[low] = BASS
    above = pitch - lowest[place]
    # An octave doubles the bass; only a third tone makes a chord of it.
    found[place[~low[place] | ((above > 0) & (above != _OCTAVE))]] |= UPPER
    return found


def packed(found: Ints, beat_steps: int) -> Ints:
    """(beats,) the strokes of each beat as base-4 digits, the first sixteenth lowest; zeros if hardly any strike."""
    beats = found.reshape(-1, beat_steps)
    if beats.any(1).mean() < _ACCOMPANIED:
        return np.zeros(len(beats), dtype=np.int64)
    return np.asarray((beats * BASE ** np.arange(beat_steps)).sum(1), dtype=np.int64)


def _places(start: Floats) -> Ints:
    """(N,) the sixteenth each note counts for: notes struck almost together share their middle one's."""
    first = 0
    place = np.zeros(len(start), dtype=np.int64)
    for note in range(1, len(start) + 1):
        if note == len(start) or start[note] > start[first] + _CHORD_SPREAD:
            place[first:note] = int(np.floor(np.median(start[first:note]) + 0.5))
            first = note
    return place


def _carried(place: Ints, end: Floats, pitch: Ints, steps: int) -> Ints:
    """(steps,) the lowest pitch that sounds on from an earlier stroke."""
    carried = np.full(steps, _NOTHING)
    for begin, stop, tone in zip(place.tolist(), np.floor(end + 0.5).astype(np.int64).tolist(), pitch, strict=True):
        span = carried[begin + 1 : stop]
        np.minimum(span, tone, out=span)
    return carried


def _lowest_around(lowest: Ints) -> Ints:
    """(steps,) the lowest pitch struck within a bar before or after."""
    around = lowest.copy()
    for shift in range(1, _AROUND + 1):
        around[shift:] = np.minimum(around[shift:], lowest[:-shift])
        around[:-shift] = np.minimum(around[:-shift], lowest[shift:])
    return around
