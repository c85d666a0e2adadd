"""One line of notes on the sixteenth grid: the highest voice, overlaps trimmed, small gaps closed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from composer.corpus.midi import Floats, Ints

REST, HOLD = 0, 1  # as in composer.score.from_melody, which needs torch
GRACE = 1 / 3  # sixteenths; anything shorter is an ornament of the next note
_DISPLACED = 0.2  # sixteenths; a triplet is moved by a third
_UNDER = 0.5  # share of a lower note's time beneath a held one from which it is an inner voice


@dataclass(frozen=True, slots=True)
class Line:
    """A melody.

    Attributes:
        events: (steps,) 0 rest, 1 hold, else the MIDI pitch struck.
        displaced: notes moved by more than a fifth of a sixteenth, triplets mostly.
        ornaments: notes too short for the grid, left out.
        inner: notes of lower voices, left out.
    """

    events: Ints
    displaced: int
    ornaments: int
    inner: int


def line(start: Floats, end: Floats, pitch: Ints, steps: int) -> Line:
    """The top line of notes in sixteenths, ordered by onset.

    Args:
        start: (N,) where each note begins, in sixteenths not yet rounded.
        end: (N,) where it ends.
        pitch: (N,) MIDI pitch.
        steps: length of the line.
    """
    kept, inner = _skyline(start, end, pitch)
    graces = _graces(start, end, kept)
    kept = [index for index in kept if index not in graces]
    events = np.zeros(steps, dtype=np.int64)
    displaced = crowded = 0
    taken: dict[int, int] = {}
    for index in kept:
        step = int(np.floor(start[index] + 0.5))
        if not 0 <= step < steps:
            continue
        if step in taken:
            crowded += 1
            if end[index] - start[index] <= end[taken[step]] - start[taken[step]]:
                continue
        taken[step] = index
    onsets = sorted(taken)
    for step, following in zip(onsets, [*onsets[1:], steps], strict=True):
        index = taken[step]
        displaced += abs(float(start[index]) - step) > _DISPLACED
        last = max(step + 1, int(np.floor(end[index] + 0.5)))
        # A gap of one sixteenth before the next note is articulation, not a rest.
        last = following if last >= following - 1 and following < steps else min(last, steps)
        events[step] = pitch[index]
        events[step + 1 : last] = HOLD
    return Line(events, displaced, len(graces) + crowded, inner)


def _skyline(start: Floats, end: Floats, pitch: Ints) -> tuple[list[int], int]:
    """Indices of the highest voice, and how many notes lie below it."""
    kept: list[int] = []
    inner = 0
    for index in sorted(range(len(start)), key=lambda note: (round(float(start[note]), 2), -int(pitch[note]))):
        length = end[index] - start[index]
        hidden = False
        for other in reversed(kept[-4:]):
            overlap = min(end[other], end[index]) - start[index]
            together = start[index] - start[other] < GRACE and overlap > 0
            hidden |= bool(pitch[other] >= pitch[index] and (together or overlap > _UNDER * length))
        # A lower note that outlasts the one it overlaps is the next of a legato line, not an inner voice.
        if hidden:
            inner += 1
        else:
            kept.append(index)
    return kept, inner


def _graces(start: Floats, end: Floats, kept: list[int]) -> set[int]:
    """The notes that are over within a third of a sixteenth and run into the next one."""
    found: set[int] = set()
    for index, following in pairwise(kept):
        gap = start[following] - start[index]
        if gap < GRACE and end[index] - start[index] < 2 * GRACE:
            found.add(index)
    return found
