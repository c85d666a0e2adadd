"""Names of keys and chords as musicians spell them: Db in Ab major, C# in A major.

A name is chosen on the line of fifths ``... Eb Bb F C G D A E B F# C# ...``: each key takes the twelve
neighbouring names around its own scale that hold the chromatic notes it borrows most.
"""

from __future__ import annotations

from composer.theory import MODES, NO_CHORD, Key, chord_name

# Position 0 is C; positions -7..11 run from Cb to E#.
_NAMES = {
    place: "FCGDAEB"[(place + 1) % 7] + ("b" * -((place + 1) // 7) if place < -1 else "#" * ((place + 1) // 7))
    for place in range(-7, 12)
}
# Major keys are written with six flats to six sharps, minor ones from three flats of their own to eight sharps.
_LOWEST_TONIC = {"major": -6, "minor": -3}
_RELATIVE_MAJOR = {"major": 0, "minor": -3}
# How many names below the key's first sharp/flat position the chromatic notes begin: Ab in C major, Bb in A minor.
_BELOW = {"major": 4, "minor": 2}


def tonic_place(key: Key) -> int:
    """Position of the key's tonic on the line of fifths, C = 0."""
    lowest = _LOWEST_TONIC[MODES[key.mode].name]
    return lowest + (key.tonic * 7 - lowest) % 12


def signature(key: Key) -> int:
    """Sharps of the key signature; flats count negative: -6..6 or so."""
    return tonic_place(key) + _RELATIVE_MAJOR[MODES[key.mode].name]


def tonic_name(key: Key) -> str:
    """The key's tonic, such as ``"Bb"``."""
    return _NAMES[tonic_place(key)]


def key_name(key: Key) -> str:
    """The key spelled as it is written, such as ``"Db major"``."""
    return f"{tonic_name(key)} {MODES[key.mode].name}"


def pitch_class_name(pitch_class: int, key: Key) -> str:
    """A pitch class 0..11 as it is spelled in ``key``."""
    lowest = min(0, max(-7, signature(key) - _BELOW[MODES[key.mode].name]))
    return _NAMES[lowest + (pitch_class * 7 - lowest) % 12]


def chord_symbol(code: int, key: Key) -> str:
    """The symbol of a sounding chord as it is spelled in ``key``; ``"N.C."`` for no chord."""
    if code == NO_CHORD:
        return chord_name(code)
    root = (code - 1) % 12
    return pitch_class_name(root, key) + chord_name(code).removeprefix(chord_name(1 + root))
