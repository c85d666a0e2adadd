"""The melody as an instrument plays it: in its register, phrased, the last note held."""

from __future__ import annotations

from collections.abc import Sequence

from composer.arrangement.dynamics import velocity
from composer.arrangement.model import SHORTEST_NOTE, STEP_TICKS, Note
from composer.arrangement.piece import Piece, Tone
from composer.arrangement.style import MelodyConfig

PER_SEMITONE = 0.5  # velocity steps a note gains for each semitone above the melody's middle
# An octave away from where the melody was written counts like this many semitones off the range's middle.
OCTAVE_COST = 3
LONGEST_BREATH = 40  # ticks: a long note is not cut by a share of its length


def melody_pitches(melody: Sequence[Tone], low: int, high: int) -> list[int]:
    """The melody's pitches moved as a whole by octaves into ``low``..``high``; what still lies out folds in."""
    if not melody:
        return []
    pitches = [tone.pitch for tone in melody]
    middle = sum(pitches) / len(pitches)

    def misfit(octaves: int) -> tuple[int, float]:
        outside = sum(not low <= pitch + 12 * octaves <= high for pitch in pitches)
        return outside, OCTAVE_COST * abs(octaves) + abs(middle + 12 * octaves - (low + high) / 2)

    shift = 12 * min(range(-6, 7), key=misfit)
    return [fold(pitch + shift, low, high) for pitch in pitches]


def fold(pitch: int, low: int, high: int) -> int:
    """``pitch`` moved by the fewest octaves into ``low``..``high``, a range of at least an octave."""
    below, above = max(0, low - pitch), max(0, pitch - high)
    return pitch + 12 * ((below + 11) // 12) - 12 * ((above + 11) // 12)


def write_melody(piece: Piece, track: MelodyConfig, *, as_written: bool = False) -> list[Note]:
    """The melody's notes in ticks, in the instrument's range or, ``as_written``, where they were written."""
    pitches = (
        [tone.pitch for tone in piece.melody] if as_written else melody_pitches(piece.melody, track.low, track.high)
    )
    middle = sum(pitches) / max(1, len(pitches))
    notes = []
    for tone, pitch in zip(piece.melody, pitches, strict=True):
        start, end = tone.start * STEP_TICKS, tone.end * STEP_TICKS
        if tone is piece.melody[-1] and tone.end > piece.last_bar:
            end = piece.steps * STEP_TICKS
        else:
            breath = min(LONGEST_BREATH, round((end - start) * (1 - track.legato)))
            end = max(start + SHORTEST_NOTE, end - breath)
        loud = velocity(track.velocity, piece, tone.start, PER_SEMITONE * (pitch - middle))
        notes.append(Note(start, end, pitch, loud))
    return notes
