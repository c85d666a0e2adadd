"""Timing that is not on the grid: swing, and the small unevenness of people. Both work on a finished arrangement."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from composer.arrangement.model import PPQ, Arrangement, Note, tidy

# A pair of swung notes divides its span at 1/2 when straight and at 2/3 when fully swung.
_STRAIGHT, _TRIPLET = 1 / 2, 2 / 3
TIMING_TICKS = 6.0  # standard deviation of a start: 6 ms at 120 a minute, within what listeners hear as together
MOST_TICKS = 14
VELOCITY_STEPS = 4.0


def swung(notes: Sequence[Note], amount: float, unit: str) -> list[Note]:
    """Notes with the second of each pair of ``unit`` ("eighth" or "sixteenth") delayed; what lies on pairs stays."""
    span = PPQ if unit == "eighth" else PPQ // 2
    middle = _STRAIGHT + (_TRIPLET - _STRAIGHT) * amount

    def moved(tick: int) -> int:
        pair, inside = divmod(tick, span)
        share = inside / span
        bent = share * 2 * middle if share < _STRAIGHT else middle + (share - _STRAIGHT) * 2 * (1 - middle)
        return pair * span + round(bent * span)

    return [Note(moved(note.start), moved(note.end), note.pitch, note.velocity) for note in notes]


def louder(arrangement: Arrangement, factor: float) -> Arrangement:
    """A copy whose velocities are multiplied by ``factor``, within 1..127."""
    return replace(
        arrangement,
        tracks=tuple(
            replace(
                track,
                notes=tuple(
                    Note(note.start, note.end, note.pitch, min(127, max(1, round(note.velocity * factor))))
                    for note in track.notes
                ),
            )
            for track in arrangement.tracks
        ),
    )


def humanized(arrangement: Arrangement, generator: random.Random) -> Arrangement:
    """A copy whose notes begin a little early or late and vary a little in velocity; ends and ranges stay."""
    tracks = []
    for track in arrangement.tracks:
        notes = []
        for note in track.notes:
            drift = round(min(MOST_TICKS, max(-MOST_TICKS, generator.gauss(0.0, TIMING_TICKS))))
            loud = min(127, max(1, round(note.velocity + generator.gauss(0.0, VELOCITY_STEPS))))
            end = note.end if note.end == arrangement.ticks else note.end + drift
            notes.append(Note(note.start + drift, end, note.pitch, loud))
        tracks.append(replace(track, notes=tidy(notes, arrangement.ticks)))
    return replace(arrangement, tracks=tuple(tracks))
