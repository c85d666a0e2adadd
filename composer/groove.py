"""Grooves: what the accompaniment strikes from one place where harmony may change to the next.

The beats of a metre at which harmony may change part each bar into segments of one or two beats. A segment's strokes
are its groove: a base-4 digit for every sixteenth, as in :class:`composer.score.Score`, the first one lowest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from composer.errors import TriadError
from composer.score import Score
from composer.theory import METERS, Meter

LETTERS = ".bux"
MAX_SEGMENT_BEATS = 2
_BASS_WEIGHT, _UPPER_WEIGHT = 2, 1
_SELDOM = 1 / 8000  # share of all segments below which a groove is not kept: too little to learn its use from


class GrooveError(TriadError):
    """A groove that is not written as one."""


@dataclass(frozen=True, slots=True, order=True)
class Groove:
    """The strokes of a segment of ``steps`` sixteenths, packed as base-4 digits in ``code``."""

    steps: int
    code: int

    @classmethod
    def parse(cls, pattern: str) -> Groove:
        """The groove written as a pattern: ``b`` bass, ``u`` upper voices, ``x`` both, ``.`` nothing struck."""
        unknown = sorted(set(pattern) - set(LETTERS))
        if unknown or not pattern:
            raise GrooveError(f"groove {pattern!r} holds {''.join(unknown)!r}: use b, u, x and .")
        return cls(len(pattern), sum(LETTERS.index(letter) << 2 * step for step, letter in enumerate(pattern)))

    @property
    def pattern(self) -> str:
        """The groove as text, such as ``"x.u.u.u."``."""
        return "".join(LETTERS[self.code >> 2 * step & 3] for step in range(self.steps))


def segment_steps(meter: Meter) -> tuple[int, ...]:
    """For each beat of the bar the length in sixteenths of the segment that begins there; 0 where none does."""
    ends = dict(zip(meter.chord_beats, [*meter.chord_beats[1:], meter.beats], strict=True))
    return tuple((ends.get(beat, beat) - beat) * meter.beat_steps for beat in range(meter.beats))


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
