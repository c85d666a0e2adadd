"""Keys, modes, metres and chord qualities: the tables of music theory everything else reads.

Pure data and pure functions. Nothing here knows a tensor, a file or a learner, so the command line can
check a key or a metre without loading anything heavy.

Inside Triad music is *relative*: a piece in a major key is written as if in C, one in a minor key as if in
A. A key is therefore a transposition at the door (:func:`Key.transposition`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from composer.errors import TriadError

PITCH_CLASS_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")

_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"#": 1, "♯": 1, "b": -1, "♭": -1}


class TheoryError(TriadError):
    """A name from music theory (key, metre, chord) that Triad does not know."""


@dataclass(frozen=True, slots=True)
class Mode:
    """A mode: its ``scale`` in semitones above the tonic and the pitch class pieces in it are written on."""

    name: str
    scale: tuple[int, ...]
    reference_tonic: int
    aliases: tuple[str, ...] = ()

    @property
    def pitch_classes(self) -> frozenset[int]:
        """The scale's pitch classes as written inside Triad (C major, A minor)."""
        return frozenset((self.reference_tonic + step) % 12 for step in self.scale)


MODES = (
    Mode("major", (0, 2, 4, 5, 7, 9, 11), 0, ("maj", "M", "ionian")),
    Mode("minor", (0, 2, 3, 5, 7, 8, 10), 9, ("min", "m", "aeolian")),
)
MODE_INDEX = {mode.name: index for index, mode in enumerate(MODES)}


@dataclass(frozen=True, slots=True)
class Key:
    """A key: ``tonic`` as a pitch class 0..11 (C = 0) and an index into :data:`MODES`."""

    tonic: int
    mode: int

    @classmethod
    def parse(cls, text: str) -> Key:
        """Read ``"D minor"``, ``"Bb"``, ``"F#m"``, ``"e minor"`` or ``"C♯ major"``.

        Raises:
            TheoryError: if the text names no key; the message says what is accepted.
        """
        match = re.fullmatch(r"\s*([A-Ga-g])([#♯b♭]?)\s*[- _:]?\s*([A-Za-z]*)\s*", text)
        if match is not None:
            letter, accidental, mode_name = match.groups()
            for index, mode in enumerate(MODES):
                names = (mode.name, *mode.aliases)
                if mode_name in names or mode_name.lower() in (name for name in names if len(name) > 1):
                    return cls((_LETTERS[letter.upper()] + _ACCIDENTALS.get(accidental, 0)) % 12, index)
            if not mode_name:
                return cls((_LETTERS[letter.upper()] + _ACCIDENTALS.get(accidental, 0)) % 12, 0)
        known = ", ".join(mode.name for mode in MODES)
        raise TheoryError(
            f"unknown key {text!r}: give a tonic and a mode, such as 'D minor' or 'Bb major' (modes: {known})"
        )

    @property
    def name(self) -> str:
        """The key's name, such as ``"D minor"``."""
        return f"{PITCH_CLASS_NAMES[self.tonic]} {MODES[self.mode].name}"

    @property
    def transposition(self) -> int:
        """Semitones from the written music (C major, A minor) to this key, in -6..5."""
        return transposition(self.tonic, self.mode)


def transposition(tonic: int, mode: int) -> int:
    """Semitones from the reference tonic of ``mode`` to ``tonic``, by the shorter way: -6..5."""
    return (tonic - MODES[mode].reference_tonic + 6) % 12 - 6


@dataclass(frozen=True, slots=True)
class Meter:
    """A metre on the sixteenth grid.

    Attributes:
        name: the time signature as written.
        beats: beats in a bar, as a listener taps them (6/8 has two).
        beat_steps: sixteenths in a beat: 4 in simple metres, 6 in compound ones.
        chord_beats: the beats of a bar at which the harmony may change.
    """

    name: str
    beats: int
    beat_steps: int
    chord_beats: tuple[int, ...]

    @property
    def bar_steps(self) -> int:
        """Sixteenths in a bar."""
        return self.beats * self.beat_steps

    @property
    def numerator(self) -> int:
        """Upper figure of the time signature."""
        return int(self.name.split("/")[0])

    @property
    def denominator(self) -> int:
        """Lower figure of the time signature."""
        return int(self.name.split("/")[1])


