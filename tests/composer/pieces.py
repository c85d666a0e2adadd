"""Pieces for the tests of the judging rooms, written by hand or drawn at random."""

from __future__ import annotations

import torch

from composer.groove import Groove
from composer.score import Score, concatenate, from_melody
from composer.theory import METERS, MODE_INDEX, PITCH_CLASS_NAMES, QUALITY_INDEX, chord_code, parse_meter

_SYMBOLS = {"": "major", "m": "minor", "7": "dominant-seventh", "dim": "diminished"}


def chord(symbol: str) -> int:
    """A chord code from a symbol such as "C", "Am" or "G7"; "-" is no chord."""
    if symbol == "-":
        return 0
    root = symbol[:2] if symbol[1:2] in ("#", "b") else symbol[:1]
    return chord_code(PITCH_CLASS_NAMES.index(root), QUALITY_INDEX[_SYMBOLS[symbol[len(root) :]]])


def piece(line: str, chords: str, *, meter: str = "4/4", mode: str = "major", groove: str = "") -> Score:
    """One piece: ``line`` holds a token a sixteenth (MIDI pitch, ``-`` hold, ``.`` rest), ``chords`` a symbol a beat.

    A token ``60*4`` is a note of four sixteenths, ``.*4`` four sixteenths of rest; ``C*4`` four beats of C. A
    ``groove`` has a letter a sixteenth, as in :class:`composer.groove.Groove`.
    """
    steps: list[int] = []
    for token in line.split():
        what, _, times = token.partition("*")
        first, then = (0, 0) if what == "." else (1, 1) if what == "-" else (int(what), 1)
        steps += [first] + [then] * (int(times or 1) - 1)
    beats = [
        chord(token.partition("*")[0]) for token in chords.split() for _ in range(int(token.partition("*")[2] or 1))
    ]
    row = METERS[parse_meter(meter)]
    bars = len(beats) // row.beats
    assert len(beats) == bars * row.beats, (len(beats), row)
    assert len(steps) == bars * row.bar_steps, (len(steps), bars, row)
    strokes = [groove[at : at + row.beat_steps] for at in range(0, len(groove), row.beat_steps)]
    return from_melody(
        torch.tensor([steps]),
        torch.tensor([beats]),
        meter=torch.tensor([parse_meter(meter)]),
        mode=torch.tensor([MODE_INDEX[mode]]),
        bars=torch.tensor([bars]),
        tonic=torch.tensor([0]),
        tempo=torch.tensor([90.0]),
        groove=torch.tensor([[Groove.parse(beat).code for beat in strokes]]) if groove else None,
    )


def random_pieces(count: int, seed: int, *, bars: int = 16, meters: tuple[int, ...] = (0,)) -> Score:
    """``count`` pieces of random notes, chords and grooves, an equal number in each metre."""
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for meter in meters:
        rows = max(count // len(meters), 1)
        steps, beats = bars * METERS[meter].bar_steps, bars * METERS[meter].beats
        kind = torch.rand(rows, steps, generator=generator)
        pitch = torch.randint(55, 80, (rows, steps), generator=generator)
        melody = torch.where(kind < 0.35, pitch, (kind < 0.9).long())
        parts.append(
            from_melody(
                melody,
                torch.randint(0, 60, (rows, beats), generator=generator),
                meter=torch.full((rows,), meter),
                mode=torch.arange(rows) % 2,
                bars=torch.full((rows,), bars),
                tonic=torch.zeros(rows, dtype=torch.int64),
                tempo=torch.full((rows,), 90.0),
                groove=torch.randint(0, 4 ** METERS[meter].beat_steps, (rows, beats), generator=generator),
            )
        )
    return concatenate(parts)
