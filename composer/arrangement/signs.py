"""What a track does at every sixteenth: as its patterns say, or as the groove that was composed for the piece.

A groove says when bass and upper voices strike; the track's manner makes signs of it (:mod:`patterns`): which of the
chord's tones the bass takes, and whether the upper voices strike together or one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from composer.arrangement.patterns import HOLD, REST, level_of, read_pattern
from composer.arrangement.piece import Piece
from composer.groove import BASS, UPPER

# What the bass takes on the strokes between two strong beats, by manner; over and over.
BASS_MANNERS: Mapping[str, str] = {"roots": "R", "fifths": "5R", "octaves": "8R"}
STRONG = 2  # by Piece.strength(): the bar, and the beats on which harmony may change


def pattern_signs(piece: Piece, patterns: Mapping[str, Sequence[str]], kind: str) -> list[str]:
    """The sign of every sixteenth by bars of ``kind`` from calm to full, as the energy of each phrase asks."""
    bar_steps = piece.meter.bar_steps
    levels = [read_pattern(bar, kind, bar_steps) for bar in patterns[piece.meter.name]]
    return [
        levels[level_of(piece.phrase_at(step).energy, len(levels))][step % bar_steps] for step in range(piece.steps)
    ]


def bass_signs(piece: Piece, manner: str) -> list[str]:
    """The bass of the piece's groove: a root on strong beats, the ``manner`` between, a leading note before a change.

    Every harmony begins with a rest or a stroke, so that nothing is struck where the groove does not strike.
    """
    signs = _blank(piece)
    taken = 0
    for harmony in piece.harmonies:
        strokes = [step for step in range(harmony.start, harmony.end) if piece.strokes[step] & BASS]
        for step in strokes:
            if step == strokes[0] or piece.strength(step) >= STRONG:
                signs[step], taken = "R", 0
            elif step == strokes[-1] and harmony.end - step < piece.meter.beat_steps:
                signs[step] = "a"
            else:
                signs[step] = BASS_MANNERS[manner][taken % len(BASS_MANNERS[manner])]
                taken += 1
    return signs


def comping_signs(piece: Piece, manner: str, voices: int) -> list[str]:
    """The upper voices of the piece's groove, ``"blocks"`` or ``"broken"``.

    Blocks are chords on every stroke, but one voice where a stroke follows upon another within a sixteenth. Broken
    chords go up and down through the voices, one a stroke; strokes with a beat to themselves, and those together with
    the bass on strong beats, are whole chords.

    Args:
        piece: with a groove.
        manner: one of the two.
        voices: how many the track has.
    """
    signs = _blank(piece)
    turn = [*range(1, voices + 1), *range(voices - 1, 1, -1)]
    place = 0
    struck = [step for step in range(piece.steps) if piece.strokes[step] & UPPER]
    for before, step, after in zip([-piece.steps, *struck], struck, [*struck[1:], 2 * piece.steps], strict=False):
        strong = piece.strength(step) >= STRONG
        place *= not strong
        if manner == "blocks":
            whole = step - before > 1
        else:
            whole = after - step >= piece.meter.beat_steps or (strong and bool(piece.strokes[step] & BASS))
        if whole:
            signs[step] = "x" if piece.strength(step) else "o"
        else:
            signs[step] = str(turn[place % len(turn)])
            place += 1
    return signs


def _blank(piece: Piece) -> list[str]:
    """Nothing struck: what sounds rings on to the end of its harmony."""
    signs = [HOLD] * piece.steps
    for harmony in piece.harmonies:
        signs[harmony.start] = REST
    return signs
