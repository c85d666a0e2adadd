"""How loud a note is: the track's level, the phrase's energy and swell, the metre and the pattern's accent."""

from __future__ import annotations

from composer.arrangement.piece import Piece

MIDDLE_ENERGY = 0.6
PER_ENERGY = 30.0  # velocity steps from silence to full energy
PER_SWELL = 6.0
BY_STRENGTH = (-4, 0, 3, 6)  # by Piece.strength()


def velocity(level: int, piece: Piece, step: int, accent: float = 0.0) -> int:
    """MIDI velocity 1..127 of a note at a step (sixteenth) of a track whose plain notes have ``level``."""
    return rise(level + accent + BY_STRENGTH[piece.strength(step)], piece, step)


def rise(level: float, piece: Piece, step: int) -> int:
    """MIDI velocity 1..127 of a note of ``level`` in the form alone: its phrase's energy and swell, no metre."""
    loud = level + PER_ENERGY * (piece.phrase_at(step).energy - MIDDLE_ENERGY) + PER_SWELL * (piece.swell(step) - 0.5)
    return min(127, max(1, round(loud)))
