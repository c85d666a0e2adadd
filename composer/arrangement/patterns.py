"""Patterns: one bar of an instrument as text, one sign a sixteenth. Blanks and ``|`` only help the eye.

==========  ==============================  ===========================================================
kind        signs                           meaning
==========  ==============================  ===========================================================
comping     ``X x o``                       all voices: accented, plain, soft
            ``1 2 3 4 5 6``                 one voice, counted from the lowest
bass        ``R 8 5 3``                     root, root an octave higher, fifth, third of the chord
            ``a``                           a note that leads into the next chord; the fifth where none comes
drums       ``X x o``                       a stroke: accented, plain, soft
all         ``-`` and ``.``                 hold, rest
==========  ==============================  ===========================================================
"""

from __future__ import annotations

from composer.arrangement.errors import ArrangementError

HOLD, REST = "-", "."
SIGNS = {"comping": "Xxo123456-.", "bass": "R853a-.", "drums": "Xxo-."}
# Added to the velocity of a track; other signs are plain.
ACCENTS = {"X": 12, "o": -16}


def read_pattern(text: str, kind: str, steps: int) -> str:
    """The signs of a pattern, one a sixteenth.

    Args:
        text: as written in a style file.
        kind: a row of :data:`SIGNS`.
        steps: sixteenths in a bar.

    Raises:
        ArrangementError: if it has another length or a sign that ``kind`` does not know.
    """
    signs = "".join(text.replace("|", " ").split())
    unknown = sorted(set(signs) - set(SIGNS[kind]))
    if unknown:
        raise ArrangementError(f"pattern {text!r} holds {unknown[0]!r}: a {kind} pattern knows {SIGNS[kind]}")
    if len(signs) != steps:
        raise ArrangementError(f"pattern {text!r} has {len(signs)} signs: a bar has {steps} sixteenths")
    if signs.lstrip(HOLD) != signs:
        raise ArrangementError(f"pattern {text!r} begins with a hold: nothing was struck before it")
    return signs


def level_of(energy: float, levels: int) -> int:
    """Which of ``levels`` patterns, ordered from calm to full, suits an ``energy`` of 0..1."""
    return min(levels - 1, int(energy * levels))
