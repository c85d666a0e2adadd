"""The sixteenth grid under a performance: its phase, and how well the notes sit on it.

A file written by a notation program has its notes on the ticks of the beat. A recording over a click, or a
transcription of one, has them at a constant offset from it, and a free performance has them anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from composer.corpus.midi import Floats

EXACT = 0.02  # sixteenths; a tick at 96 ticks a quarter is 0.04
NEAR = 0.25  # sixteenths; a note struck at random is this near to the grid half of the time
_SHARP = 0.06
_WRITTEN_LENGTHS, _WRITTEN_SHARE = 12, 0.8


@dataclass(frozen=True, slots=True)
class Alignment:
    """How onsets lie on the sixteenth grid.

    Attributes:
        phase: sixteenths in [0, 1) to take off every time, so that onsets fall on whole numbers.
        exact: most onsets are on the grid to the tick.
        off_grid: share of onsets further than :data:`NEAR` from a sixteenth.
        triplets: share of onsets that are nearer to thirds of a beat than to its quarters.
        neither: share of onsets that are near to neither.
    """

    phase: float
    exact: bool
    off_grid: float
    triplets: float
    neither: float


def align(onsets: Floats) -> Alignment:
    """The grid's phase as the circular mean of ``onsets`` (N,) in sixteenths, N >= 1."""
    on_ticks = _residual(onsets)
    if float(np.mean(on_ticks < _SHARP)) >= 0.5:
        phase, residual = 0.0, on_ticks
    else:
        phase = float(np.angle(np.exp(2j * np.pi * onsets).mean()) / (2 * np.pi)) % 1.0
        residual = _residual(onsets - phase)
    triplet = _residual((onsets - phase) * 0.75) / 0.75
    ternary = (triplet < residual) & (residual > 0.15)
    neither = float(np.mean(np.minimum(residual, triplet) > NEAR))
    return Alignment(
        phase=phase,
        exact=phase == 0.0 and float(np.median(on_ticks)) < EXACT,
        off_grid=float(np.mean(residual > NEAR)),
        triplets=float(np.mean(ternary)),
        neither=neither,
    )


def is_written(lengths: Floats) -> bool:
    """Whether notes of these ``lengths`` (N,) were written rather than played: a few lengths cover most of them."""
    _, counts = np.unique(np.round(lengths, 2), return_counts=True)
    return float(np.sort(counts)[-_WRITTEN_LENGTHS:].sum()) >= _WRITTEN_SHARE * len(lengths)


def _residual(times: Floats) -> Floats:
    distance: Floats = np.abs(times - np.round(times))
    return distance
