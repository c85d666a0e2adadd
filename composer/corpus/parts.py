"""Which part of a song sings and which carry the harmony: by name where there is one, else by shape.

A table of name fragments decides for files with sensible track names; a score of register, monophony, density
and coverage decides for the others. Percussion takes no part.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from composer.corpus.errors import Unusable
from composer.corpus.midi import Part

# Fragments of track names in the languages notation programs speak, and how much each speaks for the melody.
_NAMES: tuple[tuple[re.Pattern[str], float], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), weight)
    for pattern, weight in (
        (r"melod|旋律|メロディ|cantus|\btune\b|\btheme|\bthema\b", 8.0),
        (r"vocal|\bvox\b|\bvoice\b|\blead\b|\bsing|\bsopran|\bgesang|\bvoix\b|\bvoz\b|\bchant\b|\bsolo\b|lyric", 5.0),
        (r"right|\br\.?h\b|treble|violin i\b|violin 1|\bflute|\bfiddle|\bupper\b", 2.0),
        (r"\balto?\b|bridge|\bsecond|\bviolin ii\b|violin 2", -2.0),
        (r"left|\bl\.?h\b|\btenor|\bviola\b|\blower\b|\bpad|\bstring|organ|\barp", -4.0),
        (r"chord|accord|akkord|harmon|accomp|begleit|\bcomp|rhythm|backing|choir|\booh|\baah|counter", -8.0),
        (r"\bbass|\bbasso|\bbaix|\bcello|drum|percus|schlagz|batter|\bkick|\bsnare|\bhat|click|metronom", -10.0),
    )
)
_CHORD_NAME = re.compile(r"chord|accord|akkord|コード", re.IGNORECASE)
BASS_PROGRAMS = range(32, 40)
_EFFECT_PROGRAMS = range(112, 128)
_MIN_NOTES = 8
POLYPHONIC = 0.2
LOW = 52  # mean MIDI pitch below which a line is a bass
_LINE_WEIGHT = 0.5


@dataclass(frozen=True, slots=True)
class Roles:
    """The parts by their role.

    Attributes:
        melody: the part that sings; its highest notes are the melody where it plays chords.
        harmony: the parts the chords are read from, without the melody's; empty if nothing accompanies it.
        polyphonic: the melody part plays chords, so it takes part in the harmony too.
        block: the harmony is written as block chords, one for each change of harmony.
    """

    melody: Part
    harmony: tuple[Part, ...]
    polyphonic: bool
    block: bool


def find_roles(parts: tuple[Part, ...]) -> Roles:
    """Choose the melody and the harmony among the ``parts`` of a song.

    Raises:
        Unusable: if no pitched part has enough notes.
    """
    pitched = [part for part in parts if not part.is_drum]
    if not pitched:
        raise Unusable("no melody", "no pitched notes" if parts else "no notes at all")
    singable = [part for part in pitched if len(part) >= _MIN_NOTES]
    if not singable:
        most = max(len(part) for part in pitched)
        raise Unusable("no melody", f"the longest part has {most} notes, at least {_MIN_NOTES} are needed")
    span = max(float(part.end.max()) for part in pitched) - min(float(part.start.min()) for part in pitched)
    melody = max(singable, key=lambda part: melody_score(part, span))
    others = tuple(part for part in pitched if part is not melody)
    chords = tuple(part for part in others if _CHORD_NAME.search(part.name) and is_block(part))
    polyphonic = simultaneity(melody) > POLYPHONIC
    block = bool(chords) or (len(others) == 1 and is_block(others[0]))
    return Roles(melody, chords or others, polyphonic, block)


def melody_score(part: Part, span: float) -> float:
    """How much ``part`` looks like the melody of a song of ``span`` sixteenths; only the order matters."""
    score = sum(weight for pattern, weight in _NAMES if pattern.search(part.name))
    if part.program in BASS_PROGRAMS or part.program in _EFFECT_PROGRAMS:
        score -= 5.0
    score += 3.0 * (1.0 - simultaneity(part))
    score += float(np.clip((part.pitch.mean() - 62) / 6, -2.0, 1.5))
    covered = len(np.unique(part.start // 16)) / max(1.0, span / 16)
    score += 3.0 * min(1.0, covered)
    rate = len(np.unique(np.round(part.start))) / max(1.0, 16 * covered * span / 16)
    # A tune has one to three notes a beat; a pad fewer, an arpeggio more.
    score -= 2.0 * float(rate < 0.1) + 2.0 * float(rate > 0.9)
    score += min(1.0, len(np.unique(part.pitch)) / 8)
    return score


def harmony_weights(parts: tuple[Part, ...]) -> list[float]:
    """How much the notes of each part count in the harmony: a line above a part that plays chords counts less."""
    chordal = [simultaneity(part) > POLYPHONIC for part in parts]
    if not any(chordal):
        return [1.0] * len(parts)
    return [
        1.0 if plays or float(part.pitch.mean()) < LOW else _LINE_WEIGHT
        for part, plays in zip(parts, chordal, strict=True)
    ]


def simultaneity(part: Part) -> float:
    """Share of the part's notes that are struck together with another of them: 0 for a line, 1 for chords."""
    _, counts = np.unique(np.round(part.start * 4), return_counts=True)
    return float(counts[counts > 1].sum() / len(part))


def is_block(part: Part) -> bool:
    """Whether the part is a row of chords of three notes or more, each struck and left together."""
    groups: dict[float, set[float]] = {}
    sizes: dict[float, int] = {}
    for start, end in zip(np.round(part.start, 2).tolist(), np.round(part.end, 1).tolist(), strict=True):
        groups.setdefault(start, set()).add(end)
        sizes[start] = sizes.get(start, 0) + 1
    good = sum(1 for start, ends in groups.items() if len(ends) == 1 and sizes[start] >= 3)
    return good >= 0.9 * len(groups) and float(np.mean(part.end - part.start)) >= 3.0
