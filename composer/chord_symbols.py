"""Chord symbols as musicians write them: ``"Am F | C/E G7 | Dm7b5 | N.C."`` to chords on beats."""

from __future__ import annotations

import re
from collections.abc import Mapping

from composer.theory import CHORD_QUALITIES, NO_CHORD, Meter, TheoryError, chord_code

_ROOTS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1, "##": 2, "bb": -2}
_SYMBOL = re.compile(r"([A-G])(##|bb|[#♯b♭]?)(.*?)(?:/([A-G](?:##|bb|[#♯b♭]?)))?")
# What is written for each quality besides its own symbol. What Triad has no quality for stands for the nearest one.
_SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "major": ("M", "major", "add9", "(add9)", "add2", "5"),
    "minor": ("min", "-", "mi", "minor", "madd9", "m(add9)", "m11"),
    "dominant-seventh": ("dom7", "9", "11", "13", "7b9", "7#9", "7b5", "7#5", "7alt", "7#11", "7b13", "7(b9)"),
    "major-seventh": ("M7", "ma7", "j7", "Δ", "Δ7", "maj", "maj9", "M9", "maj13", "maj7#11", "^7", "^"),
    "minor-seventh": ("min7", "-7", "mi7", "m9", "min9", "-9"),
    "diminished": ("°", "o", "mb5", "m(b5)"),
    "half-diminished": ("ø", "ø7", "min7b5", "-7b5", "m7(b5)", "m7-5", "h7"),
    "diminished-seventh": ("°7", "o7"),
    "augmented": ("+", "#5", "aug7", "+7"),
    "suspended-fourth": ("sus", "4"),
    "suspended-second": ("2", "9sus2"),
    "dominant-seventh-suspended": ("7sus", "9sus4", "9sus", "13sus4", "11sus"),
    "major-sixth": ("maj6", "M6", "6/9", "69", "add6"),
    "minor-sixth": ("min6", "-6", "m69", "mMaj7", "m(maj7)", "mM7", "-maj7"),
}
_QUALITIES = {
    **{spelling: name for name, spellings in _SPELLINGS.items() for spelling in spellings},
    **{quality.symbol: quality.name for quality in CHORD_QUALITIES},
}
_INDEX = {quality.name: index for index, quality in enumerate(CHORD_QUALITIES)}
_SILENT = ("N.C.", "NC", "N.C", "nc", "n.c.")
_AGAIN = ("%", "/", "-", ".")


def parse_chord(symbol: str) -> int:
    """The code of a chord symbol such as ``"F#m7"``, ``"Bbmaj7"`` or ``"G/B"``, as it sounds.

    A bass note after a slash must name a pitch and is read no further: inversions are the arrangement's. Ninths,
    elevenths and thirteenths are read as the seventh chords they stand on.

    Raises:
        TheoryError: naming the symbol.
    """
    if symbol in _SILENT:
        return NO_CHORD
    match = _SYMBOL.fullmatch(symbol)
    quality = _QUALITIES.get(match[3]) if match else None
    if match is None or quality is None:
        raise TheoryError(
            f"unknown chord symbol {symbol!r}: write a root A to G, # or b, and what follows, such as Am, F#m7, "
            "Bbmaj7, Gsus4, Bdim or N.C."
        )
    return chord_code(_ROOTS[match[1]] + _ACCIDENTALS[match[2]], _INDEX[quality])


def parse_progression(text: str, meter: Meter) -> list[int]:
    """The chord code of every beat of a progression.

    Bars are parted by ``|``; without any, every symbol is a bar. The chords of a bar share its beats, the earlier
    ones taking what is left over; ``%``, ``/``, ``-`` and ``.`` repeat the chord before.

    Raises:
        TheoryError: if there is no chord, a symbol is unknown, or a bar holds more chords than beats.
    """
    parted = [bar.split() for bar in re.split(r"\|+:?|:\|+|\n", text)]
    bars = [bar for bar in parted if bar]
    if len(bars) == 1 and "|" not in text:
        bars = [[symbol] for symbol in bars[0]]
    if not bars:
        raise TheoryError(f"no chord in {text!r}: write symbols such as 'Am F | C G'")
    codes: list[int] = []
    for number, bar in enumerate(bars, start=1):
        if len(bar) > meter.beats:
            raise TheoryError(
                f"bar {number} holds {len(bar)} chords ({' '.join(bar)}), and a bar of {meter.name} has "
                f"{meter.beats} beats: part the bars with |"
            )
        for place, symbol in enumerate(bar):
            if symbol in _AGAIN:
                if not codes:
                    raise TheoryError(f"bar {number} begins with {symbol!r}: there is no chord before it to repeat")
                code = codes[-1]
            else:
                code = parse_chord(symbol)
            codes += [code] * (meter.beats // len(bar) + (place < meter.beats % len(bar)))
    return codes
