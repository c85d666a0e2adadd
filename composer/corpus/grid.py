"""The sixteenth grid under a performance: its phase, and how well the notes sit on it.

A file written by a notation program has its notes on the ticks of the beat. A recording over a click, or a
transcription of one, has them at a constant offset from it, and a free performance has them anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from composer.corpus.midi import Floats

EXACT = 0.02  # sixteenths; a tick at 96 ticks a quarter is 0.04
NEAR = 0.25  # of the grid's unit; half of all notes struck at random are this near to a line
_SHARP = 0.06
_TRIPLET = 4 / 3  # sixteenths in a triplet eighth
_WRITTEN_LENGTHS, _WRITTEN_SHARE = 12, 0.8


@dataclass(frozen=True, slots=True)
class Alignment:
    """How onsets lie on the sixteenth grid.

    Attributes:
        phase: sixteenths in [0, 1) to take off every time, so that onsets fall on whole numbers.
        exact: most onsets are on the grid to the tick.
        off_grid: share of onsets nearer to the middle between two sixteenths than to one of them.
        off_thirds: the same for triplet eighths.
        triplets: share of onsets off the sixteenths that are on triplet eighths.
        loose: share of onsets that are exactly on neither grid.
    """

    phase: float
    exact: bool
    off_grid: float
    off_thirds: float
    triplets: float
    loose: float


def align(onsets: Floats) -> Alignment:
    """The alignment of ``onsets`` (N,) in sixteenths, N >= 1.

    The phase is the circular mean of the onsets, on a grid of sixteenths or of triplet eighths, whichever leaves
    fewer notes between its lines.
    """
    straight, thirds = _distances(onsets, 0.0)
    nearest = np.minimum(straight, thirds)
    phase = 0.0
    if np.mean(straight < _SHARP) < 0.5 and np.mean(nearest < _SHARP) < _WRITTEN_SHARE:
        candidates = (_phase(onsets, 1.0), _phase(onsets, _TRIPLET) % 1.0)
        phase = min(candidates, key=lambda shift: min(_off(onsets, shift)))
        straight, thirds = _distances(onsets, phase)
    off_grid, off_thirds = _off(onsets, phase)
    return Alignment(
        phase=phase,
        exact=phase == 0.0 and float(np.median(nearest)) < EXACT,
        off_grid=off_grid,
        off_thirds=off_thirds,
        triplets=float(np.mean((straight > NEAR) & (thirds < NEAR / 2))),
        loose=float(np.mean(np.minimum(straight, thirds) > _SHARP)),
    )


def is_written(lengths: Floats) -> bool:
    """Whether notes of these ``lengths`` (N,) were written rather than played: a few lengths cover most of them."""
    _, counts = np.unique(np.round(lengths, 2), return_counts=True)
    return float(np.sort(counts)[-_WRITTEN_LENGTHS:].sum()) >= _WRITTEN_SHARE * len(lengths)


def _phase(onsets: Floats, unit: float) -> float:
    """The circular mean of ``onsets`` on a grid of ``unit`` sixteenths, in [0, unit)."""
    return float(np.angle(np.exp(2j * np.pi * onsets / unit).mean()) / (2 * np.pi)) % 1.0 * unit


def _distances(onsets: Floats, phase: float) -> tuple[Floats, Floats]:
    """(N,) sixteenths from each onset to the nearest sixteenth and to the nearest triplet eighth."""
    times = onsets - phase
    thirds = times / _TRIPLET
    return np.abs(times - np.round(times)), np.abs(thirds - np.round(thirds)) * _TRIPLET


def _off(onsets: Floats, phase: float) -> tuple[float, float]:
    """The shares of onsets nearer to a middle than to a line of the two grids."""
    straight, thirds = _distances(onsets, phase)
    return float(np.mean(straight > NEAR)), float(np.mean(thirds > NEAR * _TRIPLET))
