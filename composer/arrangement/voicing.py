"""Voicings: which chord tones sound where, so that each voice moves as little as it can.

The best path through all voicings of all chords is found exactly (dynamic programming over chords): a voicing costs
what it lacks and how it lies, a change costs the semitones its voices move and the parallels it makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from composer.theory import chord_pitch_classes, chord_root

# Costs in semitones of movement.
MISSING_THIRD, MISSING_FIFTH, MISSING_OTHER = 9.0, 2.0, 5.0
DOUBLED_THIRD = 2.0
WIDE_GAP, MUDDY_GAP, CLUSTER = 2.0, 2.0, 2.0
WIDEST_GAP = 9  # semitones between neighbouring voices
WIDE_HAND, HAND = 1.0, 12  # for each semitone a chord of one instrument is wider than an octave
MUD_BELOW, NARROWEST_LOW_GAP = 52, 4  # below E3 thirds and less blur
OFF_CENTRE = 0.35  # for each semitone the chord's middle lies off the range's
OVER_CEILING, UNDER_FLOOR = 4.0, 100.0  # for each semitone; nothing may lie at or below the bass
LEAP, LEAP_COST = 5, 1.5  # for each semitone a voice moves beyond a fourth
PARALLEL = 5.0  # for each pair of voices in parallel fifths or octaves
MOST_VOICINGS = 160  # the best lying ones are kept for each chord


@dataclass(frozen=True, slots=True)
class Frame:
    """What a chord must fit between.

    Attributes:
        code: the chord code as it sounds.
        floor: MIDI pitch of the highest bass note under it, 0 for none.
        ceiling: MIDI pitch of the lowest melody note over it, 127 for none.
        outer: the outer voices' pitches as it begins, with which no parallels may be made; the same number of them
            in every frame.
    """

    code: int
    floor: int = 0
    ceiling: int = 127
    outer: tuple[int, ...] = ()


def lead_voices(frames: Sequence[Frame], ranges: Sequence[tuple[int, int]]) -> list[tuple[int, ...]]:
    """A voicing for each frame.

    Args:
        frames: the chords in order.
        ranges: lowest and highest MIDI pitch of each voice, the lowest voice first.

    Returns:
        for each frame the pitches of the voices, the lowest first, each in its range.
    """
    if not frames or not ranges:
        return [() for _ in frames]
    bounds = tuple(ranges)
    choices: list[NDArray[np.int64]] = []
    costs: list[NDArray[np.float64]] = []
    for frame in frames:
        pitches, resting = _choices(frame.code, bounds)
        lying = (
            resting
            + UNDER_FLOOR * np.maximum(0, frame.floor + 1 - pitches[:, 0])
            + OVER_CEILING * np.maximum(0, pitches[:, -1] - frame.ceiling + 1)
        )
        kept = np.argsort(lying, kind="stable")[:MOST_VOICINGS]
        choices.append(pitches[kept])
        costs.append(lying[kept])
    total = costs[0]
    back: list[NDArray[np.int64]] = []
    for index in range(1, len(frames)):
        outer = (frames[index - 1].outer, frames[index].outer)
        through = total[:, None] + _movement(choices[index - 1], choices[index], outer)
        best = through.argmin(0)
        back.append(best)
        total = through[best, np.arange(len(best))] + costs[index]
    path = [int(total.argmin())]
    for best in reversed(back):
        path.append(int(best[path[-1]]))
    return [tuple(int(pitch) for pitch in choices[at][row]) for at, row in enumerate(reversed(path))]


@lru_cache(maxsize=1024)
def _choices(code: int, ranges: tuple[tuple[int, int], ...]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """All voicings of a chord, (K, voices) pitches, and what each costs at rest (K,)."""
    tones = chord_pitch_classes(code)
    lines = [[pitch for pitch in range(low, high + 1) if pitch % 12 in tones] for low, high in ranges]
    rising: list[tuple[int, ...]] = [()]
    for line in lines:
        # Where ranges are too narrow for a rising chord, voices may share a pitch.
        rising = [(*row, pitch) for row in rising for pitch in line if not row or pitch > row[-1]] or [
            (*row, max((*row[-1:], line[0]))) for row in rising
        ]
    pitches = np.array(rising, np.int64).reshape(-1, len(ranges))
    return pitches, np.array([_resting_cost(row, code, ranges) for row in rising])


def _resting_cost(row: tuple[int, ...], code: int, ranges: tuple[tuple[int, int], ...]) -> float:
    root = chord_root(code)
    names = [(pitch - root) % 12 for pitch in row]
    # The bass has the root, so the chord may lack it.
    lacking = {(tone - root) % 12 for tone in chord_pitch_classes(code)} - set(names) - {0}
    cost = 0.0
    for interval in lacking:
        third, fifth = interval in (3, 4), interval in (6, 7, 8)
        cost += MISSING_THIRD if third else MISSING_FIFTH if fifth else MISSING_OTHER
    cost += DOUBLED_THIRD * max(0, sum(name in (3, 4) for name in names) - 1)
    for low, high in pairwise(row):
        gap = high - low
        cost += WIDE_GAP * max(0, gap - WIDEST_GAP) + CLUSTER * (gap < 2)
        cost += MUDDY_GAP * (low < MUD_BELOW and gap < NARROWEST_LOW_GAP)
    if len(set(ranges)) == 1:
        cost += WIDE_HAND * max(0, row[-1] - row[0] - HAND)
    middle = sum(low + high for low, high in ranges) / (2 * len(ranges))
    return cost + OFF_CENTRE * abs(sum(row) / len(row) - middle)


def _movement(
    before: NDArray[np.int64], after: NDArray[np.int64], outer: tuple[tuple[int, ...], tuple[int, ...]]
) -> NDArray[np.float64]:
    """(K, L) cost of moving from each voicing of one chord to each of the next."""
    count = before.shape[1]
    steps = after[None] - before[:, None]
    distance = np.abs(steps)
    cost = distance.sum(2) + LEAP_COST * np.maximum(0, distance - LEAP).sum(2)
    rows = [
        np.concatenate((part, np.tile(np.array(fixed, np.int64), (len(part), 1))), axis=1)
        for part, fixed in zip((before, after), outer, strict=True)
    ]
    for one in range(count):
        for other in range(one + 1, rows[0].shape[1]):
            first, second = (np.abs(part[:, other] - part[:, one]) for part in rows)
            same = (first % 12)[:, None] == (second % 12)[None]
            perfect = np.isin(first % 12, (0, 7))[:, None]
            moved = rows[0][:, one][:, None] != rows[1][:, one][None]
            cost = cost + PARALLEL * (same & perfect & moved)
    return np.asarray(cost, np.float64)
