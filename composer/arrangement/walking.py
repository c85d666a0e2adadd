"""Walking bass: a note a beat, the root where the chord changes, chord and scale tones between, leading on by step.

The line of least cost, found over all pitches of the range at once (dynamic programming), with a little drawn by lot
so that two walks over the same chords differ.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from composer.arrangement.dynamics import rise
from composer.arrangement.model import STEP_TICKS, Note
from composer.arrangement.piece import Harmony, Piece
from composer.arrangement.style import BassConfig
from composer.theory import MODES, chord_pitch_classes, chord_root

WALKED_METERS = frozenset({"4/4", "3/4"})
LEGATO = 0.95
FORBIDDEN = 1e6
# What a note outside the chord costs: in the scale on a strong beat and a weak one, chromatic, chromatic leading on.
SCALE_ON_STRONG, SCALE_ON_WEAK, CHROMATIC, LEADING = 2.0, 0.4, 4.0, 0.3
# What the interval from the note before costs, in semitones 0..12; a bass walks by steps and falls by fifths.
INTERVALS = (4.0, 0.0, 0.0, 0.5, 0.6, 0.8, 2.5, 0.9, 2.0, 2.5, 3.0, 4.0, 1.5)
INTO_CHANGE = (3.0, 0.0, 0.2, 1.5, 1.5, 0.5, 2.5, 0.5, 2.0, 2.5, 3.0, 4.0, 1.5)  # the same into a new root
OFF_HOME, HOME = 0.05, 0.4  # cost a semitone away from this share of the range
CHANCE = 0.8  # most that is added to a cost by lot


def walk(notes: Sequence[Note], piece: Piece, track: BassConfig, generator: random.Random) -> list[Note]:
    """A written bass line with its strokes replaced by walked ones in the phrases that walk.

    Args:
        notes: the line in ticks, as its patterns have it.
        piece: the piece.
        track: with ``walk``, the energy from which on phrases walk; None leaves the notes as they are.
        generator: draws between lines that are almost as good.
    """
    least = track.walk
    if least is None or piece.meter.name not in WALKED_METERS:
        return list(notes)
    beats: list[tuple[int, Harmony]] = []
    for step in range(0, piece.ending, piece.meter.beat_steps):
        harmony = piece.harmony_at(step)
        if harmony is not None and piece.phrase_at(step).energy >= max(least, track.enter):
            beats.append((step, harmony))
    line = _line(beats, piece, track, generator)
    ticks = piece.meter.beat_steps * STEP_TICKS
    starts = [step * STEP_TICKS for step, _ in beats]
    walked = [
        Note(start, start + round(LEGATO * ticks), pitch, rise(track.velocity, piece, start // STEP_TICKS))
        for start, pitch in zip(starts, line, strict=True)
    ]
    taken = {start // ticks for start in starts}
    kept = []
    for note in notes:
        if note.start // ticks in taken:
            continue
        end = next(
            (beat * ticks for beat in range(note.start // ticks, -(-note.end // ticks)) if beat in taken), note.end
        )
        kept.append(Note(note.start, end, note.pitch, note.velocity))
    return sorted(kept + walked)


def _line(
    beats: Sequence[tuple[int, Harmony]], piece: Piece, track: BassConfig, generator: random.Random
) -> list[int]:
    """The pitch on each beat."""
    pitches = np.arange(track.low, track.high + 1)
    apart = np.abs(pitches[:, None] - pitches)
    within, into = (
        np.array([*costs, FORBIDDEN])[np.minimum(apart, len(costs))] for costs in (INTERVALS, INTO_CHANGE)
    )
    away = OFF_HOME * np.abs(pitches - track.low - HOME * (track.high - track.low))
    scale = [(piece.key.tonic + degree) % 12 for degree in MODES[piece.key.mode].scale]
    in_scale = np.isin(pitches % 12, scale)
    totals = np.zeros(len(pitches))
    back: list[NDArray[np.int64]] = []
    for place, (step, harmony) in enumerate(beats):
        fresh = place == 0 or beats[place - 1][1] is not harmony
        if place:
            through = totals[:, None] + (into if fresh else within)
            back.append(through.argmin(0))
            totals = through.min(0)
        totals = totals + away + CHANCE * np.array([generator.random() for _ in pitches])
        if fresh:
            totals = totals + FORBIDDEN * (pitches % 12 != chord_root(harmony.code))
            continue
        outside = np.where(in_scale, SCALE_ON_STRONG if piece.strength(step) > 1 else SCALE_ON_WEAK, CHROMATIC)
        if place + 1 < len(beats) and beats[place + 1][1] is not harmony:
            target = chord_root(beats[place + 1][1].code)
            outside = np.where(np.isin((pitches - target) % 12, (1, 11)), LEADING, outside)
        totals = totals + np.where(np.isin(pitches % 12, list(chord_pitch_classes(harmony.code))), 0.0, outside)
    if not beats:
        return []
    path = [int(totals.argmin())]
    for came in reversed(back):
        path.append(int(came[path[-1]]))
    return [int(pitches[at]) for at in reversed(path)]
