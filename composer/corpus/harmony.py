"""Chords from notes: one for each place where the harmony may change, the best path over the whole piece.

Each place is compared with every chord Triad knows; a change of chord costs something, so a passing note makes no
chord of its own. Block chords are read as they are written. A tune without accompaniment gets the harmony its notes
imply, from the chords of its key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from composer.corpus.midi import Floats, Ints
from composer.theory import CHORD_CODES, CHORD_QUALITIES, MODES, NO_CHORD, QUALITY_INDEX, Key, chord_code

# What the tones of a chord are worth (root, third, fifth, added tone) as a share of the slot's time, and what each
# costs where it is missing. Found by random search for the best agreement on root and triad with POP909's labels;
# the costs of four-note chords are then raised until as many are heard as are labelled.
_TONE = np.array([1.4, 1.0, 1.2, 0.55])
_MISSING = np.array([0.67, 0.5, 0.3, 1.3])
_FOREIGN = 0.9
_BASS = np.array([0.6, 0.1, 0.05, 0.04])
_CHANGE = 0.23
_ACCENT = 0.4  # how much more the first half of a slot counts, and the second less: passing chords come second
_PRESENT = 0.2  # share of the slot's time from which on a tone counts as there
_COST = {
    "diminished": 0.1,
    "augmented": 0.45,
    "suspended-fourth": 0.5,
    "suspended-second": 0.35,
    "dominant-seventh-suspended": 0.6,
    "major-sixth": 0.5,
    "minor-sixth": 0.5,
}
_COST_OF_FOUR = 0.4

# Harmony a tune implies: root as written in C major or A minor, quality, and how readily it is chosen.
_IMPLIED = (
    (
        (0, "major", 0.0),
        (5, "major", 0.35),
        (7, "major", 0.25),
        (7, "dominant-seventh", 0.45),
        (9, "minor", 0.0),
        (2, "minor", -0.15),
        (4, "minor", -0.35),
        (10, "major", -0.1),
    ),
    (
        (9, "minor", 0.0),
        (2, "minor", 0.15),
        (4, "major", 0.35),
        (4, "dominant-seventh", 0.5),
        (7, "major", 0.15),
        (0, "major", 0.1),
        (5, "major", 0.1),
        (4, "minor", -0.1),
    ),
)
_OPENING, _CLOSING = 0.3, 1.0  # a tune begins and ends at home
_FALL = 0.2  # the cost of a root that falls a fifth, against _CHANGE for any other move
_WEAK = 1.6  # a change within the bar costs more


@dataclass(frozen=True, slots=True)
class Sounds:
    """What sounds in each of S slots: ``tones`` (S, 12) and ``bass`` (S, 12), shares of the slot's time in 0..1."""

    tones: Floats
    bass: Floats


def sounds(start: Ints, end: Ints, pitch: Ints, weight: Floats, slots: Ints, steps: int) -> Sounds:
    """Sum notes up over slots.

    Args:
        start: (N,) sixteenth at which each note begins.
        end: (N,) sixteenth at which it ends.
        pitch: (N,) MIDI pitch.
        weight: (N,) how much the note counts, 1 for harmony; only notes of weight 1 can be the bass.
        slots: (S,) first sixteenth of each slot, ascending, the first is 0.
        steps: length of the piece in sixteenths.
    """
    heavy = np.zeros((steps + 1, 128))
    np.add.at(heavy, (np.clip(start, 0, steps), pitch), weight)
    np.add.at(heavy, (np.clip(end, 0, steps), pitch), -weight)
    roll = np.minimum(np.cumsum(heavy, 0)[:-1], 1.0)
    roll[roll < 1e-6] = 0.0
    chroma = np.zeros((steps, 12))
    for pitch_class in range(12):
        chroma[:, pitch_class] = np.minimum(roll[:, pitch_class::12].sum(1), 1.0)
    firm = roll > 0.99
    lowest = firm.argmax(1)
    bass = np.zeros((steps, 12))
    rows = np.flatnonzero(firm.any(1))
    bass[rows, lowest[rows] % 12] = 1.0
    lengths = np.diff(slots, append=steps)
    place = np.arange(steps) - np.repeat(slots, lengths)
    accent = np.where(2 * place < np.repeat(lengths, lengths), 1.0 + _ACCENT, 1.0 - _ACCENT)[:, None]
    total = np.add.reduceat(accent, slots)
    return Sounds(np.add.reduceat(chroma * accent, slots) / total, np.add.reduceat(bass * accent, slots) / total)


def recognise(heard: Sounds) -> list[int]:
    """(S,) the chord code of each slot; a silent slot takes its neighbour's. All 0 only if nothing sounds."""
    if not heard.tones.any():
        return [NO_CHORD] * len(heard.tones)
    cost = _CHANGE * (1.0 - np.eye(CHORD_CODES - 1))
    return [1 + row for row in _best_path(_likeness(heard), cost, np.ones(len(heard.tones)))]


