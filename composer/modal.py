"""Scores in modes beyond major and minor: the characteristic degree of :mod:`composer.modes`, altered."""

from __future__ import annotations

from dataclasses import replace

import torch

from composer.modes import MODALITIES, Modality
from composer.score import Score
from composer.theory import (
    CHORD_CODES,
    CHORD_QUALITIES,
    MODE_INDEX,
    chord_code,
    chord_pitch_classes,
    chord_root,
)


def altered(score: Score, modality: str) -> Score:
    """The pieces in another mode of the same tonic.

    Chords that would have no name keep theirs. Every piece must be in the base mode.
    """
    mode = MODALITIES[modality]
    assert bool((score.mode == MODE_INDEX[mode.base]).all())
    moved = (score.pitch > 0) & (score.pitch % 12 == mode.pitch_class)
    table = torch.tensor([_chord(code, mode) for code in range(CHORD_CODES)], dtype=score.chord.dtype)
    return replace(
        score,
        pitch=(score.pitch + mode.semitones * moved).to(score.pitch.dtype),
        chord=table[score.chord.long()],
    )


def _chord(code: int, mode: Modality) -> int:
    """The chord with its altered tones, where that is a chord on the same degree; else the chord itself."""
    tones = chord_pitch_classes(code)
    if mode.pitch_class not in tones:
        return code

    def move(tone: int) -> int:
        return (tone + mode.semitones * (tone == mode.pitch_class)) % 12

    root = move(chord_root(code))
    wanted = frozenset(move(tone) for tone in tones)
    for index, quality in enumerate(CHORD_QUALITIES):
        if frozenset((root + interval) % 12 for interval in quality.intervals) == wanted:
            return chord_code(root, index)
    return code
