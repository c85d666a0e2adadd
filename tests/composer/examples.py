"""Small pieces and a small vocabulary, written by hand, that many tests share."""

from __future__ import annotations

from dataclasses import replace

import torch

from composer.groove import Groove
from composer.score import Score, from_melody
from composer.theory import METERS, QUALITY_INDEX, chord_code
from composer.vocabulary import Cell, Vocabulary

MAJOR, MINOR = QUALITY_INDEX["major"], QUALITY_INDEX["minor"]
C, D_MINOR, E_MINOR, F, G, A_MINOR = (
    chord_code(root, quality)
    for root, quality in ((0, MAJOR), (2, MINOR), (4, MINOR), (5, MAJOR), (7, MAJOR), (9, MINOR))
)
G7 = chord_code(7, QUALITY_INDEX["dominant-seventh"])

VOCABULARY = Vocabulary(
    chords=(C, G, F, A_MINOR, D_MINOR, E_MINOR, G7),
    cells=tuple(
        Cell.parse(pattern)
        for pattern in (
            *("x---", "x-x-", "----", "....", "xxxx", "x-xx", "--x-", "..x-", "x--x", "x-.."),
            *("x-----", "x-x-x-", "------", "......", "x---x-", "x--x--"),
        )
    ),
    low=57,
    high=84,
)


# The same with grooves for 4/4, 3/4, 2/4 and 6/8.
ACCOMPANIED = replace(
    VOCABULARY,
    grooves=tuple(
        Groove.parse(pattern)
        for pattern in (
            *("....", "u...", "u.u."),
            *("......", "b.u.u.", "b..u.."),
            *("........", "b.u.u.u.", "x...u...", "xuuuuuuu", "b...b.u."),
        )
    ),
)


def melody_events(text: str) -> list[int]:
    """Events from text: ``.`` rest, ``-`` hold, a number a MIDI pitch; separated by spaces."""
    return [{".": 0, "-": 1}.get(event, 0) if event in ".-" else int(event) for event in text.split()]


def piece(melody: str, chords: list[int], *, meter: int = 0, mode: int = 0, tonic: int = 0) -> Score:
    """One piece from melody events (a whole number of bars) and a chord for every beat."""
    events = melody_events(melody)
    bars = len(events) // METERS[meter].bar_steps
    assert bars * METERS[meter].bar_steps == len(events)
    assert len(chords) == bars * METERS[meter].beats
    return from_melody(
        torch.tensor([events]),
        torch.tensor([chords]),
        meter=torch.tensor([meter]),
        mode=torch.tensor([mode]),
        bars=torch.tensor([bars]),
        tonic=torch.tensor([tonic]),
        tempo=torch.tensor([100.0]),
    )


# "Frère Jacques", bars 1-4: in C major, 4/4, the tune everybody knows.
FRERE_JACQUES = piece(
    "60 - - - 62 - - - 64 - - - 60 - - -  60 - - - 62 - - - 64 - - - 60 - - - "
    "64 - - - 65 - - - 67 - - - - - - -  64 - - - 65 - - - 67 - - - - - . .",
    [C, C, C, C, C, C, C, C, C, C, G, G, C, C, G, G],
)