def read_blocks(start: Ints, end: Ints, pitch: Ints, slots: Ints, steps: int) -> list[int]:
    """(S,) chord codes of a track of block chords: in each slot the one that sounds longest, read exactly."""
    groups: dict[int, tuple[int, list[int]]] = {}
    for first, last, note in zip(start.tolist(), end.tolist(), pitch.tolist(), strict=True):
        known = groups.get(first, (last, []))
        groups[first] = (max(known[0], last), [*known[1], note])
    codes = {first: name_chord(notes) for first, (_, notes) in groups.items()}
    edges = [*slots.tolist(), steps]
    chosen: list[int] = []
    for left, right in pairwise(edges):
        share: dict[int, int] = {}
        for first, (last, _) in groups.items():
            overlap = min(last, right) - max(first, left)
            if overlap > 0:
                share[codes[first]] = share.get(codes[first], 0) + overlap
        chosen.append(max(share, key=lambda code: share[code]) if share else NO_CHORD)
    return fill(chosen)


def name_chord(pitches: Sequence[int]) -> int:
    """The chord code of notes struck together: the exact quality on the lowest note, else the nearest chord."""
    bass = min(pitches) % 12
    classes = frozenset(pitch % 12 for pitch in pitches)
    for roots in ([bass], sorted(classes)):
        for root in roots:
            for quality, row in enumerate(CHORD_QUALITIES):
                if classes == {(root + interval) % 12 for interval in row.intervals}:
                    return chord_code(root, quality)
    tones, low = np.zeros((1, 12)), np.zeros((1, 12))
    tones[0, list(classes)] = 1.0
    low[0, bass] = 1.0
    return 1 + int(_likeness(Sounds(tones, low))[0].argmax())


def fill(chords: Sequence[int]) -> list[int]:
    """``chords`` with every gap filled from the chord before it, at the beginning from the one after it."""
    filled: list[int] = []
    latest = next((code for code in chords if code != NO_CHORD), NO_CHORD)
    for code in chords:
        latest = code if code != NO_CHORD else latest
        filled.append(latest)
    return filled


def imply(heard: Sounds, key: Key, strong: Sequence[bool]) -> list[int]:
    """(S,) chords a tune implies: those of its key, by the notes of each slot and common progressions.

    Args:
        heard: the tune's tones; accented ones should weigh more.
        key: the tune's key.
        strong: (S,) whether the slot begins a bar: the harmony changes there rather than elsewhere.
    """
    shift = key.tonic - MODES[key.mode].reference_tonic
    rows = _IMPLIED[key.mode]
    codes = [chord_code(root + shift, QUALITY_INDEX[quality]) for root, quality, _ in rows]
    likeness = _likeness(heard)[:, [code - 1 for code in codes]] + np.array([prior for _, _, prior in rows])
    likeness[0, 0] += _OPENING
    likeness[-1, 0] += _CLOSING
    roots = np.array([root for root, _, _ in rows])
    falls = (roots[:, None] - roots[None, :]) % 12 == 7
    cost = np.where(falls, _FALL, _CHANGE) * (1.0 - np.eye(len(rows)))
    scale = np.where(np.array(strong), 1.0, _WEAK)
    return [codes[row] for row in _best_path(likeness, cost, scale)]


def _likeness(heard: Sounds) -> Floats:
    """(S, CHORD_CODES - 1) how well each chord explains what sounds in each slot, by chord code."""
    tones, present = heard.tones, np.minimum(heard.tones / _PRESENT, 1.0)
    likeness: Floats = (
        tones @ (_TONES + _FOREIGN * _MEMBERS).T
        - _FOREIGN * tones.sum(1, keepdims=True)
        + present @ _MISSES.T
        - _MISSES.sum(1) * tones.any(1, keepdims=True)
        + heard.bass @ _BASSES.T
        - _COSTS * tones.any(1, keepdims=True)
    )
    return likeness


def _best_path(likeness: Floats, cost: Floats, scale: Floats) -> list[int]:
    """The rows of greatest likeness (S, C) less the cost (C, C) of moves, times scale (S,) at the slot entered."""
    best = likeness[0]
    back: list[Ints] = []
    for heard, weight in zip(likeness[1:], scale[1:], strict=True):
        reach = best[:, None] - weight * cost
        back.append(reach.argmax(0))
        best = reach.max(0) + heard
    path = [int(best.argmax())]
    for step in reversed(back):
        path.append(int(step[path[-1]]))
    return path[::-1]


def _table(values: Floats, foreign: float = 0.0) -> Floats:
    """(CHORD_CODES - 1, 12): a value for each tone of each chord by its place in the chord."""
    table = np.full((CHORD_CODES - 1, 12), foreign)
    for quality, row in enumerate(CHORD_QUALITIES):
        for root in range(12):
            for place, interval in enumerate(row.intervals):
                table[chord_code(root, quality) - 1, (root + interval) % 12] = values[place]
    return table


_MEMBERS = _table(np.ones(4))
_TONES = _table(_TONE)
_MISSES = _table(_MISSING)
_BASSES = _table(_BASS)
_COSTS = np.repeat(
    [_COST.get(quality.name, _COST_OF_FOUR * (len(quality.intervals) > 3)) for quality in CHORD_QUALITIES], 12
)