METERS = (
    Meter("4/4", 4, 4, (0, 2)),
    Meter("3/4", 3, 4, (0, 2)),
    Meter("2/4", 2, 4, (0, 1)),
    Meter("6/8", 2, 6, (0, 1)),
    Meter("9/8", 3, 6, (0, 2)),
    Meter("12/8", 4, 6, (0, 2)),
)
METER_INDEX = {meter.name: index for index, meter in enumerate(METERS)}
MAX_BEAT_STEPS = max(meter.beat_steps for meter in METERS)


def parse_meter(text: str) -> int:
    """Index into :data:`METERS` of a time signature such as ``"3/4"``.

    Raises:
        TheoryError: if Triad does not write in that metre.
    """
    try:
        return METER_INDEX[text.replace(" ", "")]
    except KeyError:
        known = ", ".join(METER_INDEX)
        raise TheoryError(f"unknown metre {text!r}: choose one of {known}") from None


@dataclass(frozen=True, slots=True)
class ChordQuality:
    """A chord quality: the ``symbol`` written after the root and its ``intervals`` in semitones."""

    name: str
    symbol: str
    intervals: tuple[int, ...]


# The order is part of the file format: a chord code is 1 + 12 * quality + root. New rows go at the end.
CHORD_QUALITIES = (
    ChordQuality("major", "", (0, 4, 7)),
    ChordQuality("minor", "m", (0, 3, 7)),
    ChordQuality("dominant-seventh", "7", (0, 4, 7, 10)),
    ChordQuality("major-seventh", "maj7", (0, 4, 7, 11)),
    ChordQuality("minor-seventh", "m7", (0, 3, 7, 10)),
    ChordQuality("diminished", "dim", (0, 3, 6)),
    ChordQuality("half-diminished", "m7b5", (0, 3, 6, 10)),
    ChordQuality("diminished-seventh", "dim7", (0, 3, 6, 9)),
    ChordQuality("augmented", "aug", (0, 4, 8)),
    ChordQuality("suspended-fourth", "sus4", (0, 5, 7)),
    ChordQuality("suspended-second", "sus2", (0, 2, 7)),
    ChordQuality("dominant-seventh-suspended", "7sus4", (0, 5, 7, 10)),
    ChordQuality("major-sixth", "6", (0, 4, 7, 9)),
    ChordQuality("minor-sixth", "m6", (0, 3, 7, 9)),
)
QUALITY_INDEX = {quality.name: index for index, quality in enumerate(CHORD_QUALITIES)}

NO_CHORD = 0
CHORD_CODES = 1 + 12 * len(CHORD_QUALITIES)


def chord_code(root: int, quality: int) -> int:
    """The code of the chord of ``quality`` (index) on pitch class ``root``: 1..:data:`CHORD_CODES` - 1."""
    return 1 + 12 * quality + root % 12


def chord_root(code: int) -> int:
    """The root's pitch class of a chord code; undefined for :data:`NO_CHORD`."""
    return (code - 1) % 12


def chord_quality(code: int) -> ChordQuality:
    """The quality of a chord code; undefined for :data:`NO_CHORD`."""
    return CHORD_QUALITIES[(code - 1) // 12]


def chord_pitch_classes(code: int) -> frozenset[int]:
    """The chord's pitch classes; empty for :data:`NO_CHORD`."""
    if code == NO_CHORD:
        return frozenset()
    root = chord_root(code)
    return frozenset((root + interval) % 12 for interval in chord_quality(code).intervals)


def transpose_chord(code: int, semitones: int) -> int:
    """The same quality, ``semitones`` higher."""
    if code == NO_CHORD:
        return NO_CHORD
    return chord_code(chord_root(code) + semitones, (code - 1) // 12)


def chord_name(code: int, semitones: int = 0) -> str:
    """The chord symbol, such as ``"Am7"``, moved up by ``semitones``; ``"N.C."`` for no chord."""
    if code == NO_CHORD:
        return "N.C."
    root = (chord_root(code) + semitones) % 12
    return PITCH_CLASS_NAMES[root] + chord_quality(code).symbol


def pitch_name(pitch: int) -> str:
    """Scientific pitch notation of a MIDI pitch: 60 is ``"C4"``."""
    return f"{PITCH_CLASS_NAMES[pitch % 12]}{pitch // 12 - 1}"
