"""The grooves of scores: segment by segment, the nearest of a few, the most used."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from composer.groove import Groove, segment_steps
from composer.score import Score
from composer.theory import METERS

_BASS_WEIGHT, _UPPER_WEIGHT = 2, 1
_SELDOM = 1 / 8000  # share of all segments below which a groove is not kept: too little to learn its use from
_MAX_BEATS = max(meter.beats for meter in METERS)
# (metres, beats): the length of the segment that begins at each beat of the bar.
SEGMENT_STEPS = torch.tensor([segment_steps(meter) + (0,) * (_MAX_BEATS - meter.beats) for meter in METERS])


def segments(score: Score) -> tuple[Tensor, Tensor]:
    """The grooves of ``score`` as (code, steps), each (B, N) int64; both 0 at beats where no segment begins."""
    meter_beats = torch.tensor([meter.beats for meter in METERS])[score.meter][:, None]
    beat = torch.arange(score.groove.shape[1])
    steps = SEGMENT_STEPS[score.meter].gather(1, beat % meter_beats) * (beat < score.beats[:, None])
    groove = score.groove.long()
    following = torch.nn.functional.pad(groove[:, 1:], (0, 1)) << 2 * score.beat_steps[:, None]
    return (groove + following * (steps > score.beat_steps[:, None])) * (steps > 0), steps


def nearest(wanted: Tensor, choices: Sequence[Groove]) -> Tensor:
    """(K,) int64: which of ``choices``, all of one length, is nearest to each code of ``wanted`` (K,).

    Nearest means: fewest strokes added or left out, a bass stroke counting twice; then the first.
    """
    steps = 2 * torch.arange(choices[0].steps)
    codes = torch.tensor([choice.code for choice in choices])
    differ = (wanted[:, None] ^ codes)[..., None] >> steps
    distance = (_BASS_WEIGHT * (differ & 1) + _UPPER_WEIGHT * (differ >> 1 & 1)).sum(2)
    return distance.argmin(1)


def most_used(score: Score, most: int, room: int) -> tuple[Groove, ...]:
    """The silent groove of every length that occurs in accompanied pieces, and the most used others.

    Args:
        score: the pieces.
        most: how many grooves of a length are kept.
        room: how many in all; the least used of any length give way.

    Returns:
        grooves by length, of each the silent one first, then the most used.
    """
    code, steps = segments(score)
    accompanied = score.accompanied[:, None] & (steps > 0)
    seldom = _SELDOM * int(accompanied.sum())
    lengths = sorted(set(steps[accompanied].tolist()))
    found: list[tuple[int, Groove]] = []
    for length in lengths:
        codes, counts = torch.unique(code[accompanied & (steps == length)], return_counts=True)
        used = sorted(zip((-counts).tolist(), codes.tolist(), strict=True))
        used = [(count, code) for count, code in used if code and -count >= seldom][: most - 1]
        found += [(count, Groove(length, code)) for count, code in used]
    kept = [groove for _, groove in sorted(found)[: room - len(lengths)]]
    return tuple(sorted([*(Groove(length, 0) for length in lengths), *kept], key=lambda groove: groove.steps))
